"""Types read back from the annotations that facts write them as."""

from __future__ import annotations

import ast
from typing import Any

from sagellm_protocol.model.bounds import MEANINGS, Bound
from sagellm_protocol.model.converted import entry_called
from sagellm_protocol.model.kinds import (
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
)
from sagellm_protocol.schema.facts import Facts

_LEAVES: dict[str, Type] = {
    "str": Text(),
    "bool": Flag(),
    "int": Number(int),
    "float": Number(float),
    "Any": Free(),
}


def read_annotation(text: str, facts: Facts) -> Type:
    """The type that an annotation declares, with the enumerations that the facts know."""
    return _type(ast.parse(text, mode="eval").body, facts)


def _type(node: Any, facts: Facts) -> Type:
    match node:
        case ast.BinOp():
            options = tuple(_options(node))
            kinds = tuple(_type(option, facts) for option in options if not _is_none(option))
            inner = kinds[0] if len(kinds) == 1 else Either(kinds)
            return Nullable(inner) if len(kinds) < len(options) else inner
        case ast.Subscript(value=ast.Name(id="Sequence"), slice=item):
            return Items(_type(item, facts))
        case ast.Subscript(value=ast.Name(id="Mapping"), slice=ast.Tuple(elts=[_, value])):
            return Table(_type(value, facts))
        case ast.Subscript(value=ast.Name(id="Literal")):
            return OneOf(tuple(ast.literal_eval(value) for value in _elements(node.slice)))
        case ast.Subscript(slice=ast.Tuple(elts=[inner, *constraints])):
            return _annotated(_type(inner, facts), constraints)
        case _:
            name = ast.unparse(node)
            return _LEAVES.get(name) or entry_called(name) or _named(name, facts)


def _options(node: Any) -> list[Any]:
    return [*_options(node.left), node.right] if isinstance(node, ast.BinOp) else [node]


def _is_none(node: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _elements(node: Any) -> list[Any]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


_NAMES = {meaning.annotation.__name__: name for name, meaning in MEANINGS.items()}


def _annotated(inner: Type, calls: list[Any]) -> Type:
    bounds, unit = [], None
    for call in calls:
        argument = ast.literal_eval(call.args[0])
        if call.func.id == "Unit":
            unit = argument
        else:
            bounds.append(_bound(inner, _NAMES[call.func.id], argument))
    if isinstance(inner, Number):
        ours = [bound for bound in bounds if bound.meaning.measure == "value"]
        bounds = [bound for bound in bounds if bound not in ours]
        inner = Number(inner.kind, tuple(ours), unit)
    return Limited(inner, tuple(bounds)) if bounds else inner


def _bound(inner: Type, name: str, limit: Any) -> Bound:
    """A bound of what is no number has its limit as it stands on the wire; of a predicate the words are left."""
    if isinstance(inner, Converted) and MEANINGS[name].measure in ("value", "multiple"):
        return Bound(name, inner.load(limit), limit)
    return Bound(name, limit)


def _named(name: str, facts: Facts) -> Type:
    """An enumeration, or else a message."""
    members = {
        subject.name: value for subject, value in facts.items() if subject.kind == "member" and subject.owner == name
    }
    return Member(name, members) if members else Nested(name, object)
