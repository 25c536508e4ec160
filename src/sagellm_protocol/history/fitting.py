"""Whether all that one type lets through, another reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagellm_protocol.model.spec import (
    Choice,
    Either,
    Free,
    Items,
    Member,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
    Uuid,
)


def fits(narrow: Type, wide: Type) -> bool:
    """Whether all that ``narrow`` lets through, ``wide`` reads.

    Messages and enumerations are taken for equal where their names are: what differs in them is a difference of theirs.
    """
    if isinstance(wide, Free) or alike_types(narrow, wide):
        return True
    match narrow, wide:
        case Nullable(), Nullable():
            return fits(narrow.inner, wide.inner)
        case _, Nullable():
            return fits(narrow, wide.inner)
        case ((Either() | Choice()), _):
            return all(fits(option, wide) for option in narrow.options)
        case _, (Either() | Choice()):
            return any(fits(narrow, option) for option in wide.options)
        case Number(), Number():
            return (narrow.kind is int or wide.kind is float) and all(
                _implied(bound, limit, narrow) for bound, limit in wide.bounds
            )
        case Items(), Items():
            return fits(narrow.item, wide.item)
        case Table(), Table():
            return fits(narrow.value, wide.value)
        case Uuid(), Text():
            return True
        case ((Member() | OneOf()), Text()):
            return all(isinstance(value, str) for value in _values(narrow))
        case ((Member() | OneOf()), (Member() | OneOf())):
            return _values(narrow) <= _values(wide)
        case _:
            return False


def _values(kind: Member | OneOf) -> set[Any]:
    return set(kind.values if isinstance(kind, OneOf) else kind.members.values())


def _implied(bound: str, limit: float, narrow: Number) -> bool:
    """Whether the bounds of ``narrow`` keep within one bound."""
    lower, strict = bound[0] == "g", bound[1] == "t"
    return any(
        (has if lower else -has, other[1] == "t") >= (limit if lower else -limit, strict)
        for other, has in narrow.bounds
        if other[0] == bound[0]
    )


def alike_types(one: Type, other: Type) -> bool:
    """Whether two types let through the same, enumerations of one name taken for equal, units left aside."""
    match one, other:
        case Member(), Member():
            return one.name == other.name
        case Number(), Number():
            return one.kind is other.kind and set(one.bounds) == set(other.bounds)
        case (Nullable(), Nullable()) | (Items(), Items()) | (Table(), Table()):
            return all(map(alike_types, _inside(one), _inside(other)))
        case (Either(), Either()):
            inside = _inside(one), _inside(other)
            return len(inside[0]) == len(inside[1]) and all(map(alike_types, *inside))
        case _:
            return one == other


def _inside(kind: Type) -> tuple[Type, ...]:
    """The types that a type is made of."""
    match kind:
        case Nullable(inner=inner) | Items(item=inner) | Table(value=inner):
            return (inner,)
        case Either(options=options):
            return options
        case _:
            return ()


def parts(kind: Type) -> Iterator[Type]:
    """A type and all that it is made of."""
    yield kind
    for part in _inside(kind):
        yield from parts(part)


def units(kind: Type) -> str:
    """The units of the numbers in a type, as text."""
    return ", ".join(part.unit for part in parts(kind) if isinstance(part, Number) and part.unit)
