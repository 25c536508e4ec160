"""SLP2: what cannot be changed any more."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.following.types import (
    Free,
    Items,
    Method,
    Name,
    Option,
    Table,
    Types,
    class_name,
    is_held,
    is_tuple_now,
    messages_in,
)
from sagellm_protocol.lint.following.walking import Check, Walker

LIST_METHODS = frozenset({"append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "copy"})
"""What a list has and a tuple has not."""
DICT_METHODS = frozenset({"clear", "pop", "popitem", "setdefault", "update"})
"""What a mapping of a message refuses."""
CHANGING = frozenset(
    {
        "random.shuffle",
        *(f"heapq.{name}" for name in ("heapify", "heappush", "heappop", "heappushpop", "heapreplace")),
        *(f"bisect.{name}" for name in ("insort", "insort_left", "insort_right")),
    }
)
"""Functions that change the list that they are given first."""


def _assigned(walker: Walker, node: ast.Attribute) -> None:
    if isinstance(node.ctx, ast.Load):
        return
    for cls in messages_in(walker.types(node.value)):
        done = "deleted" if isinstance(node.ctx, ast.Del) else "assigned"
        _report(walker, node, f"`{node.attr}` of `{class_name(cls)}` is {done}", node.value, node.attr)
        return


def _report(walker: Walker, node: ast.AST, message: str, owner: ast.expr, field: str) -> None:
    it = ast.unparse(owner)
    shown = it if len(it) <= 40 else "it"
    instead = (
        f"`{shown} = evolve({shown}, {field}=...)`"
        if isinstance(owner, ast.Name)
        else f"`evolve({shown}, {field}=...)`"
    )
    if isinstance(owner, ast.Name) and owner.id == "self":
        instead = f"`evolve(self, {field}=...)`, which gives another"
    walker.report("SLP201", node, message, f"{instead}; for state that lives, `mutable(...)`")


def _called(walker: Walker, node: ast.Call) -> None:
    for option in walker.types(node.func):
        match option:
            case Name(name="builtins.setattr" | "builtins.delattr") if node.args:
                _set(walker, node)
            case Name(name=name) if name in CHANGING and node.args:
                if any(map(is_tuple_now, walker.types(node.args[0]))):
                    _changed(walker, node, f"`{name}` changes a sequence out of a message")
            case Method(receiver=receiver, name=name) if _lacks(receiver, name):
                _method(walker, node, receiver, name)
                return
            case Method(receiver=receiver, name="__setattr__" | "__delattr__") if messages_in(frozenset({receiver})):
                walker.report("SLP201", node, "a field of a message is assigned by `__setattr__`")


def _set(walker: Walker, node: ast.Call) -> None:
    for cls in messages_in(walker.types(node.args[0])):
        name = node.args[1] if len(node.args) > 1 else None
        field = name.value if isinstance(name, ast.Constant) else "field"
        _report(walker, node, f"a field of `{class_name(cls)}` is assigned by name", node.args[0], str(field))
        return


def _lacks(receiver: Option, name: str) -> bool:
    match receiver:
        case Items(held=True):
            return name in LIST_METHODS
        case Table(held=True):
            return name in DICT_METHODS
        case Free():
            return name in (LIST_METHODS | DICT_METHODS) - {"copy"}
        case _:
            return False


def _method(walker: Walker, node: ast.Call, receiver: Option, name: str) -> None:
    kind = "mapping" if isinstance(receiver, Table) else "sequence"
    kind = "value" if isinstance(receiver, Free) else kind
    if name != "copy":
        _changed(walker, node, f"`.{name}()` changes a {kind} out of a message")
        return
    mend = None
    if isinstance(node.func, ast.Attribute) and not node.args and len(walker.types(node.func.value)) == 1:
        mend = mending.method_called(walker.module.source, node, "list", "")
    walker.report("SLP202", node, "`.copy()` is no method of a tuple, which a message holds", "`list(...)`", mend=mend)


def _changed(walker: Walker, node: ast.AST, message: str) -> None:
    walker.report("SLP202", node, message)


def _item(walker: Walker, node: ast.Subscript) -> None:
    if not isinstance(node.ctx, ast.Load) and any(map(is_held, walker.types(node.value))):
        done = "deleted from" if isinstance(node.ctx, ast.Del) else "assigned in"
        _changed(walker, node, f"an item is {done} a value out of a message")


def _augmented(walker: Walker, node: ast.AugAssign) -> None:
    if isinstance(node.target, ast.Attribute):
        return  # SLP201 tells of it
    before = walker.types(node.target)
    if any(_refuses(option, node.op, walker.types(node.value)) for option in before):
        _changed(walker, node, "a value out of a message is changed in place")


def _refuses(option: Option, op: ast.operator, value: Types) -> bool:
    if isinstance(op, ast.BitOr):
        return is_held(option) and not isinstance(option, Items)
    return isinstance(op, ast.Add) and is_tuple_now(option) and any(_is_own_list(given) for given in value)


def _is_own_list(option: Option) -> bool:
    return isinstance(option, Items) and not option.held and option.kind == "list"


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {
    ast.Attribute: (_assigned,),
    ast.AugAssign: (_augmented,),
    ast.Call: (_called,),
    ast.Subscript: (_item,),
}
