"""What the fuzzers found once, and a short run of them."""

from __future__ import annotations

import pytest

from fuzzing.running import attempt, cases, made, watched
from fuzzing.targets import TARGETS

CASES = cases()
EXECUTIONS = 40
"""Of each target: a few seconds in all."""


@pytest.mark.parametrize("name", CASES)
def test_what_was_found_is_mended(name: str) -> None:
    finding = watched(lambda: attempt(*CASES[name]))
    assert finding is None, finding and finding.text


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str) -> None:
    target = TARGETS[name]
    for number in range(EXECUTIONS):
        given = made(target, 0, number)
        finding = watched(lambda: attempt(target, given))  # noqa: B023 - called at once
        assert finding is None, finding and finding.told().case
