"""What definitions and imports do."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from sagellm_protocol.lint.following.modules import OURS, everything_from
from sagellm_protocol.lint.following.scopes import Scope
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    ClassObject,
    Declared,
    Function,
    FunctionObject,
    Module,
    join,
)
from sagellm_protocol.lint.following.walking import Executor, Walker


def _function(walker: Walker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    owner = walker.cls
    function = walker.facts.functions.get(node)
    # What a method is in does not see the names of its class.
    scope = walker.scope if owner is None else walker.scope.above or walker.scope
    if function is None:
        function = walker.facts.functions[node] = Function(walker.module.name, node, owner, scope)
    function.scope = scope
    for decorator in node.decorator_list:
        walker.evaluate(decorator)
    _defaults(walker, function)
    if owner is not None:
        owner.functions[node.name] = function
    walker.scope.assign(node.name, frozenset({FunctionObject(function)}))
    walker.defer(function)


def _defaults(walker: Walker, function: Function) -> None:
    given = function.node.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [*zip(reversed(positional), reversed(given.defaults)), *zip(given.kwonlyargs, given.kw_defaults)]  # noqa: B905
    for parameter, default in pairs:
        if default is not None:
            walker.facts.note(function, parameter.arg, walker.evaluate(default))


def _class(walker: Walker, node: ast.ClassDef) -> None:
    cls = walker.facts.classes.get(node)
    if cls is None:
        cls = walker.facts.classes[node] = Declared(walker.module.name, node)
    for decorator in node.decorator_list:
        walker.evaluate(decorator)
    cls.bases = join(*map(walker.evaluate, node.bases)) if node.bases else frozenset()
    for keyword in node.keywords:
        walker.evaluate(keyword.value)
    cls.scope = walker.scope
    walker.scope.assign(node.name, frozenset({ClassObject(cls)}))
    inside = Scope(walker.module.name, walker.scope)
    before, walker.cls = walker.cls, cls
    with walker.within(inside):
        walker.run(node.body)
    walker.cls = before


# Imports


def _import(walker: Walker, node: ast.Import) -> None:
    for alias in node.names:
        if alias.asname is not None:
            walker.scope.assign(alias.asname, frozenset({Module(alias.name)}))
        else:
            top = alias.name.partition(".")[0]
            walker.scope.assign(top, frozenset({Module(top)}))


def _import_from(walker: Walker, node: ast.ImportFrom) -> None:
    module = node.module or ""
    if node.level:
        found = walker.code.beside(walker.module, node.level, module)
        for alias in node.names:
            types = ANYTHING if found is None else walker.code.exported(found, alias.name)
            if types == ANYTHING and not module:
                beside = walker.code.beside(walker.module, node.level, alias.name)
                types = ANYTHING if beside is None else frozenset({Module(beside.name)})
            walker.scope.assign(alias.asname or alias.name, types)
        return
    for alias in node.names:
        if alias.name != "*":
            types = walker.code.attribute(module, alias.name, walker.module)
            walker.scope.assign(alias.asname or alias.name, types)
        elif module in OURS:
            walker.scope.names.update(everything_from(module))
        elif (other := walker.code.find(module, walker.module)) is not None:
            walker.scope.names.update({k: v for k, v in other.scope.names.items() if not k.startswith("_")})


DEFINING: Mapping[type[ast.AST], Executor] = {
    **dict.fromkeys((ast.AsyncFunctionDef, ast.FunctionDef), _function),
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}
"""Kind of statement to what it does."""
