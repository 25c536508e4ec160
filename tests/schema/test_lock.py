"""What was published stays: the lock notices, and says which step to add."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sagellm_protocol
from published import ROOT
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import (
    Added,
    Change,
    Introduced,
    MembersAdded,
    Removed,
    Renamed,
    Revision,
    added,
    removed,
    renamed,
    revision,
    rule_dropped,
)
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.schema import lock
from sagellm_protocol.schema.facts import digest, facts_of
from sagellm_protocol.schema.lock import LockError, check, main, read_lock, update
from toys import Declare, declare  # noqa: F401 - the fixture

PUBLISHED = lock.PUBLISHED.read_text(encoding="utf-8")


def test_every_published_revision_still_means_what_it_meant() -> None:
    """The gate. Where it fails, its message says what to do."""
    check(PUBLISHED)


def test_the_lock_holds_every_revision_with_its_digest() -> None:
    locked = read_lock(PUBLISHED)
    assert tuple(locked) == HISTORY.revisions[: len(locked)]
    for name, facts in locked.items():
        assert facts == facts_of(HISTORY, name)
        assert f"revision {name} sha256:{digest(facts)}\n" in PUBLISHED
    assert update("").startswith(PUBLISHED)
    assert update(PUBLISHED) == update("")


def test_an_edited_lock_is_noticed() -> None:
    with pytest.raises(LockError, match=r"the facts of 0\.1\.0 do not give its digest"):
        check(PUBLISHED.replace('"deadline_exceeded"', '"deadline"', 1))


def test_an_empty_lock_locks_nothing() -> None:
    with pytest.raises(LockError, match="nothing is locked"):
        check("")


BEFORE = """
class Colour(str, Enum):
    RED = "red"


class Row(TypedDict):
    number: int


@message
class Nested:
    x: int = 0


@message
class Thing:
    name: str
    size: Annotated[int, Ge(0), Unit("mm")]
    colour: Colour = Colour.RED
    weight: float | None = None
    parts: Sequence[str] = ()
    nested: Nested | None = None
"""


def locked(declare: Declare) -> str:  # noqa: F811 - the fixture
    return update("", History([revision("1")], declare(BEFORE)))


def advice(text: str, history: History) -> str:
    with pytest.raises(LockError) as raised:
        check(text, history)
    return str(raised.value)


def suggested(said: str, names: dict[str, Any] | None = None) -> tuple[Change, ...]:
    """The steps in an error, as a list of revisions would hold them."""
    if names is None:
        names = {**vars(sys.modules["toy"]), **vars(sys.modules["sagellm_protocol.history.changes"])}
    (text,) = re.findall(r"^revision\((.*)^\),$", said, re.DOTALL | re.MULTILINE)
    written: Revision = eval(f"revision({text})", names)
    return written.changes


STEPS = {
    "a field comes": (
        ("    parts:", '    note: str = ""\n    parts:'),
        ['added("toy.Thing", "note")'],
    ),
    "a required field comes": (
        ("    parts:", "    note: str\n    parts:"),
        ['added("toy.Thing", "note", unsaid="unknown")'],
    ),
    "a required number comes": (
        ("    parts:", "    serial: int\n    parts:"),
        ['added("toy.Thing", "serial")'],
    ),
    "a field is renamed": (
        ("    parts:", "    pieces:"),
        ['renamed("toy.Thing", parts="pieces")'],
    ),
    "a field goes": (
        ("    parts: Sequence[str] = ()\n", ""),
        ['removed("toy.Thing", "parts", was=Sequence[str], default=[], after="weight")'],
    ),
    "the first field goes, and was required": (
        ("    name: str\n", ""),
        ['removed("toy.Thing", "name", was=str)'],
    ),
    "a field of another class goes": (
        ("    nested: Nested | None = None\n", ""),
        ['removed("toy.Thing", "nested", was=Nested | None, default=None, after="parts")'],
    ),
    "a field gets a default": (
        ("    name: str", '    name: str = ""'),
        ['given_default("toy.Thing", "name")'],
    ),
    "bounds get wider": (
        ('Annotated[int, Ge(0), Unit("mm")]', 'Annotated[int, Unit("mm")]'),
        ['retyped("toy.Thing", "size", was=Annotated[int, Ge(0), Unit("mm")])'],
    ),
    "a field takes more, and is no longer required": (
        ("    name: str", "    name: str | None = None"),
        ['retyped("toy.Thing", "name", was=str)', 'given_default("toy.Thing", "name")'],
    ),
    "null goes": (
        ("weight: float | None = None", "weight: float = 0.0"),
        ['null_forbidden("toy.Thing", "weight")'],
    ),
    "a default means something else": (
        ("x: int = 0", "x: int = 1"),
        ['redefined("toy.Nested", "x", was=0)'],
    ),
    "a member comes": (
        ('    RED = "red"\n', '    RED = "red"\n    BLUE = "blue"\n'),
        ['members_added("toy.Colour", "BLUE")'],
    ),
    "a message and an enumeration come": (
        ("class Row", 'class Size(Enum):\n    BIG = "big"\n\n\n@message\nclass New:\n    x: int\n\n\nclass Row'),
        ['introduced("toy.New", "toy.Size")'],
    ),
    "a member is written otherwise": (
        ('RED = "red"', 'RED = "dark red"'),
        ['values_renamed("toy.Colour", red="dark red")'],
    ),
    "a member is called otherwise": (
        ("RED", "CRIMSON"),
        ['members_renamed("toy.Colour", RED="CRIMSON")'],
    ),
    "a typed dict is called otherwise": (
        ("class Row", "class Line"),
        ['moved("toy.Row", "toy.Line")'],
    ),
    "an enumeration is called otherwise": (
        ("Colour", "Hue"),
        ['moved("toy.Colour", "toy.Hue")'],
    ),
    "a message is called otherwise, and it and others changed": (
        ("Nested", "Inner"),
        ['moved("toy.Nested", "toy.Inner")'],
    ),
    "a field can no longer be left out": (
        ("    x: int = 0", "    x: int"),
        ['required("toy.Nested", "x", was=0)'],
    ),
    "a field can neither be left out nor be null": (
        ("weight: float | None = None", "weight: float"),
        ['required("toy.Thing", "weight")'],
    ),
    "much at once": (
        ("    size: Annotated", '    note: str = ""\n    length: Annotated'),
        ['added("toy.Thing", "note")', 'renamed("toy.Thing", size="length")'],
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_the_suggested_step_is_the_one_that_is_missing(name: str, declare: Declare) -> None:  # noqa: F811 - the fixture
    text = locked(declare)
    (old, new), expected = STEPS[name]
    assert old in BEFORE
    catalog = declare(BEFORE.replace(old, new))
    said = advice(text, History([revision("1")], catalog))
    assert "alter what 1 means" in said
    assert "add a revision at the top of the list" in said
    assert [line.strip().removesuffix(",") for line in said.partition('"NEXT",\n')[2].splitlines()[:-1]] == expected

    history = History([revision("2", *suggested(said)), revision("1")], catalog)
    check(text, history)
    grown = update(text, history)
    assert grown.startswith(text)
    assert grown.count("\nrevision ") == 2
    check(grown, history)


def test_a_rule_is_dropped(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(BEFORE)
    one = rule_dropped("toy.Thing", NotAllNull(("weight",)))
    two = rule_dropped("toy.Thing", NotAllNull(("weight", "nested")))
    ruled = update("", History([revision("1", one, two), revision("0")], catalog))
    text = ruled.partition("\nrevision 1")[0]
    said = advice(text, History([revision("0")], catalog))
    assert 'rule_dropped("toy.Thing", NotAllNull(("weight",)))' in said
    assert 'rule_dropped("toy.Thing", NotAllNull(("weight", "nested")))' in said
    check(text, History([revision("1", *suggested(said)), revision("0")], catalog))


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("int | None = 5", "int = 0", ['null_forbidden("toy.Thing", "x")', 'redefined("toy.Thing", "x", was=5)']),
        ("int | None", "int = 0", ['null_forbidden("toy.Thing", "x")', 'given_default("toy.Thing", "x")']),
        ("int | None = 5", "int = 5", ['null_forbidden("toy.Thing", "x")', 'redefined("toy.Thing", "x", was=5)']),
        ("int", "float", ['retyped("toy.Thing", "x", was=int)']),
        ("Annotated[float, Ge(0)]", "Milliseconds", ['retyped("toy.Thing", "x", was=Annotated[float, Ge(0)])']),
        ("Colour", "str", ['retyped("toy.Thing", "x", was=Colour)']),
        ("Sequence[str]", "str | Sequence[str]", ['retyped("toy.Thing", "x", was=Sequence[str])']),
        ("Mapping[str, bool]", "Mapping[str, Any]", ['retyped("toy.Thing", "x", was=Mapping[str, bool])']),
        ('Literal["a"]', 'Literal["a", "b"] | None', ['retyped("toy.Thing", "x", was=Literal["a"])']),
        ("Other", "Other | Another", ['retyped("toy.Thing", "x", was=Other)']),
        ("Sequence[int]", "Sequence[int | None] | None", ['retyped("toy.Thing", "x", was=Sequence[int])']),
    ],
)
def test_a_field_that_takes_more(was: str, now: str, expected: list[str], declare: Declare) -> None:  # noqa: F811
    source = """
    class Colour(str, Enum):
        RED = "red"


    @message
    class Other:
        a: int


    @message
    class Another:
        b: int


    @message
    class Thing:
        x: {}
        after: int = 0
    """
    text = update("", History([revision("1")], declare(source.format(was))))
    catalog = declare(source.format(now))
    said = advice(text, History([revision("1")], catalog))
    assert [line.strip().removesuffix(",") for line in said.partition('"NEXT",\n')[2].splitlines()[:-1]] == expected
    check(text, History([revision("2", *suggested(said)), revision("1")], catalog))


FIELDS = ("    weight: float | None = None\n", "    parts: Sequence[str] = ()\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    number: int\n", "    number: str\n", "# the typed dict toy.Row changed"),
        ("class Row(TypedDict):\n    number: int\n", "", "# toy.Row is gone"),
        ("".join(FIELDS), "".join(reversed(FIELDS)), "stood in the order"),
        ("@message\nclass Thing", '@message(unknown="ignore")\nclass Thing', "# unknown fields of toy.Thing"),
    ],
)
def test_what_no_step_can_undo(old: str, new: str, expected: str, declare: Declare) -> None:  # noqa: F811 - the fixture
    text = locked(declare)
    said = advice(text, History([revision("1")], declare(BEFORE.replace(old, new))))
    assert expected in said
    assert "no step undoes this" in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'Annotated[int, Ge(0), Unit("mm")]',
            'Annotated[int, Ge(0), Unit("m")]',
            "measured in mm and is now in m: values",
        ),
        ('Annotated[int, Ge(0), Unit("mm")]', "Annotated[int, Ge(0)]", "measured in mm and is now in no unit"),
        ('Annotated[int, Ge(0), Unit("mm")]', 'Annotated[int, Gt(0), Unit("mm")]', "size does not take every value"),
        ("weight: float | None = None", "weight: int | None = None", "weight does not take every value that it took"),
        ("    name: str\n", "    name: UUID\n", "# toy.Thing.name does not take every value that it took"),
        ("colour: Colour = Colour.RED", 'colour: Literal["blue"] = "blue"', "# toy.Thing.colour does not take every"),
        ("parts: Sequence[str] = ()", "parts: Mapping[str, str] = {}", "# toy.Thing.parts does not take every value"),
        (
            "nested: Nested | None = None",
            "nested: str | Sequence[str] | None = None",
            "# toy.Thing.nested does not take",
        ),
    ],
)
def test_values_that_have_to_be_converted(old: str, new: str, expected: str, declare: Declare) -> None:  # noqa: F811
    text = locked(declare)
    said = advice(text, History([revision("1")], declare(BEFORE.replace(old, new))))
    name = old.strip().partition(":")[0].replace('Annotated[int, Ge(0), Unit("mm")]', "size")
    assert expected in said
    assert re.search(rf'convert them: converted\("toy.Thing", before={{"{name}": .*}}, after=\("{name}",\), up=', said)


def test_a_computed_default_that_goes(declare: Declare) -> None:  # noqa: F811 - the fixture
    source = "@message\nclass Thing:\n    id: UUID = field(factory=uuid4)\n    both: int = derived(len, default=1)\n"
    text = update("", History([revision("1")], declare(source)))
    assert '{"type": "UUID", "made": "uuid4"}' in text
    assert '{"type": "int", "derived": 1}' in text
    said = advice(text, History([revision("1")], declare(source.replace("    id: UUID = field(factory=uuid4)\n", ""))))
    assert "# toy.Thing.id had a default that was computed" in said


def test_types_are_written_as_they_are_declared(declare: Declare) -> None:  # noqa: F811 - the fixture
    source = """
    @message
    class Other:
        x: float = 0.5


    @message
    class Thing:
        ratio: Annotated[float, Le(1.0), Gt(0.25)]
        which: Literal["a", "b"] | None
        table: Mapping[str, Any]
        flag: bool
        held: Other = Other(x=2.0)
        either: str | Sequence[str] = ""
        pairs: tuple[int, ...] = ()
    """
    history = History([revision("2", added("toy.Other", "x")), revision("1")], declare(source))
    facts = {subject.path: fact for subject, fact in facts_of(history, "2").items()}
    assert facts["toy.Thing.ratio"]["type"] == "Annotated[float, Gt(0.25), Le(1)]"
    assert facts["toy.Thing.which"]["type"] == 'Literal["a", "b"] | None'
    assert facts["toy.Thing.table"]["type"] == "Mapping[str, Any]"
    assert facts["toy.Thing.flag"]["type"] == "bool"
    assert facts["toy.Thing.held"] == {"type": "toy.Other", "default": {"x": 2.0}}
    assert facts["toy.Thing.either"]["type"] == "str | Sequence[str]"
    assert facts["toy.Thing.pairs"]["type"] == "Sequence[int]"
    before = {subject.path: fact for subject, fact in facts_of(history, "1").items()}
    assert before["toy.Thing.held"]["default"] == {}


def test_the_revision_in_the_works_is_told_all_that_it_needs(declare: Declare) -> None:  # noqa: F811 - the fixture
    text = locked(declare)
    catalog = declare(BEFORE.replace("    parts:", '    note: str = ""\n    more: str = ""\n    pieces:'))
    half = History([revision("2", added("toy.Thing", "note")), revision("1")], catalog)
    said = advice(text, half)
    assert "revision 2 needs these steps" in said
    whole = suggested(said)
    check(text, History([revision("2", *whole), revision("1")], catalog))


@pytest.mark.parametrize(
    "wrong",
    [
        added("toy.Thing", "no_such_field"),
        removed("toy.Thing", "old", was=str, after="no_such_field"),
    ],
)
def test_a_list_that_cannot_be_undone(wrong: Change, declare: Declare) -> None:  # noqa: F811 - the fixture
    text = locked(declare)
    said = advice(text, History([revision("2", wrong), revision("1")], declare(BEFORE)))
    assert "the list cannot be undone" in said


def test_the_list_of_what_was_published_is_not_to_be_changed(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(BEFORE)
    text = update("", History([revision("2", added("toy.Thing", "parts")), revision("1")], catalog))
    said = advice(text, History([revision("2", added("toy.Thing", "weight")), revision("1")], catalog))
    assert "the list of revisions says something else of 1" in said
    assert "- field toy.Thing.weight" in said
    assert "+ field toy.Thing.parts" in said


def test_revisions_come_at_the_end_and_one_at_a_time(declare: Declare) -> None:  # noqa: F811 - the fixture
    text = locked(declare)
    catalog = declare(BEFORE)
    for names in (["1", "0"], ["3", "2", "1"], ["2"]):
        with pytest.raises(LockError, match="do not go together"):
            update(text, History([revision(name) for name in names], catalog))


def test_what_went_stays_gone(declare: Declare) -> None:  # noqa: F811 - the fixture
    history = History(
        [revision("2", renamed("toy.Thing", title="name")), revision("1")],
        declare(BEFORE),
    )
    text = update("", history)
    assert "- field toy.Thing.title\n" in text
    check(text, history)


def test_as_a_command(
    declare: Declare,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    declare(BEFORE)
    (tmp_path / "listed.py").write_text(
        "from sagellm_protocol.catalog import Catalog\n"
        "from sagellm_protocol.history import History\n"
        "from sagellm_protocol.history.changes import revision\n"
        'OURS = History([revision("1")], Catalog(["toy"]))\n',
        encoding="utf-8",
    )
    file = tmp_path / "ours.lock"
    ours = ["--history", "listed:OURS", "--lock", str(file)]
    assert main([*ours, "--check"]) == 1
    assert "nothing is locked" in capsys.readouterr().err
    assert main(ours) == 0
    assert main([*ours, "--check"]) == 0
    file.write_text(file.read_text(encoding="utf-8").replace("toy.Thing.name", "toy.Thing.title"), encoding="utf-8")
    assert main(ours) == 1
    sys.modules.pop("listed")
    monkeypatch.setattr(sys, "argv", ["lock", "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(lock.__file__), run_name="__main__")
    assert ended.value.code == 0


@pytest.mark.parametrize("name", ["listed", "no_such_module:OURS", "math:pi"])
def test_a_history_that_is_none(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--history", name, "--lock", str(tmp_path / "ours.lock")])
    assert ended.value.code == 2
    assert name in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def steps_in_contributing() -> dict[str, tuple[str, str]]:
    """What the table in CONTRIBUTING.md says: a change to the class, and the step for it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("\\|", "|")
    rows = re.findall(r"^\| ([^|`]+) \| (?:`(.+)`|the .+) \| `(\w+\(.+\))` \|$", text, re.MULTILINE)
    return {change: (line, step) for change, line, step in rows}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, in which today's revision is locked: as it will be when that is published."""
    assert sagellm_protocol.__file__ is not None
    copy = tmp_path_factory.mktemp("copied") / "sagellm_protocol"
    shutil.copytree(Path(sagellm_protocol.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "schema" / lock.PUBLISHED.name).write_text(update(PUBLISHED), encoding="utf-8")
    return copy


def test_the_table_in_contributing_is_found() -> None:
    assert len(steps_in_contributing()) == 11


@pytest.mark.once
@pytest.mark.parametrize("change", steps_in_contributing())
def test_the_gate_asks_for_the_steps_in_contributing(change: str, package: Path) -> None:
    """The class is changed as the table in CONTRIBUTING.md says, in a copy of the package, whose gate is then run."""
    line, step = steps_in_contributing()[change]
    names = {**vars(sys.modules["sagellm_protocol.history.changes"]), **vars(sys.modules["typing"])}
    names |= {**vars(sys.modules["sagellm_protocol.model.units"]), **vars(sys.modules["annotated_types"])}
    expected = eval(step, names)
    module = package / ("errors.py" if "errors." in step else "types.py")
    source = module.read_text(encoding="utf-8")
    try:
        module.write_text(changed(source, line, expected), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "sagellm_protocol.schema.lock", "--check"],
            cwd=package.parent,
            env={"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        module.write_text(source, encoding="utf-8")
    assert done.returncode == 1, done.stderr
    assert suggested(done.stderr, names) == (expected,), done.stderr


def changed(source: str, line: str, step: Change) -> str:
    """The source of a module with a change made to a class in it."""
    before, request, after = source.partition("class Request:")
    match step:
        case Introduced():
            text = f"{source}\n\n@message\nclass Cancel:\n    request_id: str\n"
        case MembersAdded():
            text = re.sub(r"^(    [A-Z_]+ = .+\n)", rf"    {line}\n\1", source, count=1, flags=re.MULTILINE)
        case Added():
            text = before + request + after.replace("    trace_id: str\n", f"    {line}\n    trace_id: str\n", 1)
        case Renamed(names=names):
            text = (
                before + request + re.sub(rf"^    {next(iter(names))}: .+$", f"    {line}", after, count=1, flags=re.M)
            )
        case Removed(field=field):
            text = before + request + re.sub(rf"^    {field.name}: .+\n", "", after, count=1, flags=re.MULTILINE)
        case _:
            name = line.partition(":")[0]
            text = before + request + re.sub(rf"^    {name}: .+$", f"    {line}", after, count=1, flags=re.MULTILINE)
    assert text != source
    return text.replace("    AnyTokens,\n", "    AnyTokens,\n    NonNegative,\n", 1)
