"""What statements do, kind by kind."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from typing import Any

from sagellm_protocol.lint.following.expressions import unpacked
from sagellm_protocol.lint.following.guarding import guard_of, guard_of_with
from sagellm_protocol.lint.following.members import attribute
from sagellm_protocol.lint.following.modules import OURS, everything_from
from sagellm_protocol.lint.following.narrowing import classes_of, narrow, of_classes
from sagellm_protocol.lint.following.scopes import Scope
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    ClassObject,
    Declared,
    Function,
    FunctionObject,
    Instance,
    Items,
    Module,
    Table,
    Types,
    element,
    elements,
    instances,
    is_held,
    items,
    join,
    table,
)
from sagellm_protocol.lint.following.walking import LOOPS_TWICE, Executor, Walker, path_of

# Assignments


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


# Branches


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


# Definitions


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


def _nothing(walker: Walker, node: ast.stmt) -> None:
    """``pass``, ``global`` and ``nonlocal``."""


EXECUTORS: Mapping[type[ast.AST], Executor] = {
    ast.AnnAssign: _annotated,
    ast.Assert: _assertion,
    ast.Assign: _assignment,
    ast.AugAssign: _augmented,
    **dict.fromkeys((ast.AsyncFor, ast.For), _for),
    **dict.fromkeys((ast.AsyncFunctionDef, ast.FunctionDef), _function),
    **dict.fromkeys((ast.AsyncWith, ast.With), _with),
    **dict.fromkeys((ast.Break, ast.Continue, ast.Raise, ast.Return), _end),
    ast.ClassDef: _class,
    ast.Delete: _deletion,
    ast.Expr: _expression,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Match: _match,
    **dict.fromkeys((ast.Global, ast.Nonlocal, ast.Pass), _nothing),
    **{getattr(ast, name): _try for name in ("Try", "TryStar") if hasattr(ast, name)},
    **{getattr(ast, name): _alias for name in ("TypeAlias",) if hasattr(ast, name)},
    ast.While: _while,
}
"""Kind of statement to what it does; of all others the parts are looked at."""
