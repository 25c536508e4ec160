"""Gateways and engines at work, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gateways import Running, running


@pytest.fixture(scope="session")
def gateway() -> Iterator[Running]:
    """One engine at today's revision, one at 0.4.0.8."""
    with running("new --token-ms=1", "old --token-ms=1 --revision=0.4.0.8") as gateway:
        yield gateway


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Others, for one test."""
    with ExitStack() as stack:
        yield lambda *engines: stack.enter_context(running(*engines))
