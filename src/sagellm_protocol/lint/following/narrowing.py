"""What a test tells of the values in it."""

from __future__ import annotations

import ast

from sagellm_protocol.lint.following.containers import SCALARS, elements, instances
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    Alias,
    Anything,
    ClassObject,
    Declared,
    Free,
    FunctionObject,
    Instance,
    Items,
    Name,
    Nothing,
    Option,
    Row,
    Scalar,
    Table,
    Types,
    join,
)
from sagellm_protocol.lint.following.walking import Walker, path_of

MOST_TESTS = 50
"""In one condition; what more there is tells nothing."""


def narrow(walker: Walker, test: ast.expr, holds: bool) -> None:
    """Know from here on what follows from a test, which was evaluated, having come out true or false."""
    waiting = [(test, holds)]
    for _ in range(MOST_TESTS):
        if not waiting:
            break
        node, holds = waiting.pop()
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                waiting.append((operand, not holds))
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == holds:
                waiting += [(value, holds) for value in values]
            case ast.NamedExpr(target=target):
                _tell(walker, target, without_none(walker.types(node)) if holds else None)
            case ast.Call(func=ast.Name(id="isinstance"), args=[value, classes], keywords=[]):
                _tell(walker, value, of_classes(walker.types(value), walker.types(classes), holds))
            case ast.Call(args=[value, *_]) if holds and (guarded := _guarded(walker, node)):
                _tell(walker, value, guarded)
            case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=None)]):
                _compare_none(walker, left, op, holds)
            case ast.Name() | ast.Attribute() if holds:
                _tell(walker, node, without_none(walker.types(node)))


def _guarded(walker: Walker, node: ast.Call) -> Types | None:
    """What a function vouches for that answers with a ``TypeGuard``."""
    for option in walker.types(node.func):
        if isinstance(option, FunctionObject) and isinstance(option.function.node.returns, ast.Subscript):
            returns = option.function.node.returns
            if ast.unparse(returns.value).rpartition(".")[2] in ("TypeGuard", "TypeIs"):
                return walker.annotated_in(option.function.scope, returns.slice)
    return None


def _tell(walker: Walker, node: ast.expr, types: Types | None) -> None:
    path = path_of(node)
    if path is not None and types:
        walker.scope.tell(path, types)


def _compare_none(walker: Walker, left: ast.expr, op: ast.cmpop, holds: bool) -> None:
    if isinstance(op, (ast.Is, ast.IsNot)) and isinstance(op, ast.IsNot) == holds:
        _tell(walker, left, without_none(walker.types(left)))


def without_none(types: Types) -> Types:
    """What a value may be that is not None."""
    return types - {Nothing()} or ANYTHING


def classes_of(types: Types) -> Types:
    """The classes in the second argument of ``isinstance``: one, several in a tuple, or a union."""
    found: set[Option] = set()
    for option in types:
        if isinstance(option, (Items, Row)):
            found |= elements(frozenset({option}))
        elif isinstance(option, Alias):
            found |= {ClassObject(inner.cls) for inner in option.types if isinstance(inner, Instance)}
        else:
            found.add(option)
    return frozenset(found)


def of_classes(types: Types, classes: Types, holds: bool) -> Types | None:
    """What a value may be that is an instance of some classes, or that is not; None where nothing follows."""
    wanted = classes_of(classes)
    if not holds:
        left = frozenset(option for option in types if not _surely(option, wanted))
        return left or None
    found: set[Option] = set()
    for option in types:
        if isinstance(option, Anything):
            found |= instances(wanted)
        elif isinstance(option, Free):
            found |= {option} if any(_is_name(cls, ("list", "dict", "tuple")) for cls in wanted) else instances(wanted)
        elif _may_be(option, wanted):
            found.add(option)
    return join(frozenset(found)) if found else instances(wanted)


def _is_name(option: Option, names: tuple[str, ...]) -> bool:
    return isinstance(option, Name) and option.name.rpartition(".")[2] in names


def _surely(option: Option, wanted: Types) -> bool:
    return any(_is_one(option, cls) for cls in wanted)


def _may_be(option: Option, wanted: Types) -> bool:
    return any(_is_one(option, cls) or isinstance(cls, Anything) for cls in wanted)


_LISTS = ("list", "tuple", "Sequence", "Iterable", "Collection", "MutableSequence", "set", "frozenset")
_DICTS = ("dict", "Mapping", "MutableMapping")


def _is_one(option: Option, cls: Option) -> bool:
    match option, cls:
        case Instance(cls=held), ClassObject(cls=wanted):
            return wanted in (held.family if isinstance(held, Declared) else (held,))
        case ((Items() | Row()), Name()):
            return _is_name(cls, _LISTS)
        case Table(), Name():
            return _is_name(cls, _DICTS)
        case Scalar(name=name), Name(name=full):
            return full in SCALARS and full.rpartition(".")[2] == name
        case _:
            return False
