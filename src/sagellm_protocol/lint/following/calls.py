"""What a call gives."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from sagellm_protocol.lint.following.answers import first, named
from sagellm_protocol.lint.following.containers import elements
from sagellm_protocol.lint.following.members import returned
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    FREE,
    NOTHING,
    Adapter,
    Alias,
    ClassObject,
    Declared,
    Free,
    Function,
    FunctionObject,
    Instance,
    Items,
    Method,
    Name,
    Option,
    Scalar,
    Table,
    Types,
    items,
    join,
    message_of,
    row,
    scalar,
    table,
)
from sagellm_protocol.lint.following.walking import Walker


def call(walker: Walker, node: ast.Call) -> Types:
    """What a call gives."""
    walker.callees.add(node.func)
    function = walker.evaluate(node.func)
    lambdas = []
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        if isinstance(argument, ast.Lambda):
            lambdas.append(argument)
        else:
            walker.evaluate(argument)
    for argument in lambdas:
        _lambda(walker, node, function, argument)
    if not any(isinstance(option, (FunctionObject, ClassObject)) for option in function):
        _pass_on(walker, node)
    return join(*(_called(walker, node, option) for option in function))


def _lambda(walker: Walker, node: ast.Call, function: Types, argument: ast.Lambda) -> None:
    """A function that is given to ``sorted`` and the like is called with what they sort."""
    item = ANYTHING
    for option in function:
        match option:
            case Name(name="builtins.sorted" | "builtins.min" | "builtins.max"):
                item = elements(first(walker, node))
            case Name(name="builtins.map" | "builtins.filter") if len(node.args) > 1:
                item = elements(walker.types(node.args[1]))
            case Method(receiver=receiver, name="sort"):
                item = elements(frozenset({receiver}))
    scope = walker.scope.branched()
    for parameter in [*argument.args.posonlyargs, *argument.args.args, *argument.args.kwonlyargs]:
        scope.assign(parameter.arg, item)
    with walker.within(scope):
        walker.found(argument, frozenset({Alias(walker.evaluate(argument.body))}))


def _called(walker: Walker, node: ast.Call, option: Option) -> Types:
    match option:
        case ClassObject(cls=cls):
            if isinstance(cls, Declared) and "__init__" in cls.functions:
                _give(walker, node, cls.functions["__init__"], bound=True)
                _build(walker, builds(walker, option))
            built: Types = frozenset({Instance(cls)})
            if message_of(cls) is not None:
                _build(walker, built)
            return built
        case FunctionObject(function=function, bound=bound):
            _give(walker, node, function, bound=bound)
            _build(walker, builds(walker, option))
            given = returned(walker, function)
            return elements(given) if function.decorators & LEASING else given
        case Method(receiver=receiver, name=name):
            return _method(walker, node, receiver, name)
        case Name(name=name):
            return named(walker, node, name)
        case Alias(types=types):
            return types
        case _:
            return ANYTHING


LEASING = frozenset({"contextmanager", "asynccontextmanager"})
"""Decorators of functions whose call, in a ``with``, gives what they yield."""


def _pass_on(walker: Walker, node: ast.Call) -> None:
    """A function that is given to something else is called by it, with the arguments that stand beside it."""
    for place, argument in enumerate(node.args):
        for option in walker.types(argument):
            if isinstance(option, FunctionObject):
                _give_all(walker, option, node.args[place + 1 :])
    words = {keyword.arg: keyword.value for keyword in node.keywords}
    target, given = words.get("target"), words.get("args")
    if target is not None and isinstance(given, (ast.Tuple, ast.List)):
        for option in walker.types(target):
            if isinstance(option, FunctionObject):
                _give_all(walker, option, given.elts)


def _give_all(walker: Walker, option: FunctionObject, arguments: Sequence[ast.expr]) -> None:
    parameters = option.function.parameters[1 if option.bound else 0 :]
    for parameter, argument in zip(parameters, arguments, strict=False):
        walker.facts.note(option.function, parameter.arg, walker.types(argument))


def builds(walker: Walker, option: Option) -> Types:
    """The messages that a call of it builds and checks, as far as is known."""
    match option:
        case ClassObject(cls=cls) if message_of(cls) is not None:
            return frozenset({Instance(cls)})
        case ClassObject(cls=cls) if isinstance(cls, Declared) and "__init__" in cls.functions:
            return walker.facts.read(cls.functions["__init__"], "raise") or frozenset()
        case Method(receiver=ClassObject(cls=cls), name=name) if message_of(cls) is not None and name in MAKING:
            return frozenset({Instance(cls)})
        case FunctionObject(function=function):
            return walker.facts.read(function, "raise") or frozenset()
        case _:
            return frozenset()


def _build(walker: Walker, built: Types) -> None:
    """What is called by a function may raise in it, unless a handler is around it."""
    if built and walker.function is not None and not walker.guards:
        walker.facts.note(walker.function, "raise", built)


def _give(walker: Walker, node: ast.Call, function: Function, *, bound: bool) -> None:
    """Note what the parameters of a function are given."""
    given = function.node.args
    positional = [*given.posonlyargs, *given.args][1 if bound else 0 :]
    for parameter, argument in zip(positional, node.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        walker.facts.note(function, parameter.arg, walker.types(argument))
    known = {parameter.arg for parameter in function.parameters}
    for keyword in node.keywords:
        if keyword.arg in known:
            walker.facts.note(function, keyword.arg, walker.types(keyword.value))


# Methods

MAKING = frozenset(
    {
        *("model_validate", "model_validate_json", "model_validate_strings", "model_construct"),
        *("parse_obj", "parse_raw", "parse_file", "from_orm", "construct", "validate"),
    }
)
"""What pydantic calls the ways to make a model of something else."""
_SAME = frozenset({"model_copy", "copy", "__copy__", "__deepcopy__", "__replace__"})
_TEXTS = frozenset({"model_dump_json", "json", "schema_json"})
_DICTS = frozenset({"model_dump", "dict", "model_json_schema", "schema"})
_ITEM = frozenset({"pop", "popleft", "get", "get_nowait"})
_STRINGS = frozenset(
    {"strip", "lower", "upper", "replace", "format", "join", "rstrip", "lstrip", "title", "removeprefix"}
)


def _method(walker: Walker, node: ast.Call, receiver: Option, name: str) -> Types:
    match receiver:
        case ClassObject(cls=cls) if message_of(cls) is not None and name in MAKING:
            _build(walker, frozenset({Instance(cls)}))
            return frozenset({Instance(cls)})
        case Instance() if name in _SAME:
            return frozenset({receiver})
        case Instance() | ClassObject() if name in _TEXTS:
            return scalar("str")
        case Instance() | ClassObject() if name in _DICTS:
            return table(ANYTHING)
        case Items(item=item):
            return _of_items(item, name)
        case Table(value=value):
            return _of_table(walker, node, value, name)
        case Free():
            return _of_free(name)
        case Adapter(types=types) if name in ("validate_python", "validate_json"):
            return types
        case Scalar(name="str") if name in _STRINGS:
            return scalar("str")
        case Scalar(name="str") if name in ("split", "rsplit", "splitlines"):
            return items(scalar("str"))
        case _:
            return ANYTHING


def _of_items(item: Types, name: str) -> Types:
    if name in _ITEM:
        return item
    return items(item) if name in ("copy", "union", "difference", "intersection") else ANYTHING


def _of_table(walker: Walker, node: ast.Call, value: Types, name: str) -> Types:
    match name:
        case "get":
            return join(value, walker.types(node.args[1]) if len(node.args) > 1 else NOTHING)
        case "pop" | "setdefault":
            return value
        case "values":
            return items(value, "iterator")
        case "items":
            return items(row(ANYTHING, value), "iterator")
        case "popitem":
            return row(ANYTHING, value)
        case "copy":
            return table(value)
        case _:
            return ANYTHING


def _of_free(name: str) -> Types:
    match name:
        case "get" | "pop" | "setdefault":
            return FREE
        case "values":
            return items(FREE, "iterator")
        case "items":
            return items(row(scalar("str"), FREE), "iterator")
        case "copy":
            return table(FREE)
        case _:
            return ANYTHING
