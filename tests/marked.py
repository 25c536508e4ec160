"""The protocol's history as it would be with days, and with something that is deprecated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import ModuleType
from typing import Any

import attrs
import pytest

import sagellm_protocol.history
from sagellm_protocol.catalog import CATALOG, Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.published import REVISIONS
from sagellm_protocol.model import deprecated

SAID: dict[str, dict[str, Any]] = {
    "0.5.4.16": {
        "date": date(2025, 11, 30),
        "deprecates": {"types.Request.prompt": "use messages", "types.StreamEventEnd": "ends come by themselves"},
    },
    "0.1.0": {"deprecates": {"types.StreamEventDelta.chunk": "no", "errors.ErrorCode.NOT_IMPLEMENTED": "wait"}},
}


def marked_in(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Iterator[History]:
    """Put it in the place of the protocol's own, in some modules, and for what asks for it by name."""
    # Of a catalog of its own, else the classes' help tells nothing of it.
    catalog = Catalog(CATALOG.modules, preferred=CATALOG.preferred)
    history = History([attrs.evolve(it, **SAID.get(it.name, {})) for it in REVISIONS], catalog)
    for module in (sagellm_protocol.history, *modules):
        monkeypatch.setattr(module, "HISTORY", history)
    yield history
    monkeypatch.undo()
    del deprecated._TELLERS[catalog]  # Else the classes tell what it deprecates for as long as anybody holds it.
