"""What a call gives."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sagellm_protocol.lint.following.members import attribute, returned
from sagellm_protocol.lint.following.modules import PACKAGE
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    CONTAINERS,
    FREE,
    NOTHING,
    SCALARS,
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
    elements,
    items,
    join,
    message_of,
    row,
    scalar,
    table,
)
from sagellm_protocol.lint.following.walking import Walker

Answer: TypeAlias = Callable[[Walker, ast.Call], Types]


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
                item = elements(_first(walker, node))
            case Name(name="builtins.map" | "builtins.filter") if len(node.args) > 1:
                item = elements(walker.types(node.args[1]))
            case Method(receiver=receiver, name="sort"):
                item = elements(frozenset({receiver}))
    scope = walker.scope.branched()
    for parameter in [*argument.args.posonlyargs, *argument.args.args, *argument.args.kwonlyargs]:
        scope.assign(parameter.arg, item)
    with walker.within(scope):
        walker.found(argument, frozenset({Alias(walker.evaluate(argument.body))}))


def _first(walker: Walker, node: ast.Call) -> Types:
    return walker.types(node.args[0]) if node.args else ANYTHING


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
            return _named(walker, node, name)
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


# Functions of other packages


def _named(walker: Walker, node: ast.Call, name: str) -> Types:
    answer = ANSWERS.get(name)
    if answer is not None:
        return answer(walker, node)
    if name in SCALARS:
        return scalar(name.rpartition(".")[2])
    if name in CONTAINERS:
        first = _first(walker, node)
        return CONTAINERS[name](_values(first) if _is_table(name) else elements(first))
    return ANYTHING


def _is_table(name: str) -> bool:
    return any(isinstance(option, Table) for option in CONTAINERS[name](ANYTHING))


def _values(types: Types) -> Types:
    found = [
        option.value if isinstance(option, Table) else FREE for option in types if isinstance(option, (Table, Free))
    ]
    return join(*found) if found else ANYTHING


def _same(walker: Walker, node: ast.Call) -> Types:
    return _first(walker, node)


def _iterated(walker: Walker, node: ast.Call) -> Types:
    return items(elements(_first(walker, node)))


def _iterator(walker: Walker, node: ast.Call) -> Types:
    return items(elements(_first(walker, node)), "iterator")


def _one(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) > 1 and not node.keywords:
        return join(*(walker.types(argument) for argument in node.args))
    return elements(_first(walker, node))


def _next(walker: Walker, node: ast.Call) -> Types:
    rest = [walker.types(argument) for argument in node.args[1:]]
    return join(elements(_first(walker, node)), *rest)


def _enumerated(walker: Walker, node: ast.Call) -> Types:
    return items(row(scalar("int"), elements(_first(walker, node))), "iterator")


def _zipped(walker: Walker, node: ast.Call) -> Types:
    return items(row(*(elements(walker.types(argument)) for argument in node.args)), "iterator")


def _filtered(walker: Walker, node: ast.Call) -> Types:
    return items(elements(walker.types(node.args[1])), "iterator") if len(node.args) > 1 else ANYTHING


def _mapped(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) < 2:
        return ANYTHING
    item = elements(walker.types(node.args[1]))
    results = [_result(walker, option, item) for option in walker.types(node.args[0])]
    return items(join(*results), "iterator")


def _result(walker: Walker, option: Option, item: Types) -> Types:
    match option:
        case ClassObject(cls=cls):
            return frozenset({Instance(cls)})
        case FunctionObject(function=function):
            if function.parameters:
                walker.facts.note(function, function.parameters[0].arg, item)
            return returned(walker, function)
        case Alias(types=types):
            return types
        case _:
            return ANYTHING


def _gathered(walker: Walker, node: ast.Call) -> Types:
    return items(join(*(walker.types(argument) for argument in node.args)) if node.args else ANYTHING)


def _attribute_of(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
        return ANYTHING
    found = attribute(walker, _first(walker, node), str(node.args[1].value))
    return join(found, *(walker.types(argument) for argument in node.args[2:]))


def _type_of(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) != 1:
        return ANYTHING
    classes = (_class_of(option) for option in _first(walker, node))
    return join(*classes)


def _class_of(option: Option) -> Types:
    match option:
        case Instance(cls=cls):
            return frozenset({ClassObject(cls)})
        case _:
            return ANYTHING


def _super(walker: Walker, node: ast.Call) -> Types:
    owner = walker.function.owner if walker.function is not None else None
    bases = () if owner is None else tuple(Instance(base.cls) for base in owner.bases if isinstance(base, ClassObject))
    return frozenset(bases) or ANYTHING


def _annotated(place: int) -> Answer:
    def answer(walker: Walker, node: ast.Call) -> Types:
        if len(node.args) <= place:
            return ANYTHING
        return walker.annotated_in(walker.scope, node.args[place])

    return answer


def _variable(walker: Walker, node: ast.Call) -> Types:
    """A type variable stands for its bound, or for one of a few types."""
    bounds = [keyword.value for keyword in node.keywords if keyword.arg == "bound"] or node.args[1:]
    return (
        frozenset({Alias(join(*(walker.annotated_in(walker.scope, bound) for bound in bounds)))})
        if bounds
        else ANYTHING
    )


def _adapter(walker: Walker, node: ast.Call) -> Types:
    types = _annotated(0)(walker, node)
    return frozenset({Adapter(types)})


def _is_true(walker: Walker, node: ast.Call) -> Types:
    return scalar("bool")


ANSWERS: Mapping[str, Answer] = {
    "builtins.sorted": _iterated,
    "builtins.iter": _iterator,
    "builtins.aiter": _iterator,
    "builtins.reversed": _iterator,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.min": _one,
    "builtins.max": _one,
    "builtins.enumerate": _enumerated,
    "builtins.zip": _zipped,
    "builtins.filter": _filtered,
    "builtins.map": _mapped,
    "builtins.getattr": _attribute_of,
    "builtins.type": _type_of,
    "builtins.super": _super,
    **dict.fromkeys(("builtins.isinstance", "builtins.issubclass", "builtins.hasattr", "builtins.callable"), _is_true),
    **dict.fromkeys(
        (
            *("copy.copy", "copy.deepcopy", "dataclasses.replace", "attrs.evolve", "copy.replace"),
            f"{PACKAGE}.model.declaring.evolve",
            *("asyncio.wait_for", "asyncio.shield", "asyncio.create_task", "asyncio.ensure_future", "asyncio.run"),
            *("contextlib.aclosing", "contextlib.closing", "contextlib.nullcontext"),
        ),
        _same,
    ),
    "asyncio.gather": _gathered,
    "asyncio.as_completed": _iterated,
    "itertools.chain": lambda walker, node: items(
        join(*(elements(walker.types(argument)) for argument in node.args)) if node.args else ANYTHING
    ),
    **dict.fromkeys(("itertools.islice", "itertools.cycle", "random.sample", "random.choices"), _iterated),
    "random.choice": lambda walker, node: elements(_first(walker, node)),
    "itertools.chain.from_iterable": lambda walker, node: items(elements(elements(_first(walker, node)))),
    "functools.partial": _same,
    "typing.TypeVar": _variable,
    "typing.cast": _annotated(0),
    "pydantic.TypeAdapter": _adapter,
    "pydantic.parse_obj_as": _annotated(0),
    f"{PACKAGE}.model.plain.from_plain": _annotated(0),
}
"""Full name of a function to what a call of it gives."""
