"""What the gate proposes where values have to be converted: each proposal, pasted into the list, passes it."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from sagellm_protocol.history import History
from sagellm_protocol.history.changes import Change, Revision, revision
from sagellm_protocol.schema.facts import Subject, facts_of
from sagellm_protocol.schema.lock import LockError, check, update
from sagellm_protocol.schema.moves import translated
from sagellm_protocol.schema.steps import steps
from toys import Declare, declare  # noqa: F401 - the fixture


def proposed(said: str) -> list[str]:
    """The lines of the proposal in an error."""
    return [line.strip().removesuffix(",") for line in said.partition('"NEXT",\n')[2].splitlines()[:-1]]


def pasted(said: str) -> tuple[Change, ...]:
    """The steps in an error, as a list of revisions would hold them."""
    names: dict[str, Any] = {**vars(sys.modules["toy"]), **vars(sys.modules["sagellm_protocol.history.changes"])}
    (text,) = re.findall(r"^revision\((.*)^\),$", said, re.DOTALL | re.MULTILINE)
    written: Revision = eval(f"revision({text})", names)
    return written.changes


def advice(text: str, history: History) -> str:
    with pytest.raises(LockError) as raised:
        check(text, history)
    return str(raised.value)


def fields(*lines: str) -> str:
    return "@message\nclass Thing:\n    first: int = 0\n" + "".join(f"    {line}\n" for line in lines)


SIZE = "@message\nclass Size:\n    width: int\n    height: int = 1\n\n\n"
PREDICATE = "from annotated_types import Predicate\n"
COLOUR = "class Colour(str, Enum):\n"
LEVEL = "class Level(IntEnum):\n"

CASES: dict[str, tuple[str, str, list[str]]] = {
    "another unit, by name and declaration": (
        fields("wait_ms: Milliseconds"),
        fields("wait_s: Seconds"),
        ['rescaled("toy.Thing", wait_s="wait_ms", by=1000)'],
    ),
    "another unit under the same name": (
        fields("wait: Milliseconds = 1500.0"),
        fields("wait: Seconds = 1.5"),
        ['rescaled("toy.Thing", wait="wait", by=1000)'],
    ),
    "another unit, by names alone": (
        fields("wait_ms: Sequence[float] | None = None"),
        fields("wait_min: Sequence[float] | None = None"),
        ['rescaled("toy.Thing", wait_min="wait_ms", by=60000)'],
    ),
    "a smaller unit": (
        fields("wait_h: float"),
        fields("wait_s: float"),
        ['rescaled("toy.Thing", wait_s="wait_h", by=1 / 3600)'],
    ),
    "whole numbers of one unit that are numbers of another": (
        fields('wait_ms: Annotated[int, Ge(0), Unit("ms")] = 1500'),
        fields("wait_s: Seconds = 2.0"),
        [
            'rescaled("toy.Thing", wait_s="wait_ms", by=1000,'
            ' was=was(Annotated[int, Ge(0), Unit("ms")], default=1500))'
        ],
    ),
    "a bound that no float can have been": (
        fields('wait_us: Annotated[float, Lt(1), Unit("us")]'),
        fields('wait_ms: Annotated[float, Lt(3), Unit("ms")] = 0.0'),
        ['rescaled("toy.Thing", wait_ms="wait_us", by=1000, was=was(Annotated[float, Lt(1), Unit("us")]))'],
    ),
    "whole numbers that have to be rounded": (
        fields('wait_ms: Annotated[int, Unit("ms")]'),
        fields('wait_s: Annotated[int, Unit("s")]'),
        ['rescaled("toy.Thing", wait_s="wait_ms", by=1000, lossy="rounded")'],
    ),
    "two at once, in two units": (
        fields("wait_ms: Milliseconds", "run_ms: Milliseconds = 0.0"),
        fields("run_min: Annotated[float, Ge(0), Unit('min')] = 0.0", "wait_s: Seconds"),
        [
            'rescaled("toy.Thing", wait_s="wait_ms", by=1000)',
            'rescaled("toy.Thing", run_min="run_ms", by=60000, order=("first", "wait_ms", "run_ms"))',
        ],
    ),
    "fields that moved into a message": (
        SIZE + fields("width: int", "height: int = 1", "name: str = ''"),
        SIZE + fields("size: Size", "name: str = ''"),
        ['nested("toy.Thing", "size", "width", "height")'],
    ),
    "fields that moved into a message that can be null": (
        SIZE + fields("width: int | None = None", "height: int = 1"),
        SIZE + fields("size: Size | None = None"),
        ['nested("toy.Thing", "size", "width", "height")'],
    ),
    "fields that moved into a message that is there by default": (
        SIZE + fields("width: int = 3", "height: int = 1"),
        SIZE + fields("size: Size = Size(width=3)"),
        ['nested("toy.Thing", "size", "width", "height")'],
    ),
    "fields that moved out of a message": (
        SIZE + fields("size: Size | None = None"),
        SIZE + fields("width: int | None = None", "height: int = 1"),
        ['flattened("toy.Thing", "size", "width", "height", was=was(Size | None, default=None))'],
    ),
    "values that are no names, and integers": (
        COLOUR + '    RED = "dark red"\n    IN = "in"\n\n\n' + LEVEL + "    LOW = 1\n\n\n"
        + fields("colours: Sequence[Colour | None] = (Colour.RED,)", "level: Level | None = Level.LOW"),
        COLOUR + '    RED = "crimson"\n    IN = "within"\n\n\n' + LEVEL + "    LOW = 10\n\n\n"
        + fields("colours: Sequence[Colour | None] = (Colour.RED,)", "level: Level | None = Level.LOW"),
        [
            'values_renamed("toy.Colour", {"in": "within", "dark red": "crimson"})',
            'values_renamed("toy.Level", {1: 10})',
        ],
    ),
    "values renamed, and a default that changed": (
        COLOUR + '    RED = "red"\n    BLUE = "blue"\n\n\n' + fields("colour: Colour = Colour.RED"),
        COLOUR + '    RED = "crimson"\n    BLUE = "blue"\n\n\n' + fields("colour: Colour = Colour.BLUE"),
        ['redefined("toy.Thing", "colour", was=\'crimson\')', 'values_renamed("toy.Colour", red="crimson")'],
    ),
    "values that are held in many ways": (
        COLOUR + "    RED = 'red'\n\n\n@message\nclass Held:\n    colour: Colour | None = None\n    rest: Any = None\n\n\n"
        + fields("held: Held = Held(colour=Colour.RED)", "either: Colour | Sequence[Colour] = Colour.RED"),
        COLOUR + "    RED = 'crimson'\n\n\n@message\nclass Held:\n    colour: Colour | None = None\n    rest: Any = None\n\n\n"
        + fields("held: Held = Held(colour=Colour.RED)", "either: Colour | Sequence[Colour] = Colour.RED"),
        ['values_renamed("toy.Colour", red="crimson")'],
    ),
    "values that changed places": (
        COLOUR + '    RED = "r"\n    BLUE = "b"\n\n\n' + fields("colours: Mapping[str, Colour] = {'x': Colour.RED}"),
        COLOUR + '    RED = "b"\n    BLUE = "r"\n\n\n' + fields("colours: Mapping[str, Colour] = {'x': Colour.RED}"),
        ['values_renamed("toy.Colour", b="r", r="b")'],
    ),
    "messages that were called otherwise, one of which holds itself": (
        '@message\nclass Knot:\n    inner: "Knot | None" = None\n\n\n' + SIZE + fields("knot: Knot", "size: Size"),
        '@message\nclass Loop:\n    inner: "Loop | None" = None\n\n\n'
        + SIZE.replace("Size", "Extent")
        + fields("knot: Loop", "size: Extent"),
        ['moved("toy.Knot", "toy.Loop")', 'moved("toy.Size", "toy.Extent")'],
    ),
    "a default that is computed now": (
        fields("name: str = ''", "guess: int = 3"),
        fields("name: str = ''", "guess: int = derived(lambda thing: len(thing.name), default=0)"),
        ['became_derived("toy.Thing", "guess", was=3)'],
    ),
    "a text that can neither be left out nor be null": (
        fields("name: str | None = None"),
        fields("name: str"),
        ['required("toy.Thing", "name", unsaid="unknown")'],
    ),
    "a field that can still be null, but not be left out": (
        fields("name: str | None = None"),
        fields("name: str | None"),
        ['required("toy.Thing", "name")'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_proposed_passes_the_gate(name: str, declare: Declare) -> None:  # noqa: F811 - the fixture
    before, after, expected = CASES[name]
    text = update("", History([revision("1")], declare(before)))
    catalog = declare(after)
    said = advice(text, History([revision("1")], catalog))
    assert proposed(said) == expected
    check(text, History([revision("2", *pasted(said)), revision("1")], catalog))


# fmt: off
OPEN: dict[str, tuple[str, str, str]] = {
    "several that may have been renamed": (
        fields("a: int", "b: int"),
        fields("c: int", "d: int"),
        '# a, b of toy.Thing went and c, d came, all alike: say which became which, as in renamed("toy.Thing", a="c", b="d")',
    ),
    "one that may have been two": (
        fields("a: int"),
        fields("c: int", "d: int"),
        '# a of toy.Thing went and c, d came, all alike: say which became which, as in renamed("toy.Thing", a="c")',
    ),
    "some went and others came": (
        fields("name: str = ''"),
        fields("given: str", "family: str | None = None"),
        "# if what name said is what given, family say, put in place of added and removed:"
        ' converted("toy.Thing", before={"name": was(str, default=\'\')}, after=("given", "family"), up=..., down=...)',
    ),
    "units that may be of two fields": (
        fields("wait: Milliseconds"),
        fields("stay: Seconds", "rest: Seconds"),
        '# if what wait said is what stay, rest say, put in place of added and removed: converted("toy.Thing",'
        ' before={"wait": Annotated[float, Ge(0), Unit("ms")]}, after=("stay", "rest"), up=..., down=...)',
    ),
    "a unit by the name of one field and of none by the other": (
        fields("wait_ms: float"),
        fields("wait: float | None"),
        "# if what wait_ms said is what wait say",
    ),
    "two that may have been rescaled into one": (
        fields("wait_ms: Milliseconds", "wait_us: Annotated[float, Unit('us')]"),
        fields("wait_s: Seconds"),
        "# if what wait_ms, wait_us said is what wait_s say",
    ),
    "a default that is computed, in another unit": (
        fields("wait_ms: float = derived(lambda thing: 1.0, default=1.0)"),
        fields("wait_s: float | None"),
        "# toy.Thing.wait_ms had a default that was computed",
    ),
    "numbers in another unit that a function bounds": (
        fields("wait: Annotated[float, Unit('ms')]"),
        PREDICATE + fields("wait: Annotated[float, Unit('s'), Predicate(bool)]"),
        'rescaled("toy.Thing", wait="wait", by=1000, was=Annotated[float, Unit("ms")])',
    ),
    "a unit that contradicts its name": (
        fields("wait_s: Milliseconds"),
        fields("wait_min: Seconds"),
        "# if what wait_s said is what wait_min say",
    ),
    "a member that another may have taken the place of": (
        COLOUR + '    RED = "red"\n    BLUE = "blue"\n\n\n' + fields(),
        COLOUR + '    BLUE = "blue"\n    CRIMSON = "crimson"\n\n\n' + fields(),
        '# toy.Colour.RED was "red", and is gone; if another took its place,'
        ' members_renamed("toy.Colour", RED="CRIMSON") and values_renamed("toy.Colour", red="crimson")',
    ),
    "a member that is gone": (
        COLOUR + '    RED = "red"\n    BLUE = "blue"\n\n\n' + fields(),
        COLOUR + '    BLUE = "blue"\n\n\n' + fields(),
        '# toy.Colour.RED was "red", and is gone; no step undoes this',
    ),
    "a message that may be one of two": (
        SIZE + fields(),
        SIZE.replace("Size", "Extent") + SIZE.replace("Size", "Format") + fields(),
        '# toy.Size is gone; if it is called otherwise now, moved("toy.Size", "toy.Extent")'
        ' or moved("toy.Size", "toy.Format")',
    ),
    "a default that is computed no longer": (
        fields("guess: int = derived(lambda thing: thing.first, default=4)"),
        fields("guess: int"),
        '# toy.Thing.guess was computed by default: underived("toy.Thing", "guess", was=..., shown=4), with what computed it',
    ),
    "a default by a function of some name that is computed no longer": (
        fields("guess: int = field()", "", "@guess.default", "def _guess(self):", "    return self.first"),
        fields("guess: int = 0"),
        '# toy.Thing.guess was computed by default: underived("toy.Thing", "guess", was=...), with what computed it',
    ),
    "a default that is made anew no longer": (
        fields("id: UUID = field(factory=uuid4)"),
        fields("id: UUID"),
        '# toy.Thing.id was {"made": "uuid4"}; no step undoes this',
    ),
    "an order that nothing explains": (
        fields("a: int", "b: str"),
        fields("b: str", "a: int"),
        "# the fields of toy.Thing stood in the order first, a, b; no step undoes this",
    ),
    "a message within that came with more than the fields say": (
        fields("width: int = 5"),
        SIZE + fields("size: Size"),
        '# if what width said is what size say, put in place of added and removed: converted("toy.Thing",',
    ),
    "fields that may have moved into either of two": (
        SIZE + fields("width: int", "height: int = 1"),
        SIZE + fields("one: Size", "other: Size"),
        "# if what width, height said is what one, other say",
    ),
    "a null that stood for a value": (
        fields("a: int | None = 5"),
        fields("a: int"),
        "# toy.Thing.a does not take every value that it took; convert them: converted(",
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_facts_leave_open_is_told(name: str, declare: Declare) -> None:  # noqa: F811 - the fixture
    before, after, expected = OPEN[name]
    text = update("", History([revision("1")], declare(before)))
    said = advice(text, History([revision("1")], declare(after)))
    assert expected in said
    # What may be otherwise is no step that can be pasted.
    assert not [line for line in proposed(said) if line.startswith(("renamed", "moved", "nested", "underiv"))]


def test_what_moved_to_another_module(declare: Declare) -> None:  # noqa: F811 - the fixture
    source = COLOUR + '    RED = "red"\n\n\n' + SIZE + fields("size: Size", "sizes: Sequence[Size]", "colour: Colour")
    catalog = declare(source)
    today = facts_of(History([revision("1")], catalog), "1")
    names = {name: name.replace("toy.", "elsewhere.old.") for name in ("toy.Size", "toy.Thing", "toy.Colour")}
    published = translated(today, names)
    assert published[Subject("elsewhere.old.Thing.sizes", "field")]["type"] == "Sequence[elsewhere.old.Size]"
    found = steps(published, today)
    assert sorted(found) == [f'moved("elsewhere.old.{name}", "toy.{name}")' for name in ("Colour", "Size", "Thing")]
    changes = [eval(step, vars(sys.modules["sagellm_protocol.history.changes"])) for step in found]
    assert facts_of(History([revision("2", *changes), revision("1")], catalog), "1") == published


def test_a_message_that_moved_and_changed(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(SIZE + fields("size: Size", "note: str = ''"))
    today = facts_of(History([revision("1")], catalog), "1")
    published = translated(today, {"toy.Thing": "old.Thing"})
    del published[Subject("old.Thing.note", "field")]
    published[Subject("old.Thing", "message")] = {"fields": ["first", "size"], "unknown": "forbid"}
    found = steps(published, today)
    assert found == ['added("toy.Thing", "note")', 'moved("old.Thing", "toy.Thing")']
