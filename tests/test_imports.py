"""Which modules import which: the order of things, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sagellm_protocol

ROOT = Path(sagellm_protocol.__file__).parent
SEEN_BY_TYPE_CHECKERS_ALONE = {("model.exceptions", "errors")}
"""The class that an error's method answers with, whose module imports the errors."""


def modules() -> dict[str, Path]:
    """Every module by its name below the package, which itself is the empty name; packages by theirs."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(name: str) -> Iterator[str]:
    """What a module imports from the package: at its top, in functions, and for type checkers."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package"
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            wanted = [full if local(full) in MODULES else str(node.module) for full in below]
        else:
            continue
        yield from {local(full) for full in wanted} & MODULES.keys() - {name}


def local(full: str) -> str:
    package, _, below = full.partition(".")
    return below if package == ROOT.name else f"elsewhere: {full}"


GRAPH = {
    name: {found for found in imported(name) if (name, found) not in SEEN_BY_TYPE_CHECKERS_ALONE} for name in MODULES
}


def test_no_two_modules_import_each_other() -> None:
    """Not by way of others either, nor when a function is called."""
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(f"these import one another in a circle: {' <- '.join(error.args[1])}")


def test_imports_are_found() -> None:
    assert {"model.declaring", "model.plain"} <= GRAPH["model"]
    assert "model.constructor" in GRAPH["model.declaring"], "which a function imports"
    assert "types" in GRAPH[""], "which is for type checkers"
    for name, other in SEEN_BY_TYPE_CHECKERS_ALONE:
        assert other in set(imported(name))
        tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
        unseen = [
            node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ]
        assert f"import {other}" not in ast.unparse(ast.Module(unseen, []))
        assert f"{ROOT.name}.{other} import" not in ast.unparse(ast.Module(unseen, []))
