"""``inspect`` and ``validate``: tables, JSON, a page, and an exit status."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from published import ROOT
from sagellm_protocol.cli.app import app

LOGS = ROOT / "examples" / "archive"
DELTA = '{"event":"delta","request_id":"r","trace_id":"t","engine_id":"e","chunk":"Hi","chunk_tokens":[42]}\n'


def run(*arguments: str | Path, input: str | None = None, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(app, list(map(str, arguments)), input=input)


def as_json(*arguments: str | Path, status: int = 0) -> Any:
    done = run(*arguments, "--json", "--workers", "1")
    assert (done.exit_code, done.stderr) == (status, "")
    return json.loads(done.stdout)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """An archive with something of everything."""
    folder = tmp_path / "odd"
    folder.mkdir()
    lines = [DELTA, DELTA.replace('"Hi"', "5"), DELTA.replace("}", ',"\x1b[2J":1}').replace("\x1b", "\\u001b"), "{\n"]
    (folder / "some.jsonl").write_text("".join(lines))
    for number in range(25):
        (folder / f"n{number}.jsonl").write_text(DELTA[:-2] + f',"field{number}":1}}\n' + "[1]\n")
        (folder / f"x{number}.jsonl").write_bytes(b"PAR1")
    return folder


def test_inspect_tells_what_is_there(tmp_path: Path) -> None:
    done = run("inspect", LOGS, "--workers", "1", "--html", tmp_path / "page.html")
    assert (done.exit_code, done.stderr) == (0, "")
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "0.1.0.jsonl .jsonl 134,308 865 - 154 730 0.1.0" in told
    assert any(line.startswith("in all 1,028,609 5,036 -") for line in told)
    assert "types.StreamEventDelta 3,275 1,579 0.1.0: 564" in told
    assert any(line.startswith("mean 203, p50 141, p99 1,17") for line in told)
    assert "Metrics of 360 requests" in told
    assert not any(line in told for line in ("Left out", "What an upgrade would set aside"))
    assert "5,036 records in 6 files" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_inspect_tells_what_is_amiss(odd: Path) -> None:
    done = run("inspect", odd, "--workers", "1", "--sample", "100%")
    assert done.exit_code == 2
    for said in ("A sample: 100.0000%", "the record is no JSON object", "no JSON: unexpected end", "field24", "PAR"):
        assert (said in done.stdout) == (said != "PAR")
    assert "Left out" in done.stdout
    assert "holds Parquet" in done.stdout
    assert done.stdout.count("more: --json has them all") == 3
    assert "\x1b" not in done.stdout
    told = as_json("inspect", odd, status=2)
    assert len(told["unreadable"]) == 25
    assert told["total"]["rejected"] == 27
    assert as_json("inspect", odd / "some.jsonl", "--since", "0.4.0.8", "--type", "StreamEventDelta", status=1)


def test_validate_tells_violations(odd: Path) -> None:
    good = run("validate", LOGS, "--workers", "1")
    assert (good.exit_code, good.stdout, good.stderr) == (0, "5,036 records, 0 of them break a rule\n", "")
    done = run("validate", odd / "some.jsonl", "--workers", "1")
    assert done.exit_code == 1
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"types.StreamEventDelta chunk str 1 some.jsonl @ {len(DELTA)} chunk: 5" in told
    assert told[-1] == "4 records, 3 of them break a rule"
    assert "\x1b" not in done.stdout
    assert "more: --json" in run("validate", odd, "--workers", "1").stdout
    found = as_json("validate", odd, status=2)
    assert (found["valid"], found["records"], found["invalid"]) == (False, 54, 53)
    assert as_json("validate", odd / "some.jsonl", "--allow-unknown", status=1)["invalid"] == 2
    assert as_json("validate", odd / "some.jsonl", "--revision", "latest", status=1)["invalid"] == 4
    assert as_json("validate", LOGS / "0.4.0.8.jsonl", "--consistent", status=1)["invalid"] > 0


@pytest.mark.parametrize("command", ["inspect", "validate"])
def test_standard_input_is_a_source(command: str) -> None:
    done = run(command, "-", "--json", input=DELTA * 3)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["sources"]["-"]["records"] == 3
    for others in (["x.jsonl"], ["--dask", "tcp://127.0.0.1:1"]):
        refused = run(command, "-", *others, input="")
        assert refused.exit_code == 2
        assert "standard input (-) is a source by itself" in refused.stderr
    nothing = run(command, "-", input="")
    assert nothing.exit_code == 0
    assert "What was found" not in nothing.stdout


@pytest.mark.parametrize("command", ["inspect", "validate"])
def test_standard_input_may_be_closed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as ended:
        app([command, "-"])
    assert (ended.value.code, capsys.readouterr().err) == (2, "Error: standard input is closed\n")


@pytest.mark.parametrize("command", ["inspect", "validate"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "missing.jsonl"),
        (["missing.jsonl", "--type", "Reqest"], "did you mean Request?"),
        (["missing.jsonl", "--since", "9.9"], "no release is called"),
        ([str(LOGS), "--hooks", "no_such_module:none"], "no_such_module"),
        ([str(LOGS), "--sample", "0"], "sample must be a share above 0"),
        ([], "Missing argument"),
    ],
    ids=str,
)
def test_what_cannot_run(command: str, arguments: list[str], said: str) -> None:
    done = run(command, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_page_that_cannot_be_written_or_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "none" / "page.html"
    done = run("inspect", LOGS / "0.1.0.jsonl", "--html", page)
    assert done.exit_code == 2
    assert "0.1.0.jsonl" in done.stdout
    assert "No such file" in done.stderr
    monkeypatch.setitem(sys.modules, "plotly", None)
    done = run("inspect", LOGS / "0.1.0.jsonl", "--html", tmp_path / "page.html")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "isagellm-protocol[html]" in done.stderr


@pytest.mark.parametrize("command", ["inspect", "validate"])
def test_a_signal_stops_it(command: str) -> None:
    arguments = [sys.executable, "-m", "sagellm_protocol", command, "-"]
    pipe = subprocess.PIPE
    process: Any
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        data = DELTA.encode() * 10_000
        for _ in range(3):  # more than waits anywhere: it is at work
            process.stdin.write(data)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(BrokenPipeError):
            while True:
                process.stdin.write(data)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        assert process.stdout.read() == b""
        assert process.stderr.read() == b"Stopped. Nothing was written; the same command begins anew.\n"
    assert process.returncode == 130


def test_names_are_found_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site_repairs_of_surveys.py").write_text(
        "def register(history):\n"
        "    @history.hook('types.StreamEventDelta', since='0.4.0.8')\n"
        "    def refuse(payload): raise LookupError\n"
    )
    (tmp_path / "log.jsonl").write_text(DELTA)
    hooks = ["--hooks", "site_repairs_of_surveys:register", "--since", "0.4.0.8"]
    assert as_json("inspect", "log.jsonl", *hooks, status=1)["total"]["rejected"] == 1
    assert as_json("validate", "*.jsonl", *hooks)["valid"]
    found = as_json("validate", "log.jsonl", *hooks, "--consistent", status=1)
    assert found["violations"][0]["rule"] == "fit to be brought to today's revision"
