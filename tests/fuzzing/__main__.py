"""``python -m fuzzing``: try inputs for so many seconds, and write down what does not hold."""

from __future__ import annotations

import argparse
import random
import sys
from importlib.util import find_spec
from pathlib import Path

from fuzzing.crew import Tally, run, table
from fuzzing.guided import run_guided
from fuzzing.running import CASES
from fuzzing.targets import TARGETS


def main() -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="fuzzing", description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"default: {' '.join(TARGETS)}")
    parser.add_argument("--seconds", type=float, default=60, help="in all (60)")
    parser.add_argument("--seed", type=int, help="of what is made; another at each run unless told")
    parser.add_argument("--processes", type=int, default=2, help="at once (2)")
    parser.add_argument("--cases", type=Path, default=CASES, help="folder for what is found")
    parser.add_argument("--guided", action="store_true", help="led by coverage, where atheris is installed")
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no target is called {unknown[0]}; there are {' '.join(TARGETS)}")
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    ways = {"": run}
    if options.guided and find_spec("atheris") is not None:
        ways["led by coverage"] = run_guided
    elif options.guided:
        print("atheris is not installed: nothing is led by coverage", flush=True)
    findings, stopped = 0, False
    for title, way in ways.items():
        tallies = {name: Tally() for name in options.targets}
        try:
            way(tallies, seed, options.seconds / len(ways), options.processes, options.cases)
        except KeyboardInterrupt:
            stopped = True
            print("\nstopped")
        print(f"\n{title}\n{table(tallies)}", flush=True)
        findings += sum(tally.findings for tally in tallies.values())
        if stopped:
            break
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
