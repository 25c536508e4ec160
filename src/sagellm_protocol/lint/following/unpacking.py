"""Assigning to several targets at once."""

from __future__ import annotations

import ast

from sagellm_protocol.lint.following.containers import elements, part_of
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    Declared,
    Instance,
    Name,
    Option,
    Row,
    Types,
    items,
    join,
)
from sagellm_protocol.lint.following.walking import Walker


def bind(walker: Walker, target: ast.expr, types: Types) -> None:
    """Assign to a target that holds names alone: that of a comprehension."""
    waiting = [(target, types)]
    while waiting:
        node, found = waiting.pop()
        match node:
            case ast.Name(id=name):
                walker.found(node, found)
                walker.scope.assign(name, found)
            case ast.Starred(value=value):
                waiting.append((value, found))
            case _:  # a tuple or a list
                parts = getattr(node, "elts", [])
                waiting += zip(parts, unpacked(walker, found, parts), strict=True)


def unpacked(walker: Walker, types: Types, parts: list[ast.expr]) -> list[Types]:
    """What each of several targets is assigned."""
    starred = next((place for place, part in enumerate(parts) if isinstance(part, ast.Starred)), None)
    found = []
    for place, part in enumerate(parts):
        if isinstance(part, ast.Starred):
            found.append(items(elements(types)))
            continue
        at = place if starred is None or place < starred else place - len(parts)
        found.append(join(*(_place(walker, option, at) for option in types)))
    return found


def _place(walker: Walker, option: Option, at: int) -> Types:
    if (
        isinstance(option, Instance)
        and isinstance(option.cls, Declared)
        and Name("typing.NamedTuple") in option.cls.bases
    ):
        fields = list(option.cls.annotations.values())
        return walker.annotated_in(option.cls.scope, fields[at]) if -len(fields) <= at < len(fields) else ANYTHING
    return part_of(option, at) if isinstance(option, Row) else elements(frozenset({option}))
