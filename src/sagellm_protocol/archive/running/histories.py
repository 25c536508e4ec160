"""What tells one history of somebody's own from another: a run with another one is another run."""

from __future__ import annotations

import importlib
from functools import lru_cache

from sagellm_protocol.archive.running.manifest import digest
from sagellm_protocol.archive.running.repairs import print_of
from sagellm_protocol.history import History
from sagellm_protocol.schema.lock import update


def print_of_history(history: History, name: str | None) -> str:
    """A digest of all that its revisions say, and of the files of its modules, whose functions may have changed.

    Args:
        history: the history.
        name: ``module:attribute``, where it has one: that module counts as well.
    """
    modules = [*history.catalog.modules, *([] if name is None else [name.partition(":")[0]])]
    files = {module: print_of(importlib.import_module(module)) for module in sorted(modules)}
    return digest([name, _said(history), files])


@lru_cache(maxsize=8)
def _said(history: History) -> str:
    return digest(update("", history))
