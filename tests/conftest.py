"""Fixtures for every test, and how Hypothesis runs here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from published import PublishedProcess, Unavailable

# A shared machine is no stopwatch, and most properties run once a message, so a few examples of each make many.
# Where CI is set each run tries the same examples, so that a red run can be repeated.
settings.register_profile("local", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Where mutants are tried, each call of a mutated function takes three frames.
if "MUTANT_UNDER_TEST" in os.environ:
    sys.setrecursionlimit(4000)


def pytest_collection_finish() -> None:
    """What the tests are made of stays: no collection need go through it again, and many tests ask for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def published() -> Iterator[Callable[[str], PublishedProcess]]:
    """``published("0.5.4.16")`` is that release at work in a process of its own, started once.

    The test is skipped where the release cannot run. Where ``CI`` is set only the interpreter excuses that.
    """
    processes: dict[str, PublishedProcess] = {}

    def process(release: str) -> PublishedProcess:
        if release not in processes:
            try:
                processes[release] = PublishedProcess(release)
            except Unavailable as reason:
                if os.environ.get("CI") and not reason.excused:
                    pytest.fail(str(reason))
                pytest.skip(str(reason))
        return processes[release]

    yield process
    for running in processes.values():
        running.close()
