"""What statements do, kind by kind."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from typing import Any

from sagellm_protocol.lint.following.assigning import ASSIGNING, assign
from sagellm_protocol.lint.following.containers import elements, instances
from sagellm_protocol.lint.following.defining import DEFINING
from sagellm_protocol.lint.following.guarding import guard_of, guard_of_with
from sagellm_protocol.lint.following.narrowing import classes_of, narrow, of_classes
from sagellm_protocol.lint.following.scopes import Scope
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    Types,
)
from sagellm_protocol.lint.following.walking import LOOPS_TWICE, Executor, Walker, path_of


def _if(walker: Walker, node: ast.If) -> None:
    scope, ends = walker.scope, []
    rest: list[ast.stmt] = [node]
    negative = scope.branched()
    # An "elif" stands in the "else" of what is before it; there may be thousands.
    while len(rest) == 1 and isinstance(rest[0], ast.If):
        branch = rest[0]
        with walker.within(negative):
            walker.evaluate(branch.test)
        positive = negative.branched()
        with walker.within(positive):
            narrow(walker, branch.test, holds=True)
            walker.run(branch.body)
        ends.append(_over(positive, negative))
        with walker.within(negative):
            narrow(walker, branch.test, holds=False)
        rest = branch.orelse
        if walker.looking and branch is not node:
            walker.check(branch)
    with walker.within(negative):
        walker.run(rest)
    scope.meet([*ends, negative])


def _over(branch: Scope, base: Scope) -> Scope:
    """The branch as one of what its base is a branch of."""
    over = Scope(base.module, base.above, branch=True)
    over.names = {**base.names, **branch.names}
    over.paths = {**base.paths, **branch.paths}
    over.dead = branch.dead
    return over


def _loop(walker: Walker, node: Any, *, test: ast.expr | None = None, item: Types = ANYTHING) -> None:
    scope, inside = walker.scope, walker.scope.branched()
    walker.loops += 1
    rounds = 2 if walker.loops <= LOOPS_TWICE else 1
    for number in range(rounds):
        with walker.within(inside), walker.unseen() if number + 1 < rounds else contextlib.nullcontext():
            if test is None:
                assign(walker, node.target, item)
            else:
                walker.evaluate(test)
                narrow(walker, test, holds=True)
            walker.run(node.body)
        if number + 1 < rounds:
            inside.dead = False
            again = scope.branched()
            again.meet([scope.branched(), inside])
            inside = again
    walker.loops -= 1
    inside.dead = False
    scope.meet([scope.branched(), inside])
    walker.run(node.orelse)


def _for(walker: Walker, node: ast.For | ast.AsyncFor) -> None:
    types = walker.evaluate(node.iter)
    _loop(walker, node, item=elements(types))


def _while(walker: Walker, node: ast.While) -> None:
    _loop(walker, node, test=node.test)


def _end(walker: Walker, node: Any) -> None:
    for value in (getattr(node, "value", None), getattr(node, "exc", None), getattr(node, "cause", None)):
        if value is not None:
            walker.evaluate(value)
    if isinstance(node, ast.Return) and walker.function is not None and node.value is not None:
        walker.facts.note(walker.function, "return", walker.types(node.value))
    walker.scope.dead = True


def _assertion(walker: Walker, node: ast.Assert) -> None:
    walker.evaluate(node.test)
    if node.msg is not None:
        walker.evaluate(node.msg)
    narrow(walker, node.test, holds=True)


def _with(walker: Walker, node: ast.With | ast.AsyncWith) -> None:
    for item in node.items:
        types = walker.evaluate(item.context_expr)
        if item.optional_vars is not None:
            assign(walker, item.optional_vars, types)
    with walker.guarded(guard_of_with(walker, node)):
        walker.run(node.body)


def _try(walker: Walker, node: Any) -> None:
    scope = walker.scope
    for handler in node.handlers:
        with walker.within(scope.branched()):
            walker.evaluate(handler.type)
    body = scope.branched()
    with walker.within(body), walker.guarded(guard_of(walker, node)):
        walker.run(node.body)
    ends = []
    for handler in node.handlers:
        end = scope.branched()
        was_dead, body.dead = body.dead, False
        end.meet([scope.branched(), body])
        body.dead = was_dead
        with walker.within(end):
            if handler.name:
                caught = ANYTHING if handler.type is None else instances(classes_of(walker.types(handler.type)))
                walker.scope.assign(handler.name, caught)
            walker.run(handler.body)
        ends.append(end)
    with walker.within(body):
        walker.run(node.orelse)
    scope.meet([body, *ends])
    walker.run(node.finalbody)


def _match(walker: Walker, node: ast.Match) -> None:
    types = walker.evaluate(node.subject)
    scope, ends = walker.scope, []
    for case in node.cases:
        end = scope.branched()
        with walker.within(end):
            _pattern(walker, node.subject, types, case.pattern)
            if case.guard is not None:
                walker.evaluate(case.guard)
                narrow(walker, case.guard, holds=True)
            walker.run(case.body)
        ends.append(end)
    scope.meet([*ends, scope.branched()])


def _pattern(walker: Walker, subject: ast.expr, types: Types, pattern: ast.pattern) -> None:
    for part in ast.walk(pattern):
        for name in (getattr(part, "name", None), getattr(part, "rest", None)):
            if isinstance(name, str):
                walker.scope.assign(name, ANYTHING)
        if isinstance(part, ast.MatchClass):
            walker.evaluate(part.cls)
    if isinstance(pattern, ast.MatchAs):
        inner = pattern.pattern
        found = types if inner is None else _matched(walker, types, inner)
        if pattern.name is not None:
            walker.scope.assign(pattern.name, found)
    else:
        found = _matched(walker, types, pattern)
    path = path_of(subject)
    if path is not None:
        walker.scope.tell(path, found)


def _matched(walker: Walker, types: Types, pattern: ast.pattern) -> Types:
    if not isinstance(pattern, ast.MatchClass):
        return types
    return of_classes(types, walker.types(pattern.cls), holds=True) or ANYTHING


def _nothing(walker: Walker, node: ast.stmt) -> None:
    """``pass``, ``global`` and ``nonlocal``."""


EXECUTORS: Mapping[type[ast.AST], Executor] = {
    **ASSIGNING,
    **DEFINING,
    ast.Assert: _assertion,
    **dict.fromkeys((ast.AsyncFor, ast.For), _for),
    **dict.fromkeys((ast.AsyncWith, ast.With), _with),
    **dict.fromkeys((ast.Break, ast.Continue, ast.Raise, ast.Return), _end),
    ast.If: _if,
    ast.Match: _match,
    **dict.fromkeys((ast.Global, ast.Nonlocal, ast.Pass), _nothing),
    **{getattr(ast, name): _try for name in ("Try", "TryStar") if hasattr(ast, name)},
    ast.While: _while,
}
"""Kind of statement to what it does; of all others the parts are looked at."""
