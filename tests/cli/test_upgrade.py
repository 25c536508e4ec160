"""``sagellm-protocol upgrade``: arguments, tables, exit codes, signals."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sagellm_protocol.archive import FileReport, Report, Watch
from sagellm_protocol.archive.report import Fingerprint
from sagellm_protocol.cli.app import app

OLD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'
BROKEN = '{"event":"delta","request_id":7}\n'


def upgrade(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["upgrade", *map(str, arguments)])


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = OLD, name: str = "log.jsonl") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# Arguments


def test_fill(log: Callable[..., Path], out: Path) -> None:
    assert upgrade(log(), "-o", out, "--fill", "engine_id=engine-7").exit_code == 0
    assert records(out / "log.jsonl")[0]["engine_id"] == "engine-7"


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ('"7"', "7"), ("x=y", "x=y"), ("", ""), ("NaN", "NaN"), ("null", None)]
)
def test_fill_is_json_or_text(
    log: Callable[..., Path], out: Path, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def note(sources: object, output: object, options: Any, **_: object) -> Report:
        asked.append(options.fill)
        return Report({"log.jsonl": FileReport(Fingerprint("", 0, 0, {}, ""), finished=True)})

    monkeypatch.setattr("sagellm_protocol.cli.upgrade.upgrade_archive", note)
    assert upgrade(log(), "--output", out, "--fill", f"a={text}").exit_code == 0
    assert asked == [{"a": value}]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--fill", "engine_id"], "'engine_id' is not FIELD=VALUE"),
        (["--fill", "=x"], "'=x' is not FIELD=VALUE"),
        (["--type", "Nothing"], "no message is called 'Nothing'"),
        (["--since", "9.9"], "no release is called '9.9'"),
        (["--type", "SamplingParams", "--since", "0.1.0"], "sampling.SamplingParams came with 0.4.0.7"),
    ],
)
def test_arguments_that_make_no_sense(log: Callable[..., Path], out: Path, arguments: list[str], expected: str) -> None:
    done = upgrade(log(), "--output", out, *arguments)
    assert done.exit_code == 2
    assert expected in " ".join(done.stderr.split())
    assert not out.exists()


def test_type_and_since(log: Callable[..., Path], out: Path) -> None:
    source = log('{"temperature":0.5}\n')
    assert upgrade(source, "--output", out).exit_code == 1
    assert upgrade(source, "--output", out, "--force", "--since", "auto").exit_code == 1
    assert upgrade(source, "--output", out, "--force", "--since", "0.5.0.1", "--type", "SamplingParams").exit_code == 0
    assert records(out / "log.jsonl") == [{"temperature": 0.5, "strategy": "greedy"}]


def test_envelopes(log: Callable[..., Path], out: Path, tmp_path: Path) -> None:
    assert upgrade(log(), "--output", out, "--envelope").exit_code == 0
    assert records(out / "log.jsonl")[0]["message"] == "types.StreamEventDelta"
    assert upgrade(out / "log.jsonl", "--output", tmp_path / "bare").exit_code == 0
    assert records(tmp_path / "bare/log.jsonl")[0]["content"] == "Hi"


# What it says


def test_the_tables(log: Callable[..., Path], out: Path) -> None:
    surplus = OLD.replace("}", ',"site":1}')
    done = upgrade(log(OLD + surplus + BROKEN), log(OLD, "other [x].jsonl"), "--output", out)
    assert done.exit_code == 1
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "log.jsonl 3 2 - 1" in lines
    assert "other [x].jsonl 1 1 - -" in lines
    assert "in all 4 3 - 1" in lines
    assert "types.StreamEventDelta 3 3 - 0.1.0: 3" in lines
    assert "types.StreamEventDelta site 1" in lines
    assert any(line.startswith("log.jsonl 3 the record ") for line in lines)
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert done.stderr == ""


def test_nothing_found(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(""), "--output", out)
    assert done.exit_code == 0
    assert "What was found" not in done.stdout


def test_a_file_that_cannot_be_read(tmp_path: Path, out: Path) -> None:
    damaged = tmp_path / "log.jsonl.gz"
    damaged.write_bytes(gzip.compress(OLD.encode())[:-5])
    done = upgrade(damaged, "--output", out)
    assert done.exit_code == 2
    assert "log.jsonl.gz cannot be read to its end" in done.stdout


def test_refusals(log: Callable[..., Path], out: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin/log.jsonl"
    twin.parent.mkdir()
    twin.write_text(OLD)
    done = upgrade(log(), twin, "--output", out)
    assert done.exit_code == 2
    assert "would both become log.jsonl" in done.stderr
    out.mkdir()
    (out / "report.json").write_text("mine")
    done = upgrade(log(), "--output", out)
    assert done.exit_code == 2
    assert "is no report of an upgrade; --force replaces it" in done.stderr


def test_an_output_that_cannot_be_written(log: Callable[..., Path], tmp_path: Path) -> None:
    done = upgrade(log(), "--output", tmp_path / "log.jsonl" / "out")
    assert done.exit_code == 2
    assert "Error: " in done.stderr


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_the_next_chance(
    log: Callable[..., Path], out: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(sources: object, output: object, options: object, *, force: bool, watch: Watch) -> Report:
        watch.begin(10)
        watch.begin_file("log.jsonl")
        os.kill(os.getpid(), number)
        watch.advance(1)
        raise AssertionError

    before = signal.getsignal(number)
    monkeypatch.setattr("sagellm_protocol.cli.upgrade.upgrade_archive", work)
    done = upgrade(log(), "--output", out)
    assert done.exit_code == 128 + number
    assert "The same command again goes on" in done.stderr
    assert signal.getsignal(number) is before


def test_a_second_signal_stops_at_once(log: Callable[..., Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr("sagellm_protocol.cli.upgrade.upgrade_archive", work)
    assert upgrade(log(), "--output", out).exit_code == 130


# Processes


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from sagellm_protocol.cli import main; main()", "upgrade", *map(str, arguments)]


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_interrupted_it_leaves_whole_files_and_goes_on(log: Callable[..., Path], out: Path) -> None:
    first, second = log(OLD + BROKEN, "first.jsonl"), log(OLD * 200_000, "second.jsonl")
    process = subprocess.Popen(command(first, second, "--output", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: bool((out / "first.jsonl").exists() and list(out.glob(".sagellm-*.part"))))
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == b""
    assert b"goes on after the finished files" in errors
    assert sorted(path.name for path in out.iterdir()) == ["first.jsonl", "rejected", "report.json"]
    finished = (out / "first.jsonl").stat().st_mtime_ns

    second.write_text(OLD)  # what remains to be done need not take long here
    done = subprocess.run(command(first, second, "--output", out), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "in all" in done.stdout
    assert (out / "first.jsonl").stat().st_mtime_ns == finished
    assert sorted(path.name for path in out.iterdir()) == ["first.jsonl", "rejected", "report.json", "second.jsonl"]


def drawn_on_terminal(arguments: list[str]) -> tuple[int, str]:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 1 << 16):
            drawn += piece
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(ours)
    return process.wait(timeout=60), drawn.decode()


def test_a_progress_bar_on_a_terminal(log: Callable[..., Path], out: Path) -> None:
    status, drawn = drawn_on_terminal(command(log(OLD * 5000), "--output", out))
    assert status == 0
    assert "log.jsonl" in drawn
    assert "100%" in drawn
    assert "\x1b[" in drawn


def test_no_progress_bar_in_a_pipe(log: Callable[..., Path], out: Path) -> None:
    done = subprocess.run(command(log(OLD * 5000), "--output", out), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_tables_where_only_ascii_can_be_written(log: Callable[..., Path], out: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command(log(), "--output", out), capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert done.stdout.isascii()
