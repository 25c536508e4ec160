"""``python -m both_ways.leaking``: make so many calls, good and bad, and fail if any leaves something behind.

A call is repeated while the blocks that Python's allocator has given out are counted, and the references to what it was
given, to the classes and to what the messages share.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from both_ways.calling import Call, calls
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.native import in_use
from sagellm_protocol.model.spec import spec_of

REPEATS = 200
WARM = 3
ROUNDS = 25
"""How often in a row they must leave something behind. CPython's own cache of attributes holds up to 4,096 names."""
_SHARED: list[Any] = [
    *CATALOG.messages.values(),
    *(field.default for cls in CATALOG.messages.values() for field in spec_of(cls).fields),
    *(EMPTY, FrozenDict, "", (), b""),
]


def told_apart(values: Iterable[Any]) -> list[Any]:
    """Each object once; without those of which everybody has references all the time."""
    return list({id(value): value for value in values if value is not None and type(value) not in (bool, int)}.values())


def inside(value: Any) -> Iterator[Any]:
    """A value and what is in it, as far down as plain containers go."""
    yield value
    if type(value) is dict:
        yield from value
        value = list(value.values())
    if type(value) in (list, tuple):
        for item in value:
            yield from inside(item)


def held(watched: list[Any]) -> tuple[int, int]:
    """How many blocks there are, and how many references to what is watched."""
    gc.collect()
    return sys.getallocatedblocks(), sum(map(sys.getrefcount, watched))


def repeated(call: Call, times: int) -> None:
    """Make a call so often, whatever comes of it."""
    for _ in range(times):
        with suppress(Exception):  # refusing must not leak either
            call.act()


def left_behind(call: Call) -> str:
    """What the calls leave behind, in words; empty where it is nothing."""
    watched = told_apart([*_SHARED, *inside(call.about)])
    repeated(call, WARM)
    blocks, references = held(watched)
    repeated(call, REPEATS)
    blocks, references = (after - before for after, before in zip(held(watched), (blocks, references), strict=True))
    found = [f"{blocks} blocks"] if blocks > REPEATS // 2 else []
    found += [f"{references} references"] if references > REPEATS // 2 else []
    return " and ".join(found)


def leaked(call: Call) -> str:
    """What the calls leave behind each time, in words; empty where they do not always."""
    found = ""
    for _ in range(ROUNDS):
        found = left_behind(call)
        if not found:
            break
    return found


def main() -> int:
    """Ends with 1 if anything leaks."""
    parser = argparse.ArgumentParser(prog="both_ways.leaking", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000, help="in all (10000000)")
    parser.add_argument("--seed", type=int, help="of the inputs; another at each run unless told")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}, {in_use()}", flush=True)
    began, made, leaks = time.monotonic(), 0, 0
    gc.collect()
    gc.freeze()
    for call in calls(seed):
        if found := leaked(call):
            leaks += 1
            print(f"{call} leaves {found} behind after {REPEATS} times", flush=True)
        before, made = made, made + REPEATS + WARM
        if made * 10 // options.calls > before * 10 // options.calls:
            print(f"{made:,} calls, {time.monotonic() - began:.0f} s, {leaks} leaks", flush=True)
        if made >= options.calls:
            break
    return int(leaks > 0)


if __name__ == "__main__":
    sys.exit(main())
