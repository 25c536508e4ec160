"""SIGKILL at random moments."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from soaking.archives import contents
from soaking.processes import Undisturbed, alive, begin, finish, wait_for

_ROUND = 4
"""Kills before a run is let go on to its end."""


def kill_runs(whole: Undisturbed, place: Path, kills: int, seed: int, *, told: Callable[[str], None] = print) -> None:
    """Kill runs at random moments, go on with each, and compare with one that nothing disturbed.

    Every other time the first process alone is killed, whose workers have to end by themselves.
    """
    drawn = random.Random(seed)
    files, shards = len(contents(whole.output)), _done(whole.output)
    killed = rounds = 0
    while killed < kills:
        rounds += 1
        last = min(kills, killed + _ROUND)
        output = place / f"killed-{rounds}"
        is_whole = False
        while not is_whole:
            process = begin("soaking.upgrading", whole.asked(output))
            # Some time after so many shards were done, which are more than before.
            until = drawn.randrange(min(_done(output), shards - 1), shards) if killed < last else shards + 1
            _wait(process, output, until)
            time.sleep(drawn.uniform(0, whole.takes / shards))
            if killed < last and process.poll() is None:
                killed += 1
                how = _kill(process, alone=killed % 2 == 0)
                told(f"kill {killed}, with {len(contents(output))} of {files} files: {how}")
            else:
                finish(process)
                is_whole = True
        whole.compare(output)
        told(f"run {rounds} went on to its end: every byte is the same")
        shutil.rmtree(output)


def _wait(process: subprocess.Popen[bytes], output: Path, until: int) -> None:
    """Until a run has so many shards behind it, or is over."""
    wait_for(lambda: _done(output) >= until or process.poll() is not None, "shards are done")


def _done(output: Path) -> int:
    return len([*(output / ".sagellm" / "shards").glob("*.json")])


def _kill(process: subprocess.Popen[bytes], *, alone: bool) -> str:
    if not alone:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "all processes"
    process.kill()
    ended = wait_for(lambda: not alive(process.pid), "workers end with their parent")
    process.communicate()
    return f"the first process alone; its workers ended {ended:.2f} s later"
