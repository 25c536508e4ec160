"""Archives of a protocol of one's own: by name it gets to every worker, and another one is another run."""

from __future__ import annotations

import importlib
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from fleets import NAME
from sagellm_protocol.archive import ArchiveError, Options, RefusedError
from sagellm_protocol.archive.running import Report, history_of, retry, upgrade_archive, upgrade_stream
from sagellm_protocol.archive.surveys import inspect_archive, validate_archive, validate_stream
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.history.named import PROTOCOL, named
from sagellm_protocol.model.exceptions import OptionError

OLD = {"node": "n1", "health": "good", "ping_ms": 3.5, "gpus": [{"index": 0, "busy": 0.25}]}
HOOK = """

@HISTORY.hook("NodeReport", since="1.0")
def seconds"""


def anew() -> None:
    """The module is imported anew, as in another process."""
    sys.modules.pop("fleet_of_ours", None)
    importlib.invalidate_caches()


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """What a node of release 1.0 wrote."""
    path = tmp_path / "reports.jsonl"
    path.write_text("".join(json.dumps(OLD | {"node": f"lab{number}"}) + "\n" for number in range(20)))
    return path


def upgrade(reports: Path, out: Path, history: Any = NAME, **others: Any) -> Report:
    return upgrade_archive(reports, out, **{"history": history, "workers": 2, "shard_size": 500} | others)


def written(out: Path) -> list[Any]:
    return [json.loads(line) for path in sorted(out.glob("*.jsonl")) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("executor", [False, True])
def test_workers_find_it_by_its_name(fleet: Path, reports: Path, tmp_path: Path, *, executor: bool) -> None:
    out = tmp_path / "out"
    if executor:
        with ProcessPoolExecutor(2, get_context("spawn")) as made:
            report = upgrade(reports, out, workers=None, executor=made)
    else:
        report = upgrade(reports, out)
    assert len(report.files["reports.jsonl"].outputs) > 1
    assert report.complete
    assert [it["round_trip_ms"] for it in written(out)] == [3.5] * 20
    assert report.total.types.keys() == {"fleet_of_ours.NodeReport"}
    assert history_of(out) == NAME


def test_a_history_without_a_name_goes_nowhere(fleet: Path, reports: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r'do not reach other workers: .* or history="module:attribute"'):
        upgrade(reports, tmp_path / "out", named(NAME))
    assert upgrade(reports, tmp_path / "out", named(NAME), workers=None).complete
    with pytest.raises(OptionError, match="that has no name: give it once more"):
        retry(tmp_path / "out")
    assert retry(tmp_path / "out", history=named(NAME)).complete


def test_hooks_that_come_with_it_are_the_workers_too(fleet: Path, reports: Path, tmp_path: Path) -> None:
    fleet.write_text(fleet.read_text().replace("\ndef seconds", HOOK))
    upgrade(reports, tmp_path / "out")
    assert {it["round_trip_ms"] for it in written(tmp_path / "out")} == {3500.0}
    with pytest.raises(OptionError, match="hooks are registered on a history of their own"):
        upgrade(reports, tmp_path / "out", hooks=["site_hooks:repair"])


def test_hooks_that_workers_lack_are_noticed(fleet: Path, reports: Path, tmp_path: Path) -> None:
    named(NAME).hook("NodeReport", since="1.0")(lambda payload: payload)
    with pytest.raises(ArchiveError, match="another version of this package, or of the hooks"):
        upgrade(reports, tmp_path / "out")


def test_hooks_are_registered_on_it(fleet: Path, reports: Path, tmp_path: Path) -> None:
    hooks = "\n\ndef register(history):\n    history.hook('NodeReport', since='1.0')(seconds_to_milliseconds)\n"
    fleet.write_text(fleet.read_text() + hooks)
    upgrade(reports, tmp_path / "out", hooks=["fleet_of_ours:register"])
    assert {it["round_trip_ms"] for it in written(tmp_path / "out")} == {3500.0}


CHANGES = {
    "nothing": ("", "", 1),
    "what a revision changed": ('given_default("fleet_of_ours.GpuReading", "busy"),', "", 2),
    "a function beside the messages": ("*= 1000", "*= 100", 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_history_is_another_run(change: str, fleet: Path, reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    upgrade(reports, out, workers=1)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.jsonl")}
    was, now, runs = CHANGES[change]
    fleet.write_text(fleet.read_text().replace(was, now))
    anew()
    upgrade(reports, out, workers=1)
    after = {path: path.stat().st_mtime_ns for path in out.glob("*.jsonl")}
    assert before.keys() == after.keys()
    assert (before == after) is (runs == 1)


def test_one_without_a_name_is_known_by_what_it_says(fleet: Path, reports: Path, tmp_path: Path) -> None:
    catalog = named(NAME).catalog
    reports.write_text('{"node": "n1"}\n')
    writes = []
    for changes in ([], [], [added("fleet_of_ours.NodeReport", "labels")]):
        history = History([revision("2.0", *changes), revision("1.0")], catalog)
        assert upgrade(reports, tmp_path / "out", history, workers=1).complete
        writes.append((tmp_path / "out/reports.jsonl").stat().st_mtime_ns)
    assert writes[0] == writes[1] < writes[2]


def test_the_same_module_of_another_name_is_another_run(fleet: Path, reports: Path, tmp_path: Path) -> None:
    fleet.write_text(fleet.read_text() + "\nSAME = HISTORY\n")
    upgrade(reports, tmp_path / "out", workers=1)
    before = (tmp_path / "out/reports.00000.jsonl").stat().st_mtime_ns
    upgrade(reports, tmp_path / "out", "fleet_of_ours:SAME", workers=1)
    assert (tmp_path / "out/reports.00000.jsonl").stat().st_mtime_ns > before


def test_a_name_of_the_protocols_own(log: Path, tmp_path: Path) -> None:
    by_name = upgrade_archive(log, tmp_path / "out", Options(since="0.4.0.8"), history=PROTOCOL, workers=1)
    before = (tmp_path / "out/log.jsonl").stat().st_mtime_ns
    assert upgrade_archive(log, tmp_path / "out", Options(since="0.4.0.8"), history=HISTORY, workers=1) == by_name
    assert (tmp_path / "out/log.jsonl").stat().st_mtime_ns == before
    assert history_of(tmp_path / "out") == PROTOCOL


@pytest.mark.parametrize("name", [None, NAME])
def test_what_was_set_aside_is_fed_back_as_it_was_read(
    name: str | None, fleet: Path, reports: Path, tmp_path: Path
) -> None:
    reports.write_text('{"index": 0, "busy": 1.0}\n' * 3)
    out = tmp_path / "out"
    assert upgrade(reports, out, workers=1, options=Options("NodeReport", "1.0")).total.rejected == 3
    assert retry(out, Options("GpuReading", "1.0"), history=name, workers=2).set_aside == 0
    assert len(list(out.glob("retried/*"))) == 1


def test_there_must_have_been_one(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has no upgrade in it"):
        history_of(tmp_path)


def test_surveys_take_the_name(fleet: Path, reports: Path) -> None:
    found = inspect_archive(reports, history=NAME, workers=2, shard_size=500)
    assert found.sources["reports.jsonl"].releases == ("1.0",)
    assert validate_archive(reports, history=NAME, workers=2, shard_size=500).is_valid
    assert validate_stream(BytesIO(reports.read_bytes()), history=NAME).is_valid


def test_streams_take_the_name(fleet: Path, reports: Path) -> None:
    output = BytesIO()
    upgrade_stream(BytesIO(reports.read_bytes()), output, BytesIO(), history=NAME)
    assert output.getvalue().count(b'"round_trip_ms"') == 20


@pytest.mark.parametrize("work", [upgrade_archive, inspect_archive, validate_archive])
def test_a_name_of_none(work: Any, reports: Path, tmp_path: Path) -> None:
    arguments = [tmp_path / "out"] if work is upgrade_archive else []
    with pytest.raises(OptionError, match="cannot be imported"):
        work(reports, *arguments, history="no_such_module:HISTORY")
    assert not (tmp_path / "out").exists()
