"""What a field may hold, as data. Read from the class once; checks, codecs, schemas and field tables come from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.paths import Hidden
from sagellm_protocol.model.source import Doubt

if sys.version_info >= (3, 11):
    from typing import assert_never as assert_never
else:  # pragma: no cover - this interpreter has it in typing
    from typing_extensions import assert_never as assert_never

INT_MIN, INT_MAX = -(2**63), 2**64 - 1
"""The integers that JSON (orjson) and MessagePack carry exactly."""

MAX_FREE_DEPTH = 100
"""How deep free JSON may nest: with any message, list and envelope around it, below the wire's limit of 128."""

Unknown: TypeAlias = Literal["forbid", "ignore"]
"""What to do with a field that the class does not have."""


def _plain_text(text: str) -> str:
    """A text itself, whatever a subclass makes of it: these go into generated source."""
    return str.__str__(text)


def _plain_values(values: Iterable[str | int]) -> tuple[str | int, ...]:
    return tuple(_plain_text(value) if isinstance(value, str) else value for value in values)


def _bounds(pairs: Iterable[Iterable[Any]]) -> tuple[Bound, ...]:
    return tuple(Bound(*pair) for pair in pairs)


@attrs.frozen
class Text:
    """A ``str``."""


@attrs.frozen
class Flag:
    """A ``bool``."""


@attrs.frozen
class Number:
    """An ``int`` or ``float`` with its bounds, e.g. ``(Bound("ge", 0), Bound("le", 1))``, and unit."""

    kind: type[int] | type[float]
    bounds: tuple[Bound, ...] = attrs.field(default=(), converter=_bounds)
    unit: str | None = None


@attrs.frozen
class Converted:
    """A class that stands on the wire as a value of another type: ``uuid.UUID`` as text, and the like.

    Everything that is to be known of a class is in here; the table of them is in :mod:`.converted`.
    """

    name: str
    """What field tables, facts and documents call it."""
    cls: type = attrs.field(eq=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
    """What fields are annotated with; equal types are those of one name, as a class may be defined anew."""
    load: Callable[[Any], Any] = attrs.field(eq=False)
    """A value off the wire as one of the class; raises ``Doubt`` on any other, with words if it has some of its own."""
    dump: Callable[[Any], Any] = attrs.field(eq=False)
    """A value of the class as it stands on the wire; raises ``EncodeError`` where it cannot."""
    schema: Mapping[str, Any] = attrs.field(eq=False)
    """The JSON Schema of what stands on the wire."""
    strategy: Callable[[Any, Any, Any], Any] = attrs.field(eq=False)
    """Gives a strategy for values, from ``hypothesis.strategies`` and the least and greatest value, or None."""
    wire: Type = attrs.field(factory=Text, eq=False)
    """What stands on the wire. Where that is text, ``load`` makes sure of it itself."""
    words: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True), eq=False)
    """What a value must be, in the words of the error messages."""
    exact: type | None = attrs.field(default=attrs.Factory(lambda self: self.cls, takes_self=True), eq=False)
    """The class whose own instances, not those of subclasses, are all held as they are; None where ``hold`` decides."""
    hold: Callable[[Any], Any] = attrs.field(default=attrs.Factory(lambda self: self._hold, takes_self=True), eq=False)
    """An instance of the class as messages hold it; raises ``Doubt`` where they cannot."""
    native: frozenset[str] = attrs.field(default=frozenset(), eq=False)
    """Who writes a value as ``dump`` would, but for speed: ``orjson``, ``msgpack``, ``msgspec`` (into MessagePack); and
    ``from msgspec``, which reads from JSON just the texts that ``load`` does."""
    also: frozenset[type] = attrs.field(default=frozenset(), eq=False)
    """Other classes of parsed values that ``load`` takes beside text: MessagePack has binary values."""
    shortest: int = attrs.field(default=0, eq=False)
    """How long a text is at the least: shorter ones are wrong."""
    told_by_equality: bool = attrs.field(default=True, eq=False)
    """Whether equal values are written the same."""

    def _hold(self, value: Any) -> Any:
        if type(value) is not self.exact:
            raise Doubt
        return value


@attrs.frozen
class Member:
    """A member of an enumeration; on the wire its value. ``members`` maps the names to the values."""

    name: str
    members: Mapping[str, str | int] = attrs.field(hash=False)
    cls: type | None = attrs.field(eq=False, default=None)

    @cached_property
    def names(self) -> Mapping[str | int, str]:
        """The name of each value; of several names for one value the first, as the rest are aliases."""
        return {value: name for name, value in reversed(list(self.members.items()))}


@attrs.frozen
class OneOf:
    """One of a few literal texts or integers."""

    values: tuple[str | int, ...] = attrs.field(converter=_plain_values)

    @property
    def tag(self) -> str | None:
        """The one text that it is, by which messages may be told apart; None where it is several, or an integer."""
        return self.values[0] if len(self.values) == 1 and isinstance(self.values[0], str) else None


@attrs.frozen
class Nested:
    """Another message, by its full name."""

    name: str
    cls: type = attrs.field(eq=False)


@attrs.frozen
class Choice:
    """One of several messages, told apart by the text in their field ``tag``, or by their fields."""

    options: tuple[Nested, ...]
    tag: str | None


@attrs.frozen
class Items:
    """A sequence, held as a tuple; ``declared`` says as what the class declares it."""

    item: Type
    declared: Literal["list", "tuple"] = attrs.field(default="list", eq=False)


@attrs.frozen
class Table:
    """A mapping from text, held as a ``FrozenDict``."""

    value: Type


@attrs.frozen
class Free:
    """Any JSON value, frozen all the way down."""


@attrs.frozen
class Nullable:
    """``inner`` or ``None``."""

    inner: Type


@attrs.frozen
class Limited:
    """``inner``, of which more is asked: a length, a predicate. Bounds of a number are in the number itself."""

    inner: Type
    bounds: tuple[Bound, ...]


@attrs.frozen
class Either:
    """One of several types that no value can be confused between (a text, or a sequence of texts)."""

    options: tuple[Type, ...]


@attrs.frozen
class Taught(Limited):
    """A type that a codec was taught to read or write in a way of its user's; to all others it is the type in it."""

    structure: Callable[[Any], Any] | None
    """What stands on the wire to what a message holds, which is checked then; None where that is read as ever.

    It raises a ``ValidationError`` or a ``DecodeError``.
    """
    unstructure: Callable[[Any], Any] | None
    """What a message holds to what stands on the wire; None where that is written as ever."""
    stands: bool = False
    """Whether what the hook made stands in the payload already: in one of an older revision, between hook and wire."""
    bounds: tuple[Bound, ...] = attrs.field(default=(), init=False)


Leaf: TypeAlias = "Text | Flag | Number | Converted | Member | OneOf | Free"
"""A type that is made of no others."""
Type: TypeAlias = "Leaf | Nested | Choice | Items | Table | Nullable | Limited | Either"


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

    name: str = attrs.field(converter=_plain_text)
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
        return {field.today or field.name: field.argument for field in self.fields}

    @cached_property
    def steps(self) -> Mapping[str, str]:
        """The step of a path to each field, by its name today."""
        return {field.today or field.name: field.step for field in self.fields}

    @cached_property
    def stray(self) -> type[str]:
        """The step to what is no field: that may be a field that is not shown, misspelt."""
        return Hidden if any(field.secret for field in self.fields) else str

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


def wire_kind(kind: Type) -> str:
    """Which JSON type a value of this spec is written as: text, number, flag, array, object, any."""
    match kind:
        case Text():
            return "text"
        case Converted(wire=inner) | Limited(inner=inner):
            return wire_kind(inner)
        case OneOf(values=values):
            kinds = {"text" if isinstance(value, str) else "number" for value in values}
            return kinds.pop() if len(kinds) == 1 else "any"
        case Number():
            return "number"
        case Flag():
            return "flag"
        case Member(members=members):
            return "text" if all(isinstance(value, str) for value in members.values()) else "number"
        case Items():
            return "array"
        case Nested() | Choice() | Table():
            return "object"
        case Free() | Nullable() | Either():
            return "any"
        case _:
            assert_never(kind)


def nested_in(kind: Type) -> tuple[Nested, ...]:
    """The messages that a value of this type may hold directly."""
    match kind:
        case Nested():
            return (kind,)
        case Choice(options=options) | Either(options=options):
            return tuple(found for option in options for found in nested_in(option))
        case (
            Items(item=inner) | Table(value=inner) | Nullable(inner=inner) | Limited(inner=inner) | Taught(inner=inner)
        ):
            return nested_in(inner)
        case Text() | Flag() | Number() | Converted() | Member() | OneOf() | Free():
            return ()
        case _:
            assert_never(kind)


def parts(kind: Type) -> Iterator[Type]:
    """A type and all that it is made of, other messages aside."""
    yield kind
    match kind:
        case Items(item=inner) | Table(value=inner) | Nullable(inner=inner) | Limited(inner=inner):
            yield from parts(inner)
        case Either(options=options):
            for option in options:
                yield from parts(option)


def classes_in(kind: Type) -> tuple[type | None, ...]:
    """The classes in a type, which are no part of what makes types equal: those go by the names of classes."""
    match kind:
        case Nested(cls=cls) | Member(cls=cls):
            return (cls,)
        case Choice(options=options) | Either(options=options):
            return tuple(found for option in options for found in classes_in(option))
        case Items(item=inner) | Table(value=inner) | Nullable(inner=inner):
            return classes_in(inner)
        case _:
            return ()


def replace(kind: Type, at: Callable[[Type], Type]) -> Type:
    """The same type with each type in it, the innermost first, replaced."""
    match kind:
        case Items():
            return at(attrs.evolve(kind, item=replace(kind.item, at)))
        case Table():
            return at(attrs.evolve(kind, value=replace(kind.value, at)))
        case Nullable() | Limited():
            return at(attrs.evolve(kind, inner=replace(kind.inner, at)))
        case Either():
            return at(attrs.evolve(kind, options=tuple(replace(option, at) for option in kind.options)))
        case _:
            return at(kind)
