"""``new``: a package that is whole, checked, and whose test holds what was published."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sagellm_protocol.cli import starting
from sagellm_protocol.cli.app import app

NAMES = ["fleet", "A", "messages_of_the_fleet_that_we_have_2_run"]


def new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["new", *map(str, arguments)])


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What Python says in a folder, where the package in it is found."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def lock(folder: Path) -> subprocess.CompletedProcess[str]:
    """The second command of the README."""
    (command,) = re.findall(r"^python (-m .+)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return python(folder, *command.split())


def gated(folder: Path) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written(name: str, tmp_path: Path) -> None:
    done = new(name, "--path", tmp_path)
    assert done.exit_code == 0, done.stderr
    written = sorted(file for file in tmp_path.rglob("*") if file.is_file())
    assert done.stdout.splitlines() == list(map(str, written))
    assert {str(file.relative_to(tmp_path / name)) for file in written} == {
        *("README.md", "pyproject.toml", "tests/test_protocol.py"),
        *(f"src/{name}/{file}" for file in ("__init__.py", "history.py", "messages.py", "published.lock", "py.typed")),
    }
    assert [entry.name for entry in tmp_path.iterdir()] == [name], "nothing is left beside it"
    assert not any(re.search(rb"\$|\r", file.read_bytes()) for file in written)
    assert (tmp_path / name).stat().st_mode == (tmp_path / name / "src").stat().st_mode


CHECKS = {
    "ruff": [
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "E,F,W,I,UP,B,RUF,D,N,PT",
        "--ignore=D203,D213",
    ],
    "ruff format": ["-m", "ruff", "format", "--isolated", "--no-cache", "--check", "--diff"],
    "ruff format, longer lines": ["-m", "ruff", "format", "--isolated", "--no-cache", "--check", "--line-length=120"],
    "mypy": ["-m", "mypy", "--strict", "--config-file=", "--cache-dir=.mypy", "src", "tests"],
    "pyright": ["-m", "pyright", "--pythonpath", sys.executable],
}


@pytest.mark.once
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", [NAMES[0], NAMES[-1]])
def test_it_is_clean(check: str, name: str, tmp_path: Path) -> None:
    command = CHECKS[check]
    if find_spec(command[1]) is None:
        pytest.skip(f"{command[1]} is not installed")
    new(name, "--path", tmp_path)
    done = python(tmp_path / name, *command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.once
def test_it_holds_what_was_published(tmp_path: Path) -> None:
    new("fleet", "--path", tmp_path)
    folder = tmp_path / "fleet"
    done = gated(folder)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout

    messages, history = (folder / "src/fleet" / name for name in ("messages.py", "history.py"))
    messages.write_text(messages.read_text().replace("    node: str\n", '    node: str\n    region: str = "eu"\n'))
    failed = gated(folder)
    assert failed.returncode == 1
    assert "1 failed, 3 passed" in failed.stdout
    (step,) = set(re.findall(r'added\("fleet\.messages\.Report", "region"\)', failed.stdout))
    refused = lock(folder)
    assert refused.returncode == 1
    assert step in refused.stderr

    imports = "changes import added, revision\n"
    text = history.read_text().replace("changes import revision\n", imports)
    history.write_text(text.replace("    [\n", f'    [\n        revision("0.2.0", {step}),\n'))
    done = gated(folder)
    assert done.returncode == 0, done.stdout
    assert lock(folder).returncode == 0
    assert "\nrevision 0.2.0 sha256:" in (folder / "src/fleet/published.lock").read_text()
    assert gated(folder).returncode == 0
    took = (folder / "src/fleet/published.lock").read_text()
    history.write_text(history.read_text().replace("Report", "Nothing"))
    assert gated(folder).returncode == 1
    assert (folder / "src/fleet/published.lock").read_text() == took


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "a name has letters of ASCII"),
        ("my-fleet", "single underscores between them"),
        ("2fleet", "a name has letters"),
        ("_fleet", "a name has letters"),
        ("fleet_", "a name has letters"),
        ("flotte_é", "a name has letters"),
        ("a" * 41, "40 characters at most"),
        ("a" * 39 + "!", "a name has letters"),
        ("../fleet", "a name has letters"),
        ("fleet\n", "a name has letters"),
        ("class", "it is a word of Python"),
        ("None", "it is a word of Python"),
        ("json", "comes with Python"),
        ("sagellm_protocol", "would hide a module that is installed"),
        ("attrs", "would hide a module that is installed"),
    ],
)
def test_names_that_are_none(name: str, told: str, tmp_path: Path) -> None:
    done = new("--path", tmp_path, "--", name)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_folder_on_the_path_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fleet").mkdir()
    (tmp_path / "elsewhere").mkdir()
    assert new("fleet", "--path", tmp_path / "elsewhere").exit_code == 0


@pytest.mark.parametrize("there", ["file", "folder", "link to nothing"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    place = tmp_path / "fleet"
    if there == "file":
        place.write_text("mine")
    elif there == "folder":
        place.mkdir()
        (place / "README.md").write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    done = new("fleet", "--path", tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"Error: {place} is there already, and nothing is overwritten\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fleet"]


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(starting._FILES, "src/$name/history.py", None)
    done = new("fleet", "--path", tmp_path)
    assert done.exit_code == 2
    assert "the lock of fleet cannot be made" in done.stderr
    assert not list(tmp_path.iterdir())


def test_somebody_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(name: str, made: Path) -> None:
        (tmp_path / "fleet").mkdir()
        (tmp_path / "fleet/mine").touch()

    monkeypatch.setattr(starting, "_lock", locked)
    assert new("fleet", "--path", tmp_path).exit_code == 2
    assert [str(entry.relative_to(tmp_path)) for entry in tmp_path.rglob("*")] == ["fleet", "fleet/mine"]


def test_a_place_that_is_none(tmp_path: Path) -> None:
    assert new("fleet", "--path", tmp_path / "nowhere").exit_code == 2
