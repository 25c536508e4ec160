"""Run by pytest with pytest-benchmark: every statement of the table, timed in short rounds."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

import pytest

from benchmarks.case import Case, iterations

ROUNDS = 5


@cache
def _iterations(case: Case, seconds: float) -> int:
    return iterations(case, seconds)


@pytest.fixture(scope="session", autouse=True)
def _quiet_collector() -> None:
    """What is there already is none of the measured statements' business."""
    gc.collect()
    gc.freeze()


def test_time(number: int, case: Case, benchmark: Any, request: pytest.FixtureRequest) -> None:
    """Time one statement. The loop is its own, since the one of pedantic mode costs a call for each iteration."""
    count = _iterations(case, request.config.getoption("--round-ms") / 1000)
    names = {"work": case.work, "message": case.message, "competitor": case.competitor}
    benchmark.extra_info.update(names, number=number, count=count)
    benchmark.pedantic(case.loop(), setup=lambda: ((case.turns(count),), {}), rounds=ROUNDS, warmup_rounds=1)
