"""What expressions are, kind by kind."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from typing import Any

from sagellm_protocol.lint.following.calls import call
from sagellm_protocol.lint.following.containers import CONTAINERS, element, elements, instances
from sagellm_protocol.lint.following.members import attribute
from sagellm_protocol.lint.following.narrowing import narrow
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    NOTHING,
    Alias,
    ClassObject,
    Declared,
    Instance,
    Items,
    ItemsKind,
    Name,
    Nothing,
    Option,
    Types,
    items,
    join,
    row,
    scalar,
    table,
)
from sagellm_protocol.lint.following.unpacking import bind
from sagellm_protocol.lint.following.walking import Evaluator, Walker, path_of

LONGEST_ROW = 8
"""A longer tuple is followed as a sequence."""


def _constant(walker: Walker, node: ast.Constant) -> Types:
    return NOTHING if node.value is None else scalar(type(node.value).__name__)


def _name(walker: Walker, node: ast.Name) -> Types:
    found = walker.scope.find(node.id)
    if found is not None:
        return found
    return frozenset({Name(f"builtins.{node.id}")}) if hasattr(builtins, node.id) else ANYTHING


def _attribute(walker: Walker, node: ast.Attribute) -> Types:
    value = walker.evaluate(node.value)
    path = path_of(node)
    told = None if path is None else walker.scope.find_path(path)
    return attribute(walker, value, node.attr) if told is None else told


# Subscripts: of values, and of types

_TYPES: Mapping[str, Callable[[list[Types]], Types]] = {
    "Optional": lambda parts: join(parts[0], NOTHING),
    "Union": lambda parts: join(*parts),
    **dict.fromkeys(("Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly"), lambda parts: parts[0]),
    **dict.fromkeys(("Awaitable", "Task", "Future"), lambda parts: parts[0]),
    "Coroutine": lambda parts: parts[-1],
    **dict.fromkeys(("type", "Type"), lambda parts: _classes(parts[0])),
    "Literal": lambda parts: scalar("str"),
}


def _classes(types: Types) -> Types:
    return frozenset(ClassObject(option.cls) for option in types if isinstance(option, Instance)) or ANYTHING


def _subscript(walker: Walker, node: ast.Subscript) -> Types:
    value = walker.evaluate(node.value)
    for option in value:
        if isinstance(option, Name) and (option.name in CONTAINERS or _last(option) in _TYPES):
            return frozenset({Alias(_type(walker, option, node.slice))})
    walker.evaluate(node.slice)
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        value = join(*(_of_key(walker, option, node.slice.value) for option in value))
    return element(value, node.slice)


def _of_key(walker: Walker, option: Option, key: str) -> Types:
    """A typed dict, as a table of what it holds by a key."""
    if isinstance(option, Instance) and isinstance(option.cls, Declared) and key in option.cls.annotations:
        return table(walker.annotated_in(option.cls.scope, option.cls.annotations[key]))
    return frozenset({option})


def _last(option: Name) -> str:
    return option.name.rpartition(".")[2]


def _type(walker: Walker, option: Name, inside: ast.expr) -> Types:
    given = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if _last(option) == "Literal":
        return scalar("str")
    parts = [walker.annotated(part) for part in given if not _is_ellipsis(part)] or [ANYTHING]
    if option.name not in CONTAINERS:
        return _TYPES[_last(option)](parts)
    if _last(option) in ("tuple", "Tuple") and len(parts) == len(given) > 1:
        return row(*parts)
    # Of a mapping the values come last, of a generator what it gives comes first.
    is_mapping = not any(isinstance(found, Items) for found in CONTAINERS[option.name](ANYTHING))
    return CONTAINERS[option.name](parts[-1] if is_mapping else parts[0])


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


# Operators


def _binary(walker: Walker, node: ast.BinOp) -> Types:
    left, right = walker.evaluate(node.left), walker.evaluate(node.right)
    if isinstance(node.op, ast.BitOr) and _are_types(left) and _are_types(right):
        return frozenset({Alias(join(instances(left), instances(right)))})
    if isinstance(node.op, ast.Add):
        return join(left, right)
    if isinstance(node.op, ast.Mult):
        return left
    return scalar("str") if isinstance(node.op, ast.Mod) and scalar("str") == left else ANYTHING


def _are_types(types: Types) -> bool:
    return all(isinstance(option, (ClassObject, Alias, Name, Nothing)) for option in types)


def _boolean(walker: Walker, node: ast.BoolOp) -> Types:
    holds = isinstance(node.op, ast.And)
    scope = walker.scope.branched()
    found = []
    with walker.within(scope):
        for value in node.values:
            found.append(walker.evaluate(value))
            narrow(walker, value, holds)
    _keep_walrus(walker, node)
    if holds:
        return found[-1]
    return join(*(types - {Nothing()} or ANYTHING for types in found[:-1]), found[-1])


def _keep_walrus(walker: Walker, node: ast.expr) -> None:
    for value in getattr(node, "values", ()):
        if isinstance(value, ast.NamedExpr) and isinstance(value.target, ast.Name):
            walker.scope.assign(value.target.id, walker.types(value))


def _choice(walker: Walker, node: ast.IfExp) -> Types:
    walker.evaluate(node.test)
    found = []
    for branch, holds in ((node.body, True), (node.orelse, False)):
        with walker.within(walker.scope.branched()):
            narrow(walker, node.test, holds)
            found.append(walker.evaluate(branch))
    return join(*found)


def _compare(walker: Walker, node: ast.Compare) -> Types:
    for part in (node.left, *node.comparators):
        walker.evaluate(part)
    return scalar("bool")


def _unary(walker: Walker, node: ast.UnaryOp) -> Types:
    types = walker.evaluate(node.operand)
    return scalar("bool") if isinstance(node.op, ast.Not) else types


def _walrus(walker: Walker, node: ast.NamedExpr) -> Types:
    types = walker.evaluate(node.value)
    walker.found(node.target, types)
    walker.scope.assign(node.target.id, types)
    return types


# Containers


def _parts(walker: Walker, parts: list[ast.expr]) -> Types:
    found = [_part(walker, part) for part in parts]
    return join(*found) if found else ANYTHING


def _part(walker: Walker, part: ast.expr) -> Types:
    types = walker.evaluate(part)
    return elements(types) if isinstance(part, ast.Starred) else types


def _list(walker: Walker, node: ast.List) -> Types:
    return items(_parts(walker, node.elts))


def _set(walker: Walker, node: ast.Set) -> Types:
    return items(_parts(walker, node.elts), "set")


def _tuple(walker: Walker, node: ast.Tuple) -> Types:
    if len(node.elts) <= LONGEST_ROW and not any(isinstance(part, ast.Starred) for part in node.elts):
        return row(*(walker.evaluate(part) for part in node.elts))
    return items(_parts(walker, node.elts), "tuple")


def _dict(walker: Walker, node: ast.Dict) -> Types:
    for key in node.keys:
        if key is not None:
            walker.evaluate(key)
    found = [walker.evaluate(value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            found.append(element(walker.evaluate(value)))
    return table(join(*found) if found else ANYTHING)


def _starred(walker: Walker, node: ast.Starred) -> Types:
    return walker.evaluate(node.value)


_BUILT: Mapping[type, ItemsKind] = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "iterator"}


def _comprehension(walker: Walker, node: Any) -> Types:
    with walker.within(walker.scope.branched()):
        for generator in node.generators:
            bind(walker, generator.target, elements(walker.evaluate(generator.iter)))
            for test in generator.ifs:
                walker.evaluate(test)
                narrow(walker, test, holds=True)
        if isinstance(node, ast.DictComp):
            walker.evaluate(node.key)
            return table(walker.evaluate(node.value))
        item = walker.evaluate(node.elt)
    return items(item, _BUILT[type(node)])


def _lambda(walker: Walker, node: ast.Lambda) -> Types:
    scope = walker.scope.branched()
    for parameter in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
        scope.assign(parameter.arg, ANYTHING)
    with walker.within(scope):
        return frozenset({Alias(walker.evaluate(node.body))})


def _value(walker: Walker, node: Any) -> Types:
    return walker.evaluate(node.value)


def _yield(walker: Walker, node: ast.Yield) -> Types:
    types = walker.evaluate(node.value) if node.value is not None else NOTHING
    if walker.function is not None:
        walker.facts.note(walker.function, "return", items(types, "iterator"))
    return ANYTHING


def _yield_from(walker: Walker, node: ast.YieldFrom) -> Types:
    types = elements(walker.evaluate(node.value))
    if walker.function is not None:
        walker.facts.note(walker.function, "return", items(types, "iterator"))
    return ANYTHING


def _formatted(walker: Walker, node: ast.JoinedStr) -> Types:
    with walker.inside(node):
        for part in node.values:
            walker.evaluate(part)
    return scalar("str")


EVALUATORS: Mapping[type[ast.AST], Evaluator] = {
    ast.Attribute: _attribute,
    ast.Await: _value,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    **dict.fromkeys((ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp), _comprehension),
    ast.IfExp: _choice,
    ast.JoinedStr: _formatted,
    ast.Lambda: _lambda,
    ast.List: _list,
    ast.Name: _name,
    ast.NamedExpr: _walrus,
    ast.Set: _set,
    ast.Starred: _starred,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.UnaryOp: _unary,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}
"""Kind of expression to what it gives; of all others the parts are looked at."""
