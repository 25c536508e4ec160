"""What assignments do, and what else changes what is known of a value."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from sagellm_protocol.lint.following.containers import element
from sagellm_protocol.lint.following.members import attribute
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    Declared,
    Instance,
    Items,
    Table,
    Types,
    is_held,
    items,
    join,
    table,
)
from sagellm_protocol.lint.following.unpacking import unpacked
from sagellm_protocol.lint.following.walking import Executor, Walker, path_of


def assign(walker: Walker, target: ast.expr, types: Types) -> None:
    """Assign to a target of any kind."""
    waiting = [(target, types)]
    while waiting:
        node, found = waiting.pop()
        match node:
            case ast.Name(id=name):
                walker.found(node, found)
                walker.scope.assign(name, found)
            case ast.Attribute():
                _assign_attribute(walker, node, found)
            case ast.Subscript():
                value = walker.evaluate(node.value)
                walker.evaluate(node.slice)
                _fill(walker, node.value, value, found)
                _look(walker, node)
            case ast.Starred(value=inner):
                waiting.append((inner, found))
            case _:  # a tuple or a list
                parts = getattr(node, "elts", [])
                waiting += zip(parts, unpacked(walker, found, parts), strict=True)


def _look(walker: Walker, node: ast.expr) -> None:
    if walker.looking:
        walker.check(node)


def _assign_attribute(walker: Walker, node: ast.Attribute, types: Types) -> None:
    value = walker.evaluate(node.value)
    _note(walker, value, node.attr, types)
    path = path_of(node)
    if path is not None:
        walker.scope.tell(
            path, join(types, frozenset(o for o in attribute(walker, value, node.attr) if _fills(o, types)))
        )
    _look(walker, node)


def _note(walker: Walker, owners: Types, name: str, types: Types) -> None:
    for owner in owners:
        if isinstance(owner, Instance) and isinstance(owner.cls, Declared):
            walker.facts.note(owner.cls, name, types)


def _fills(option: object, types: Types) -> bool:
    """Whether a container of a known type is said where an empty one is assigned."""
    return isinstance(option, (Items, Table)) and not is_held(option) and any(map(_is_empty, types))


def _is_empty(option: object) -> bool:
    return (isinstance(option, Items) and option.item == ANYTHING) or (
        isinstance(option, Table) and option.value == ANYTHING
    )


def _fill(walker: Walker, node: ast.expr, container: Types, value: Types) -> None:
    """A container of which nothing was known holds such a value from here on."""
    filled = {_filled(option, value) for option in container}
    if filled == container or None in filled:
        return
    types: Types = frozenset(option for option in filled if option is not None)
    path = path_of(node)
    if path is None:
        return
    if isinstance(node, ast.Attribute):
        _note(walker, walker.types(node.value), node.attr, types)
    walker.scope.tell(path, types)


def _filled(option: Any, value: Types) -> Any:
    match option:
        case Items(held=False, item=item, kind=kind):
            known = value if item == ANYTHING else join(item, value)
            return next(iter(items(known, kind)))
        case Table(held=False, value=before):
            known = value if before == ANYTHING else join(before, value)
            return next(iter(table(known)))
        case _:
            return None


_FILLING = {"append": 0, "appendleft": 0, "add": 0, "put": 0, "put_nowait": 0, "insert": 1, "setdefault": 1}


def _expression(walker: Walker, node: ast.Expr) -> None:
    walker.evaluate(node.value)
    called = node.value.value if isinstance(node.value, ast.Await) else node.value
    if not (isinstance(called, ast.Call) and isinstance(called.func, ast.Attribute)):
        return
    place = _FILLING.get(called.func.attr)
    if place is not None and len(called.args) > place:
        _fill(walker, called.func.value, walker.types(called.func.value), walker.types(called.args[place]))


def _assignment(walker: Walker, node: ast.Assign) -> None:
    types = walker.evaluate(node.value)
    for target in node.targets:
        assign(walker, target, types)


def _annotated(walker: Walker, node: ast.AnnAssign) -> None:
    declared = walker.annotated(node.annotation)
    given = walker.evaluate(node.value) if node.value is not None else None
    if walker.cls is not None and isinstance(node.target, ast.Name):
        walker.cls.annotations[node.target.id] = node.annotation
    types = declared if given is None else walker.declared(declared, given)
    if given is not None and declared == ANYTHING:
        types = given
    assign(walker, node.target, types)


def _augmented(walker: Walker, node: ast.AugAssign) -> None:
    walker.evaluate(node.value)
    match node.target:
        case ast.Name(id=name):
            # A list remains one, whatever is added to it.
            walker.found(node.target, walker.scope.find(name) or ANYTHING)
        case ast.Attribute(value=owner, attr=attr):
            walker.found(node.target, attribute(walker, walker.evaluate(owner), attr))
            _look(walker, node.target)
        case _:
            walker.found(node.target, element(walker.evaluate(node.target.value), node.target.slice))
            walker.evaluate(node.target.slice)
            _look(walker, node.target)


def _deletion(walker: Walker, node: ast.Delete) -> None:
    waiting = list(node.targets)
    while waiting:
        target = waiting.pop()
        match target:
            case ast.Attribute(value=owner):
                walker.evaluate(owner)
                _look(walker, target)
            case ast.Subscript(value=owner, slice=key):
                walker.evaluate(owner)
                walker.evaluate(key)
                _look(walker, target)
            case ast.Name(id=name):
                walker.scope.assign(name, ANYTHING)
            case _:  # a tuple or a list
                waiting += getattr(target, "elts", [])


def _alias(walker: Walker, node: Any) -> None:  # pragma: no cover - syntax of 3.12
    walker.scope.assign(node.name.id, walker.evaluate(node.value))


ASSIGNING: Mapping[type[ast.AST], Executor] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assignment,
    ast.AugAssign: _augmented,
    ast.Delete: _deletion,
    ast.Expr: _expression,
    **{getattr(ast, name): _alias for name in ("TypeAlias",) if hasattr(ast, name)},
}
"""Kind of statement to what it does."""
