"""Archives small enough to be upgraded in every way."""

from __future__ import annotations

from pathlib import Path

import pytest

from soaking.archives import LOG


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 0.4.0.8, of 60 records."""
    path = tmp_path / "in" / "log.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"".join(LOG.read_bytes().splitlines(keepends=True)[:60]))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "out"
