"""Messages as users of the model declare them: every kind of annotation, once or more. Annotations here are text."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Dict, List, Literal, Optional, Union  # noqa: UP035 - users write these too
from uuid import UUID, uuid4

import annotated_types
from annotated_types import Ge, Gt, Interval, Le, Lt

from sagellm_protocol.model import EMPTY, derived, field, message
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
    colour_or_leaves: Colour | Sequence[Leaf]
    table_or_row: Mapping[str, int] | Sequence[int] | None


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


UNSUPPORTED: dict[str, Any] = {
    "bytes": bytes,
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
    "literal number": Literal[1],
    "literal of text and None": Literal["a", None],
    "two numbers": int | float,
    "text or UUID": str | UUID,
    "text or enumeration": str | Colour,
    "two sequences": Sequence[int] | Sequence[str],
    "message or mapping": Leaf | Mapping[str, int],
    "JSON or text": Sequence[str] | Any,
    "bound on a text": Annotated[str, Ge(0)],
    "unit on a flag": Annotated[bool, Unit("ms")],
    "infinite bound": Annotated[float, Le(float("inf"))],
    "other constraint": Annotated[int, annotated_types.MultipleOf(2)],
    "length": Annotated[list[int], annotated_types.Len(1, 2)],
    "unhashable metadata": Annotated[set[int], []],
    "enumeration of floats": enum.Enum("Halves", {"HALF": 0.5}),
    "flags that combine": enum.IntFlag("Bits", {"ONE": 1, "TWO": 2}),
    "a text": "str",
}
