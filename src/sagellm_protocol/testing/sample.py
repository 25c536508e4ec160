"""A small protocol for histories that are drawn at random: each kind of field, and of message within a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal

from annotated_types import Ge

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.model import KEPT, JsonObject, derived, message
from sagellm_protocol.model.units import Milliseconds


class Colour(str, Enum):
    """A value on the wire for each."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


@message
class Leaf:
    """Holds no message, and stands in others."""

    title: str
    size: Annotated[int, Ge(0)] = 0
    weight: float | None = None
    colour: Colour = Colour.RED
    metadata: Mapping[str, Any] = {}


@message
class Circle:
    """One of two that a tag tells apart."""

    shape: Literal["circle"] = "circle"
    radius: float


@message
class Square:
    """The other."""

    shape: Literal["square"] = "square"
    side: int


@message
class Point:
    """One of two that are told apart by their fields."""

    x: int
    y: int = 0


@message(unknown="keep")
class Line:
    """The other."""

    start: int
    end: int = 1
    colours: Sequence[Colour] = ()
    extra: JsonObject = KEPT


@message
class Thing:
    """Holds all others."""

    name: str
    serial: int
    a: int = 1
    b: int = 2
    note: str = ""
    lasts: Milliseconds = 0.5
    flag: bool = False
    maybe: int | None = None
    leaf: Leaf | None = None
    leaves: Sequence[Leaf] = ()
    by_name: Mapping[str, Leaf] = {}
    drawn: Circle | Square | None = None
    place: Point | Line | None = None
    text_or_texts: str | Sequence[str] = ""
    word_or_drawn: Literal["none", "any"] | Circle | Square = "none"
    pace: float | None = 1.0
    free: Any = None
    texts: Sequence[str] = ()
    computed: int = derived(lambda thing: len(thing.name), default=0)
    metadata: Mapping[str, Any] | None = None


SAMPLE = Catalog([__name__])
"""Its messages."""
