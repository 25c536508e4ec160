"""Every example in the documents runs: Python in ``python`` blocks, commands in ``console`` blocks."""

from __future__ import annotations

import doctest
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from published import ROOT, releases

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^ *``` *(?P<language>\w*).*?^ *```$", re.MULTILINE | re.DOTALL)
EXECUTED = {"python", "console"}
SHOWN = {"json", "make", "mermaid", "sh", "text", "toml", "yaml"}
"""What may stand in a document without being run: data, and commands that change the reader's machine."""


def run_console(example: Example) -> str | None:
    """Run each line after ``$ `` in turn. Lines below it, if any, are what it prints (``...`` stands for anything)."""
    commands = re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)
    assert commands[0] == "", "a console block starts with '$ '"
    for entry in commands[1:]:
        command, _, expected = entry.partition("\n")
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if expected and not doctest.OutputChecker().check_output(expected, said, flags):
            return f"{command} printed:\n{said}"
        if not expected and done.returncode != 0:
            return f"{command} ended with {done.returncode}:\n{said}"
    return None


EXAMPLES = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS),
        CodeBlockParser(language="console", evaluator=run_console),
    ],
)


def _started(document: Path) -> list[pytest.MarkDecorator]:
    """Pages of many commands take long: each starts a process."""
    return [pytest.mark.once] if document.read_text(encoding="utf-8").count("```console") > 2 else []


@pytest.mark.parametrize(
    "document",
    [pytest.param(path, marks=_started(path), id=str(path.relative_to(ROOT))) for path in DOCUMENTS],
)
def test_examples_run(document: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    for example in EXAMPLES.parse(document).examples():
        example.evaluate()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_example_is_passed_over(document: Path) -> None:
    blocks = list(BLOCK.finditer(document.read_text(encoding="utf-8")))
    assert {block["language"] for block in blocks} <= EXECUTED | SHOWN
    parsed = [example.region.start for example in EXAMPLES.parse(document).examples()]
    for block in blocks:
        runs = any(block.start() <= start < block.end() for start in parsed)
        assert runs == (block["language"] in EXECUTED), block[0]


def test_what_the_readme_says_of_versions_and_extras_is_so() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Installing\n")[2].partition("\n## ")[0]
    extras = set(importlib.metadata.metadata("isagellm-protocol").get_all("Provides-Extra") or ())
    unreleased = "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert ("This version is not released yet" in section) is unreleased
    assert (f"| this one{', unreleased' * unreleased} |") in section
    assert re.findall(r"^\| ([0-9.]+) \|", section, re.MULTILINE) == [list(releases())[-1]]
    assert {extra for told in re.findall(r"\.\[([a-z,]+)\]", section) for extra in told.split(",")} <= extras
    assert set(re.findall(r"(?:^|, )`([a-z]+)`", section.partition("What an extra brings: ")[2])) <= extras
