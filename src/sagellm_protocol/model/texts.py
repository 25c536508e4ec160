"""The texts that stand in a class: its docstring, and those below its fields or members.

Python forgets the latter, so the source is read, once for each module and only when it is asked for. Where there is no
source (a frozen application), there are no texts.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from types import ModuleType

OWN = ""
"""The name that a class's own text stands under."""


def own_texts(cls: type) -> Mapping[str, str]:
    """The texts in the body of a class, by the name that each stands below, without their indents."""
    module = sys.modules.get(cls.__module__)
    return {} if module is None else _texts(module).get(cls.__qualname__, {})


@cache
def _texts(module: ModuleType) -> dict[str, dict[str, str]]:
    """The texts in the classes of a module, by qualified name."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        return {}
    return dict(_in_classes(tree.body, ""))


def _in_classes(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            name = prefix + statement.name
            own = ast.get_docstring(statement)
            yield name, {**({OWN: own} if own else {}), **dict(_below_names(statement.body))}
            yield from _in_classes(statement.body, f"{name}.")
        elif isinstance(statement, ast.FunctionDef):
            yield from _in_classes(statement.body, f"{prefix}{statement.name}.<locals>.")


def _below_names(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, below in pairwise(body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
