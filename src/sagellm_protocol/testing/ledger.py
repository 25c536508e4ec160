"""The pytest fixture ``kv_ledger``: a ledger that fails the test if what it was told of must not have happened.

Name it in a ``conftest.py``: ``pytest_plugins = ["sagellm_protocol.testing.ledger"]``. Arguments of the ledger come
from a mark: ``@pytest.mark.kv_ledger(pool_tokens=4096, block_size=16)``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sagellm_protocol.ledger import KVLedger


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "kv_ledger(**arguments): what the ledger of the test is made with")


@pytest.fixture
def kv_ledger(request: pytest.FixtureRequest) -> Iterator[KVLedger]:
    """A ledger for the engine of one test, which is closed at its end: what still is held then leaks."""
    mark = request.node.get_closest_marker("kv_ledger")
    ledger = KVLedger(**(mark.kwargs if mark is not None else {}))
    yield ledger
    ledger.close()
    if not ledger.is_clean:
        pytest.fail(str(ledger.report()), pytrace=False)
