"""Packages whose names are loaded on first use.

Such a package lists its names twice: as imports under ``if TYPE_CHECKING:``, for type checkers and editors, and for run
time as a table, since an installation may come without sources. A test holds the two equal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_packages: dict[str, Callable[[str], Any]] = {}


def public(package: str, name: str) -> Any:
    """A name of a package that was attached: for modules that must not import the one that it comes from."""
    return _packages[package](name)


def attach(package: str, table: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Args:
        package: its name.
        table: module of the package to the names that come from it, as one text with blanks between.
    """
    homes = {name: f"{package}.{module}" for module, names in table.items() for name in names.split()}

    def load(name: str) -> Any:
        """A name that the package lists, or a module of it, imported."""
        value = _imported(package, homes.get(name), name)
        setattr(sys.modules[package], name, value)
        return value

    _packages[package] = load

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return load, names, sorted(homes)


def _imported(package: str, home: str | None, name: str) -> Any:
    if home is not None:
        return getattr(import_module(home), name)
    if not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
        return import_module(f"{package}.{name}")
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
