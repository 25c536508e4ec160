from __future__ import annotations

import gzip
import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgpack
import pytest

from sagellm_protocol.archive import ArchiveError, Options, RefusedError, StrictError, TooManyRejectedError
from sagellm_protocol.archive.running import Limits, Progress, Report, Watch, Writing, retry, upgrade_archive
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import OptionError
from soaking.archives import contents

OLD = Options(since="0.4.0.8")
SHARD = 3000


def upgrade(sources: Any, out: Path, options: Options = OLD, **others: Any) -> Report:
    return upgrade_archive(sources, out, options, **{"shard_size": SHARD, "workers": 1} | others)


def records(folder: Path, under: str = "") -> list[dict[str, Any]]:
    """All records of a folder's JSON Lines, in the order of the files."""
    found = []
    for name, data in sorted(contents(folder).items()):
        if name.endswith(".jsonl") and name.startswith(under) and not name.startswith(("rejected/", "retried/", ".")):
            found += [json.loads(line) for line in data.splitlines()]
    return found


# What a run gives


def test_cut_or_not_it_gives_the_same_records(log: Path, tmp_path: Path) -> None:
    report = upgrade(log, tmp_path / "cut")
    assert len(report.files["log.jsonl"].outputs) > 3
    upgrade([log], tmp_path / "whole", shard_size=1 << 20)
    assert records(tmp_path / "cut") == records(tmp_path / "whole")
    assert len(records(tmp_path / "whole")) == report.total.records == 60
    assert report.complete
    assert json.loads((tmp_path / "cut" / "report.json").read_bytes()) == json.loads(report.to_json())


# Forks of a process in which other tests left threads may wait for ever.
PROCESSES = partial(ProcessPoolExecutor, mp_context=get_context("spawn"))


@pytest.mark.parametrize("executor", [ThreadPoolExecutor, PROCESSES, None])
def test_whoever_does_it_the_folder_is_the_same(log: Path, tmp_path: Path, executor: Any) -> None:
    log.with_name("other.jsonl.gz").write_bytes(gzip.compress(log.read_bytes() + b"no record\n"))
    upgrade(log.parent, tmp_path / "here")
    if executor is None:
        upgrade(log.parent, tmp_path / "there", workers=2)
    else:
        with executor(2) as made:
            upgrade(log.parent, tmp_path / "there", executor=made)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_forms_change_and_outputs_are_rotated(log: Path, tmp_path: Path) -> None:
    writing = Writing(layout="msgpack", compression="gzip", rotate=1)
    packed = msgpack.packb(json.loads(log.read_bytes().splitlines()[0]))
    log.with_name("packed.msgpack").write_bytes(packed * 9000)
    report = upgrade(log.parent, tmp_path / "out", writing=writing)
    names = [output.name for output in report.files["packed.msgpack"].outputs]
    assert names[:2] == ["packed.00000.msgpack.gz", "packed.00001.msgpack.gz"]
    names = [output.name for output in report.files["log.jsonl"].outputs]
    assert names[0] == "log.00000.00000.msgpack.gz"
    data = b"".join(gzip.decompress((tmp_path / "out" / name).read_bytes()) for name in names)
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    upgrade(log, tmp_path / "plain")
    assert list(unpacker) == records(tmp_path / "plain")


def test_more_pieces_than_files_can_be_open(log: Path, out: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = len(list(Path("/dev/fd").iterdir()))
    packed = log.with_name("packed.msgpack")
    packed.write_bytes(msgpack.packb(json.loads(log.read_bytes().splitlines()[0])) * 60_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (there + 12, hard))
    try:
        report = upgrade(packed, out, writing=Writing(rotate=1))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(report.files["packed.msgpack"].outputs) > 15


def test_an_empty_file(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert upgrade(tmp_path / "empty.jsonl", out).total.records == 0
    assert (out / "empty.jsonl").read_bytes() == b""


def test_records_set_aside(log: Path, out: Path) -> None:
    log.write_bytes(b'no record\n{"x": 1}\r\n\xff\n\n' + log.read_bytes())
    report = upgrade(log, out, shard_size=1 << 20, limits=Limits(max_record=10_000))
    file = report.files["log.jsonl"]
    assert (file.counts.rejected, file.counts.blank, file.set_aside) == (3, 1, 3)
    entries = [json.loads(line) for line in (out / "rejected" / "log.jsonl").read_bytes().splitlines()]
    assert [(entry["source"], entry["offset"], entry["record"]) for entry in entries] == [
        ("log.jsonl", 0, "no record"),
        ("log.jsonl", 10, '{"x": 1}'),
        ("log.jsonl", 20, "/w=="),
    ]
    assert [it.offset for it in file.rejections] == [0, 10, 20]


def test_damage_is_set_aside_and_the_rest_goes_on(log: Path, out: Path) -> None:
    long = log.with_name("long.jsonl")
    long.write_bytes(b'{"x": "' + b"x" * 5000 + b'"}\n' + log.read_bytes())
    cut = log.with_name("cut.jsonl.gz")
    cut.write_bytes(gzip.compress(log.read_bytes())[:-500])
    report = upgrade(log.parent, out, shard_size=1 << 20, limits=Limits(max_record=4000))
    entry = json.loads((out / "rejected" / "long.jsonl").read_bytes())
    assert (entry["record"], entry["size"]) == (None, 5009)
    assert "breaks off" in report.files["cut.jsonl.gz"].rejections[0].reason
    assert report.files["long.jsonl"].counts.records == 61
    assert report.complete


def test_names_that_are_no_utf8(log: Path, out: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    log.rename(log.with_name(name))
    report = upgrade(log.parent, out)
    assert len(report.files[name].outputs) > 1
    assert "bytes:caf%E9.jsonl" in json.loads((out / "report.json").read_bytes())["files"]
    again = upgrade(log.parent, out)
    assert again.to_json() == report.to_json()


def test_a_dry_run_writes_nothing(log: Path, out: Path) -> None:
    log.write_bytes(log.read_bytes() + b"no record\n")
    report = upgrade(log, out, Options(since="auto"), dry_run=True)
    assert (report.total.records, report.total.rejected) == (61, 1)
    assert not out.exists()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_sample(log: Path, out: Path, *, compressed: bool) -> None:
    data = log.read_bytes() * 5
    log.unlink()
    path = log.with_name("log.jsonl.gz" if compressed else "log.jsonl")
    path.write_bytes(gzip.compress(data) if compressed else data)
    total = upgrade(path, out, sample=0.1).total
    assert 0.07 * 300 < total.records < 0.25 * 300
    assert upgrade(path, out).total.records == 300


def test_a_history_of_this_process(log: Path, out: Path) -> None:
    def site(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"trace_id": "site"}

    history = HISTORY.without_hooks()
    history.hook("types.StreamEventDelta", since="0.4.0.8")(site)
    upgrade(log, out, workers=None, history=history)
    deltas = [record for record in records(out) if record.get("event") == "delta"]
    assert deltas
    assert {record["trace_id"] for record in deltas} == {"site"}
    with pytest.raises(OptionError, match="do not reach other workers"):
        upgrade(log, out, workers=2, history=history)
    with pytest.raises(OptionError, match="of their own"):
        upgrade(log, out, history=history, hooks=["a:b"])


# Limits


def test_strict_stops_at_the_first(log: Path, out: Path) -> None:
    log.write_bytes(log.read_bytes() + b"no record\n")
    with pytest.raises(StrictError) as caught:
        upgrade(log, out, limits=Limits(strict=True))
    assert (caught.value.source, caught.value.offset) == ("log.jsonl", log.stat().st_size - 10)
    assert not json.loads((out / "report.json").read_bytes())["complete"]
    assert upgrade(log, out).total.rejected == 1


def test_too_many_are_set_aside(log: Path, out: Path) -> None:
    log.write_bytes(log.read_bytes() + b"no record\n" * 20)
    with pytest.raises(TooManyRejectedError, match="20 of 80"):
        upgrade(log, out, limits=Limits(max_rejected=0.2))
    assert upgrade(log, out, limits=Limits(max_rejected=0.25)).complete


def test_too_many_are_noticed_on_the_way(log: Path, out: Path) -> None:
    log.write_bytes(b"no record\n" * 1200 + log.read_bytes() * 10)
    with pytest.raises(TooManyRejectedError):
        upgrade(log, out, limits=Limits(max_rejected=0.9))
    assert len(list(out.glob("log.*.jsonl"))) < log.stat().st_size // SHARD


# Rerun


def test_a_rerun_does_nothing(log: Path, out: Path) -> None:
    upgrade(log, out, Options(since="auto"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("log*")}
    upgrade(log, out, Options(since="auto"))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("log*")} == before


@pytest.mark.parametrize(
    "otherwise",
    [
        {"shard_size": 1 << 20},
        {"shard_size": 1000},
        {"options": Options(since="0.4.0.8", envelope=True)},
        {"writing": Writing(layout="json")},
        {"writing": Writing(compression="gzip", rotate=1000)},
        {"sample": 0.5},
        {"limits": Limits(max_record=300)},
        {"options": Options(since="auto")},
    ],
    ids=str,
)
def test_what_is_asked_otherwise_is_done_anew(log: Path, tmp_path: Path, otherwise: dict[str, Any]) -> None:
    upgrade(log, tmp_path / "twice")
    upgrade(log, tmp_path / "twice", **otherwise)
    upgrade(log, tmp_path / "once", **otherwise)
    twice, once = contents(tmp_path / "twice"), contents(tmp_path / "once")
    for found in (twice, once):
        del found[".sagellm/plan.json"]
    assert twice == once


@pytest.mark.parametrize("change", ["grows", "shrinks", "touched"])
def test_a_source_that_changed_is_done_anew(log: Path, tmp_path: Path, change: str) -> None:
    upgrade(log, tmp_path / "twice")
    data = log.read_bytes()
    log.write_bytes({"grows": data + b"no record\n", "shrinks": data[: data.index(b"\n") + 1], "touched": data}[change])
    upgrade(log, tmp_path / "twice")
    upgrade(log, tmp_path / "once")
    assert contents(tmp_path / "twice") == contents(tmp_path / "once")


def test_outputs_that_were_removed_are_written_again(log: Path, out: Path) -> None:
    log.write_bytes(log.read_bytes() + b"no record\n")
    upgrade(log, out)
    before = contents(out)
    (out / "log.00001.jsonl").unlink()
    next((out / "rejected").iterdir()).unlink()
    upgrade(log, out)
    assert contents(out) == before


def test_what_is_no_longer_asked_for_stays(log: Path, out: Path) -> None:
    other = log.with_name("other.jsonl")
    other.write_bytes(log.read_bytes())
    upgrade([log, other], out)
    report = upgrade([other], out)
    assert set(report.files) == {"log.jsonl", "other.jsonl"}


def test_force_does_all_again_unless_the_last_run_was_stopped(log: Path, out: Path) -> None:
    class Stop(Watch):
        def advance(self, progress: Progress) -> None:
            if progress.records > 30:
                raise KeyboardInterrupt

    def seen() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in out.glob("log*")}

    upgrade(log, out)
    before = seen()
    with pytest.raises(KeyboardInterrupt):
        upgrade(log, out, force=True, watch=Stop())
    half = seen()
    assert 0 < len(half) < len(before)
    assert not half.items() & before.items()
    upgrade(log, out, force=True)
    assert half.items() < seen().items()


# Sources that cannot be read


def test_a_source_that_cannot_be_read_is_noted(log: Path, out: Path) -> None:
    log.with_name("image.jsonl").write_bytes(b"PK\x03\x04 not a log")
    report = upgrade(log.parent, out)
    assert "zip archive" in str(report.files["image.jsonl"].error)
    assert report.files["log.jsonl"].finished
    assert report.complete
    assert json.loads((out / "report.json").read_bytes())["files"]["image.jsonl"]["finished"] is False


def spoil(path: Path, how: str) -> None:
    {"grows": lambda: path.write_bytes(path.read_bytes() * 2), "vanishes": path.unlink}[how]()


class Spoiling(Watch):
    """Does something to a source when a run has begun to read."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def advance(self, progress: Progress) -> None:
        if progress.records and self._act:
            act, self._act = self._act, None
            act()


@pytest.mark.parametrize("since", ["0.4.0.8", "auto"])
@pytest.mark.parametrize("how", ["grows", "vanishes"])
def test_a_source_that_changes_while_it_is_read(log: Path, out: Path, how: str, since: str) -> None:
    log.with_name("z.jsonl").write_bytes(log.read_bytes())
    options = Options(since=since)
    report = upgrade(log.parent, out, options, watch=Spoiling(lambda: spoil(log, how)))
    error = str(report.files["log.jsonl"].error)
    assert error == {"grows": "changed while it was read", "vanishes": "cannot be read: No such file or directory"}[how]
    assert report.files["z.jsonl"].finished
    assert not report.files["log.jsonl"].finished
    report = upgrade(log.parent, out, options)
    assert report.complete
    if how == "grows":
        assert report.files["log.jsonl"].counts.records == 120


class Ranges(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(log: Path) -> Iterator[str]:
    """A server that gives files from the beginning only."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=log.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/log.jsonl"
    server.shutdown()
    server.server_close()


def test_a_source_that_can_be_read_from_its_beginning_only_is_not_cut(served: str, out: Path) -> None:
    report = upgrade(served, out)
    assert report.files["log.jsonl"].error is None
    assert [output.records for output in report.files["log.jsonl"].outputs] == [60]


# What is refused


def refused(sources: Any, out: Path, **others: Any) -> str:
    before = contents(out) if out.exists() else None
    with pytest.raises(RefusedError) as caught:
        upgrade(sources, out, **others)
    if before is not None:
        now = contents(out)
        now.pop(".sagellm.lock", None)
        assert now == before
    return str(caught.value)


def test_files_of_others_are_not_overwritten(log: Path, out: Path) -> None:
    out.mkdir()
    (out / "log.00001.jsonl").write_bytes(b"mine")
    (out / "report.json").write_bytes(b"mine")
    told = refused(log, out)
    assert "log.00001.jsonl is there already" in told
    assert "report.json is there already" in told
    upgrade(log, out, force=True)
    assert b"mine" not in contents(out).values()


def test_outputs_of_another_source_are_not_overwritten(log: Path, tmp_path: Path, out: Path) -> None:
    namesake = tmp_path / "2025" / "log.jsonl"
    namesake.parent.mkdir()
    namesake.write_bytes(log.read_bytes() + b"no record\n")
    upgrade(log, out)
    assert f"made from {log}" in refused(namesake, out)
    report = upgrade(namesake, out, force=True)
    assert report.total.records == 61
    assert len(records(out)) == 60


def test_outputs_that_another_form_would_overwrite(log: Path, out: Path) -> None:
    packed = log.with_name("log.jsonl.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    upgrade(log, out, shard_size=1 << 20)
    told = refused(packed, out, writing=Writing(compression="none"))
    assert f"log.jsonl is there already, made from {log}" in told
    report = upgrade(packed, out, writing=Writing(compression="none"), force=True)
    assert set(report.files) == {"log.jsonl.gz"}


def test_outputs_of_one_name(log: Path, out: Path) -> None:
    log.with_name("log.jsonl.gz").write_bytes(gzip.compress(log.read_bytes()))
    one = 1 << 20
    told = refused(log.parent, out, writing=Writing(compression="none"), shard_size=one)
    assert "log.jsonl and log.jsonl.gz would both become log.jsonl" in told


def test_an_output_that_is_called_as_a_part_of_another(log: Path, out: Path) -> None:
    log.with_name("log.00001.jsonl").write_bytes(log.read_bytes()[:400])
    told = refused(log.parent, out)
    assert "log.00001.jsonl would become log.00001.jsonl, which is the name of a part of another output" in told


def test_names_that_are_taken_by_the_run(log: Path, out: Path) -> None:
    for name in ("report.json", ".sagellm-1.part"):
        log.rename(log.with_name(name))
        log = log.with_name(name)
        assert "something else in the folder" in refused(log, out)
    log.rename(log.with_name("report.jsonl"))
    told = refused(log.with_name("report.jsonl"), out, writing=Writing(layout="json"), shard_size=1 << 20)
    assert "report.jsonl would become report.json" in told


def test_a_source_in_the_output(log: Path) -> None:
    assert "is a source and would be overwritten" in refused(log, log.parent)


def test_two_runs_in_one_folder(log: Path, out: Path) -> None:
    errors: list[Exception] = []

    def second() -> None:
        try:
            upgrade(log, out)
        except RefusedError as error:
            errors.append(error)

    def begin() -> None:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    assert upgrade(log, out, watch=Spoiling(begin)).complete
    assert "another upgrade" in str(errors[0])


def test_a_folder_that_was_taken_away(log: Path, out: Path) -> None:
    with pytest.raises(RefusedError, match="was removed"):
        upgrade(log, out, watch=Spoiling((out / ".sagellm.lock").unlink))
    assert not (out / "report.json").exists()


def test_a_worker_that_outlives_its_run(log: Path, out: Path) -> None:
    with pytest.raises(RefusedError, match=r"at work in .* no more"):
        upgrade(log, out, watch=Spoiling(lambda: (out / ".sagellm" / "run").write_text("another")))
    assert not list(out.glob("log*"))
    assert (out / ".sagellm" / "run").read_text() == "another"


# What cannot be read of earlier runs


@pytest.mark.parametrize("name", ["plan.json", "shards/*", "releases/*"])
@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"bases": 1}'])
def test_a_manifest_that_is_none(log: Path, out: Path, name: str, data: bytes) -> None:
    upgrade(log, out, Options(since="auto"))
    for path in (out / ".sagellm").glob(name):
        path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"\.sagellm/"):
        upgrade(log, out, Options(since="auto"))
    shutil.rmtree(out / ".sagellm")
    assert upgrade(log, out, Options(since="auto"), force=True).complete


def test_sums_that_are_wrong(log: Path, out: Path) -> None:
    upgrade(log, out)
    for path in (out / ".sagellm" / "shards").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"read": ', b'"read": 1'))
    with pytest.raises(ArchiveError, match="records were read"):
        upgrade(log, out)


# Records of several releases


def test_releases_are_found_for_each_source(log: Path, out: Path) -> None:
    log.write_bytes(log.read_bytes() + b"no record\n" + b'{"protocol_version":"0.4.0.8","message":"x","payload":{}}\n')
    report = upgrade(log, out, Options(since="auto"))
    assert report.files["log.jsonl"].releases
    assert retry(out, workers=1).set_aside == report.set_aside
