"""The published releases, live: they read what this library writes at their revision, and it reads what they write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interop.drawing import Draws
from interop.exchange import FORMATS, RELEASES, exchange
from published import PublishedProcess
from sagellm_protocol.history import HISTORY

pytestmark = pytest.mark.no_cover

EXAMPLES = 20
"""Of each message; ``make interop`` tries more."""


@pytest.fixture(scope="module")
def draws() -> Draws:
    return Draws(EXAMPLES)


*OLDER, NEWEST = RELEASES


@pytest.mark.parametrize("release", [*(pytest.param(it, marks=pytest.mark.once) for it in OLDER), NEWEST])
def test_both_sides_find_the_same(release: str, draws: Draws, published: Callable[[str], PublishedProcess]) -> None:
    process = published(release)
    for message in HISTORY.specs(release):
        tally = exchange(process, message, draws)
        assert not tally.failures, str(tally.failures[0])
        assert tally.read >= EXAMPLES * len(FORMATS), message
        assert tally.written + tally.unsayable >= EXAMPLES * len(FORMATS), message
        # A prompt of several texts, or of token ids, has no place in older completions: nothing is left to say.
        assert tally.written >= EXAMPLES, message
