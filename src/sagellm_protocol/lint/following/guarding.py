"""Handlers that go on after an exception as if nothing had been."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from sagellm_protocol.lint.following.narrowing import classes_of
from sagellm_protocol.lint.following.types import Name, Types
from sagellm_protocol.lint.following.walking import Guard, Walker

SUPPRESS = "contextlib.suppress"


def guard_of(walker: Walker, node: ast.Try) -> Guard | None:
    """What the handlers of a ``try`` swallow."""
    caught: set[str] = set()
    for handler in node.handlers:
        if not any(isinstance(part, ast.Raise) for statement in handler.body for part in ast.walk(statement)):
            caught |= {"builtins.BaseException"} if handler.type is None else names_of(walker.types(handler.type))
    return Guard(frozenset(caught)) if caught else None


def guard_of_with(walker: Walker, node: ast.With | ast.AsyncWith) -> Guard | None:
    """What ``contextlib.suppress`` swallows."""
    caught: set[str] = set()
    for item in node.items:
        called = item.context_expr
        if isinstance(called, ast.Call) and Name(SUPPRESS) in walker.types(called.func):
            caught |= names_of(frozenset().union(*map(walker.types, called.args)))
    return Guard(frozenset(caught)) if caught else None


def names_of(types: Types) -> set[str]:
    """The full names of exception classes."""
    return {option.name for option in classes_of(types) if isinstance(option, Name)}


def is_swallowed(raised: Iterable[str], guards: Iterable[Guard]) -> bool:
    """Whether one of several builtin exceptions is swallowed by one of several guards."""
    caught = {name for guard in guards for name in guard.caught}
    return any(f"builtins.{base.__name__}" in caught for name in raised for base in _exception(name).__mro__)


def _exception(name: str) -> type:
    found: type = getattr(builtins, name)
    return found
