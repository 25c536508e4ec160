"""Packages whose names are loaded on first use.

Such a package lists its names once, as imports under ``if TYPE_CHECKING:``. Type checkers and editors read them there;
at run time :func:`load` finds in the same lines which module a name comes from.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@cache
def homes(package: str) -> dict[str, str]:
    """Every name that a package lists, and the module that it comes from."""
    import ast

    spec = find_spec(package)
    source = spec.loader.get_source(package)  # type: ignore[union-attr]
    block = next(node for node in ast.parse(source).body if isinstance(node, ast.If))
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }


def load(package: str, name: str) -> Any:
    """A name that a package lists, or a module of it, imported.

    Raises:
        AttributeError: the package lists no such name.
    """
    if name == "__all__":
        return sorted(homes(package))
    home = None if name.startswith("_") else homes(package).get(name)
    if home is not None:
        return getattr(import_module(home), name)
    if not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
        return import_module(f"{package}.{name}")
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
