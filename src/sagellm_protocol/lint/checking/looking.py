"""SLP8: looking into messages."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from sagellm_protocol.lint.following.types import Name, class_name, messages_in
from sagellm_protocol.lint.following.walking import Check, Walker

ITERATING = frozenset(
    f"builtins.{name}"
    for name in ("dict", "list", "tuple", "set", "sorted", "enumerate", "iter", "zip", "reversed", "frozenset")
)


def _iterated(walker: Walker, node: ast.expr) -> None:
    for cls in messages_in(walker.types(node)):
        walker.report("SLP801", node, f"`{class_name(cls)}` is iterated over")
        return


def _loop(walker: Walker, node: Any) -> None:
    _iterated(walker, node.iter)


def _comprehended(walker: Walker, node: Any) -> None:
    for generator in node.generators:
        _iterated(walker, generator.iter)


def _unpacked(walker: Walker, node: ast.Assign) -> None:
    if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
        _iterated(walker, node.value)


def _starred(walker: Walker, node: ast.Starred) -> None:
    _iterated(walker, node.value)


def _called(walker: Walker, node: ast.Call) -> None:
    names = {option.name for option in walker.types(node.func) if isinstance(option, Name)}
    if names & ITERATING:
        for argument in node.args:
            _iterated(walker, argument)
    if "builtins.vars" in names and node.args:
        _inside(walker, node, node.args[0], "vars()")


def _attribute(walker: Walker, node: ast.Attribute) -> None:
    if node.attr == "__dict__":
        _inside(walker, node, node.value, "__dict__")


def _inside(walker: Walker, node: ast.AST, value: ast.expr, how: str) -> None:
    for cls in messages_in(walker.types(value)):
        walker.report("SLP802", node, f"`{how}` of `{class_name(cls)}`")
        return


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {
    ast.Assign: (_unpacked,),
    ast.Attribute: (_attribute,),
    ast.Call: (_called,),
    **dict.fromkeys((ast.For, ast.AsyncFor), (_loop,)),
    **dict.fromkeys((ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp), (_comprehended,)),
    ast.Starred: (_starred,),
}
