"""SLP6: errors that messages do not raise any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.following.calls import builds
from sagellm_protocol.lint.following.guarding import SUPPRESS, guard_of, names_of
from sagellm_protocol.lint.following.modules import PACKAGE
from sagellm_protocol.lint.following.types import Name, class_name, messages_in
from sagellm_protocol.lint.following.walking import Check, Walker

THEIRS = frozenset(
    {f"{module}.ValidationError" for module in ("pydantic", "pydantic_core", "pydantic.v1", "pydantic.error_wrappers")}
)
OURS = frozenset(
    {
        *(f"{PACKAGE}.{name}" for name in ("ValidationError", "ProtocolError")),
        *(f"builtins.{name}" for name in ("ValueError", "Exception", "BaseException")),
    }
)
"""What catches what messages raise."""
WITH = frozenset({SUPPRESS, "pytest.raises"})


def _tried(walker: Walker, node: Any) -> None:
    built = _built(walker, node.body)
    if built is None:
        return
    for handler in node.handlers:
        if handler.type is not None and _misses(walker, handler.type):
            with walker.guarded(guard_of(walker, node)):
                _tell(walker, handler, handler.type, built)


def _misses(walker: Walker, caught: ast.expr) -> bool:
    names = names_of(walker.types(caught))
    return bool(names & THEIRS) and not names & OURS


def _tell(walker: Walker, at: ast.AST, caught: ast.expr, built: str) -> None:
    where = caught if isinstance(at, ast.ExceptHandler) else at
    walker.report(
        "SLP601",
        where,
        f"pydantic's `ValidationError` is expected of `{built}`",
        mend=mending.also_caught(walker.module.source, caught),
    )


def _with(walker: Walker, node: Any) -> None:
    for item in node.items:
        called = item.context_expr
        if not (isinstance(called, ast.Call) and called.args):
            continue
        if {option.name for option in walker.types(called.func) if isinstance(option, Name)} & WITH:
            built = _built(walker, node.body)
            if built is not None and _misses(walker, called.args[0]):
                _tell(walker, called, called.args[0], built)


def _built(walker: Walker, body: Sequence[ast.stmt]) -> str | None:
    """The name of a message that statements build."""
    for call in _calls(body):
        for option in walker.types(call.func):
            for cls in messages_in(builds(walker, option)):
                return class_name(cls)
    return None


def _calls(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    """All calls in statements, but for those in functions and classes that are defined there."""
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {
    **{getattr(ast, name): (_tried,) for name in ("Try", "TryStar") if hasattr(ast, name)},
    **dict.fromkeys((ast.With, ast.AsyncWith), (_with,)),
}
