"""The group of commands, and what it says where the extra is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from sagellm_protocol import cli
from sagellm_protocol.cli.app import COMMANDS, app


def test_every_command_is_found_and_listed() -> None:
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    for name in COMMANDS:
        assert name in said.stdout
        command = app.get_command(click.Context(app), name)
        assert command is not None
        assert command.name == name


def test_another_command_is_refused() -> None:
    said = CliRunner().invoke(app, ["downgrade"])
    assert said.exit_code == 2
    assert "No such command 'downgrade'" in said.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"sagellm-protocol, version {version('isagellm-protocol')}\n"


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
