"""Fixtures for every test, and how Hypothesis runs here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

from fleets import fleet  # noqa: F401 - the fixture
from published import PublishedProcess, Unavailable
from sagellm_protocol.model.native import in_use

# A shared machine is no stopwatch, and most properties run once a message, so a few examples of each make many.
# Where CI is set each run begins with the same seed; it still draws constants of whatever modules are imported by then,
# which under xdist differ, so that a red run is repeated by the blob that it prints. What differs between Pythons is no
# matter of examples: .ci/run has the others try fewer ("few").
settings.register_profile("local", deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None, print_blob=True)
settings.register_profile("few", settings.get_profile("ci"), max_examples=5)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# dask brings a backport of importlib.metadata that puts itself in the place of that once it is imported, and leaves out
# what is no entry point. It is imported first, and what it took is given back, so that no order of tests matters.
if "importlib_metadata" not in sys.modules and find_spec("importlib_metadata") is not None:
    find_distributions = vars(PathFinder)["find_distributions"]
    __import__("importlib_metadata")
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "importlib_metadata"]
    PathFinder.find_distributions = find_distributions


# Where mutants are tried, each call of a mutated function takes three frames.
if "MUTANT_UNDER_TEST" in os.environ:
    sys.setrecursionlimit(4000)


def pytest_collection_finish() -> None:
    """What the tests are made of stays: no collection need go through it again, and many tests ask for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def what_came_before_stays() -> None:
    """Collections go through what a module's tests make, not through what all before them did."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """Where the compiled core is demanded, it is not missing without a word."""
    if os.environ.get("SAGELLM_PROTOCOL_NATIVE", "0") not in ("", "0") and in_use() == "pure":
        raise pytest.UsageError("SAGELLM_PROTOCOL_NATIVE demands the compiled core, and there is none in use")


def pytest_report_header() -> str:
    """Which of the two ways is tested."""
    return f"sagellm_protocol: {in_use()}"


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
