"""The classes of the last published release, in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from benchmarks import ROOT  # noqa: F401 - its import finds `published`
from published import published_release

RELEASE = "0.5.4.16"
_PACKAGE = "sagellm_protocol"


def _take_modules() -> dict[str, Any]:
    """The package's modules, out of Python's table."""
    names = [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


def published_classes(names: Iterable[str]) -> dict[str, Any]:
    """Classes of the release by full name, installed on first use.

    It shares this package's import name: its modules are in Python's table only while it is imported, and ours,
    where they were there before, come back after.

    Raises:
        published.Unavailable: this interpreter cannot run it, or the package index is out of reach.
    """
    folder = str(published_release(RELEASE))
    ours = _take_modules()
    sys.path.insert(0, folder)
    try:
        classes = {}
        for name in names:
            module, _, cls = name.rpartition(".")
            classes[name] = getattr(import_module(f"{_PACKAGE}.{module}"), cls)
            classes[name].model_rebuild()  # while names still resolve to its own modules
        return classes
    finally:
        sys.path.remove(folder)
        _take_modules()
        sys.modules.update(ours)
