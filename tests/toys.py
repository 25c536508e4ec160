"""Small protocols made up by a test: modules of messages written to a folder and imported from there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from sagellm_protocol.catalog import Catalog

PREAMBLE = """\
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID, uuid4

from annotated_types import Ge, Gt, Le, Lt

from sagellm_protocol.model import KEPT, JsonObject, derived, field, message
from sagellm_protocol.model.units import Milliseconds, Seconds, Unit

"""

Declare = Callable[[str], Catalog]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """``declare(source)`` is the catalog of a module called ``toy`` with that source; a later one takes its place."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def declared(source: str) -> Catalog:
        sys.modules.pop("toy", None)
        (tmp_path / "toy.py").write_text(PREAMBLE + dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        return Catalog(["toy"])

    yield declared
    sys.modules.pop("toy", None)
