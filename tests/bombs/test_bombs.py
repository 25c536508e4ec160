"""Every bomb of the table at small sizes: none is slow there, and none costs much more than in proportion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bombs.__main__ import GROWTH, Row
from bombs.measuring import Cost
from bombs.table import TABLE
from sagellm_protocol.model import native

SECONDS = 2.0
"""What nothing of 40 kB may take, however busy the machine."""
PROPORTION, CONSTANT = 2.5, 0.05
"""How much more than in proportion to its size a larger bomb may take; and so many seconds besides."""
MEGABYTES = 64


def costs(pure: bool) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What each bomb costs at two sizes: measured in processes of their own."""
    command = [sys.executable, "-m", "bombs", "--growth", "--limit", "5"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), native.PURE: str(int(pure))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, done.stdout.splitlines())
    return {(name, to): found for name, to, found in rows}


@pytest.mark.once
@pytest.mark.parametrize("pure", [False, True])
def test_no_bomb_goes_off(pure: bool) -> None:
    wrong, measured = [], costs(pure)
    for bomb in TABLE:
        if not bomb.variant:
            found = measured[bomb.name, bomb.to]
            smaller, larger = found[0], found[-1]
            most = CONSTANT + PROPORTION * GROWTH * smaller["seconds"]
            if larger["fault"]:
                wrong.append(f"{bomb.name} for {bomb.to}: {larger['outcome']}")
            elif larger["seconds"] > min(SECONDS, most) or larger["memory"] > MEGABYTES * 2**20:
                wrong.append(f"{bomb.name} for {bomb.to}: {smaller} {larger}")
    assert not wrong, "\n".join(wrong)


def row(hostile: Cost, valid: Cost, scale: float = 1.0) -> Row:
    return Row("a bomb", "json", 100, hostile, valid, scale)


@pytest.mark.parametrize(
    ("hostile", "scale", "over"),
    [
        (Cost("taken", 100, 1.0, 10), 1.0, False),
        (Cost("DecodeError", 100, 2.03, 10), 1.0, True),
        (Cost("DecodeError", 200, 2.03, 10), 2.0, False),
        (Cost("DecodeError", 100, 0.1, 2**24), 1.0, True),
        (Cost("RecursionError", 100, 0.1, 10, fault=True), 1.0, True),
    ],
)
def test_what_is_over(hostile: Cost, scale: float, over: bool) -> None:
    assert row(hostile, Cost("taken", 100, 0.1, 1000), scale).over == over


def test_names_are_told_apart() -> None:
    assert len({(bomb.name, bomb.to) for bomb in TABLE}) == len(TABLE)
