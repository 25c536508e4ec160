"""``python -m evolving``: try the laws on histories for so many seconds, and tell the least that breaks one."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from evolving.laws import LAWS, Law, Tally

BATCH = 50
"""How many examples are tried of a law before it is the turn of the next one."""


def attempt(law: Law, tally: Tally, number: int) -> str | None:
    """Try a law; gives what broke it."""

    @seed(number)
    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )
    @given(st.data())
    def trial(data: st.DataObject) -> None:
        law(data.draw, tally)

    try:
        trial()
    except Exception as error:  # whatever breaks
        notes = "\n".join(getattr(error, "__notes__", []))
        *_, where = traceback.extract_tb(error.__traceback__)
        return f"{type(error).__name__} at {where.filename}:{where.lineno}: {error}\n{notes}"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="evolving", description=__doc__)
    parser.add_argument("laws", nargs="*", default=list(LAWS), help="all, unless told")
    parser.add_argument("--seconds", type=float, default=60, help="in all (60)")
    parser.add_argument("--seed", type=int, default=None, help="another at each run unless told")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.laws if name not in LAWS]:
        parser.error(f"no law is called {unknown[0]}; there are {' '.join(LAWS)}")
    number = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {number}", flush=True)
    tallies: dict[str, Tally] = {name: Tally() for name in options.laws}
    broken: dict[str, Any] = {}
    end = time.monotonic() + options.seconds
    while time.monotonic() < end and len(broken) < len(tallies):
        for name, tally in tallies.items():
            if name not in broken and time.monotonic() < end:
                found = attempt(LAWS[name], tally, number)
                if found is not None:
                    broken[name] = found
                    print(f"\n{name} (seed {number})\n{found}", flush=True)
        number += 1
    print(table(tallies, broken))
    return int(bool(broken))


def table(tallies: dict[str, Tally], broken: dict[str, Any]) -> str:
    """What was tried, a line a law, and how often each step was among it."""
    counted = ("histories", "payloads", "comparisons")
    total = sum(tallies.values(), Tally())
    lines = [f"{'':58}{''.join(f'{what:>13}' for what in counted)}"]
    for name, tally in (*tallies.items(), ("all", total)):
        figures = "".join(f"{tally[what]:>13,}" for what in counted)
        lines.append(f"{name:58}{figures}{'  broken' if name in broken else ''}")
    kinds = {name.removeprefix("step "): times for name, times in total.items() if name.startswith("step ")}
    lines.append("steps: " + ", ".join(f"{name} {times:,}" for name, times in sorted(kinds.items())))
    lines.append(f"proposals of the gate that were tried: {total['proposals']:,}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
