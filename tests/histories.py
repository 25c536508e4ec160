"""Histories drawn at random: steps of every kind, in any order, over several revisions of a small protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge
from hypothesis import strategies as st

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History, HistoryError
from sagellm_protocol.history.changes import (
    Change,
    Revision,
    Tables,
    added,
    given_default,
    introduced,
    members_added,
    null_forbidden,
    redefined,
    removed,
    renamed,
    retyped,
    revision,
    rule_dropped,
)
from sagellm_protocol.history.undoing import tables_of
from sagellm_protocol.model.kinds import Flag, Free, Items, Member, Nullable, Number, Text, Type
from sagellm_protocol.model.spec import Field, NotAllNull
from sagellm_protocol.model.units import Unit

SOURCE = """
class Colour(str, Enum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


@message
class Leaf:
    title: str
    size: Annotated[int, Ge(0)] = 0
    weight: float | None = None
    colour: Colour = Colour.RED


@message
class Circle:
    shape: Literal["circle"] = "circle"
    radius: float


@message
class Square:
    shape: Literal["square"] = "square"
    side: int


@message
class Thing:
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
    text_or_texts: str | Sequence[str] = ""
    free: Any = None
    texts: Sequence[str] = ()
"""

MESSAGES = ("toy.Leaf", "toy.Circle", "toy.Square", "toy.Thing")
NAMES = ("name", "a", "b", "title", "size", "old", "older", "weight")
"""Few enough that a name is used again."""

VALUES: tuple[tuple[type[Type], tuple[Any, ...]], ...] = (
    (Text, ("", "x")),
    (Flag, (True, False)),
    (Member, ("red",)),
    (Number, (0, 1, 7)),
    (Items, ([],)),
    (Free, (0, False, None, "x", [])),
)
"""Values of a type on the wire."""


class Drawn(NamedTuple):
    """A history, and where a payload of it is from."""

    history: History
    message: str
    revision: str


def values_of(kind: Type) -> tuple[Any, ...]:
    """A few values that a type takes on the wire."""
    if isinstance(kind, Nullable):
        return (None, *values_of(kind.inner))
    return next((values for known, values in VALUES if isinstance(kind, known)), ())


def narrower(kind: Type) -> tuple[Any, ...]:
    """Annotations of types of which every value fits a type."""
    match kind:
        case Nullable(inner=inner):
            return narrower(inner)
        case Number(kind=number, bounds=(("ge", 0),), unit=unit) | Number(kind=number, bounds=(), unit=unit):
            narrow: Any = Annotated[number, Ge(0)] if unit is None else Annotated[number, Ge(0), Unit(unit)]
            return (narrow,)
        case Text():
            return (Literal["", "x"],)
        case Free():
            return (int, str, bool | None)
        case _:
            return ()


@st.composite
def changes(draw: st.DrawFn, tables: Tables) -> Change | None:
    """One change that may have made these tables."""
    message = draw(st.sampled_from([name for name in MESSAGES if name in tables.messages]))
    fields = {field.name: field for field in tables.messages[message].fields}
    field = fields[draw(st.sampled_from(sorted(fields)))]
    makers: dict[str, Callable[[], Change | None]] = {
        "introduced": lambda: introduced("toy.Square") if "toy.Square" in tables.messages else None,
        "added": lambda: _added(draw, message, field),
        "removed": lambda: removed(
            message, draw(st.sampled_from(NAMES)), int, default=draw(st.sampled_from((0, 5))), after=field.name
        ),
        "renamed": lambda: _renamed(draw, message, sorted(fields)),
        "renamed again": lambda: _renamed(draw, message, sorted(fields)),
        "null forbidden again": lambda: null_forbidden(message, field.name),
        "given a default": lambda: given_default(message, field.name),
        "null forbidden": lambda: null_forbidden(message, field.name),
        "retyped": lambda: next(
            (retyped(message, field.name, was=was) for was in draw(st.permutations(narrower(field.type)))), None
        ),
        "redefined": lambda: next(
            (redefined(message, field.name, was=was) for was in draw(st.permutations(values_of(field.type)))), None
        ),
        "members added": lambda: members_added("toy.Colour", draw(st.sampled_from(("GREEN", "BLUE")))),
        "rule dropped": lambda: rule_dropped(message, NotAllNull(tuple(draw(st.permutations(sorted(fields)))[:2]))),
    }
    return makers[draw(st.sampled_from(sorted(makers)))]()


def _added(draw: st.DrawFn, message: str, field: Field) -> Change | None:
    if not field.required:
        return added(message, field.name)
    unsaid = [value for value in values_of(field.type) if value is not None]
    return added(message, field.name, unsaid=draw(st.sampled_from(unsaid))) if unsaid else None


def _renamed(draw: st.DrawFn, message: str, fields: list[str]) -> Change:
    new = draw(st.permutations(fields))[: draw(st.integers(1, 2))]
    if len(new) == 2 and draw(st.booleans()):
        return renamed(message, **{new[0]: new[1], new[1]: new[0]})
    return renamed(message, **{draw(st.sampled_from(NAMES)): name for name in new})


@st.composite
def lists_of_revisions(draw: st.DrawFn, catalog: Catalog) -> list[Revision]:
    """Revisions, newest first, each with what it changed."""
    tables = tables_of(catalog, [revision("0")])[0]["0"]
    count = draw(st.integers(2, 4))
    revisions = []
    for number in range(count, 1, -1):
        tables, made = _undone(draw, tables.before(str(number)))
        revisions.append(revision(str(number), *made))
    return [*revisions, revision("1")]


def _undone(draw: st.DrawFn, tables: Tables) -> tuple[Tables, list[Change]]:
    made: list[Change] = []
    for _ in range(draw(st.integers(1, 4))):
        change = draw(changes(tables))
        trial = tables.before(tables.revision)
        try:
            if change is not None:
                change.undo(trial)
        except HistoryError:
            continue
        if change is not None and all(trial.messages[name].fields for name in trial.messages):
            tables = trial
            made.append(change)
    return tables, made


@st.composite
def drawn(draw: st.DrawFn, catalog: Catalog) -> Drawn:
    """A history, a message, and a revision that has it."""
    history = History(draw(lists_of_revisions(catalog)), catalog)
    release = draw(st.sampled_from(history.revisions))
    message = draw(st.sampled_from([name for name in MESSAGES if name in history.specs(release)]))
    return Drawn(history, message, release)


def told(history: History) -> Iterator[str]:
    """The list of revisions as text, for a test that fails."""
    for name in reversed(history.revisions):
        yield f"{name}: {'; '.join(map(str, history.changed_in(name).changes))}"
