"""``sagellm-protocol detect``: files, streams, exit codes."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sagellm_protocol.cli.app import app

DELTA = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'
EITHER = '{"temperature":0.5}\n'
NONE = '{"no field":1}\n'
BROKEN = "{\n"
COMMAND = [sys.executable, "-m", "sagellm_protocol", "detect"]


def detect(*arguments: object, stdin: bytes | str = "") -> Result:
    return CliRunner().invoke(app, ["detect", *map(str, arguments)], input=stdin)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text(DELTA + EITHER + "\n" + NONE + BROKEN + DELTA)
    return path


def test_each_line_is_told(log: Path) -> None:
    done = detect(log)
    assert done.exit_code == 1
    assert [line[:44] for line in done.stdout.splitlines()] == [
        "1: types.StreamEventDelta (0.1.0)",
        "2: ambiguous: sampling.SamplingParams (0.4.0",
        "4: unknown: the record resembles no message",
        "5: broken: no JSON: unexpected end of data (",
        "6: types.StreamEventDelta (0.1.0)",
    ]
    assert done.stderr == ""


def test_several_files_are_told_apart(log: Path, tmp_path: Path) -> None:
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(DELTA.encode()))
    done = detect(packed, "-", log, stdin=DELTA)
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"{packed}:1: types.StreamEventDelta (0.1.0)", "-:1: types.StreamEventDelta (0.1.0)"]
    assert lines[-1].startswith(f"{log}:6: ")


@pytest.mark.parametrize("arguments", [[], ["-"]])
@pytest.mark.parametrize(
    "stdin",
    [DELTA.encode(), b"\xef\xbb\xbf" + DELTA.encode(), gzip.compress(DELTA.encode())],
    ids=["plain", "with a byte order mark", "gzip"],
)
def test_standard_input(arguments: list[str], stdin: bytes) -> None:
    done = detect(*arguments, stdin=stdin)
    assert (done.exit_code, done.stdout) == (0, "1: types.StreamEventDelta (0.1.0)\n")


def test_one_payload_over_several_lines() -> None:
    done = detect(stdin=json.dumps(json.loads(DELTA), indent=4))
    assert (done.exit_code, done.stdout) == (0, "1: types.StreamEventDelta (0.1.0)\n")


def test_where_the_message_is_known() -> None:
    assert detect(stdin='{"model":"m"}\n').exit_code == 1
    assert detect("--type", "ChatMessage", stdin='{"role":"user","content":"c"}\n').exit_code == 0
    done = detect("--type", "ChatMesage", stdin="")
    assert done.exit_code == 2
    assert "no message is called 'ChatMesage' (did you mean ChatMessage?)" in " ".join(done.stderr.split())


def test_the_summary(log: Path) -> None:
    done = detect("--summary", log)
    assert done.exit_code == 1
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[2] == "types.StreamEventDelta (0.1.0) 2"
    assert "unknown 1" in lines
    assert "broken 1" in lines
    assert any(line.startswith("ambiguous: sampling.SamplingParams (0.4.0.7 to 0.5.4.12) or ") for line in lines)


def test_json(log: Path) -> None:
    done = detect("--json", log)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["line"], row["verdict"], row["message"]) for row in rows] == [
        (1, "message", "types.StreamEventDelta"),
        (2, "ambiguous", None),
        (4, "unknown", None),
        (5, "broken", None),
        (6, "message", "types.StreamEventDelta"),
    ]
    assert {tuple(row) for row in rows} == {
        ("source", "line", "verdict", "message", "since", "candidates", "envelope", "reason")
    }
    assert rows[0]["source"] == str(log)
    assert rows[0]["candidates"] == [{"message": "types.StreamEventDelta", "first": "0.1.0", "last": "0.1.0"}]
    counted = json.loads(detect("--json", "--summary", log).stdout)
    assert (counted[0]["verdict"], counted[0]["records"]) == ("message", 2)
    assert {tuple(row) for row in counted} == {
        ("verdict", "message", "since", "candidates", "envelope", "reason", "records")
    }
    assert json.loads(detect("--json", "--summary").stdout) == []
    assert detect("--json").stdout == ""


def test_what_cannot_be_read_is_told_and_the_run_goes_on(log: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(gzip.compress(DELTA.encode() * 9)[:-9])
    done = detect(tmp_path, tmp_path / "none", damaged, "\x1b[31m", log)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[:2] == [
        f"Error: {tmp_path} cannot be opened: Is a directory",
        f"Error: {tmp_path / 'none'} cannot be opened: No such file or directory",
    ]
    assert f"Error: {damaged} cannot be read to its end" in done.stderr
    assert "Error: \\x1b[31m cannot be opened" in done.stderr
    assert f"{log}:6: types.StreamEventDelta (0.1.0)" in done.stdout
    assert detect("-", stdin=b"PAR1").stderr == "Error: standard input holds Parquet, not JSON Lines in UTF-8\n"


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as caught:
        app(["detect"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == "Error: standard input is closed\n"


def test_a_stream_of_bytes_that_is_a_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(DELTA.encode())))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(SystemExit) as caught:
        app(["detect"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == "1: types.StreamEventDelta (0.1.0)\n"


# Processes


def test_lines_are_told_as_they_come() -> None:
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (1, 2):
        process.stdin.write(DELTA.encode())
        process.stdin.flush()
        assert process.stdout.readline() == f"{number}: types.StreamEventDelta (0.1.0)\n".encode()
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_names_in_another_encoding(tmp_path: Path, locale: str) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    name.write_text(NONE)
    environment = os.environ | {"LC_ALL": locale}
    for arguments, told in (([name, name], b"caf\\xe9.jsonl:1: unknown"), (["--json", name], b"bytes:")):
        done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, check=False, env=environment)
        assert done.returncode == 1, done.stderr
        assert told in done.stdout
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_a_reader_that_has_had_enough(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text(DELTA * 20_000)
    line = f"{sys.executable} -m sagellm_protocol detect {path} | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1: types.StreamEventDelta (0.1.0)\n", "")
