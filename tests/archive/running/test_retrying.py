from __future__ import annotations

import json
from pathlib import Path

import attrs
import msgpack
import pytest

from sagellm_protocol.archive import ArchiveError, Options, RefusedError
from sagellm_protocol.archive.running import HooksError, Limits, Report, Writing, retry, upgrade_archive
from sagellm_protocol.archive.running.retrying import options_of
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import OptionError
from soaking.archives import contents

DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]}
OLD = Options(since="0.4.0.8")
ANY = Options()
"""With which a delta goes through that no 0.4.0.8 wrote."""


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A folder with records set aside, of two sources."""
    sources = tmp_path / "sources"
    sources.mkdir()
    delta = json.dumps(DELTA).encode()
    long = b'{"x": "' + b"x" * 2000 + b'"}'
    (sources / "a.jsonl").write_bytes(b"\n".join([delta, b"no record", b"\xff", long, delta]))
    (sources / "b.msgpack").write_bytes(msgpack.packb(DELTA) * 2)
    out = tmp_path / "out"
    report = upgrade_archive(sources, out, OLD, limits=Limits(max_record=1000), workers=1)
    assert report.set_aside == 7
    return out


def test_what_goes_through_is_written_and_the_rest_stays(done: Path) -> None:
    report = retry(done, ANY, workers=1)
    assert (report.set_aside, report.files["a.jsonl"].set_aside, report.files["b.msgpack"].set_aside) == (3, 3, 0)
    names = sorted(name for name in contents(done) if name.startswith(("rejected", "retried")))
    assert [name.partition(".")[0] for name in names] == ["rejected/a", "retried/a", "retried/b"]
    entries = [json.loads(line) for line in contents(done)[names[0]].splitlines()]
    assert [entry["offset"] for entry in entries] == [90, 100, 102]
    assert [json.loads(line)["content"] for line in contents(done)[names[1]].splitlines()] == ["x", "x"]
    packed = contents(done)[names[2]]
    assert msgpack.unpackb(packed[: len(packed) // 2])["content"] == "x"
    assert json.loads((done / "report.json").read_bytes()) == json.loads(report.to_json())


def test_it_may_be_done_again(done: Path) -> None:
    retry(done, ANY, workers=1)
    before = contents(done)
    assert retry(done, ANY, workers=1).set_aside == 3
    assert contents(done) == before


def test_as_the_upgrade_was_asked_unless_told(done: Path) -> None:
    assert retry(done, workers=1).set_aside == 7
    assert retry(done, hooks=["site_hooks:repair"], workers=1).set_aside == 7
    with pytest.raises(HooksError):
        retry(done, hooks=["site_hooks:none"])


def test_how_the_upgrade_was_asked(done: Path, tmp_path: Path) -> None:
    assert options_of(done) == OLD.resolved(HISTORY)
    with pytest.raises(RefusedError):
        options_of(tmp_path)


def test_reasons_are_those_of_the_last_retry(done: Path) -> None:
    retry(done, ANY, workers=1)
    path = done / "rejected" / "a.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"no record"', json.dumps(json.dumps(DELTA)).encode()))
    file = retry(done, ANY, workers=1).files["a.jsonl"]
    assert (len(file.retries), file.set_aside, sum(file.reasons.values())) == (2, 2, 2)
    assert attrs.evolve(file, retries=file.retries[::-1]).reasons == file.reasons


def test_in_another_form(done: Path) -> None:
    retry(done, ANY, writing=Writing(layout="json", compression="gzip"), workers=1)
    assert {name[-8:] for name in contents(done) if name.startswith("retried/")} == {".json.gz"}
    with pytest.raises(OptionError, match="rotate"):
        retry(done, ANY, writing=Writing(rotate=1))


def test_with_several_workers(done: Path, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as executor:
        assert retry(done, ANY, executor=executor).set_aside == 3


def test_a_run_goes_on_with_what_was_fed_back(done: Path, tmp_path: Path) -> None:
    retry(done, ANY, workers=1)

    def again(**others: bool) -> Report:
        return upgrade_archive(tmp_path / "sources", done, OLD, limits=Limits(max_record=1000), workers=1, **others)

    before = contents(done)
    assert again().set_aside == 3
    assert contents(done) == before
    assert again(force=True).set_aside == 7
    assert not [name for name in contents(done) if name.startswith("retried/")]


@pytest.mark.parametrize("does", ["retry", "upgrade"])
def test_a_retry_that_ended_before_the_rest_was_in_its_place(done: Path, tmp_path: Path, does: str) -> None:
    before = contents(done)
    retry(done, ANY, workers=1)
    for name, data in before.items():
        if name.startswith("rejected/"):
            (done / name).write_bytes(data)
    if does == "retry":
        report = retry(done, OLD, workers=1)
    else:
        report = upgrade_archive(tmp_path / "sources", done, OLD, limits=Limits(max_record=1000), workers=1)
    assert report.set_aside == 7
    assert not [name for name in contents(done) if name.startswith("retried/")]


def test_only_what_the_manifest_knows_is_fed_back(done: Path) -> None:
    (done / "rejected" / "mine.txt").write_text("mine")
    assert retry(done, ANY, workers=1).set_aside == 3
    assert (done / "rejected" / "mine.txt").read_text() == "mine"


def test_shards_without_outputs_are_no_longer_reported(done: Path) -> None:
    (done / "b.msgpack").unlink()
    assert set(retry(done, ANY, workers=1).files) == {"a.jsonl"}


def test_files_taken_away_meanwhile(done: Path) -> None:
    from sagellm_protocol.archive.running import Progress, Watch

    class Taking(Watch):
        def advance(self, progress: Progress) -> None:
            (done / "rejected" / "b.msgpack.jsonl").unlink(missing_ok=True)

    with pytest.raises(ArchiveError, match=r"rejected/b\.msgpack\.jsonl is gone"):
        retry(done, ANY, workers=1, watch=Taking())


@pytest.mark.parametrize(
    "line",
    [b"no entry", b"[]", b'{"offset": 1}', b'{"offset": "1", "reason": "x", "record": null}', b"1" * 20000],
)
def test_a_file_that_holds_something_else(done: Path, line: bytes) -> None:
    path = done / "rejected" / "a.jsonl"
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(ArchiveError, match=r"rejected/a\.jsonl has"):
        retry(done, ANY, limits=Limits(max_record=1000), workers=1)
    assert path.read_bytes().endswith(line)


def test_a_folder_without_an_upgrade(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no upgrade in it"):
        retry(tmp_path)
