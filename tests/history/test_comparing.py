"""What differs between two releases, and whom it breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from annotated_types import Ge, Gt, Le, Lt
from click.testing import CliRunner

import published
import toy_history
from losses import outgrown
from sagellm_protocol import codecs
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.cli.diff import diff_command
from sagellm_protocol.cli.schema import schema_command
from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import (
    added,
    given_default,
    introduced,
    members_added,
    members_renamed,
    moved,
    null_forbidden,
    redefined,
    removed,
    renamed,
    rescaled,
    retyped,
    revision,
    rule_dropped,
    values_renamed,
)
from sagellm_protocol.history.comparing import Difference, compare, fits
from sagellm_protocol.kv_hooks import KVDType
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.exceptions import ProtocolError, UnsupportedRevisionError
from sagellm_protocol.model.kinds import Member
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.model.units import Milliseconds, Seconds, Unit
from sagellm_protocol.timestamps import Timestamps
from toys import Declare, declare  # noqa: F401 - the fixture


def table(differences: Sequence[Difference]) -> dict[tuple[str, str], tuple[str, str, str]]:
    return {(found.path, found.kind): (found.before, found.after, found.breaks) for found in differences}


def test_the_published_releases() -> None:
    found = table(compare("0.4.0.8", "0.5.4.16"))
    assert found["types.StreamEventDelta.content", "renamed"] == ("chunk", "content", "both")
    assert found["types.Request.temperature", "bounds"] == (
        "float | None (> 0 <= 2)",
        "float | None (>= 0 <= 2)",
        "readers",
    )
    assert found["types.Request.prompt", "required"] == ("required", 'default ""', "readers")
    assert found["types.Request.messages", "field added"][2] == "readers"
    assert found["sampling.SamplingParams.strategy", "meaning"] == (
        'default "greedy"',
        "derived from the rest",
        "both",
    )
    assert found["sampling.DecodingStrategy.SPECULATIVE", "member added"] == ("", '"speculative"', "readers")
    assert found["pd_sep_types.PDDispatchPlan", "message added"][2] == "none"
    assert found["pd_sep_types.EngineRole", "enum added"][2] == "none"
    assert found["kv.metrics.OperationMetrics", "typed dict added"][2] == "none"


def test_the_first_step() -> None:
    found = table(compare("0.1.0", "0.1.0.1"))
    assert found["types.Metrics.tbt_ms", "type"] == ("float | None (>= 0)", "float (>= 0)", "writers")
    assert found["types.Metrics.tbt_ms", "default"] == ("default null", "default 0.0", "none")
    assert found["types.Metrics", "rule dropped"] == ("not null in at least one of tbt_ms, tpot_ms", "", "readers")
    assert found["types.StreamEventEnd.engine_id", "field added"] == ("", "str, required", "both")


def test_backwards_is_the_mirror_image() -> None:
    mirrored = {"readers": "writers", "writers": "readers", "both": "both", "none": "none"}
    for old, new in pairwise(HISTORY.revisions):
        forwards, backwards = compare(old, new), compare(new, old)
        assert len(forwards) == len(backwards)
        for found in forwards:
            if found.kind not in ("message added", "enum added", "typed dict added"):
                opposite = [other for other in backwards if (other.before, other.after) == (found.after, found.before)]
                assert mirrored[found.breaks] in {other.breaks for other in opposite}, found
    assert compare("latest", HISTORY.latest) == ()


def test_of_one_message() -> None:
    found = compare("0.1.0", "latest", "Response")
    assert {difference.path.rpartition(".")[0] for difference in found if difference.kind == "field added"} == {
        "types.Response",
        "types.Metrics",
    }
    owners = {difference.path.rpartition(".")[0] for difference in found if difference.kind == "member added"}
    assert owners == {"errors.ErrorCode"}
    assert [difference.kind for difference in compare("0.1.0", "latest", "SamplingParams")] == [
        "message added",
        "enum added",
    ]
    with pytest.raises(UnsupportedRevisionError, match=r"0\.4\.0\.7"):
        compare("0.1.0", "0.1.2.0", "SamplingParams")
    with pytest.raises(UnsupportedRevisionError, match="no release"):
        compare("9", "latest")


def test_readers_that_let_unknown_fields_pass() -> None:
    path = "types.Request.messages", "field added"
    assert table(compare("0.4.0.8", "latest"))[path][2] == "readers"
    assert table(compare("0.4.0.8", "latest", unknown="ignore"))[path][2] == "none"
    assert table(compare("0.1.0", "latest", unknown="ignore"))["types.StreamEventEnd.engine_id", "field added"][2] == (
        "writers"
    )


NOW = """
class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


class Row(TypedDict):
    number: int


@message
class Cat:
    kind: Literal["cat"] = "cat"


@message
class Dog:
    kind: Literal["dog"] = "dog"


@message(unknown="ignore")
class Loose:
    came: int | None = None


@message
class Thing:
    name: str = ""
    lasts: Milliseconds = 1.0
    pets: Sequence[Cat | Dog] = ()
    colour: Colour | None = None
    label: str | Sequence[str] = ""
    id: UUID = field(factory=uuid4)
    count: int = 2
    guess: int = derived(len, default=0)
    size: float = 0.0
    table: Mapping[str, Colour] = {}
"""


@pytest.fixture
def toy(declare: Declare) -> History:  # noqa: F811 - the fixture
    catalog = declare(NOW)
    return History(
        [
            revision(
                "3",
                introduced("toy.Row", "toy.Dog"),
                added("toy.Loose", "came"),
                members_added("toy.Colour", "BLUE"),
                redefined("toy.Thing", "guess", was=3),
                redefined("toy.Thing", "count", was=1),
                retyped("toy.Thing", "lasts", was=Annotated[float, Ge(0)]),
                retyped("toy.Thing", "pets", was=Sequence[catalog.messages["toy.Cat"]]),  # type: ignore[misc]
                retyped("toy.Thing", "label", was=Sequence[str] | str),
                removed("toy.Thing", "old", was=int),
                removed("toy.Loose", "gone", was=int, default=0),
                null_forbidden("toy.Thing", "size"),
                given_default("toy.Thing", "name"),
                rule_dropped("toy.Thing", NotAllNull(("colour",))),
            ),
            revision("2", renamed("toy.Thing", title="name"), redefined("toy.Thing", "count", was=2)),
            revision("1"),
        ],
        catalog,
    )


def test_every_kind(toy: History) -> None:
    assert table(compare("2", "3", history=toy)) == {
        ("toy.Dog", "message added"): ("", "kind", "none"),
        ("toy.Loose.came", "field added"): ("", "int | None, default null", "none"),
        ("toy.Loose.gone", "field removed"): ("int, default 0", "", "none"),
        ("toy.Thing.name", "required"): ("required", 'default ""', "readers"),
        ("toy.Thing.lasts", "unit"): ("", "ms", "both"),
        ("toy.Thing.pets", "type"): ("list[toy.Cat]", "list[toy.Cat | toy.Dog]", "readers"),
        ("toy.Thing.label", "type"): ("list[str] | str", "str | list[str]", "none"),
        ("toy.Thing.old", "field removed"): ("int, required", "", "both"),
        ("toy.Thing.count", "meaning"): ("default 1", "default 2", "both"),
        ("toy.Thing.guess", "meaning"): ("default 3", "derived from the rest", "both"),
        ("toy.Thing.size", "type"): ("float | None", "float", "writers"),
        ("toy.Thing.size", "default"): ("default null", "default 0.0", "none"),
        ("toy.Thing", "rule dropped"): ("not null in at least one of colour", "", "readers"),
        ("toy.Colour.BLUE", "member added"): ("", '"blue"', "readers"),
        ("toy.Row", "typed dict added"): ("", "number", "none"),
    }


def test_every_kind_backwards(toy: History) -> None:
    found = table(compare("3", "2", history=toy))
    assert found["toy.Dog", "message removed"] == ("kind", "", "writers")
    assert found["toy.Thing.name", "required"] == ('default ""', "required", "writers")
    assert found["toy.Thing.old", "field added"] == ("", "int, required", "both")
    assert found["toy.Thing", "rule added"] == ("", "not null in at least one of colour", "writers")
    assert found["toy.Colour.BLUE", "member removed"] == ('"blue"', "", "writers")
    assert found["toy.Row", "typed dict removed"] == ("number", "", "none")
    assert found["toy.Thing.guess", "meaning"] == ("derived from the rest", "default 3", "both")


def test_a_meaning_that_came_back_is_no_difference(toy: History) -> None:
    assert table(compare("1", "2", history=toy)).keys() == {
        ("toy.Thing.count", "meaning"),
        ("toy.Thing.name", "renamed"),
    }
    found = table(compare("1", "3", history=toy))
    assert ("toy.Thing.count", "meaning") not in found
    assert found["toy.Thing.name", "renamed"] == ("title", "name", "both")
    assert found["toy.Thing.name", "required"] == ("required", 'default ""', "readers")


def test_enumerations_go_as_well(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(NOW)
    ours = History([revision("2", introduced("toy.Colour", "toy.Thing")), revision("1")], catalog)
    assert table(compare("2", "1", history=ours))["toy.Colour", "enum removed"] == ("RED, BLUE", "", "writers")


def test_a_default_that_changed_unannounced(declare: Declare) -> None:  # noqa: F811 - the fixture
    source = "@message\nclass Thing:\n    a: int = 0\n    b: int = 1\n    id: UUID = field(factory=uuid4)\n"
    one = "00000000-0000-0000-0000-000000000000"
    ours = History(
        [revision("3", removed("toy.Thing", "old", int, default=7)),
         revision("2", redefined("toy.Thing", "old", was=8), redefined("toy.Thing", "id", was=one)),
         revision("1")],
        declare(source),
    )  # fmt: skip
    assert table(compare("1", "2", history=ours)) == {
        ("toy.Thing.old", "meaning"): ("default 8", "default 7", "both"),
        ("toy.Thing.id", "meaning"): (f'default "{one}"', "made anew", "both"),
    }


def test_conversions_between_any_two_revisions(declare: Declare) -> None:  # noqa: F811 - the fixture
    ours = toy_history.history_of(declare(toy_history.SOURCE))
    step = table(compare("5", "6", history=ours))
    assert step == {
        ("toy.Job.owner", "renamed"): ("user", "owner", "both"),
        ("toy.Job.state", "default"): ('default "pending"', 'default "waiting"', "none"),
        ("toy.Step.state", "default"): ('default "pending"', 'default "waiting"', "none"),
        ("toy.Job.timeout_s", "converted"): (
            "timeout_ms: int (>= 0), default 1500",
            "float (>= 0), default 1.5",
            "both",
        ),
        ("toy.Job.budget_s", "converted"): ("budget: int, default 0", "int, default 0", "both"),
        ("toy.State.WAITING", "value"): ('"pending"', '"waiting"', "both"),
        ("toy.State.OVER", "value"): ('"ended"', '"over"', "both"),
    }
    assert table(compare("3", "4", history=ours))["toy.Job.retries", "meaning"][2] == "both"
    whole = table(compare("1", "6", history=ours))
    assert whole["toy.Job.total", "converted"][0] == "done: int, default 0; left: int, default 0"
    assert whole["toy.Job.host", "converted"] == ("endpoint: str, required", "str, required", "both")
    assert whole["toy.Step", "moved"] == ("toy.Phase", "toy.Step", "none")
    assert whole["toy.Job.old", "field removed"][0] == "int, default 0"
    assert ("toy.Job.steps", "type") not in whole
    back = table(compare("6", "1", history=ours))
    assert back["toy.Job.endpoint", "converted"] == (
        "host: str, required; port: int, required",
        "str, required",
        "both",
    )
    assert back["toy.Phase", "moved"] == ("toy.Step", "toy.Phase", "none")
    assert back["toy.State.WAITING", "value"] == ('"waiting"', '"pending"', "both")
    assert back["toy.Job.state", "default"][2] == "none"
    assert table(compare("1", "6", "Phase", history=ours)).keys() >= {
        ("toy.Step.lasts_s", "converted"),
        ("toy.State.OVER", "value"),
    }
    assert table(compare("4", "5", "Size", history=ours)) == {}


def test_what_came_and_was_converted_in_between_is_new(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare(
        "class Hue(str, Enum):\n    RED = 'c'\n\n\n@message\nclass Thing:\n    c: int = 0\n    hue: Hue\n"
    )
    ours = History(
        [
            revision("4", moved("toy.Colour", "toy.Hue"), values_renamed("toy.Colour", b="c")),
            revision(
                "3",
                rescaled("toy.Thing", c="b", by=0.5),
                values_renamed("toy.Colour", a="b"),
                moved("toy.Tint", "toy.Colour"),
            ),
            revision("2", added("toy.Thing", "b"), members_renamed("toy.Tint", ROSE="RED")),
            revision("1"),
        ],
        catalog,
    )
    assert table(compare("1", "4", history=ours)) == {
        ("toy.Thing.c", "field added"): ("", "int, default 0", "readers"),
        ("toy.Hue", "moved"): ("toy.Tint", "toy.Hue", "none"),
        ("toy.Hue.RED", "value"): ('"a"', '"c"', "both"),
    }
    assert table(compare("2", "3", history=ours))["toy.Thing.c", "converted"][0] == "b: int, default 0"


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        (int, float, True),
        (float, int, False),
        (int, Any, True),
        (Any, int, False),
        (int, int | None, True),
        (int | None, int, False),
        (int | None, float | None, True),
        (Annotated[int, Gt(0)], Annotated[int, Ge(0)], True),
        (Annotated[int, Ge(0)], Annotated[int, Gt(0)], False),
        (Annotated[int, Ge(1)], Annotated[int, Gt(0)], True),
        (Annotated[int, Lt(3), Ge(2)], Annotated[int, Le(3), Ge(1)], True),
        (Annotated[int, Le(3)], Annotated[int, Lt(3)], False),
        (Annotated[int, Le(2)], Annotated[int, Lt(3)], True),
        (int, Annotated[int, Ge(0)], False),
        (Annotated[int, Ge(0)], Annotated[float, Unit("ms")], True),
        (Milliseconds, Seconds, True),
        (Sequence[int], Sequence[float], True),
        (Sequence[float], tuple[int, ...], False),
        (Mapping[str, int], Mapping[str, Any], True),
        (Mapping[str, Any], Mapping[str, int], False),
        (UUID, str, True),
        (str, UUID, False),
        (Literal["a"], str, True),
        (str, Literal["a"], False),
        (Literal["a"], Literal["b", "a"], True),
        (Literal["a", "b"], Literal["a"], False),
        (KVDType, str, True),
        (KVDType, ErrorCode, False),
        (Literal["fp16"], KVDType, True),
        (str, str | Sequence[str], True),
        (str | Sequence[str], str, False),
        (str | Sequence[str], Sequence[str] | str, True),
        (str | Sequence[str], str | Sequence[str] | int, True),
        (Error, Error | Timestamps, True),
        (Error | Timestamps, Error, False),
        (Error, str, False),
        (bool, int, False),
    ],
)
def test_what_fits_into_what(narrow: Any, wide: Any, expected: bool) -> None:
    assert fits(read_type(narrow), read_type(wide)) is expected


def test_numbers_of_an_enumeration_are_no_text() -> None:
    assert not fits(Member("a.Level", {"LOW": 1}), read_type(str))


@pytest.mark.parametrize(
    ("old", "new"), [*pairwise(published.revisions()), ("0.1.0", "0.5.4.16"), ("0.4.0.7", "0.5.1.1")]
)
def test_the_verdicts_hold_for_what_was_written(old: str, new: str) -> None:
    """Who is said not to break reads all that the other side wrote."""
    both = HISTORY.specs(old).keys() & HISTORY.specs(new).keys()
    found = {name: compare(old, new, name) for name in both}
    for reader, writer, side in ((old, new, "readers"), (new, old, "writers")):
        refused = {}
        codec = codecs.get("dict", revision=reader)
        for recorded in published.corpus(writer):
            if recorded.type in both:
                try:
                    codec.decode(recorded.payload, HISTORY.catalog.get(recorded.type))
                except ProtocolError as error:
                    # What today refuses, no codec reads; of the two revisions that says nothing.
                    if not outgrown(recorded.type, HISTORY.upgrade(recorded.payload, recorded.type, since=writer)):
                        refused[recorded.type] = error
        broken = {name for name in both if any(item.breaks in (side, "both") for item in found[name])}
        assert refused.keys() <= broken, (side, refused)


# On the command line


def test_a_table() -> None:
    done = CliRunner().invoke(diff_command, ["0.4.0.8", "0.5.4.16", "StreamEventDelta"])
    assert done.exit_code == 0
    assert "types.StreamEventDelta.content_tokens" in done.output
    assert done.output.endswith("2 changes: 2 of them breaking for readers, 2 for writers, 0 for neither\n")


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")
    done = CliRunner().invoke(diff_command, ["0.5.1.0", "0.5.1.1"])
    assert done.exit_code == 0
    assert "\x1b[" in done.output


def test_nothing_to_show() -> None:
    done = CliRunner().invoke(diff_command, ["0.3.0", "0.4.0.6"])
    assert done.output == "0 changes: 0 of them breaking for readers, 0 for writers, 0 for neither\n"


def test_markdown_and_json() -> None:
    arguments = ["0.5.4.13", "0.5.4.16", "types.Request"]
    done = CliRunner().invoke(diff_command, [*arguments, "--format", "markdown"])
    assert done.output.startswith("| where | change | before | after | breaks |\n|---|---|---|---|---|\n")
    assert "| `types.Request.temperature` | bounds | `float \\| None (> 0 <= 2)` |" in done.output
    done = CliRunner().invoke(diff_command, [*arguments, "--format", "json", "--unknown", "ignore"])
    rows = json.loads(done.output)
    assert {"path": "types.Request.temperature", "kind": "bounds", "breaks": "readers"}.items() <= rows[-1].items()


@pytest.mark.parametrize("arguments", [["0.1.0", "9.9"], ["0.1.0", "latest", "NoSuchMessage"]])
def test_what_is_not_known(arguments: list[str]) -> None:
    done = CliRunner().invoke(diff_command, arguments)
    assert done.exit_code == 2
    assert arguments[-1] in done.output


def test_schemas() -> None:
    done = CliRunner().invoke(schema_command, ["Request", "--revision", "0.4.0.8"])
    assert json.loads(done.output)["title"] == "types.Request"
    done = CliRunner().invoke(schema_command, ["--all"])
    assert len(json.loads(done.output)["$defs"]) == len(CATALOG.messages) + len(CATALOG.enums)


@pytest.mark.parametrize("arguments", [[], ["Request", "--all"], ["NoSuchMessage"], ["Request", "--revision", "9.9"]])
def test_schemas_that_there_are_not(arguments: list[str]) -> None:
    assert CliRunner().invoke(schema_command, arguments).exit_code == 2
