"""SLP3: tests of what a value is."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from itertools import pairwise

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.finding import Edit, Mend
from sagellm_protocol.lint.following.narrowing import classes_of
from sagellm_protocol.lint.following.types import (
    Anything,
    Name,
    Types,
    is_held,
    is_tuple_now,
    message_classes_in,
    messages_in,
)
from sagellm_protocol.lint.following.walking import Check, Walker

LISTS = frozenset({"builtins.list", "typing.List", "typing.MutableSequence", "collections.abc.MutableSequence"})
TUPLES = frozenset(
    {
        "builtins.tuple",
        *(
            f"{module}.{name}"
            for module in ("typing", "collections.abc")
            for name in ("Sequence", "Collection", "Iterable", "Sized", "Container", "Reversible")
        ),
    }
)
MODELS = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"})


def _called(walker: Walker, node: ast.Call) -> None:
    asked = {option.name for option in walker.types(node.func) if isinstance(option, Name)}
    if not asked & {"builtins.isinstance", "builtins.issubclass"} or len(node.args) != 2:
        return
    value, classes = node.args
    types, wanted = walker.types(value), _names(walker.types(classes))
    if "builtins.isinstance" in asked and wanted & LISTS and not wanted & TUPLES and any(map(is_tuple_now, types)):
        walker.report(
            "SLP301",
            node,
            "a sequence out of a message is asked whether it is a list",
            mend=_mend(walker, classes) if Anything() not in types else None,
        )
    if wanted & MODELS and _is_message(walker, types):
        walker.report("SLP302", node, "a message is asked whether it is a pydantic model")


def _names(types: Types) -> set[str]:
    return {option.name for option in classes_of(types) if isinstance(option, Name)}


def _is_message(walker: Walker, types: Types) -> bool:
    if messages_in(types) or message_classes_in(types):
        return True
    return walker.module.uses_protocol and Anything() in types


def _mend(walker: Walker, classes: ast.expr) -> Mend | None:
    source = walker.module.source
    match classes:
        case ast.Name(id="list"):
            return mending.replaced(source, classes, "(list, tuple)")
        case ast.Tuple(elts=[*_, ast.Name(id="list") as found]) | ast.Tuple(elts=[ast.Name(id="list") as found, *_]):
            end = source.end(found)
            return Mend((Edit(end, end, ", tuple"),))
        case _:
            return None


def _compared(walker: Walker, node: ast.Compare) -> None:
    """``type(x.field) is list``."""
    parts = [node.left, *node.comparators]
    for left, right in pairwise(parts):
        for asked, cls in ((left, right), (right, left)):
            match asked:
                case ast.Call(func=ast.Name(id="type"), args=[value]):
                    wanted = _names(walker.types(cls))
                    held = walker.types(value)
                    if (wanted & LISTS and any(map(is_tuple_now, held))) or (
                        "builtins.dict" in wanted
                        and any(is_held(option) and not is_tuple_now(option) for option in held)
                    ):
                        walker.report("SLP301", node, "the class of a value out of a message is compared")


def _matched(walker: Walker, node: ast.Match) -> None:
    if not any(map(is_tuple_now, walker.types(node.subject))):
        return
    for case in node.cases:
        for pattern in _alternatives(case.pattern):
            if isinstance(pattern, ast.MatchClass) and _names(walker.types(pattern.cls)) & LISTS:
                walker.report(
                    "SLP301",
                    pattern,
                    "`case list()` is asked of a sequence out of a message",
                    "`case (list() | tuple()):`",
                )


def _alternatives(pattern: ast.pattern) -> list[ast.pattern]:
    inner = pattern.pattern if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None else pattern
    found = inner.patterns if isinstance(inner, ast.MatchOr) else [inner]
    return [] if any(isinstance(part, ast.MatchClass) and ast.unparse(part.cls) == "tuple" for part in found) else found


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {
    ast.Call: (_called,),
    ast.Compare: (_compared,),
    ast.Match: (_matched,),
}
