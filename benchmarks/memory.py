"""Bytes an object, by tracemalloc: many messages built from the same values, and decoded from JSON.

``python -m benchmarks.memory [WHO...]``
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Collection
from typing import Any

from benchmarks.case import Case
from benchmarks.measured import Figures
from benchmarks.work import COMPETITORS, table

OBJECTS = 1000
KINDS = {"build": "bytes an object, built", "decode JSON": "bytes an object, decoded"}


def bytes_each(case: Case) -> float:
    """What one more result of the statement takes, as long as it lives."""
    statement = compile(case.statement, case.competitor, "eval")
    names = dict(case.names)
    turns = list(case.turns(OBJECTS))
    eval(statement, names)
    kept: list[Any] = [None] * OBJECTS
    gc.collect()
    tracemalloc.start()
    try:
        for index, turn in enumerate(turns):
            if case.traffic is not None:
                names["wire"] = turn
            kept[index] = eval(statement, names)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / OBJECTS
    finally:
        tracemalloc.stop()


def sizes(who: Collection[str]) -> Figures:
    """Bytes an object by kind and message, for each of these competitors."""
    found: Figures = {}
    for case in table()[0]:
        if case.work in KINDS and case.competitor in who:
            found.setdefault(KINDS[case.work], {}).setdefault(case.message, {})[case.competitor] = [bytes_each(case)]
    return found


if __name__ == "__main__":
    json.dump(sizes(sys.argv[1:] or list(COMPETITORS)), sys.stdout)
