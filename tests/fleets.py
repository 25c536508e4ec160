"""A team's own protocol, in a module that tests may change and other processes find: ``fleet_of_ours``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from published import ROOT

NAME = "fleet_of_ours:HISTORY"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the module: examples/own_messages.py, without its hook."""
    text = (ROOT / "examples/own_messages.py").read_text(encoding="utf-8").replace("own_messages", "fleet_of_ours")
    path = tmp_path / "modules" / "fleet_of_ours.py"
    path.parent.mkdir()
    path.write_text(text.replace('@HISTORY.hook("NodeReport", since="1.0")\n', ""), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    importlib.invalidate_caches()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    yield path
    sys.modules.pop("fleet_of_ours", None)
