"""Fuzzing led by coverage: a process for each target, and what they tell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzzing import FINDING
from fuzzing.crew import Tally
from fuzzing.running import Told

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def run_guided(tallies: dict[str, Tally], seed: int, seconds: float, processes: int, cases: Path) -> None:
    """Fuzz each target in a process of its own, several at once, the time shared out among them."""
    share = max(seconds * processes / len(tallies), 1)
    with ThreadPoolExecutor(processes) as pool:
        try:
            list(pool.map(lambda name: _one(name, tallies[name], seed, share, cases), tallies))
        except KeyboardInterrupt:
            # Those that run are told by the terminal to stop.
            pool.shutdown(cancel_futures=True)
            raise


def _one(name: str, tally: Tally, seed: int, seconds: float, cases: Path) -> None:
    command = [sys.executable, "-m", "fuzzing.led", name, str(seed), str(int(seconds))]
    with tempfile.TemporaryDirectory() as folder:
        # What libFuzzer itself writes goes to the folder.
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    tally.seconds = seconds
    for line in done.stdout.splitlines():
        if line.startswith(FINDING):
            told = Told(**json.loads(line.removeprefix(FINDING)))
            tally.findings += 1
            print(f"\n{told.target}: {told.text}\n  written to {told.write(cases)}", flush=True)
    executed = _EXECUTED.search(done.stderr)
    if executed is None:
        print(f"\n{name}, led by coverage, ended early:\n{done.stderr[-1000:]}", flush=True)
        tally.findings += 1
    else:
        tally.executions = int(executed[1])
