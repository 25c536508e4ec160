"""The compiled core, where there is one: ``sagellm_protocol._native``, whose sources lie under ``native/``.

It reads, builds and writes messages by plans (:mod:`.plans`), vouches for what is plainly right, and leaves the rest to
the Python functions, which decide and explain. Without it they do all.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Literal
from uuid import UUID, SafeUUID

from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.nesting import too_deep
from sagellm_protocol.model.source import DOUBTS, Doubt

PURE = "SAGELLM_PROTOCOL_PURE"
"""The environment variable that turns it off, if it is set and neither empty nor ``0``; read once, at import."""


def _loaded() -> ModuleType | None:
    if os.environ.get(PURE, "0") not in ("", "0"):
        return None
    try:
        compiled = import_module("sagellm_protocol._native")
    except ImportError:  # It was not built, or not for this interpreter.
        return None
    compiled.hand(FrozenDict, EMPTY, Doubt, DOUBTS, too_deep, UUID, SafeUUID.unknown)
    return compiled


core: ModuleType | None = _loaded()
"""The module; None where there is none. What is made from now on goes by it: a test may put another in its place."""


def in_use() -> Literal["native", "pure"]:
    """Whether the compiled core or Python reads and writes messages."""
    return "pure" if core is None else "native"
