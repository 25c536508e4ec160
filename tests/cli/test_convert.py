"""``sagellm-protocol convert``: files in another form, and streams."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgpack
from click.testing import CliRunner, Result

from published import ROOT
from sagellm_protocol.cli.app import app

LOGS = sorted((ROOT / "examples/archive").glob("*.jsonl"))


def convert(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)], given)


def spread(text: str) -> list[str]:
    """Lines without what aligns them."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_there_and_back(tmp_path: Path) -> None:
    small = tmp_path / "small"
    done = convert(ROOT / "examples/archive", "-o", small, "--format", "msgpack", "--compress", "gzip")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "file found written anew as they were set aside" in spread(done.stdout)
    assert "in all 5,036 5,036 - -" in spread(done.stdout)
    assert "What was found" not in done.stdout
    assert sum(path.stat().st_size for path in small.glob("*.gz")) < sum(path.stat().st_size for path in LOGS) / 5

    # The folder of outputs is a source as it is: what tells about them is no part of it.
    assert convert(small, "-o", tmp_path / "back", "--format", "jsonl", "--compress", "none").exit_code == 0
    for log in LOGS:
        assert (tmp_path / "back" / log.name).read_bytes() == log.read_bytes()


def test_what_would_lose_something_is_set_aside(tmp_path: Path) -> None:
    source = tmp_path / "log.jsonl"
    source.write_text('{"a":1.10}\n{"a":0.12345678901234567891}\n')
    done = convert(source, "-o", tmp_path / "out", "--format", "msgpack")
    assert done.exit_code == 1
    assert "log.jsonl 2 1 - 1" in spread(done.stdout)
    assert "has more digits than a float can hold" in " ".join(done.stdout.split())
    assert msgpack.unpackb((tmp_path / "out/log.msgpack").read_bytes()) == {"a": 1.1}
    done = convert(source, "-o", tmp_path / "out", "--format", "msgpack", "--dry-run", "--json")
    assert json.loads(done.stdout)["total"]["rejected"] == 1


def test_streams(tmp_path: Path) -> None:
    done = convert("-", "--format", "json", given=b'{"a":1}\n{"b": 1.10}\n')
    assert (done.exit_code, done.stdout, done.stderr) == (0, '[\n{"a":1},\n{"b": 1.10}\n]\n', "")
    packed = convert("-", "--format", "msgpack", "--compress", "gzip", given=done.stdout_bytes).stdout_bytes
    assert gzip.decompress(packed) == msgpack.packb({"a": 1}) + msgpack.packb({"b": 1.1})
    aside = tmp_path / "aside.jsonl"
    done = convert("-", "--rejected", aside, given=b'{"a":1}\n{"b"\n')
    assert (done.exit_code, done.stdout) == (1, '{"a":1}\n')
    assert done.stderr == "2 records: 0 written anew, 1 as they were, 1 set aside\n"
    assert json.loads(aside.read_bytes())["record"] == '{"b"'


def test_arguments_that_make_no_sense(tmp_path: Path) -> None:
    assert convert(LOGS[0]).exit_code == 2
    assert convert(LOGS[0], "-o", tmp_path, "--format", "csv").exit_code == 2
    done = convert("-", "--rotate", "1MB", given=b"")
    assert (done.exit_code, "--rotate means nothing" in done.stderr) == (2, True)
