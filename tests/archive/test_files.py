"""One file: a line for a line, whole or not at all."""

from __future__ import annotations

import base64
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol.archive import FileReport, Options, UnreadableError, Upgrader, upgrade_file
from sagellm_protocol.archive.files import releases_of
from sagellm_protocol.archive.outputs import whole_files
from sagellm_protocol.archive.report import Fingerprint
from sagellm_protocol.codecs import envelope
from sagellm_protocol.history import HISTORY

OLD = b'{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}'
NEW = b'{"event":"delta","request_id":"r","trace_id":"t","engine_id":"unknown","content":"Hi","content_tokens":[42]}'
HANDLE = b'{ "handle_id": "h", "request_id": "r", "num_tokens": 512, "device": "cuda:0" }'
UPGRADER = Upgrader()
LINES = st.lists(
    st.sampled_from([(OLD, NEW), (HANDLE, HANDLE), (b"", b""), (b"  ", b"  "), (b"\xff\xf0", None), (b"{", None)])
)


class Done:
    def __init__(self, folder: Path, content: bytes, name: str = "log.jsonl", **more: Any) -> None:
        self.source, self.target, self.rejected = folder / name, folder / "out" / name, folder / "out/rejected" / name
        self.report = FileReport(Fingerprint("", 0, 0, {}, ""))
        self.target.parent.mkdir(exist_ok=True)
        self.source.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        upgrade_file(self.source, self.target, self.rejected, UPGRADER, self.report, **more)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.rejected.read_bytes().splitlines()] if self.rejected.exists() else []


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_a_line_for_a_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[bytes, bytes | None]], ending: bytes, ended: bool
) -> None:
    content = ending.join(before for before, _ in lines) + (ending if ended and lines else b"")
    done = Done(tmp_path_factory.mktemp("file"), content)
    read = content.splitlines(keepends=True)
    expected = dict(lines)
    kept = [line for line in read if expected[line.rstrip(b"\r\n")] is not None]
    assert done.target.read_bytes() == b"".join(line.replace(OLD, NEW) for line in kept)
    counts = done.report.counts
    assert counts.records + counts.blank == len(read)
    assert counts.rejected == len(read) - len(kept) == len(done.entries)
    for entry in done.entries:
        record = entry["record"].encode() if "encoding" not in entry else base64.b64decode(entry["record"])
        assert record == read[entry["line"] - 1].rstrip(b"\r\n")
        assert entry["reason"].startswith("no JSON")


def test_compressed_files_stay_compressed(tmp_path: Path) -> None:
    done = Done(tmp_path, OLD + b"\n{\n", "log.jsonl.gz")
    assert gzip.decompress(done.target.read_bytes()) == NEW + b"\n"
    assert json.loads(gzip.decompress(done.rejected.read_bytes()))["record"] == "{"
    again = Done(tmp_path, OLD + b"\n{\n", "log.jsonl.gz")
    assert again.target.read_bytes() == done.target.read_bytes()


@given(st.binary(min_size=1, max_size=60), st.sampled_from([b"", b"\n", b"\r\n", b"\n{\n"]))
def test_lines_too_long_to_hold_are_set_aside_whole(
    tmp_path_factory: pytest.TempPathFactory, line: bytes, ending: bytes
) -> None:
    line = b"x" * 20 + line.replace(b"\n", b"").removesuffix(b"\r")
    done = Done(tmp_path_factory.mktemp("long"), line + ending, max_bytes=10)
    entry = done.entries[0]
    assert base64.b64decode(entry["record"]) == line
    assert (entry["line"], entry["encoding"]) == (1, "base64")
    assert entry["reason"] == "the line is longer than 10 bytes"
    assert done.target.read_bytes() == b""
    assert done.report.counts.rejected == (2 if ending.endswith(b"{\n") else 1)


def test_long_lines_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagellm_protocol.archive.records.BUFFER", 2)
    done = Done(tmp_path, b"0123456789\r\n", max_bytes=4)
    assert base64.b64decode(done.entries[0]["record"]) == b"0123456789"


def test_a_file_without_rejected_records_leaves_no_file_of_them(tmp_path: Path) -> None:
    assert Done(tmp_path, b"{\n").rejected.exists()
    assert not Done(tmp_path, OLD).rejected.exists()


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
def test_stopped_halfway_nothing_is_left(tmp_path: Path, name: str) -> None:
    def stop(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Done(tmp_path, (OLD + b"\n{\n") * 2000, name, progress=stop)
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["rejected"]


def test_a_damaged_source_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "log.jsonl.gz"
    source.write_bytes(gzip.compress(OLD + b"\n")[:-9])
    report = FileReport(Fingerprint("", 0, 0, {}, ""))
    with pytest.raises(UnreadableError):
        upgrade_file(source, tmp_path / "out.gz", tmp_path / "rejected/out.gz", UPGRADER, report)
    assert list(tmp_path.iterdir()) == [source]


def test_progress_adds_up_to_the_file(tmp_path: Path) -> None:
    told: list[int] = []
    done = Done(tmp_path, (OLD + b"\n") * 4000 + b"x" * 99, progress=told.append)
    assert sum(told) == done.source.stat().st_size
    assert len(told) > 3


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_outputs_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with whole_files() as output:
        output(tmp_path / "whole", False).write(b"x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Which releases can have written it


def releases(folder: Path, *lines: bytes, message: str | None = None) -> list[str]:
    path = folder / "log.jsonl"
    path.write_bytes(b"\n".join(lines))
    return releases_of(path, HISTORY, message, max_bytes=500)


def test_a_file_tells_more_than_a_record(tmp_path: Path) -> None:
    sampling = b'{"temperature":0.5}'
    assert releases(tmp_path, sampling)[0] == "0.4.0.7"
    named = NEW.replace(b"unknown", b"e").replace(b"content", b"chunk")
    assert releases(tmp_path, sampling, named) == ["0.4.0.7"]
    assert releases(tmp_path, OLD, NEW) == []


def test_what_tells_nothing_of_its_release_does_not_count(tmp_path: Path) -> None:
    wrapped = json.dumps(envelope.wrap({}, "sampling.SamplingParams", "0.5.4.16")).encode()
    assert releases(tmp_path, OLD, b"", b" ", b"{", wrapped, b"x" * 600) == ["0.1.0"]


def test_releases_of_a_message_given(tmp_path: Path) -> None:
    assert releases(tmp_path, b"{}", message="kv_hooks.KVQoSPolicy")[0] == "0.5.2.11"


def test_an_upgrader_may_be_forced(tmp_path: Path) -> None:
    upgrader = Upgrader(Options(message="SamplingParams", since="0.4.0.8"))
    (tmp_path / "log").write_bytes(b"{}\n")
    report = FileReport(Fingerprint("", 0, 0, {}, ""))
    upgrade_file(tmp_path / "log", tmp_path / "out", tmp_path / "rejected" / "out", upgrader, report)
    assert (tmp_path / "out").read_bytes() == b'{"strategy":"greedy"}\n'
