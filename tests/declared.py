"""Messages as users of the model declare them: every kind of annotation, once or more. Annotations here are text."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Dict, List, Literal, Optional, Union  # noqa: UP035 - users write these too
from uuid import UUID, uuid4

import annotated_types
import attrs
from annotated_types import (
    Ge,
    Gt,
    Interval,
    IsAscii,
    IsFinite,
    Le,
    Len,
    Lt,
    MaxLen,
    MinLen,
    MultipleOf,
    Not,
    Predicate,
    Timezone,
    UpperCase,
)
from hypothesis import strategies as st

from sagellm_protocol.model import EMPTY, KEPT, JsonObject, derived, field, field_type, message
from sagellm_protocol.model.units import Milliseconds, Unit


class Colour(str, enum.Enum):
    RED = "red"
    GREEN = "green"
    ROUGE = "red"  # noqa: PIE796 - an alias


class Plain(enum.Enum):
    """Its members are no texts themselves."""

    ONE = "one"
    TWO = "two"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    TEXT = "text"
    NUMBER = 7


@message
class Leaf:
    """A message without required fields."""

    name: str = "leaf"


@message
class Circle:
    """Told apart by its tag."""

    shape: Literal["circle"] = "circle"
    radius: Annotated[float, Gt(0)]


@message
class Square:
    shape: Literal["square"] = "square"
    side: Annotated[float, Gt(0)]
    label: str = ""


@message
class Cat:
    """Told apart by its fields."""

    purrs: bool
    name: str = ""


@message
class Dog:
    barks: bool
    name: str = ""


@message
class Chest:
    """Holds messages in every way that messages can be held."""

    leaf: Leaf
    shape: Union[Circle, Square]  # noqa: UP007
    maybe: Optional[Leaf] = None  # noqa: UP045
    shapes: Sequence[Union[Circle, Square]] = ()  # noqa: UP007
    by_name: Mapping[str, Leaf] = EMPTY
    text_or_leaves: Union[str, Sequence[Leaf]] = ""  # noqa: UP007
    text_or_leaf: Union[str, Leaf] = ""  # noqa: UP007
    few: Annotated[Sequence[Leaf], annotated_types.MaxLen(3)] = ()
    number: float = 0.0
    half: float = derived(lambda self: self.number / 2, default=0.0)
    later: int = 0


@message
class Unions:
    """One of several, at every place where msgspec can read them too."""

    pet: Cat | Dog
    pets: Sequence[Cat | Dog] = ()
    named_pets: Mapping[str, Cat | Dog] = EMPTY
    maybe_shape: Circle | Square | None = None
    word_or_shape: Literal["none", "any"] | Circle | Square = "none"
    text_or_shapes: str | Sequence[Circle | Square] | None = None
    colour_or_leaves: Colour | Sequence[Leaf] = ()
    table_or_row: Mapping[str, int] | Sequence[int] | None = None
    number_or_leaf: int | Leaf = 0
    short_or_chest: Annotated[str, annotated_types.MaxLen(3)] | Chest = ""
    flag_or_free: bool | Mapping[str, Any] = False


@message
class Tree:
    """Holds itself, three ways."""

    name: str
    only: Tree | None = None
    children: Sequence[Tree] = ()
    named: Mapping[str, Tree] = EMPTY


@message
class Ping:
    """Holds what holds it."""

    pong: Pong | None = None


@message
class Pong:
    ping: Ping | None = None


@message
class Everything:
    """Every annotation that a message may have."""

    text: str
    flag: bool
    whole: int
    real: float
    uuid: UUID
    free: Any
    at_least: Annotated[int, Ge(0)]
    between: Annotated[float, Gt(0), Le(1)]
    below: Annotated[int, Lt(10)]
    half: Annotated[int, Ge(0.5), Lt(9.5)]
    interval: Annotated[int, Interval(ge=1, lt=5)]
    noted: Annotated[str, "a note for people"]
    timed: Annotated[Annotated[float, Ge(0)], Unit("ms"), Le(1000)]
    duration: Milliseconds
    optional: Optional[int]  # noqa: UP045
    united: Union[str, None]  # noqa: UP007
    bounded_optional: Annotated[int | None, Ge(3)]
    literal: Literal["one", "two"]
    single: Literal["only"]
    colour: Colour
    plain: Plain
    level: Level
    mixed: Mixed
    leaf: Leaf
    maybe_leaf: Leaf | None
    shape: Circle | Square
    maybe_shape: Circle | Square | None
    pet: Cat | Dog
    names: Sequence[str]
    numbers: list[float]
    old_list: List[int]  # noqa: UP006
    row: tuple[int, ...]
    rows: Sequence[tuple[int, ...]]
    maybes: Sequence[int | None]
    leaves: Sequence[Leaf]
    shapes: Sequence[Circle | Square]
    colours: Sequence[Colour]
    uuids: Sequence[UUID]
    frees: Sequence[Any]
    counts: Mapping[str, Annotated[int, Ge(0)]]
    old_dict: Dict[str, int]  # noqa: UP006
    table: dict[str, Any]
    levels: Mapping[str, Level]
    by_name: Mapping[str, Leaf]
    lists: Mapping[str, Sequence[float]]
    text_or_texts: str | Sequence[str]
    text_or_number: str | float
    flag_or_text: bool | str
    flag_or_number: int | bool
    level_or_text: Level | str
    uuid_or_number: UUID | int
    leaf_or_text: Leaf | str
    word_or_shape: Literal["none", "any"] | Circle | Square
    text_or_shapes: str | Sequence[Circle | Square] | None
    colour_or_leaves: Colour | Sequence[Leaf]
    table_or_row: Mapping[str, int] | Sequence[int] | None


@attrs.frozen
class Celsius:
    """A user's class that is a number on the wire."""

    degrees: float


@attrs.frozen
class Point:
    """A user's class that is a sequence of numbers on the wire."""

    x: float
    y: float


field_type(
    Celsius,
    load=Celsius,
    dump=lambda value: value.degrees,
    wire=Annotated[float, Ge(-273.15)],
    strategy=st.floats(-273.15, 1e6).map(Celsius),
)
_coordinates = st.floats(allow_nan=False, allow_infinity=False)
field_type(
    Point,
    load=lambda value: Point(*value),
    dump=lambda value: (value.x, value.y),
    wire=Sequence[float],
    schema={"minItems": 2, "maxItems": 2},
    strategy=st.builds(Point, _coordinates, _coordinates),
)


@message
class Converts:
    """Every class that stands as another on the wire, in every place."""

    uuid: UUID
    at: datetime
    day: date
    lasts: timedelta
    price: Decimal
    data: bytes
    path: Path
    peer_path: PurePosixPath
    heat: Celsius
    maybe_at: datetime | None
    maybe_data: bytes | None
    ats: Sequence[datetime]
    days: Sequence[date | None]
    prices: Mapping[str, Decimal]
    blobs: Mapping[str, Sequence[bytes]]


@message
class ConvertsOddly:
    """The same where msgspec cannot follow."""

    point: Point
    maybe_point: Point | None
    points: Sequence[Point]
    data_or_number: bytes | int
    at_or_flags: datetime | Sequence[bool]
    heat_or_text: Celsius | str


@message
class ConvertedDefaults:
    """Classes that stand as others, as defaults."""

    uuid: UUID = UUID(int=7)
    at: datetime = datetime(2024, 1, 1, tzinfo=timezone.utc)
    price: Decimal = Decimal("1.50")
    data: bytes = b"default"
    path: Path = Path("a")
    heat: Celsius = Celsius(20.0)
    days: Sequence[date] = [date(2024, 1, 1)]
    lasts: Mapping[str, timedelta] = {"a": timedelta(seconds=1)}
    nothing: datetime | None = None
    made: datetime = field(factory=lambda: datetime(2024, 1, 1, tzinfo=timezone.utc))


def _is_given(value: Any) -> bool:
    return value is not None


def _even_sum(values: Sequence[int]) -> bool:
    return sum(values) % 2 == 0


@message
class Limits:
    """Everything of annotated_types, wherever it may stand."""

    short: Annotated[str, MaxLen(5)]
    some: Annotated[str, MinLen(1)]
    upper: Annotated[UpperCase[str], Len(2, 6)]
    ascii: IsAscii[str] | None
    not_digits: Annotated[str, Predicate(Not(str.isdigit))]
    third: Annotated[int, MultipleOf(3)]
    half: Annotated[float, MultipleOf(0.5), Ge(0), Le(1000)]
    finite: IsFinite[float]
    names: Annotated[Sequence[Annotated[str, MinLen(1)]], Len(1, 3)]
    halves: Sequence[Annotated[float, MultipleOf(0.5)]]
    maybe_reals: Sequence[float | None]
    even: Annotated[Sequence[int], Predicate(_even_sum)]
    table: Annotated[Mapping[str, int], MaxLen(2)]
    leaves: Annotated[Sequence[Leaf], MinLen(1)]
    data: Annotated[bytes, Len(1, 4)]
    since: Annotated[datetime, Ge(datetime(2020, 1, 1, tzinfo=timezone.utc)), Timezone(...)]
    utc: Annotated[datetime, Timezone(timezone.utc)]
    day: Annotated[date, Gt(date(2000, 1, 1)), Lt(date(2100, 1, 1))]
    lasts: Annotated[timedelta, Interval(ge=timedelta(0), lt=timedelta(days=2)), MultipleOf(timedelta(milliseconds=1))]
    price: Annotated[Decimal, Ge(0), Le(Decimal("99.99")), MultipleOf(Decimal("0.01"))]
    worth: Annotated[Decimal, Gt(Decimal("0.5")), Le(1000)]
    free: Annotated[Any, Predicate(_is_given)]
    level: Literal[1, 2, 3]
    one: Literal[1]
    mixed: Literal["auto", 0, -1]
    levels: Sequence[Literal[1, 2]]


@message
class LimitsOddly:
    """The same where msgspec cannot follow."""

    text_or_few: Annotated[str, MaxLen(3)] | Annotated[Sequence[int], MaxLen(3)] | None


def _double(self: Any) -> int:
    return int(self.base) * 2


@message
class Defaults:
    """Every kind of default."""

    base: Annotated[int, Ge(0), Le(1000)] = 1
    real: float = 0
    text: str = "x"
    colour: Colour = Colour.RED
    by_value: Colour = "green"  # type: ignore[assignment]
    items: Sequence[int] = (1, 2)
    listed: Sequence[int] = [3]
    made_list: Sequence[int] = field(factory=list)
    table: Mapping[str, Any] = {"a": [1, {"b": []}]}
    made_table: Mapping[str, Any] = field(factory=dict)
    free: Any = 0
    leaf: Leaf = field(factory=Leaf)
    id: UUID = field(factory=uuid4)
    double: int = derived(_double, default=2)
    nothing: str | None = None


@message(unknown="ignore")
class Lenient:
    name: str
    tree: Tree | None = None


class Named:
    """A plain base."""

    __slots__ = ()

    def shout(self) -> str:
        return self.name.upper()  # type: ignore[attr-defined,no-any-return]


@message
class Derivative(Leaf, Named):
    """A message made from a message."""

    size: int = 0


@message
class Behaving:
    """A message with methods of every kind; those that say ``super()`` or ``__class__`` mean this class."""

    name: str = "x"

    LIMIT = 3

    def __str__(self) -> str:
        return f"<{self.name} of {super().__repr__()}>"

    def kind(self) -> type:
        return __class__  # type: ignore[name-defined,no-any-return]

    @property
    def loud(self) -> str:
        return self.name.upper() + __class__.__name__  # type: ignore[name-defined,no-any-return]

    @classmethod
    def make(cls, name: str) -> Behaving:
        assert __class__ is cls  # type: ignore[name-defined]
        return cls(name=name)

    @staticmethod
    def same() -> type:
        return __class__  # type: ignore[name-defined,no-any-return]


@message(unknown="keep")
class Keeping:
    """Keeps what it has no field for."""

    name: str
    size: int = 0
    inner: Leaf | None = None
    extra: JsonObject = KEPT


@message(unknown="keep")
class KeepingOddly(Leaf):
    """Its place comes first, is given otherwise, and holds others that keep."""

    rest: JsonObject = field(default=KEPT, alias="others")
    one: Keeping | None = None
    many: Sequence[Keeping] = ()
    length: int = derived(lambda it: len(it.rest), default=0)


class Own(annotated_types.BaseMetadata):
    """A constraint of the user's."""


UNSUPPORTED: dict[str, Any] = {
    "complex": complex,
    "object": object,
    "type": type,
    "None": None,
    "a class": Named,
    "set": set[int],
    "frozenset": frozenset[str],
    "bare list": list,
    "bare List": List,  # noqa: UP006
    "bare Dict": Dict,  # noqa: UP006
    "bare Sequence": Sequence,
    "bare tuple": tuple,
    "pair": tuple[int, int],
    "empty tuple": tuple[()],
    "keys of integers": dict[int, str],
    "literal flag": Literal[1, True],
    "literal past 64 bits": Literal[2**64],
    "member past 64 bits": enum.Enum("Large", {"HUGE": 2**64}),
    "literal of text and None": Literal["a", None],
    "two numbers": int | float,
    "text or UUID": str | UUID,
    "text or enumeration": str | Colour,
    "two sequences": Sequence[int] | Sequence[str],
    "message or mapping": Leaf | Mapping[str, int],
    "JSON or text": Sequence[str] | Any,
    "text or bytes": str | bytes,
    "bound on a text": Annotated[str, Ge(0)],
    "naive bound": Annotated[datetime, Ge(datetime(2020, 1, 1))],
    "bound of another class": Annotated[date, Ge(1)],
    "bound that is no order": Annotated[Point, Ge(Point(0, 0))],
    "float bound on a Decimal": Annotated[Decimal, Ge(0.5)],
    "length of a number": Annotated[int, MinLen(1)],
    "negative length": Annotated[str, MinLen(-1)],
    "multiple of a tenth": Annotated[float, MultipleOf(0.1)],
    "multiple of a half": Annotated[int, MultipleOf(0.5)],
    "multiple of zero": Annotated[int, MultipleOf(0)],
    "multiple of no time": Annotated[timedelta, MultipleOf(timedelta(0))],
    "multiple of a text": Annotated[str, MultipleOf("a")],  # type: ignore[arg-type]
    "zone on a date": Annotated[date, Timezone(...)],
    "naive time": Annotated[datetime, Timezone(None)],
    "named zone": Annotated[datetime, Timezone("Africa/Abidjan")],
    "predicate on a message": Annotated[Leaf, Predicate(bool)],
    "predicate on messages": Annotated[Sequence[Leaf], Predicate(bool)],
    "predicate on an enumeration": Annotated[Colour, Predicate(bool)],
    "predicate that is no function": Annotated[int, Predicate(1)],  # type: ignore[arg-type]
    "not a number": Annotated[float, Predicate(math.isnan)],
    "infinite": Annotated[float, Predicate(Not(math.isfinite))],
    "constraint of another package": Annotated[int, Own()],
    "text within": Sequence[Annotated[int, annotated_types.doc("a note")]],
    "unit on a flag": Annotated[bool, Unit("ms")],
    "infinite bound": Annotated[float, Le(float("inf"))],
    "unhashable metadata": Annotated[set[int], []],
    "unhashable literal": Literal[[]],
    "enumeration of floats": enum.Enum("Halves", {"HALF": 0.5}),
    "flags that combine": enum.IntFlag("Bits", {"ONE": 1, "TWO": 2}),
    "a text": "str",
}
