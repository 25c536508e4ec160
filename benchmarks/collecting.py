"""What a full garbage collection takes while many messages are alive: ``python -m benchmarks.collecting [WHO...]``."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Collection
from time import perf_counter

from benchmarks.case import Case
from benchmarks.measured import Figures
from benchmarks.work import COMPETITORS, table

WORK = "garbage collection"
MESSAGE = "types.Response"
LIVE = 100_000
ROUNDS = 5
DESCRIPTIONS = {WORK: f"`gc.collect()` while {LIVE:,} messages are alive that were decoded from JSON, no two the same"}


def seconds(case: Case, live: int) -> list[float]:
    """How long each of some collections takes while so many results of the statement live, besides all else."""
    names, statement = dict(case.names), compile(case.statement, case.competitor, "eval")
    kept = [eval(statement, {**names, "wire": wire}) for wire in case.turns(live)]
    gc.collect()  # what the first one finds out, such as that a tuple holds only numbers, is found out once
    took = [_collection() for _ in range(ROUNDS)]
    del kept
    return took


def _collection() -> float:
    began = perf_counter()
    gc.collect()
    return perf_counter() - began


def collections(who: Collection[str], live: int = LIVE) -> Figures:
    """Seconds a collection, for each of these competitors."""
    cases = [case for case in table()[0] if (case.work, case.message) == ("decode JSON", MESSAGE)]
    gc.collect()
    gc.freeze()  # what is there already is none of the measured messages' business
    return {WORK: {MESSAGE: {case.competitor: seconds(case, live) for case in cases if case.competitor in who}}}


if __name__ == "__main__":
    json.dump(collections(sys.argv[1:] or list(COMPETITORS)), sys.stdout)
