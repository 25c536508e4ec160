"""The types that a field may have, as data, and what may be asked of any of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.source import Doubt

if sys.version_info >= (3, 11):
    from typing import assert_never as assert_never
else:  # pragma: no cover - this interpreter has it in typing
    from typing_extensions import assert_never as assert_never

INT_MIN, INT_MAX = -(2**63), 2**64 - 1
"""The integers that JSON (orjson) and MessagePack carry exactly."""

MAX_FREE_DEPTH = 100
"""How deep free JSON may nest: with any message, list and envelope around it, below the wire's limit of 128."""


def plain_text(text: str) -> str:
    """A text itself, whatever a subclass makes of it: these go into generated source."""
    return str.__str__(text)


def _plain_values(values: Iterable[str | int]) -> tuple[str | int, ...]:
    return tuple(plain_text(value) if isinstance(value, str) else value for value in values)


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
class Kept(Limited):
    """Free JSON that a message keeps beside its fields, under names that are none of theirs."""

    names: frozenset[str]
    """The names of the fields."""
    inner: Type = attrs.field(factory=lambda: Table(Free()), init=False)
    bounds: tuple[Bound, ...] = attrs.field(
        default=attrs.Factory(
            lambda self: (Bound("predicate", self.names.isdisjoint, "under names that no field has"),), takes_self=True
        ),
        init=False,
    )


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
