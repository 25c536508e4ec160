"""SLP7: sequences that were lists, beside lists."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.finding import Mend
from sagellm_protocol.lint.following.containers import elements
from sagellm_protocol.lint.following.types import (
    Anything,
    Free,
    Items,
    Name,
    Nothing,
    Option,
    Table,
    Types,
    is_tuple_now,
)
from sagellm_protocol.lint.following.walking import Check, Walker

ASSERTING = frozenset({"assertEqual", "assertEquals", "assertNotEqual", "assertListEqual"})
EQUAL = (ast.Eq, ast.NotEq)
ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _is_own_list(option: Option) -> bool:
    return isinstance(option, Items) and not option.held and option.kind == "list"


def _is_own(types: Types) -> bool:
    """Whether it is a list of the code's own, and nothing that a message holds."""
    return any(map(_is_own_list, types)) and not any(map(is_tuple_now, types))


def _holds_list(types: Types) -> bool:
    return any(
        isinstance(option, Table) and not option.held and any(map(_is_own_list, option.value)) for option in types
    )


def _is_held(types: Types) -> bool:
    return any(isinstance(option, Items) and option.held for option in types)


def _differ(held: Types, own: Types) -> bool:
    """Whether they were equal where their items are, and are no more."""
    if _is_own(own) and any(map(is_tuple_now, held)):
        return True
    return _holds_list(own) and any(isinstance(o, Free) or (isinstance(o, Table) and _holds_free(o)) for o in held)


def _holds_free(option: Table) -> bool:
    return option.held and any(map(is_tuple_now, option.value))


def _compared(walker: Walker, node: ast.Compare) -> None:
    parts = [node.left, *node.comparators]
    for op, left, right in zip(node.ops, parts, parts[1:], strict=False):
        for held, own in ((left, right), (right, left)):
            if isinstance(op, EQUAL) and _differ(walker.types(held), walker.types(own)):
                mend = _mend(walker, held, own)
                walker.report("SLP701", node, "a value out of a message is compared with a list", mend=mend)
                return
            if isinstance(op, ORDERED) and _is_held(walker.types(held)) and _is_own(walker.types(own)):
                walker.report("SLP702", node, "a sequence out of a message is ordered beside a list")
                return


def _mend(walker: Walker, held: ast.expr, own: ast.expr) -> Mend | None:
    surely = all(isinstance(option, (Nothing, Items)) for option in walker.types(held))
    return mending.as_tuple(walker.module.source, own) if surely and isinstance(own, ast.List) else None


def _called(walker: Walker, node: ast.Call) -> None:
    if isinstance(node.func, ast.Attribute) and node.func.attr in ASSERTING and len(node.args) >= 2:
        for held, own in (node.args[:2], node.args[1::-1]):
            if _differ(walker.types(held), walker.types(own)):
                walker.report("SLP701", node, "a value out of a message is compared with a list")
                return
    if Name("builtins.sum") in walker.types(node.func) and len(node.args) == 2:
        _summed(walker, node)


def _summed(walker: Walker, node: ast.Call) -> None:
    if _is_held(elements(walker.types(node.args[0]))) and _is_own(walker.types(node.args[1])):
        walker.report("SLP702", node, "sequences out of messages are joined to a list", "`[*itertools.chain(...)]`")


def _joined(walker: Walker, node: ast.BinOp) -> None:
    left, right = walker.types(node.left), walker.types(node.right)
    if isinstance(node.op, ast.Add):
        for held, other, part in ((left, right, node.left), (right, left, node.right)):
            if _is_held(held) and _is_own(other):
                walker.report(
                    "SLP702", node, "a sequence out of a message is joined to a list", mend=_as_list(walker, part, held)
                )
                return
    if isinstance(node.op, ast.Mod) and _is_text(node.left, left) and _is_held(right):
        mend = Mend(mending.around(walker.module.source, node.right, "(list(", "),)")) if len(right) == 1 else None
        walker.report("SLP704", node, "a sequence out of a message is formatted by `%`", mend=mend)


def _as_list(walker: Walker, node: ast.expr, types: Types) -> Mend | None:
    return mending.as_list(walker.module.source, node) if len(types) == 1 else None


def _is_text(node: ast.expr, types: Types) -> bool:
    return isinstance(node, ast.JoinedStr) or any(getattr(option, "name", None) == "str" for option in types)


def _index(walker: Walker, node: ast.Subscript) -> None:
    if _is_held(walker.types(node.slice)) and Anything() in walker.types(node.value):
        mend = _as_list(walker, node.slice, walker.types(node.slice))
        walker.report("SLP703", node, "a sequence out of a message is the index of an array", mend=mend)


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {
    ast.BinOp: (_joined,),
    ast.Call: (_called,),
    ast.Compare: (_compared,),
    ast.Subscript: (_index,),
}
