"""What a field may hold, as data. Read from the class once; checks, codecs, schemas and field tables come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.model.kinds import OneOf, Type, plain_text
from sagellm_protocol.model.paths import Hidden

Unknown: TypeAlias = Literal["forbid", "ignore", "keep"]
"""What to do with a field that the class does not have."""


class Mark:
    """A value that stands for something no message can hold."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


REQUIRED = Mark("REQUIRED")
"""Default of a field that has none."""


@attrs.frozen
class Derived:
    """A default computed from the rest of the message; ``shown`` is the one that field tables give."""

    function: Callable[[Any], Any]
    shown: Any


@attrs.frozen
class Made:
    """A default made anew for each message by a function."""

    factory: Callable[[], Any]


@attrs.frozen
class Field:
    """One field of a message, at one revision."""

    name: str = attrs.field(converter=plain_text)
    type: Type
    default: Any = attrs.field(default=REQUIRED, eq=False)
    today: str = attrs.field(default="", eq=False)
    """The field's name today, whatever this revision calls it; empty where today has no such field."""
    null: Any = attrs.field(default=REQUIRED, eq=False)
    """The default that took the place of null, where a later revision forbade it; else ``REQUIRED``."""
    omit_default: bool | None = attrs.field(default=None, eq=False)
    """Whether a codec was taught to leave it out where it holds its default; None where nothing was said."""
    argument: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True), eq=False)
    """What the constructor calls it (``alias=``)."""
    secret: bool = attrs.field(default=False, eq=False)
    """Whether its value is shown nowhere (``repr=False``)."""
    text: str = attrs.field(default="", eq=False)
    """What ``doc()`` says of it."""
    identity: object = attrs.field(factory=object, eq=False, repr=False)
    """What stays the same object at every revision that has the field, whatever that calls it."""

    @property
    def step(self) -> str:
        """The step of a path that leads to it."""
        return Hidden(self.name) if self.secret else self.name

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is REQUIRED

    @property
    def left_out(self) -> Any:
        """The default that leaving the field out stands for. Null is what took its place, if something did."""
        return self.null if self.default is None and self.null is not REQUIRED else self.default

    @property
    def tells_apart(self) -> bool:
        """Whether it holds one literal text, which tells its message from others."""
        return isinstance(self.type, OneOf) and len(self.type.values) == 1

    @property
    def always_written(self) -> bool:
        """Whether leaving the field out would change what the payload means, even at its default."""
        return self.tells_apart or isinstance(self.default, (Mark, Derived, Made))


@attrs.frozen
class NotAllNull:
    """The rule that at least one of some fields is given and not null."""

    fields: tuple[str, ...]

    def __str__(self) -> str:
        return "not null in at least one of " + ", ".join(self.fields)


@attrs.frozen
class Spec:
    """A message at one revision: its fields in wire order, and rules between them."""

    name: str
    fields: tuple[Field, ...]
    cls: type = attrs.field(eq=False)
    unknown: Unknown = "forbid"
    rules: tuple[NotAllNull, ...] = ()
    kept: Field | None = attrs.field(default=None, eq=False)
    """What holds the fields of a payload that are none of these, where they are kept. It is none on the wire."""

    def on_unknown(self, asked: Unknown | None) -> Unknown:
        """What to do with a field that it does not have: what is asked for, as far as it can, or else what it says."""
        return self.unknown if asked is None or (asked == "keep" and self.kept is None) else asked

    @property
    def held(self) -> tuple[Field, ...]:
        """All that a message holds: the fields, and what keeps others."""
        return self.fields if self.kept is None else (*self.fields, self.kept)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(self.types)

    @cached_property
    def types(self) -> Mapping[str, Type]:
        """The type of each field, by its name."""
        return {field.name: field.type for field in self.fields}

    @cached_property
    def arguments(self) -> Mapping[str, str]:
        """What the constructor calls each field, by its name today."""
        return {field.today or field.name: field.argument for field in self.held}

    @cached_property
    def steps(self) -> Mapping[str, str]:
        """The step of a path to each field, by its name today."""
        return {field.today or field.name: field.step for field in self.held}

    @cached_property
    def stray(self) -> type[str]:
        """The step to what is no field: that may be a field that is not shown, misspelt."""
        return Hidden if any(field.secret for field in self.held) else str

    @cached_property
    def required(self) -> frozenset[str]:
        """The names of the fields that have no default."""
        return frozenset(field.name for field in self.fields if field.required)


def spec_of(cls: Any) -> Spec:
    """The spec of a message class, read on first use.

    Raises:
        DeclarationError: a field's annotation has no form on the wire, or its default is none that it can hold.
    """
    spec: Spec | None = cls.__dict__.get("_message_spec")
    # The class knows who reads it: those who read specs check defaults, and those who check read specs.
    return cls.__read_spec__() if spec is None else spec
