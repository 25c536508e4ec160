"""``python -m both_ways.failing``: let each allocation of a call fail in its turn; CPython's own tests do it so.

What comes of it must be a ``MemoryError``, or the answer that is right; and afterwards the answer must be right again.
Only the core is called: where memory is short, the parsers do as they please, and from 3.12 on CPython itself dies in
calls of Python functions.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from itertools import product

from both_ways.answering import answer
from both_ways.calling import Call, core_calls
from sagellm_protocol.model.native import in_use

MOST = 2000
"""Allocations of one call that are let fail."""
IN_A_ROW = (1, 5)
"""So many fail together. Of many more the interpreter itself would die."""
EXCUSED = re.compile(
    "MemoryError|error return without exception set|: <function .* returned NULL without setting an exception"
)
"""Answers that stand for a ``MemoryError``: what a default that fails is told as; and what CPython says since 3.11
where it has no memory for the frame of a Python function that an exception passes through."""
QUIET = 10
"""After so many right answers in a row there was nothing left to fail."""


def with_failing(call: Call, first: int, many: int) -> str:
    """What comes of a call of whose allocations so many fail, from one number on."""
    import _testcapi  # CPython alone has it

    value = error = None
    _testcapi.set_nomemory(first, first + many)
    try:
        value = call.act()
    except Exception as raised:
        error = raised
    finally:
        _testcapi.remove_mem_hooks()
    if error is None:
        return answer(lambda: value)
    return answer(lambda: _raised(error))


def _raised(error: Exception) -> None:
    raise error


def tried(call: Call) -> tuple[int, list[str]]:
    """How many failures were tried, and what is wrong."""
    right, wrong, quiet, count = answer(call.act), [], 0, 0
    for first, many in product(range(MOST), IN_A_ROW):
        count += 1
        try:
            said = with_failing(call, first, many)
        except MemoryError:
            quiet = 0
        else:
            quiet += 1
            if said != right and not EXCUSED.search(said):
                wrong.append(f"{call}, {many} from allocation {first} on: {said[:200]} and not {right[:200]}")
        if answer(call.act) != right:
            wrong.append(f"{call}, after {many} from allocation {first} on: no longer {right[:200]}")
        if quiet == QUIET:
            break
    return count, wrong


def main() -> int:
    """Ends with 1 if anything is wrong; a crash ends it as crashes do."""
    parser = argparse.ArgumentParser(prog="both_ways.failing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="in all (60)")
    parser.add_argument("--seed", type=int, help="of the inputs; another at each run unless told")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}, {in_use()}", flush=True)
    sys.unraisablehook = lambda _: None  # generators that are let go for want of memory
    until = time.monotonic() + options.seconds
    done = failures = faults = 0
    for call in core_calls(seed):
        count, wrong = tried(call)
        done, failures, faults = done + 1, failures + count, faults + len(wrong)
        for text in wrong[:3]:
            print(text, flush=True)
        if time.monotonic() > until:
            break
    print(f"{failures:,} failures injected into {done:,} calls, {faults} of them with the wrong end")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
