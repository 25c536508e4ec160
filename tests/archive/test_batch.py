"""Many files: what is refused before any work, and how a run goes on after a stop."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sagellm_protocol.archive import (
    AUTO,
    ArchiveError,
    Options,
    RefusedError,
    Report,
    UnreadableError,
    Watch,
    upgrade_archive,
)
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.history import History
from sagellm_protocol.history.published import REVISIONS
from sagellm_protocol.model.exceptions import ValidationError

OLD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'
SAMPLING = '{"temperature":0.5}\n'


class Recorder(Watch):
    """Notes which files are begun, and stops at one of them."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.begun: list[str] = []
        self.total = 0
        self.size = 0
        self._stop_at = stop_at

    def begin(self, total: int) -> None:
        super().begin(total)
        self.total = total

    def begin_file(self, name: str) -> None:
        super().begin_file(name)
        self.begun.append(name)

    def advance(self, size: int) -> None:
        super().advance(size)
        self.size += size
        if self.begun[-1] == self._stop_at:
            raise KeyboardInterrupt


class Archive:
    """Three logs and a folder for what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "out"
        self.sources = [self.add(f"{name}.jsonl", OLD + "{\n") for name in "abc"]

    def add(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *sources: Path, stop_at: str | None = None, options: Options | None = None, **more: Any) -> list[str]:
        """Upgrade, and tell which files were begun."""
        watch = Recorder(stop_at)
        if stop_at is None:
            self.report = upgrade_archive(sources or self.sources, self.output, options, watch=watch, **more)
            assert watch.size == watch.total
        else:
            with pytest.raises(KeyboardInterrupt):
                upgrade_archive(sources or self.sources, self.output, options, watch=watch, **more)
        return watch.begun

    def refused(self, *sources: Path, **more: Any) -> str:
        """Upgrade, and tell why not; nothing may change."""
        before = self.state()
        with pytest.raises(RefusedError) as caught:
            upgrade_archive(sources or self.sources, self.output, **more)
        assert self.state() == before
        return str(caught.value)

    def state(self) -> dict[str, bytes]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def test_the_folder_holds_the_files_those_set_aside_and_the_report(archive: Archive) -> None:
    assert archive.run() == ["a.jsonl", "b.jsonl", "c.jsonl"]
    names = ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert [name.removeprefix("out/") for name in archive.state() if name.startswith("out/")] == [
        *names,
        *(f"rejected/{name}" for name in names),
        "report.json",
    ]
    report = json.loads((archive.output / "report.json").read_bytes())
    assert report["complete"]
    assert {name: report["total"][name] for name in ("records", "upgraded", "unchanged", "rejected")} == {
        "records": 6,
        "upgraded": 3,
        "unchanged": 0,
        "rejected": 3,
    }
    assert report["total"]["revisions"] == {"0.1.0": 3}
    assert report["files"]["b.jsonl"]["source"] == str(archive.sources[1])
    assert report["files"]["b.jsonl"]["rejections"][0]["line"] == 2
    assert Report.read(archive.output / "report.json") == archive.report


# What is refused


def test_sources_that_share_a_name(archive: Archive) -> None:
    twin = archive.add("elsewhere/a.jsonl", OLD)
    assert archive.refused(*archive.sources, twin).endswith(
        f"{archive.sources[0]} and {twin} would both become a.jsonl"
    )


def test_sources_that_are_no_files_or_named_like_the_report(archive: Archive) -> None:
    said = archive.refused(archive.folder / "absent", archive.folder, archive.add("report.json", ""))
    assert "absent is no file" in said
    assert "report.json cannot be written under its own name" in said
    assert len(said.splitlines()) == 3


def test_outputs_that_are_no_folders(archive: Archive) -> None:
    archive.add("out", "")
    assert archive.refused().endswith("out is no folder")
    (archive.folder / "out").unlink()
    archive.add("out/rejected", "")
    assert archive.refused(force=True).endswith("rejected is no folder")


@pytest.mark.parametrize("name", ["out/a.jsonl", "out/rejected/a.jsonl"])
def test_a_source_is_never_overwritten(archive: Archive, name: str) -> None:
    source = archive.add(name, OLD)
    assert archive.refused(source, force=True).endswith("is a source and would be overwritten")


def test_a_source_that_the_report_would_overwrite(archive: Archive) -> None:
    report = archive.add("out/report.json", "")
    (archive.folder / "log.jsonl").symlink_to(report)
    assert archive.refused(archive.folder / "log.jsonl", force=True).endswith("would be overwritten")


@pytest.mark.parametrize("name", ["out/b.jsonl", "out/rejected/b.jsonl"])
def test_outputs_are_overwritten_by_force_alone(archive: Archive, name: str) -> None:
    archive.add(name, "mine")
    assert "b.jsonl is there already" in archive.refused()
    archive.run(force=True)
    assert archive.state()[name] != b"mine"


def test_something_else_called_report(archive: Archive) -> None:
    archive.add("out/report.json", "mine")
    with pytest.raises(ArchiveError, match="is no report"):
        archive.run()
    archive.run(force=True)
    assert archive.report.complete


def test_a_place_that_a_folder_has(archive: Archive) -> None:
    (archive.output / "b.jsonl").mkdir(parents=True)
    (archive.output / "rejected/c.jsonl").mkdir(parents=True)
    assert len(archive.refused(force=True).splitlines()) == 2


def test_a_link_that_leads_nowhere_is_something(archive: Archive) -> None:
    archive.output.mkdir()
    (archive.output / "b.jsonl").symlink_to(archive.folder / "nowhere")
    assert "b.jsonl is there already" in archive.refused()


def test_names_of_our_own(archive: Archive) -> None:
    assert "that of something else in the folder" in archive.refused(archive.add(".sagellm.lock", OLD))


def test_two_runs_are_not_at_work_in_one_folder(archive: Archive) -> None:
    class Intruding(Watch):
        def begin_file(self, name: str) -> None:
            with pytest.raises(RefusedError, match=r"another upgrade into .*out is at work"):
                upgrade_archive(archive.sources[1:], archive.output)

    upgrade_archive(archive.sources[:1], archive.output, watch=Intruding())
    archive.run(*archive.sources[1:])
    assert list(archive.report.files) == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_what_a_killed_run_left_is_removed(archive: Archive) -> None:
    left = [archive.add(f"{folder}.sagellm-99-0123abcd.part", "half") for folder in ("out/", "out/rejected/")]
    mine = archive.add("out/mine.part", "mine")
    archive.run()
    assert not any(path.exists() for path in left)
    assert mine.exists()


@pytest.mark.parametrize(
    "name", ["n" * 255, "\x1b[31m\n", os.fsdecode(b"caf\xe9.jsonl")], ids=["long", "escapes", "latin-1"]
)
def test_any_name_that_a_file_can_have(archive: Archive, name: str) -> None:
    source = archive.add(name, OLD + "{\n")
    assert archive.run(source) == [name]
    assert (archive.output / name).exists()
    assert (archive.output / "rejected" / name).exists()
    assert archive.run(source) == []
    assert archive.report.files[name].fingerprint.source == str(source)


# Going on


def test_a_stopped_run_goes_on_where_it_stopped(archive: Archive) -> None:
    assert archive.run(stop_at="b.jsonl") == ["a.jsonl", "b.jsonl"]
    assert "out/b.jsonl" not in archive.state()
    assert not [name for name in archive.state() if name.endswith(".part")]
    assert not Report.read(archive.output / "report.json").complete
    assert archive.run() == ["b.jsonl", "c.jsonl"]
    assert archive.report.total.records == 6
    assert archive.run() == []
    assert archive.report.total.records == 6


def test_force_goes_on_as_well_and_does_whole_runs_again(archive: Archive) -> None:
    archive.run()
    assert archive.run(force=True, stop_at="b.jsonl") == ["a.jsonl", "b.jsonl"]
    assert archive.run(force=True) == ["b.jsonl", "c.jsonl"]
    assert archive.run(force=True) == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_killed_between_a_file_and_its_report(archive: Archive) -> None:
    archive.run(stop_at="a.jsonl")
    archive.add("out/a.jsonl", "whole, but not in the report")
    assert archive.run() == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_source_that_changed_is_not_finished(archive: Archive) -> None:
    archive.run()
    archive.add("b.jsonl", OLD)
    assert "b.jsonl is there already" in archive.refused()
    archive.run(force=True)
    assert not (archive.output / "rejected/b.jsonl").exists()


def test_something_else_asked_for_is_not_finished(archive: Archive) -> None:
    archive.run()
    assert "a.jsonl is there already" in archive.refused(options=Options(envelope=True))


@pytest.mark.parametrize("name", ["a.jsonl", "rejected/a.jsonl"])
def test_an_output_that_is_gone_is_not_finished(archive: Archive, name: str) -> None:
    archive.run()
    (archive.output / name).unlink()
    assert archive.run(force=True) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    (archive.output / "rejected/a.jsonl").unlink()
    (archive.output / "a.jsonl").unlink()
    assert archive.run() == ["a.jsonl"]


def test_an_output_that_is_gone_where_nothing_was_set_aside(archive: Archive) -> None:
    source = archive.add("good.jsonl", OLD)
    archive.run(source)
    assert archive.run(source) == []
    (archive.output / "good.jsonl").unlink()
    assert archive.run(source) == ["good.jsonl"]


def test_records_set_aside_that_are_gone(archive: Archive) -> None:
    archive.run()
    (archive.output / "rejected/a.jsonl").unlink()
    assert "a.jsonl is there already" in archive.refused()


def test_another_revision_of_the_protocol_is_not_finished(archive: Archive) -> None:
    older = History(REVISIONS, CATALOG)
    older.latest = "0.5.4.13"  # type: ignore[misc]
    archive.run()
    assert "a.jsonl is there already" in archive.refused(history=older)


def test_what_is_begun_stands_in_the_report_before_the_work(archive: Archive) -> None:
    class Looking(Watch):
        def begin_file(self, name: str) -> None:
            files = Report.read(archive.folder / "deep/er/report.json").files
            assert not files[name].finished

    upgrade_archive(archive.sources, archive.folder / "deep/er", watch=Looking())


def test_files_of_other_runs_stay_in_the_report(archive: Archive) -> None:
    first, second, third = archive.sources
    archive.run(first)
    assert archive.run(second, third) == ["b.jsonl", "c.jsonl"]
    assert list(archive.report.files) == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(archive: Archive) -> None:
    damaged = archive.folder / "b.jsonl.gz"
    damaged.write_bytes(gzip.compress(OLD.encode() * 100)[:-9])
    first, _, third = archive.sources
    archive.output.mkdir()
    report = upgrade_archive([first, damaged, third], archive.output)
    assert report.files["b.jsonl.gz"].error is not None
    assert report.total.records == 4
    assert report.complete
    assert not (archive.output / "b.jsonl.gz").exists()
    damaged.write_bytes(gzip.compress(OLD.encode()))
    assert archive.run(first, damaged, third) == ["b.jsonl.gz"]
    assert archive.report.total.records == 5


def test_a_source_that_is_gone_when_its_turn_comes(archive: Archive) -> None:
    class Removing(Watch):
        def begin_file(self, name: str) -> None:
            (archive.folder / name).unlink()

    report = upgrade_archive(archive.sources[:1], archive.output, watch=Removing())
    assert "cannot be opened" in (report.files["a.jsonl"].error or "")
    assert issubclass(UnreadableError, ArchiveError)


def test_the_report_is_not_written_oftener_than_it_is_worth(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    to_json = Report.to_json

    def slow(report: Report) -> bytes:
        written.append(report.complete)
        return to_json(report)

    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr(Report, "to_json", slow)
    archive.run()
    assert written == [False, True]


def test_the_report_is_written_after_each_file_where_that_costs_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looking(Watch):
        finished: list[int] = []  # noqa: RUF012

        def begin_file(self, name: str) -> None:
            files = Report.read(archive.output / "report.json").files.values()
            self.finished.append(sum(file.finished for file in files))

    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    upgrade_archive(archive.sources, archive.output, watch=Looking())
    assert Looking.finished == [0, 1, 2]


# The whole file


def test_auto_takes_the_file_as_a_whole(archive: Archive) -> None:
    named = OLD.replace("{", '{"engine_id":"e",')
    old = archive.add("old.jsonl", SAMPLING + named.replace("chunk", "content") + SAMPLING)
    mixed = archive.add("mixed.jsonl", SAMPLING + OLD + named.replace("chunk", "content"))
    today = archive.add("today.jsonl", SAMPLING + '{"object":"x","prompt_tokens":1}\n')
    archive.run(old, mixed, today, options=Options(since=AUTO))
    files = archive.report.files
    assert files["old.jsonl"].releases is not None
    assert files["old.jsonl"].releases[0] == "0.4.1.0"
    assert files["old.jsonl"].counts.rejected == 2, "0.5.4.16 may have written it as well"
    assert files["mixed.jsonl"].releases == []
    assert files["mixed.jsonl"].counts.upgraded == 1
    chunks = archive.add("chunks.jsonl", SAMPLING + named)
    archive.run(chunks, options=Options(since=AUTO))
    assert (archive.output / "chunks.jsonl").read_text().startswith('{"temperature":0.5,"strategy":"greedy"}\n')
    assert archive.report.files["chunks.jsonl"].counts.to_plain()["revisions"] == {"0.4.0.7": 2}


# What files hold


def test_files_that_hold_something_else_are_left_out(archive: Archive) -> None:
    zstd = archive.folder / "z.jsonl"
    zstd.write_bytes(b"\x28\xb5\x2f\xfd" + b"\n" * 1000)
    for options in (None, Options(since=AUTO)):
        report = upgrade_archive([zstd], archive.folder / f"out {options is None}", options)
        assert (
            report.files["z.jsonl"].error == "holds zstd data, which this version cannot read, not JSON Lines in UTF-8"
        )
        assert report.total.records == 0


@pytest.mark.parametrize("since", [None, AUTO])
def test_gzip_by_another_name_and_a_byte_order_mark(archive: Archive, since: str | None) -> None:
    packed = archive.folder / "packed.jsonl"
    packed.write_bytes(gzip.compress(("\ufeff" + OLD + "{\n").encode()))
    marked = archive.add("marked.jsonl", "\ufeff" + OLD)
    archive.run(packed, marked, options=Options(since=since))
    assert gzip.decompress((archive.output / "packed.jsonl").read_bytes()).startswith(b'{"event"')
    assert gzip.decompress((archive.output / "rejected/packed.jsonl").read_bytes()).startswith(b'{"line":2')
    assert (archive.output / "marked.jsonl").read_text().startswith('{"event"')
    assert archive.report.total.rejected == 1


def test_what_was_made_up_is_counted(archive: Archive) -> None:
    archive.run(archive.sources[0])
    archive.run(archive.sources[1], options=Options(fill={"engine_id": "e"}))
    files = json.loads((archive.output / "report.json").read_bytes())["files"]
    found = [files[name]["types"]["types.StreamEventDelta"] for name in ("a.jsonl", "b.jsonl")]
    assert [(it["made_up"], it["filled"]) for it in found] == [({"engine_id": 1}, {}), ({}, {"engine_id": 1})]
    assert (files["a.jsonl"]["made_up"], files["a.jsonl"]["filled"]) == (1, 0)


def test_a_misspelt_fill_is_refused_before_anything_is_made(archive: Archive) -> None:
    with pytest.raises(ValidationError, match=r"did you mean engine_id\?"):
        upgrade_archive(archive.sources, archive.output, Options(fill={"engin_id": "e"}))
    assert not archive.output.exists()


def test_refusals_travel() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(RefusedError(["a", "b"])))
    assert error.reasons == ("a", "b")
