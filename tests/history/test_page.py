"""The page of the protocol's history is what its generator writes."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from xml.etree import ElementTree

import pytest

from marked import marked_in
from published import ROOT


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_history", ROOT / "docs" / "generate_history.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_files_are_what_is_generated(generator: ModuleType) -> None:
    for name, content in generator.documents().items():
        committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert committed == content, f"docs/{name} is out of date: run make docs"


def test_the_picture_is_well_formed(generator: ModuleType) -> None:
    root = ElementTree.fromstring(generator.picture())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_days_and_what_is_deprecated_stand_on_it(generator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "| revision | also spoken by |" in generator.page()
    for _ in marked_in(monkeypatch, generator):
        page = generator.page()
        assert "| revision | date | also spoken by |" in page
        assert "| [0.6.0](#060) |  |  | " in page
        assert "| [0.5.4.16](#05416) | 2025-11-30 |  | 82 |" in page
        assert "\n### 0.5.4.16\n\nOpenAI completions;" in page
        assert "\n\nDeprecated: `types.Request.prompt` (use messages).\n\n" in page
        assert "\n\nDeprecated: `types.StreamEventDelta.chunk` (no).\n\n" in page
        assert "\n\nDeprecated: `errors.ErrorCode.NOT_IMPLEMENTED` (wait).\n\nThe first: " in page
