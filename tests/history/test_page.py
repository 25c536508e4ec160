"""The page of the protocol's history is what its generator writes."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from xml.etree import ElementTree

import pytest

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
