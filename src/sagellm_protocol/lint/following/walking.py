"""Going through the code of a module in the order in which it runs, knowing at each point what values may be."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.lint.following.containers import instances
from sagellm_protocol.lint.following.modules import CodeBase, CodeModule
from sagellm_protocol.lint.following.scopes import Scope
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    ClassObject,
    Declared,
    Function,
    Instance,
    Types,
    is_held,
    items,
    join,
    table,
)

DEEPEST_EXPRESSION = 60
"""What nests deeper in an expression is looked at by itself, and what is around it does not know what it is."""
LOOPS_TWICE = 2
"""Loops that nest no deeper than this are gone through twice, so that their begin knows what their end assigns."""

Evaluator: TypeAlias = "Callable[[Walker, Any], Types]"
Executor: TypeAlias = "Callable[[Walker, Any], None]"
Check: TypeAlias = "Callable[[Walker, Any], None]"


@attrs.define(eq=False)
class Facts:
    """What was found out about classes and functions, wherever it stands; round by round, as one leads to another."""

    classes: dict[ast.AST, Declared] = attrs.field(factory=dict)
    functions: dict[ast.AST, Function] = attrs.field(factory=dict)
    _before: dict[tuple[object, str], Types] = attrs.field(factory=dict)
    _now: dict[tuple[object, str], Types] = attrs.field(factory=dict)

    def read(self, whose: object, name: str) -> Types | None:
        """What is known of an attribute, a parameter, or what a function returns (``return``)."""
        key = (whose, name)
        return self._before.get(key) or self._now.get(key)

    def note(self, whose: object, name: str, types: Types) -> None:
        """It may be that as well."""
        key = (whose, name)
        before = self._now.get(key)
        self._now[key] = types if before is None else join(before, types)

    def next_round(self) -> None:
        """What was found out so far is known from here on."""
        self._before, self._now = self._now, {}


@attrs.frozen
class Guard:
    """A ``try`` or a ``with`` whose handler goes on after an exception as if nothing had been."""

    caught: frozenset[str]
    """Full names of the exceptions."""


@attrs.define(eq=False)
class Walker:
    """Goes through one module."""

    code: CodeBase
    module: CodeModule
    facts: Facts
    evaluators: Mapping[type[ast.AST], Evaluator]
    executors: Mapping[type[ast.AST], Executor]
    checks: Mapping[type[ast.AST], Sequence[Check]]
    """Run on each node once it is known what its parts are."""
    report: Callable[..., None]
    scope: Scope = attrs.field(init=False)
    function: Function | None = attrs.field(init=False, default=None)
    cls: Declared | None = attrs.field(init=False, default=None)
    """The class in whose body it is."""
    guards: list[Guard] = attrs.field(init=False, factory=list)
    looking: bool = attrs.field(init=False, default=True)
    """Whether checks are run."""
    loops: int = attrs.field(init=False, default=0)
    stand_in: ast.AST | None = attrs.field(init=False, default=None)
    """What is told of in place of a node that does not know where it stands: the text that it is in."""
    callees: set[ast.AST] = attrs.field(init=False, factory=set)
    """What is called, where it is."""
    _types: dict[ast.AST, Types] = attrs.field(init=False, factory=dict)
    _depth: int = attrs.field(init=False, default=0)
    _waiting: deque[tuple[ast.expr, Scope]] = attrs.field(init=False, factory=deque)
    _deferred: deque[Function] = attrs.field(init=False, factory=deque)
    _quoted: dict[ast.AST, ast.expr] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.scope = self.module.scope

    def walk(self) -> None:
        """Go through the module, and then through its functions."""
        self.scope.ever.clear()
        self.run(self.module.source.tree.body)
        while self._deferred:
            self._walk_function(self._deferred.popleft())

    def defer(self, function: Function) -> None:
        """Go through a function when all around it was gone through."""
        self._deferred.append(function)

    def _walk_function(self, function: Function) -> None:
        self.function, self.cls, self.guards, self.loops = function, None, [], 0
        self.scope = Scope(self.module.name, function.scope)
        for number, parameter in enumerate(function.parameters):
            self.scope.assign(parameter.arg, self._parameter(function, number, parameter))
        for starred, several in ((function.node.args.vararg, items), (function.node.args.kwarg, table)):
            if starred is not None:
                self.scope.assign(starred.arg, several(self.annotated(starred.annotation)))
        self.run(function.node.body)

    def _parameter(self, function: Function, number: int, parameter: ast.arg) -> Types:
        if number == 0 and function.takes_self and function.owner is not None:
            return self.receiver(function, function.owner)
        given = self.facts.read(function, parameter.arg)
        if parameter.annotation is None:
            return join(ANYTHING, given or ANYTHING)  # others may give it something else
        return self.declared(self.annotated(parameter.annotation), given)

    def receiver(self, function: Function, owner: Declared) -> Types:
        """What a method is called on."""
        on_class = {"classmethod", "__new__", "__init_subclass__"} & {*function.decorators, function.node.name}
        return frozenset({ClassObject(owner) if on_class else Instance(owner)})

    def declared(self, declared: Types, given: Types | None) -> Types:
        """What is declared to be a list may be what a message holds, all the same."""
        held = frozenset(option for option in given or () if is_held(option))
        return join(declared, held) if held else declared

    # Statements

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements."""
        for statement in body:
            self.executors.get(type(statement), _every_part)(self, statement)
            if self.looking:
                self.check(statement)
            while self._waiting:
                node, scope = self._waiting.popleft()
                with self.within(scope):
                    self.evaluate(node)

    @contextmanager
    def within(self, scope: Scope) -> Iterator[Scope]:
        """Names mean what they do in another scope."""
        before, self.scope = self.scope, scope
        try:
            yield scope
        finally:
            self.scope = before

    @contextmanager
    def inside(self, text: ast.AST) -> Iterator[None]:
        """In code that stands in a text."""
        before, self.stand_in = self.stand_in, self.stand_in or text
        try:
            yield
        finally:
            self.stand_in = before

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Nothing is checked."""
        before, self.looking = self.looking, False
        try:
            yield
        finally:
            self.looking = before

    @contextmanager
    def guarded(self, guard: Guard | None) -> Iterator[None]:
        """What is raised is swallowed."""
        if guard is None:
            yield
            return
        self.guards.append(guard)
        try:
            yield
        finally:
            self.guards.pop()

    # Expressions

    def evaluate(self, node: ast.expr | None) -> Types:
        """What an expression may be. All that is in it is looked at."""
        if node is None:
            return ANYTHING
        if self._depth >= DEEPEST_EXPRESSION:
            self._waiting.append((node, self.scope))
            return ANYTHING
        self._depth += 1
        try:
            types = self.evaluators.get(type(node), _every_part)(self, node) or ANYTHING
        finally:
            self._depth -= 1
        self._types[node] = types
        if self.looking:
            self.check(node)
        return types

    def check(self, node: ast.AST) -> None:
        """Run the checks on a node whose parts are known."""
        for check in self.checks.get(type(node), ()):
            check(self, node)

    def types(self, node: ast.AST) -> Types:
        """What an expression was found to be."""
        return self._types.get(node, ANYTHING)

    def found(self, node: ast.AST, types: Types) -> Types:
        """Say what an expression is that is not evaluated: the target of an assignment."""
        self._types[node] = types
        return types

    def annotated(self, node: ast.expr | None) -> Types:
        """What is annotated so."""
        if node is None:
            return ANYTHING
        quoted = self._quotation(node)
        if quoted is None:
            return instances(self.evaluate(node))
        with self.inside(node):
            return instances(self.evaluate(quoted))

    def annotated_in(self, scope: Scope, node: ast.expr | None) -> Types:
        """What is annotated so, where names mean what they do in another scope."""
        with self.within(scope), self.unseen():
            return self.annotated(node)

    def _quotation(self, node: ast.expr) -> ast.expr | None:
        """The type in an annotation that is a text."""
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return None
        if node not in self._quoted:
            try:
                self._quoted[node] = ast.parse(node.value.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._quoted[node] = ast.Constant(None)
        return self._quoted[node]


def _every_part(walker: Walker, node: ast.AST) -> Types:
    """Look at all that is in something of which nothing is known."""
    waiting = [node]
    while waiting:
        for part in ast.iter_child_nodes(waiting.pop()):
            if isinstance(part, ast.expr):
                walker.evaluate(part)
            elif isinstance(part, ast.stmt):
                walker.run([part])
            else:
                waiting.append(part)
    return ANYTHING


def path_of(node: ast.AST) -> str | None:
    """The text of a name or of an attribute of one; None for all others."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute) and len(steps) < 4:
        steps.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(steps)])
