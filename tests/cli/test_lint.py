"""``sagellm-protocol lint`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lint.precision import CODEBASE
from published import published_release
from sagellm_protocol.cli import lint as command_module
from sagellm_protocol.cli.app import app

WRONG = "from sagellm_protocol import Response\n\n\ndef f(r: Response):\n    return r.output_tokens == [1]\n"


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_text(WRONG)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lint", *map(str, arguments)])


def test_exit_codes(wrong: Path) -> None:
    assert run(wrong).exit_code == 1
    assert run(wrong, "--ignore", "SLP7").exit_code == 0
    (wrong.parent / "b.py").write_text("x = = 1")
    assert run(wrong.parent).exit_code == 2


def test_formats(wrong: Path) -> None:
    assert "Fails in silence:" in run(wrong).stdout
    assert json.loads(run(wrong, "--format", "json").stdout)["counts"] == {"SLP701": 1}
    assert json.loads(run(wrong, "--format", "sarif").stdout)["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.py"], "there is no 'nothing.py'"),
        ([], "Missing argument 'PATH...'"),
        ([".", "--select", "list-compare"], "did you mean list-compared?"),
        ([".", "--fix", "--diff"], "give one of them"),
        ([".", "--diff", "--format", "json"], "leave --format out"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_fix(wrong: Path) -> None:
    shown = run(wrong, "--diff")
    assert shown.stdout.endswith("-    return r.output_tokens == [1]\n+    return r.output_tokens == (1,)\n")
    assert shown.exit_code == 0
    assert wrong.read_text() == WRONG
    done = run(wrong, "--fix")
    assert done.exit_code == 0
    assert done.stderr == "1 mended in 1 file\n"
    assert done.stdout == "0 findings in 1 file\n"
    assert wrong.read_text() == WRONG.replace("[1]", "(1,)")
    assert run(wrong, "--fix").stderr == "0 mended in 0 files\n"


def test_fix_without_the_extra(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sagellm_protocol.lint.fixing", raising=False)
    monkeypatch.setitem(sys.modules, "libcst", None)
    done = run(wrong, "--fix")
    assert done.exit_code == 2
    assert "pip install 'isagellm-protocol[lint]'" in done.stderr
    assert run(wrong).exit_code == 1


def test_a_file_that_cannot_be_written(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    done = run(wrong, "--fix")
    assert done.exit_code == 2
    assert "cannot be written: Permission denied" in done.stderr
    assert list(wrong.parent.iterdir()) == [wrong]


def test_a_bar_on_a_terminal(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    monkeypatch.setenv("TERM", "xterm")
    with command_module._progress() as progress:
        assert progress is not None
        progress(1, 2)
    assert run(wrong).exit_code == 1


def test_as_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from sagellm_protocol.cli import main; main()", "lint", str(CODEBASE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "72 findings in 10 files" in done.stdout
    assert done.stderr == ""


def test_it_does_not_matter_which_package_the_code_has(published: Callable[[str], Any], tmp_path: Path) -> None:
    """Not even the one that it was written for, beside it."""
    published("0.5.4.16")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "sagellm_protocol").symlink_to(published_release("0.5.4.16") / "sagellm_protocol")
    (tmp_path / "a.py").write_text(WRONG)
    command = [sys.executable, "-P", "-c", "from sagellm_protocol.cli import main; main()", "lint", "a.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 1
    assert "SLP701" in done.stdout
