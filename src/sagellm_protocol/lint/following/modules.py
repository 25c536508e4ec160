"""The modules of a code base, and what a name that is imported means. None of them is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.lint.files import Source
from sagellm_protocol.lint.following.scopes import Scope
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    ClassObject,
    Instance,
    Known,
    Module,
    Name,
    Option,
    Types,
    join,
    scalar,
)
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.naming import full_name

PACKAGE = __name__.partition(".")[0]
OURS = frozenset(
    {PACKAGE, f"{PACKAGE}.kv", f"{PACKAGE}.model", f"{PACKAGE}.ports", f"{PACKAGE}.protocol_version"}
    | {module.partition("._")[0] for module in CATALOG.modules}
)
"""The modules whose names are known: those that the code of 0.5.4.16 imports from."""


@attrs.define(eq=False)
class CodeModule:
    """A module of the code base."""

    name: str
    source: Source
    scope: Scope
    uses_protocol: bool
    """Whether it imports this package, directly or from a module that does."""


class CodeBase:
    """Modules by name and by path."""

    def __init__(self, sources: Iterable[Source], roots: Iterable[Path]) -> None:
        self.modules: list[CodeModule] = []
        self._by_name: dict[str, list[CodeModule]] = {}
        self._by_path: dict[Path, CodeModule] = {}
        folders = [root.resolve() for root in roots]
        for source in sources:
            names = _names(source.path.resolve(), folders)
            module = CodeModule(names[0], source, Scope(names[0]), _imports_protocol(source.tree))
            self.modules.append(module)
            self._by_path[source.path.resolve()] = module
            for name in names:
                self._by_name.setdefault(name, []).append(module)

    def find(self, name: str, seen_from: CodeModule) -> CodeModule | None:
        """A module by its name; of several of one name, that in the same folder."""
        found = self._by_name.get(name, [])
        if len(found) == 1:
            return found[0]
        folder = seen_from.source.path.resolve().parent
        return next((module for module in found if module.source.path.resolve().parent == folder), None)

    def beside(self, module: CodeModule, level: int, name: str) -> CodeModule | None:
        """A module by its name relative to another: ``from ..pool import``."""
        folder = module.source.path.resolve().parent
        for _ in range(level - 1):
            folder = folder.parent
        place = folder.joinpath(*name.split(".")) if name else folder
        candidates = (place.with_suffix(".py"), place / "__init__.py") if name else (place / "__init__.py",)
        return next((self._by_path[path] for path in candidates if path in self._by_path), None)

    def attribute(self, module: str, name: str, seen_from: CodeModule) -> Types:
        """What a module, of the code base or not, has by a name."""
        if module in OURS:
            return _ours(module, name)
        found = self.find(module, seen_from)
        if found is None:
            return frozenset({Name(f"{module}.{name}")})
        return self.exported(found, name)

    def exported(self, module: CodeModule, name: str) -> Types:
        """What a module of the code base has by a name: something that it defines or imports, or a module below it."""
        types = module.scope.names.get(name)
        if types is not None:
            return types
        below = self.find(f"{module.name}.{name}", module)
        return ANYTHING if below is None else frozenset({Module(below.name)})


def _names(path: Path, roots: list[Path]) -> list[str]:
    """The names that a file may be imported by, the likeliest first."""
    parts = list(path.with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    package = path.parent if path.stem == "__init__" else path
    depth = 1
    while (package.parent / "__init__.py").exists() and package.parent != package:
        package = package.parent
        depth += 1
    names = [".".join(parts[-depth:])]
    bases = [base for root in roots for base in (root, root / "src", root.parent) if path.is_relative_to(base)]
    names += [".".join(parts[len(base.parts) :]) for base in bases]
    return [name for name in dict.fromkeys(names) if name]


def _imports_protocol(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == PACKAGE for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
            return True
    return False


@cache
def _ours(module: str, name: str) -> Types:
    if f"{module}.{name}" in OURS:
        return frozenset({Module(f"{module}.{name}")})
    home = import_module(module)
    if name.startswith("_") or name not in dir(home):
        return ANYTHING
    return _value(getattr(home, name), f"{module}.{name}")


def _value(value: Any, name: str) -> Types:
    """What one of our own names means."""
    if get_origin(value) in (Union, UnionType):
        return join(*(_value(option, name) for option in get_args(value)))
    return frozenset({_option(value, name)}) if not isinstance(value, (str, int)) else _scalar(value, name)


def _scalar(value: str | int, name: str) -> Types:
    return frozenset({Name(name)}) if isinstance(value, Enum) else scalar(type(value).__name__)


def _option(value: Any, name: str) -> Option:
    if is_message(value):
        return ClassObject(Known(full_name(value)))
    if is_message(type(value)):
        return Instance(Known(full_name(type(value))))
    if isinstance(value, (type, FunctionType)):
        return Name(f"{value.__module__}.{value.__qualname__}")
    if isinstance(value, ModuleType):
        return Module(value.__name__)
    return Name(name)


def everything_from(module: str) -> dict[str, Types]:
    """What ``from sagellm_protocol.types import *`` gives."""
    home = import_module(module)
    names = getattr(home, "__all__", None) or [name for name in dir(home) if not name.startswith("_")]
    return {name: _ours(module, name) for name in names}
