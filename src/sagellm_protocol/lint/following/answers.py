"""What calls of functions of other packages give, as a table."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sagellm_protocol.lint.following.containers import CONTAINERS, SCALARS, elements
from sagellm_protocol.lint.following.members import attribute, returned
from sagellm_protocol.lint.following.modules import PACKAGE
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    FREE,
    Adapter,
    Alias,
    ClassObject,
    Free,
    FunctionObject,
    Instance,
    Option,
    Table,
    Types,
    items,
    join,
    row,
    scalar,
)
from sagellm_protocol.lint.following.walking import Walker

Answer: TypeAlias = Callable[[Walker, ast.Call], Types]


def first(walker: Walker, node: ast.Call) -> Types:
    """The first argument."""
    return walker.types(node.args[0]) if node.args else ANYTHING


def named(walker: Walker, node: ast.Call, name: str) -> Types:
    """What a call of something of another package gives, by its full name."""
    answer = ANSWERS.get(name)
    if answer is not None:
        return answer(walker, node)
    if name in SCALARS:
        return scalar(name.rpartition(".")[2])
    if name in CONTAINERS:
        given = first(walker, node)
        return CONTAINERS[name](_values(given) if _is_table(name) else elements(given))
    return ANYTHING


def _is_table(name: str) -> bool:
    return any(isinstance(option, Table) for option in CONTAINERS[name](ANYTHING))


def _values(types: Types) -> Types:
    found = [
        option.value if isinstance(option, Table) else FREE for option in types if isinstance(option, (Table, Free))
    ]
    return join(*found) if found else ANYTHING


def _same(walker: Walker, node: ast.Call) -> Types:
    return first(walker, node)


def _iterated(walker: Walker, node: ast.Call) -> Types:
    return items(elements(first(walker, node)))


def _iterator(walker: Walker, node: ast.Call) -> Types:
    return items(elements(first(walker, node)), "iterator")


def _one(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) > 1 and not node.keywords:
        return join(*(walker.types(argument) for argument in node.args))
    return elements(first(walker, node))


def _next(walker: Walker, node: ast.Call) -> Types:
    rest = [walker.types(argument) for argument in node.args[1:]]
    return join(elements(first(walker, node)), *rest)


def _enumerated(walker: Walker, node: ast.Call) -> Types:
    return items(row(scalar("int"), elements(first(walker, node))), "iterator")


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
    found = attribute(walker, first(walker, node), str(node.args[1].value))
    return join(found, *(walker.types(argument) for argument in node.args[2:]))


def _type_of(walker: Walker, node: ast.Call) -> Types:
    if len(node.args) != 1:
        return ANYTHING
    classes = (_class_of(option) for option in first(walker, node))
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
    "random.choice": lambda walker, node: elements(first(walker, node)),
    "itertools.chain.from_iterable": lambda walker, node: items(elements(elements(first(walker, node)))),
    "functools.partial": _same,
    "typing.TypeVar": _variable,
    "typing.cast": _annotated(0),
    "pydantic.TypeAdapter": _adapter,
    "pydantic.parse_obj_as": _annotated(0),
    f"{PACKAGE}.model.plain.from_plain": _annotated(0),
}
"""Full name of a function to what a call of it gives."""
