"""The group of commands, and what it says where the extra is not installed."""

from __future__ import annotations

import gzip
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from published import ROOT
from sagellm_protocol import __version__, cli
from sagellm_protocol.archive import upgrade_archive
from sagellm_protocol.cli.app import COMMANDS, SECTIONS, app

SCRIPT = Path(sys.executable).parent / "sagellm-protocol"


def test_every_command_is_found_and_listed() -> None:
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    for name in COMMANDS:
        assert name in said.stdout
        command = app.get_command(click.Context(app), name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("downgrade", "No such command 'downgrade' (did you mean upgrade?)."),
        ("detct", "No such command 'detct' (did you mean detect?)."),
        ("Messages", "No such command 'Messages' (did you mean messages?)."),
        ("frobnicate", "No such command 'frobnicate'."),
        ("\x1b[31m", "No such command '\\x1b[31m'."),
        ("x" * 100_000, "No such command 'xxx"),
        ("--frobnicate", "No such option"),
    ],
)
def test_another_command_is_refused(name: str, told: str) -> None:
    said = CliRunner().invoke(app, [name])
    assert said.exit_code == 2
    assert told in said.stderr
    assert app.get_command(click.Context(app), name) is None


def test_commands_stand_under_headings_in_full() -> None:
    said = CliRunner().invoke(app, ["--help"], terminal_width=80).stdout
    for heading, section in SECTIONS.items():
        assert f"\n{heading}:\n" in said
        for name in section:
            command = app.get_command(click.Context(app), name)
            assert command is not None
            assert f"  {name} " in said
            assert "..." not in command.get_short_help_str(60)
            assert f" {command.get_short_help_str(60)}\n" in said


REPAIRS = """
def register(history):
    history.hook("types.Request", since="0.1.0")(lambda payload: payload)
"""
EXAMPLE = re.compile(r"^ +(.*\bsagellm-protocol .*)$", re.MULTILINE)


@pytest.mark.once
@pytest.mark.skipif(os.name != "posix" or not SCRIPT.exists(), reason="a shell, and the script")
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_examples_of_the_help_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(b'{"event":"start","request_id":"r","trace_id":"t"}\n'))
    events = b'{"tell":"begin_request","request_id":"r"}\n'
    (tmp_path / "events.jsonl").write_bytes(events)
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(events))
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    (tmp_path / "repairs.py").write_text(REPAIRS)
    own = (ROOT / "examples/own_messages.py").read_text(encoding="utf-8")
    (tmp_path / "fleet.py").write_text(own.replace("own_messages", "fleet"), encoding="utf-8")
    (tmp_path / "reports.jsonl").write_text('{"node": "n1", "round_trip_ms": 3.5}\n')
    if name == "retry":
        (tmp_path / "log.jsonl").write_text('{"temperature":0.5}\n')
        upgrade_archive(tmp_path / "log.jsonl", tmp_path / "upgraded")
    command = app if not name else app.get_command(click.Context(app), name)
    assert command is not None
    examples = EXAMPLE.findall(command.epilog or "")
    assert examples
    environment = os.environ | {"HOME": str(tmp_path), "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"}
    for example in examples:
        line = example.replace("| jq .message", "| cat").replace("completion zsh)", "completion zsh >/dev/null)")
        shell = ["bash", "-c", line]
        done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        # What a record of 0.1.0 is may be open, and it keeps no rules of today; either is told so.
        allowed = {0, 1} if {"detect", "lint", "validate"} & set(example.split()) else {0}
        assert done.returncode in allowed, done.stderr
        assert done.stderr == ""


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["whatever", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("sagellm_protocol", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: python -m sagellm_protocol [OPTIONS] COMMAND")
    module = runpy.run_module("sagellm_protocol.__main__")
    assert module["main"] is cli.main


@pytest.mark.skipif(not SCRIPT.exists(), reason="the script is not installed")
@pytest.mark.parametrize("arguments", [["--version"], ["detct"], ["diff", "0.1.0", "0.1.0"], ["schema", "Reqest"]])
def test_module_and_script_are_one(arguments: list[str]) -> None:
    ways = [[sys.executable, "-m", "sagellm_protocol"], [str(SCRIPT)]]
    script, module = (
        subprocess.run([*way, *arguments], capture_output=True, text=True, check=False) for way in reversed(ways)
    )
    assert (module.returncode, module.stdout) == (script.returncode, script.stdout)
    assert module.stderr == script.stderr.replace("sagellm-protocol", "python -m sagellm_protocol")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"sagellm-protocol, version {__version__}\n"


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"{name} is not installed" in said
    assert "pip install 'isagellm-protocol[cli]'" in said


def test_without_the_extra_there_is_no_traceback() -> None:
    code = "import sys; sys.modules['click'] = None; from sagellm_protocol.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_command_does_not_load_the_others() -> None:
    code = (
        "import sys\nfrom sagellm_protocol.cli.app import app\n"
        "app(['upgrade', '--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('sagellm_protocol.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cli.upgrade" in done.stdout
    assert "cli.schema" not in done.stdout
    assert "cli.diff" not in done.stdout
