"""``python -m both_ways``: compare the two ways for so many seconds, and tell every input on which they differ."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import attrs

from both_ways.answering import WAYS_IN

HERE = Path(__file__).resolve().parent.parent
SWITCH = "SAGELLM_PROTOCOL_PURE"
NATIVE_PREFIX = "NATIVE_"
"""What the environment has for the native process alone: there the sanitizers' libraries are loaded first."""
TOLD = 10
"""Inputs on which the ways differ that are shown, and of each the first answers that do."""
ANSWERS = 3


class EndedError(Exception):
    """A process ended that was to go on."""


@attrs.define
class Tally:
    """What was compared of one target."""

    inputs: int = 0
    answers: int = 0
    differences: int = 0


def environments() -> dict[str, dict[str, str]]:
    """An environment for each way. Sets and dicts must not differ in their order, so hashes are the same in both."""
    plain = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent)))}
    plain.pop(SWITCH, None)
    own = {name[len(NATIVE_PREFIX) :]: it for name, it in plain.items() if name.startswith(NATIVE_PREFIX)}
    added = os.pathsep.join(filter(None, (own.get("PYTHONPATH"), plain["PYTHONPATH"])))
    return {"native": {**plain, **own, "PYTHONPATH": added}, "pure": {**plain, SWITCH: "1"}}


@attrs.define
class Way:
    """A process that answers in one way."""

    name: str
    process: subprocess.Popen[str]
    last: str = "the first input"

    @classmethod
    def started(cls, name: str, environment: Mapping[str, str], seed: int, first: int, targets: list[str]) -> Way:
        """Begin at an input of that number."""
        command = [sys.executable, "-X", "faulthandler", "-m", "both_ways.answering", str(seed), str(first), *targets]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        return cls(name, process)

    def said(self) -> None:
        """Wait until it says which way it is, and whose module it has.

        Raises:
            SystemExit: it is another way.
        """
        way, _, core = self.line().partition(" ")
        if way != self.name:
            raise SystemExit(f"the process that was to be {self.name} is {way}: nothing can be compared")
        print(f"{self.name}: {core}", flush=True)

    def line(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise EndedError(f"the {self.name} process ended after {self.last}, with {self.process.wait()}")
        self.last = line
        return line

    def end(self) -> None:
        """Let it go."""
        self.process.kill()
        with self.process:
            pass


def compared(seed: int, targets: list[str], seconds: float) -> Generator[tuple[str, int, int, bool], None, None]:
    """Target, number and count of answers of each input, and whether the ways agree on it."""
    ways = [Way.started(name, it, seed, 0, targets) for name, it in environments().items()]
    until = time.monotonic() + seconds
    try:
        for way in ways:
            way.said()
        while time.monotonic() < until:
            native, pure = (json.loads(way.line()) for way in ways)
            yield *native[:3], native == pure
    finally:
        for way in ways:
            way.end()


def shown(seed: int, target: str, number: int) -> str:
    """The answers to an input that differ, both ways."""
    found = []
    for name, environment in environments().items():
        command = [sys.executable, "-m", "both_ways.telling", str(seed), str(number), target]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        found.append(json.loads(done.stdout) if done.returncode == 0 else {name: done.stderr[-500:]})
    native, pure = found
    differing = [name for name in dict.fromkeys((*native, *pure)) if native.get(name) != pure.get(name)]
    lines = [f"\n{target} {number} of seed {seed}, {len(differing)} answers differ: {native.get('input', '')[:600]}"]
    for name in differing[:ANSWERS]:
        one, other = (str(it.get(name)) for it in (native, pure))
        at = max(next((at for at, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1), 0) - 60, 0)
        lines += [
            f"  {name}, from character {at}",
            f"    native {one[at : at + 300]}",
            f"    pure   {other[at : at + 300]}",
        ]
    return "\n".join(lines)


def main() -> int:
    """Ends with 1 if the ways differ, or one of them ends early."""
    parser = argparse.ArgumentParser(prog="both_ways", description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(WAYS_IN), help=f"default: {' '.join(WAYS_IN)}")
    parser.add_argument("--seconds", type=float, default=60, help="in all (60)")
    parser.add_argument("--seed", type=int, help="of what is made; another at each run unless told")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    tallies = {name: Tally() for name in options.targets}
    ended = ""
    try:
        for target, number, answers, agree in compared(seed, options.targets, options.seconds):
            tally = tallies[target]
            tally.inputs += 1
            tally.answers += answers
            tally.differences += not agree
            if not agree and sum(it.differences for it in tallies.values()) <= TOLD:
                print(shown(seed, target, number), flush=True)
    except EndedError as error:
        ended = str(error)
    for name, tally in tallies.items():
        print(f"{name:<16}{tally.inputs:>10,} inputs{tally.answers:>12,} answers{tally.differences:>6} differ")
    print(f"{sum(tally.answers for tally in tallies.values()):,} answers compared", ended, flush=True)
    return int(bool(ended) or any(tally.differences for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
