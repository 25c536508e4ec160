"""The tables of ``docs/migrating.md``, each line run on the release that one moves from and on this package."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from published import ROOT, Unavailable, published_release

RELEASE = "0.5.4.16"
PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
BEGUN = re.search(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
"""The block that every line begins with; it runs on both."""
LINE = re.compile(r"^\| `` (?P<wrote>.+?) `` \| (?P<then>.+?) \| (?P<now>.+?) \| (?P<instead>.+?) \|$", re.MULTILINE)
RUNNER = Path(__file__).with_name("migrating_runner.py")


class Line(NamedTuple):
    wrote: str
    """What a program of the old release says."""
    then: str
    """What came of it then."""
    now: str
    """What comes of it now: the same text, another value, or the error."""
    instead: str
    """What to write now, with the outcome that there was then; or a dash, where nothing is to be done."""


LINES = [Line(*(cell.strip("`").strip() for cell in found.groups())) for found in LINE.finditer(PAGE)]


def run(codes: list[str], *path: Path) -> dict[str, Mapping[str, Any]]:
    """The outcome of each code in a process that looks for packages in those folders first: its value, or its error."""
    assert BEGUN is not None
    done = subprocess.run(
        [sys.executable, "-I", str(RUNNER), *map(str, path)],
        input=json.dumps({"begun": BEGUN[1], "codes": codes}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return dict(zip(codes, outcomes, strict=True))


@cache
def outcomes_then() -> dict[str, Mapping[str, Any]]:
    return run([line.wrote for line in LINES], published_release(RELEASE))


@cache
def outcomes_now() -> dict[str, Mapping[str, Any]]:
    return run([code for line in LINES for code in (line.wrote, line.instead) if code != "-"])


def test_every_row_of_the_tables_is_run() -> None:
    rows = [
        row for row in re.findall(r"^\| .*\|$", PAGE, re.MULTILINE) if row.count(" | ") > 2 and "you wrote" not in row
    ]
    assert len(LINES) == len(rows) > 40


@pytest.mark.parametrize("line", LINES, ids=[line.wrote for line in LINES])
def test_line(line: Line) -> None:
    now = outcomes_now()[line.wrote]
    assert now["said"] == (line.then if line.now == "the same, with a warning" else line.now)
    assert bool(now["warned"]) == (line.now == "the same, with a warning")
    if line.instead != "-":
        assert outcomes_now()[line.instead] == {"said": line.then, "warned": []}


@pytest.mark.parametrize("line", LINES, ids=[line.wrote for line in LINES])
def test_line_then(line: Line) -> None:
    try:
        then = outcomes_then()[line.wrote]
    except Unavailable as reason:
        if not reason.excused:
            raise
        pytest.skip(str(reason))
    assert then == {"said": line.then, "warned": []}
