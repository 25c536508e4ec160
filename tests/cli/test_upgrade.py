"""``sagellm-protocol upgrade``: arguments, tables, exit codes, signals."""

from __future__ import annotations

import gzip
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.text import Text

from published import ROOT
from sagellm_protocol.archive import Progress, Report, Watch
from sagellm_protocol.archive.storage import Folder
from sagellm_protocol.cli.app import app
from sagellm_protocol.cli.archives import telling
from sagellm_protocol.cli.pipes import piped
from sagellm_protocol.cli.progress import watching
from sagellm_protocol.cli.sizes import share, size

OLD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42]}\n'
BROKEN = '{"event":"delta","request_id":7}\n'


def upgrade(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["upgrade", *map(str, arguments)], given)


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


def report(out: Path) -> Any:
    return json.loads((out / "report.json").read_text())


def spread(text: str) -> list[str]:
    """Lines without what aligns them."""
    return [" ".join(line.split()) for line in text.splitlines()]


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
        return Report()

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
        (["--rotate", "64m"], "'64m' is no size: write bytes, 1 or more, as 1000, 64MiB or 1.5GB"),
        (["--shard-size", "0.5"], "'0.5' is no size"),
        (["--max-rejected", "101%"], "'101%' is no share: write 0.1% or 0.001, 100% or 1 at the most"),
        (["--sample", "a tenth"], "'a tenth' is no share"),
        (["--sample", "0"], "sample must be a share above 0, 1 at the most, or None"),
        (["--workers", "2", "--dask", "tcp://127.0.0.1:1"], "a cluster (--dask) has its own"),
        (["--hooks", "nowhere:register"], "the hooks nowhere:register cannot be imported"),
        (["--hooks", "nowhere"], "no hooks are called nowhere; write module:function"),
        (["--rejected", "aside.jsonl"], "--rejected is for standard input (-) as the source"),
        (["-"], "standard input (-) is a source by itself"),
    ],
)
def test_arguments_that_make_no_sense(log: Callable[..., Path], out: Path, arguments: list[str], expected: str) -> None:
    done = upgrade(log(), "--output", out, *arguments)
    assert done.exit_code == 2
    assert expected in " ".join(done.stderr.split())
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output", "out"],
        ["--workers", "2"],
        ["--dask", "tcp://127.0.0.1:1"],
        ["--rotate", "1MB"],
        ["--shard-size", "1MB"],
        ["--sample", "1%"],
        ["--dry-run"],
        ["--json"],
    ],
)
def test_what_means_nothing_for_a_stream(arguments: list[str]) -> None:
    done = upgrade("-", *arguments, given=OLD.encode())
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{arguments[0]} means nothing where standard input (-) is the source" in " ".join(done.stderr.split())


def test_without_a_folder_for_the_outputs(log: Callable[..., Path]) -> None:
    done = upgrade(log())
    assert done.exit_code == 2
    assert "--output is missing" in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("1000", 1000), ("64MiB", 1 << 26), ("64 mib", 1 << 26), ("1.5kB", 1500), ("2TiB", 2 << 40), ("7b", 7)],
)
def test_sizes(text: str, expected: int) -> None:
    assert size(text) == size(expected) == expected


@pytest.mark.parametrize(("text", "expected"), [("0.1%", 0.001), ("100 %", 1.0), (".5", 0.5), ("0", 0.0), ("1", 1.0)])
def test_shares(text: str, expected: float) -> None:
    assert share(text) == share(expected) == expected


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
    lines = spread(done.stdout)
    assert "log.jsonl 3 2 - 1" in lines
    assert "other [x].jsonl 1 1 - -" in lines
    assert "in all 4 3 - 1" in lines
    assert "types.StreamEventDelta 3 3 - 0.1.0: 3" in lines
    assert "types.StreamEventDelta site 1" in lines
    assert any(line.startswith(f"log.jsonl {len(OLD + surplus)} 1 the record ") for line in lines)
    assert "Written where old records do not say: made up, or as --fill says" in lines
    assert "types.StreamEventDelta engine_id 3 -" in lines
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert done.stderr == ""


def test_the_report_as_json(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(OLD + BROKEN), "--output", out, "--json")
    assert (done.exit_code, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert told == report(out)
    assert told["files"]["log.jsonl"]["rejections"][0]["offset"] == len(OLD)
    ((reason, times),) = told["total"]["reasons"].items()
    assert (reason.startswith("the record fits no message"), times) == (True, 1)


def test_many_sources_are_added_up(tmp_path: Path, out: Path) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.jsonl").write_text(OLD)
    lines = spread(upgrade(tmp_path, "-o", out).stdout)
    assert "19.jsonl 1 1 - -" in lines
    assert "3 more 3 3 - -" in lines
    assert "in all 23 23 - -" in lines


def test_reasons_are_counted_without_what_is_particular_to_a_record(log: Callable[..., Path], out: Path) -> None:
    broken = [OLD.replace("[42]", f'[{"1," * number}"x{number}"]') for number in range(7)]
    done = upgrade(log("".join(broken)), "-o", out)
    (line,) = [line for line in spread(done.stdout) if line.startswith("log.jsonl 0 7 the record fits no message")]
    # Records past the first five that are set aside are no examples, and counted all the same.
    done = upgrade(log("".join(broken) + "{\n"), "-o", out)
    assert line in spread(done.stdout)
    assert "1 no JSON: unexpected end of data" in spread(done.stdout)


def test_the_outputs_of_a_run_as_sources(tmp_path: Path, out: Path) -> None:
    (tmp_path / "log.jsonl").write_text(OLD + BROKEN)
    assert upgrade(tmp_path / "log.jsonl", "-o", out).exit_code == 1
    done = upgrade(out, "-o", tmp_path / "again")
    assert done.exit_code == 0
    assert "in all 1 - 1 -" in spread(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="times of children")
def test_no_process_is_started_for_little(tmp_path: Path, out: Path) -> None:
    before = os.times().children_user
    assert upgrade(ROOT / "examples/archive", "-o", out).exit_code == 0
    assert os.times().children_user == before


def test_a_dry_run_writes_nothing(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(OLD + BROKEN), "-o", out, "--dry-run")
    assert done.exit_code == 1
    assert "Would be set aside" in done.stdout
    assert "log.jsonl 2 1 - 1" in spread(done.stdout)
    assert not out.exists()


def test_the_status_is_that_of_the_sources_asked_for(log: Callable[..., Path], out: Path) -> None:
    assert upgrade(log(BROKEN), "-o", out).exit_code == 1
    done = upgrade(log(OLD, "other.jsonl"), "-o", out)
    assert done.exit_code == 0
    assert "log.jsonl 1 - - 1" in spread(done.stdout)


def test_what_the_user_filled_in_is_told_apart(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(OLD + OLD), "--output", out, "--fill", "engine_id=e")
    lines = spread(done.stdout)
    assert "types.StreamEventDelta engine_id - 2" in lines
    done = upgrade(log(OLD, "more"), "--output", out)
    lines = spread(done.stdout)
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
    damaged.write_bytes(b"no gzip")
    done = upgrade(named, damaged, "--output", out)
    assert done.exit_code == 2
    again = upgrade(named, f"{named}x", "--output", f"{out}\x1b[33m")
    assert again.exit_code == 2
    for text in (done.stdout, done.stderr, again.stderr):
        assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\x1b[32m\\u202e.jsonl" in done.stdout
    assert "\\x1b[31m" in done.stdout


def test_another_run_in_the_folder(log: Callable[..., Path], out: Path) -> None:
    with Folder(out).alone():
        done = upgrade(log(), "--output", out)
    assert done.exit_code == 2
    assert "is at work" in done.stderr


def test_nothing_found(log: Callable[..., Path], out: Path) -> None:
    done = upgrade(log(""), "--output", out)
    assert done.exit_code == 0
    assert "What was found" not in done.stdout


def test_a_file_that_cannot_be_read(tmp_path: Path, out: Path) -> None:
    foreign = tmp_path / "log.jsonl.gz"
    foreign.write_bytes(b"no gzip")
    done = upgrade(foreign, "--output", out)
    assert done.exit_code == 2
    assert "Left out" in done.stdout
    assert any(line.startswith("log.jsonl.gz ") for line in done.stdout.splitlines())


def test_a_file_that_breaks_off_is_salvaged(tmp_path: Path, out: Path) -> None:
    damaged = tmp_path / "log.jsonl.gz"
    damaged.write_bytes(gzip.compress(OLD.encode())[:-5])
    done = upgrade(damaged, "--output", out, "--compress", "none")
    assert done.exit_code == 1
    assert "log.jsonl.gz 2 1 - 1" in spread(done.stdout)
    assert records(out / "log.jsonl")[0]["content"] == "Hi"


def test_refusals(log: Callable[..., Path], out: Path) -> None:
    out.mkdir()
    (out / "log.jsonl").write_text("mine")
    done = upgrade(log(), "--output", out)
    assert done.exit_code == 2
    assert "log.jsonl is there already\nnothing is overwritten without --force" in done.stderr
    done = upgrade("nowhere", "nor/here", "--output", out)
    assert done.exit_code == 2
    assert done.stderr == "Error: nowhere is not there\nnor/here is not there\n"


def test_two_of_one_name(log: Callable[..., Path], out: Path, tmp_path: Path) -> None:
    for year in ("2024", "2025"):
        (tmp_path / year).mkdir()
        log(OLD, f"{year}/log.jsonl")
    assert upgrade(tmp_path / "2024/log.jsonl", tmp_path / "2025/log.jsonl", "--output", out).exit_code == 0
    assert (out / "2024/log.jsonl").read_bytes() == (out / "2025/log.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (["--strict"], f"log.jsonl, at byte {len(OLD)}: the record fits no message"),
        (["--max-rejected", "49%"], "1 of 2 records were set aside, which is more than 49.0000%"),
    ],
)
def test_what_is_too_much(log: Callable[..., Path], out: Path, limit: list[str], expected: str) -> None:
    done = upgrade(log(OLD + BROKEN), "--output", out, *limit)
    assert done.exit_code == 2
    assert expected in done.stderr
    assert upgrade(log(OLD + BROKEN), "--output", out, "--max-rejected", "50%").exit_code == 1


def test_forms_and_sizes(log: Callable[..., Path], out: Path) -> None:
    source = log(OLD * 30_000 + "x" * 1000 + "\n")
    arguments = ["--format", "json", "--compress", "none", "--rotate", "1MB", "--shard-size", "2MB", "--max-record"]
    assert upgrade(source, "--output", out, *arguments, "999b", "--workers", "1").exit_code == 1
    pieces = sorted(path.name for path in out.glob("log*"))
    assert pieces[:2] == ["log.00000.00000.json", "log.00000.00001.json"]
    assert sum(len(json.loads((out / piece).read_bytes())) for piece in pieces) == 30_000
    (set_aside,) = (out / "rejected").iterdir()
    assert records(set_aside)[0]["reason"] == "the record is longer than 999 bytes"


def test_a_sample(log: Callable[..., Path], out: Path) -> None:
    assert upgrade(log(OLD * 10_000), "--output", out, "--sample", "10%").exit_code == 0
    assert 900 < len(records(out / "log.jsonl")) < 1100


def test_hooks_of_the_current_folder(
    log: Callable[..., Path], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repairs_of_a_site.py").write_text(
        "def register(history):\n"
        "    @history.hook('types.StreamEventDelta', since='0.1.0')\n"
        "    def shout(payload):\n"
        "        return payload | {'chunk': payload['chunk'].upper()}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Two shards, and so two processes, which must find the module as well.
    arguments = ["--hooks", "repairs_of_a_site:register", "--workers", "2", "--shard-size", "100b"]
    assert upgrade(log(OLD * 2), "--output", out, *arguments).exit_code == 0
    assert [records(path)[0]["content"] for path in sorted(out.glob("log*"))] == ["HI", "HI"]


# A cluster


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a Dask scheduler with one worker, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    both = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [
        ["distributed.cli.dask_scheduler", *both, "--host", "127.0.0.1", "--port", "0"],
        ["distributed.cli.dask_worker", *both, "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path)],
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        for arguments in commands
    ]
    try:
        yield distributed.utils.json_load_robust(file, timeout=60)["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=30)


def test_a_cluster_does_it(log: Callable[..., Path], out: Path, tmp_path: Path, scheduler: str) -> None:
    source = log(OLD * 30 + BROKEN)
    done = upgrade(source, "--output", out, "--dask", scheduler, "--shard-size", "1kB")
    assert (done.exit_code, done.stderr) == (1, "")
    here = tmp_path / "here"
    assert upgrade(source, "--output", here, "--workers", "1", "--shard-size", "1kB").exit_code == 1
    names = sorted(path.relative_to(here) for path in here.rglob("log*"))
    assert len(names) == 4
    assert [(out / name).read_bytes() for name in names] == [(here / name).read_bytes() for name in names]


# Streams


def test_a_stream() -> None:
    done = upgrade("-", "--since", "0.1.0", given=OLD.encode() * 2)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [json.loads(line)["content"] for line in done.stdout.splitlines()] == ["Hi", "Hi"]


def test_a_stream_of_another_form() -> None:
    done = upgrade("-", "--format", "json", "--compress", "gzip", given=gzip.compress(OLD.encode() * 2))
    assert [record["content"] for record in json.loads(gzip.decompress(done.stdout_bytes))] == ["Hi", "Hi"]


def test_what_a_stream_sets_aside(tmp_path: Path) -> None:
    done = upgrade("-", given=(OLD + BROKEN).encode())
    assert done.exit_code == 1
    (entry,) = map(json.loads, done.stderr.splitlines())
    assert (entry["offset"], entry["record"]) == (len(OLD), BROKEN.strip())
    aside = tmp_path / "aside.jsonl"
    done = upgrade("-", "--rejected", aside, given=(OLD + BROKEN).encode())
    assert (done.exit_code, done.stderr) == (1, "2 records: 1 upgraded, 0 as they were, 1 set aside\n")
    assert records(aside) == [entry]
    done = upgrade("-", "--rejected", aside, given=OLD.encode())
    assert (done.exit_code, done.stderr) == (
        2,
        f"Error: {aside} is there already; nothing is overwritten without --force\n",
    )
    assert upgrade("-", "--rejected", aside, "--force", given=OLD.encode()).exit_code == 0
    assert aside.read_bytes() == b""


def test_a_stream_that_holds_no_records() -> None:
    done = upgrade("-", given=b"PAR1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Parquet" in done.stderr
    assert upgrade("-", "--since", "auto", given=b"").exit_code == 2


def test_a_stream_that_nobody_reads(log: Callable[..., Path]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with log(OLD).open("rb") as source:
        done = subprocess.run(command("-"), stdin=source, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_has_had_enough_is_no_failure() -> None:
    with pytest.raises(BrokenPipeError), telling(""):
        raise BrokenPipeError


def test_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(click.ClickException, match="is closed"), piped(None, force=False):
        raise AssertionError


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_a_stream_that_is_closed() -> None:
    line = f"{shlex.join(command('-'))} <&-"
    done = subprocess.run(line, shell=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"standard input, output or error is closed" in done.stderr


def test_an_interrupted_stream_ends(log: Callable[..., Path]) -> None:
    with log(OLD * 20_000).open("rb") as source:
        process = subprocess.Popen(command("-"), stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["content"] == "Hi"
    # It waits for somebody to read the rest.
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


def test_an_output_that_cannot_be_written(log: Callable[..., Path], tmp_path: Path) -> None:
    done = upgrade(log(), "--output", tmp_path / "log.jsonl" / "out")
    assert done.exit_code == 2
    assert "Error: " in done.stderr


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_the_next_chance(
    log: Callable[..., Path], out: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, watch: Watch, **__: object) -> Report:
        watch.begin(10)
        os.kill(os.getpid(), number)
        watch.advance(Progress(1, 1, 0, "log.jsonl"))
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
    assert list(report(out)["files"]) == ["bytes:caf%E9.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_output_that_is_full(log: Callable[..., Path], out: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command(log(), "--output", out), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert done.stderr == b"Error: standard output cannot be written: No space left on device\n"
    assert report(out)["complete"]


@pytest.mark.parametrize(("text", "status"), [(OLD, 0), (OLD + BROKEN, 1)])
def test_standard_output_that_nobody_reads(log: Callable[..., Path], out: Path, text: str, status: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(log(text), "--output", out), stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (status, b"")
    assert report(out)["complete"]


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize(("text", "status"), [(OLD, 0), (OLD + BROKEN, 1)])
def test_standard_output_and_error_that_are_closed(log: Callable[..., Path], out: Path, text: str, status: int) -> None:
    for closed in (">&-", ">&- 2>&-"):
        line = f"{shlex.join(command(log(text), '--output', out, '--force'))} {closed}"
        done = subprocess.run(line, shell=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (status, b"")
        assert report(out)["complete"]
        assert (out / "log.jsonl").read_bytes().startswith(b'{"event"')


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from sagellm_protocol.cli import main; main()", "upgrade", *map(str, arguments)]


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_interrupted_it_leaves_whole_files_and_goes_on(log: Callable[..., Path], out: Path) -> None:
    first, second = log(OLD + BROKEN, "first.jsonl"), log(OLD * 400_000, "second.jsonl")
    arguments = command(first, second, "--output", out, "--workers", "1")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: bool((out / "first.jsonl").exists() and list(out.glob(".sagellm-*.part"))))
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"")
    assert f"Stopped. The same command again goes on after what is done in {out}.".encode() in errors
    whole = ["first.jsonl", "rejected", "report.json"]
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == whole
    finished = (out / "first.jsonl").stat().st_mtime_ns

    second.write_text(OLD)  # what remains to be done need not take long here
    done = upgrade(first, second, "--output", out)
    assert done.exit_code == 1
    assert "in all 3 2 - 1" in spread(done.stdout)
    assert (out / "first.jsonl").stat().st_mtime_ns == finished


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


def test_a_live_view_on_a_terminal(log: Callable[..., Path], out: Path) -> None:
    status, drawn = drawn_on_terminal(command(log((OLD * 20 + BROKEN) * 700), "--output", out))
    assert status == 1
    for shown in ("log.jsonl", "100%", "B/s", "records/s", "700 set aside", "0:00:00", "\x1b["):
        assert shown in drawn


def test_what_the_live_view_says() -> None:
    drawn = io.StringIO()
    with watching(Console(file=drawn, force_terminal=True, width=120)) as view:
        view.begin(1000)
        view.advance(Progress(250, 10, 0, "a/\x1b[31m/first.jsonl"))
        view.advance(Progress(500, 20, 3, "last.jsonl"))
    shown = Text.from_ansi(drawn.getvalue()).plain
    for part in ("last.jsonl", "50%", "records/s, 3 set aside"):
        assert part in shown
    drawn = io.StringIO()
    with watching(Console(file=drawn, force_terminal=True, width=120)) as view:
        view.begin(None)
        view.advance(Progress(500, 20, 0, "-" * 100))
    assert "set aside" not in drawn.getvalue()
    assert "-" * 33 not in drawn.getvalue()


def test_no_live_view_in_a_pipe(log: Callable[..., Path], out: Path) -> None:
    done = subprocess.run(command(log(OLD * 5000), "--output", out), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_tables_where_only_ascii_can_be_written(log: Callable[..., Path], out: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command(log(), "--output", out), capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert done.stdout.isascii()
