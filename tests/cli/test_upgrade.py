"""``sagellm-protocol upgrade``: arguments, tables, exit codes, signals."""

from __future__ import annotations

import gzip
import json
import os
import shlex
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
from sagellm_protocol.archive.locking import alone_in
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
        (["--type", "StreamEventDelt"], "(did you mean StreamEventDelta?)"),
        (["--since", "0.4.0.88"], "(did you mean 0.4.0.8?)"),
        (["--since", "9.9"], "no release is called '9.9'"),
        (["--type", "SamplingParams", "--since", "0.1.0"], "sampling.SamplingParams came with 0.4.0.7"),
        (["--fill", "engin_id=x"], "did you mean engine_id?"),
        (["--fill", "engine_id=x", "--since", "latest"], "fill.engine_id: must be a field that old records lack"),
        (["--fill", "engine_id=7"], """must be str, got 7; text is --fill 'engine_id="7"'"""),
        (["--fill", "engine_id=1e3"], """must be str, got 1000.0; text is --fill 'engine_id="1e3"'"""),
        (["--fill", "engine_id=null"], """must be str, got None; text is --fill 'engine_id="null"'"""),
        (["--fill", "engine_id=a", "--fill", "engine_id=b"], "engine_id is given twice"),
        (["--fill", "engine_id=99999999999999999999"], "fill.engine_id: must be an integer within 64 bits"),
        (["--fill", "engine_id=" + "9" * 5000], "fill.engine_id: must be an integer within 64 bits"),
        (["--fill", 'engine_id="\\ud800"'], "fill.engine_id: must be text without lone surrogates"),
        (["--fill", "engine_id=\udcff"], "fill.engine_id: must be text without lone surrogates"),
        (["--fill", "engine_id=" + "[" * 100_000], "the value of engine_id nests too deep"),
        (["--type", "\x1b[31m"], "no message is called '\\x1b[31m'"),
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
    assert "Written where old records do not say: made up, or as --fill says" in lines
    assert "types.StreamEventDelta engine_id 3 -" in lines
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert done.stderr == ""


def test_the_report_as_json(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(OLD + BROKEN), "--output", out, "--json")
    assert (done.exit_code, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert told == json.loads((out / "report.json").read_text())
    assert told["files"]["log.jsonl"]["rejections"][0]["line"] == 2


def test_what_the_user_filled_in_is_told_apart(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(OLD + OLD), "--output", out, "--fill", "engine_id=e")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "types.StreamEventDelta engine_id - 2" in lines
    done = upgrade(log(OLD, "more"), "--output", out)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "types.StreamEventDelta engine_id 1 2" in lines


def test_where_nothing_is_made_up_there_is_no_table_of_it(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log('{"model":"m"}\n'), "--output", out, "--type", "ChatMessage")
    assert "made up" not in done.stdout


def test_help_says_what_is_made_up() -> None:
    assert 'engine_id, are made up: "unknown"' in " ".join(upgrade("--help").stdout.split())


def test_nothing_that_files_hold_reaches_the_terminal_as_it_is(log: Callable[..., Path], out: Path) -> None:
    named = log(
        OLD.replace("}", ',"\\u001b[31m":1}') + '{"\\u001b]0;x\\u0007":1,"event":"delta","request_id":7}\n',
        "\x1b[32m\u202e.jsonl",
    )
    damaged = log("", "\x07.jsonl.gz")
    damaged.write_bytes(b"\x1f\x8b")
    done = upgrade(named, damaged, "--output", out)
    assert done.exit_code == 2
    again = upgrade(named, log("x", "\x1b[32m\u202e.jsonl"), "--output", f"{out}\x1b[33m")
    assert again.exit_code == 2
    for text in (done.stdout, done.stderr, again.stderr):
        assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\x1b[32m\\u202e.jsonl" in done.stdout
    assert "\\x1b[31m" in done.stdout


def test_another_run_in_the_folder(log: Callable[..., Path], out: Path) -> None:
    out.mkdir()
    with alone_in(out):
        done = upgrade(log(), "--output", out)
    assert done.exit_code == 2
    assert "is at work" in done.stderr


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


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_names_in_another_encoding(tmp_path: Path, out: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    (tmp_path / name).write_text(OLD + BROKEN)
    for locale in ("C", "C.UTF-8"):
        environment = os.environ | {"LC_ALL": locale}
        done = subprocess.run(
            command(tmp_path / name, "--output", out), capture_output=True, check=False, env=environment
        )
        assert done.returncode == 1, done.stderr
        assert b"caf\\xe9.jsonl" in done.stdout
    assert list(Report.read(out / "report.json").files) == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_output_that_is_full(log: Callable[..., Path], out: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command(log(), "--output", out), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert done.stderr == b"Error: standard output cannot be written: No space left on device\n"
    assert Report.read(out / "report.json").complete


@pytest.mark.parametrize(("text", "status"), [(OLD, 0), (OLD + BROKEN, 1)])
def test_standard_output_that_nobody_reads(log: Callable[..., Path], out: Path, text: str, status: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(log(text), "--output", out), stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (status, b"")
    assert Report.read(out / "report.json").complete


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize(("text", "status"), [(OLD, 0), (OLD + BROKEN, 1)])
def test_standard_output_and_error_that_are_closed(log: Callable[..., Path], out: Path, text: str, status: int) -> None:
    for closed in (">&-", ">&- 2>&-"):
        line = f"{shlex.join(command(log(text), '--output', out, '--force'))} {closed}"
        done = subprocess.run(line, shell=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (status, b"")
        assert Report.read(out / "report.json").complete
        assert (out / "log.jsonl").read_bytes().startswith(b'{"event"')


def test_killed_it_leaves_nothing_that_the_next_run_does_not_remove(log: Callable[..., Path], out: Path) -> None:
    source = log(BROKEN + OLD * 200_000)
    process = subprocess.Popen(command(source, "--output", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: bool(list(out.glob("rejected/.sagellm-*.part"))))
    process.kill()
    process.communicate(timeout=60)
    source.write_text(OLD)
    assert list(out.rglob("*.part"))
    assert upgrade(source, "--output", out).exit_code == 0
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["log.jsonl", "rejected", "report.json"]


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
