"""What classes say about themselves: their docstring, and the text that stands below each field or member.

Python forgets the latter, so the source is read, once for each module and only when it is asked for. Where there is no
source (a frozen application), there are no texts.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from types import ModuleType

_ROLE = re.compile(r":[a-z:]+:`~?(?:[\w.]*\.)?(\w+)`")


_OWN = ""
"""The name that a class's own text stands under."""


def class_text(cls: type) -> str:
    """What a class says about itself, as Markdown; empty where it says nothing."""
    return _own_texts(cls).get(_OWN, "")


def field_texts(cls: type) -> Mapping[str, str]:
    """The text below each field or enumeration member of a class or its bases, as Markdown, by name."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        texts |= _own_texts(base)
    return {name: text for name, text in texts.items() if name != _OWN}


def _own_texts(cls: type) -> Mapping[str, str]:
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
            yield name, {**({_OWN: _markdown(own)} if own else {}), **dict(_below_names(statement.body))}
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
                yield name, _markdown(text)


def _markdown(text: str) -> str:
    """A docstring with its lines joined to paragraphs, and its roles and double backticks as Markdown has them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    joined = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return _ROLE.sub(r"`\1`", joined).replace("``", "`")
