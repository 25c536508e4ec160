"""Upgrades in processes, and groups of processes, of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from soaking.archives import compare, make_archive

TESTS = Path(__file__).parent.parent
PATIENCE_S = 120
SHARD = 64 * 1024


def begin(module: str, asked: Any = None, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """A module of this package at work in a process, and a group of processes, of its own."""
    command = [sys.executable, "-m", module, *arguments, *([] if asked is None else [json.dumps(asked)])]
    paths = {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | paths | environment,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes], status: int = 0) -> str:
    """See that a process ends as it should; gives what it printed."""
    told, errors = process.communicate(timeout=PATIENCE_S * 5)
    assert process.returncode == status, f"exit status {process.returncode}: {errors.decode()}"
    return told.decode()


def alive(group: int) -> list[int]:
    """The processes of a group that are not dead, as Linux tells."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def wait_for(holds: Callable[[], bool], what: str) -> float:
    """Wait until something is so; gives for how long."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE_S, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - began


class Undisturbed(NamedTuple):
    """An archive, and its upgrade that nothing disturbed."""

    sources: Path
    output: Path
    since: str
    takes: float
    """Seconds."""

    def asked(self, output: Path, **others: Any) -> dict[str, Any]:
        """What ``soaking.upgrading`` is asked to do the same into another folder."""
        return asked_of(self.sources, output, self.since) | others

    def compare(self, output: Path) -> int:
        """See that another folder holds the same; gives how many files that are."""
        return compare(self.output, output)


def undisturbed(place: Path, times: int, since: str = "auto") -> Undisturbed:
    """Make an archive, so many times as large as the smallest, and upgrade it."""
    sources, output = make_archive(place / "sources", times), place / "undisturbed"
    began = time.monotonic()
    finish(begin("soaking.upgrading", asked_of(sources, output, since)))
    return Undisturbed(sources, output, since, time.monotonic() - began)


def asked_of(sources: Path, output: Path, since: str) -> dict[str, Any]:
    """What ``soaking.upgrading`` is asked."""
    return {"sources": str(sources), "output": str(output), "options": {"since": since}, "shard": SHARD}
