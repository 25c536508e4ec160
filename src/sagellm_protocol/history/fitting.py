"""Whether all that one type lets through, another reads."""

from __future__ import annotations

from typing import Any

from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Free,
    Items,
    Limited,
    Member,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
    parts,
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
        case ((Limited() | Number()), Limited()):
            return fits(_unlimited(narrow), wide.inner) and all(
                bound.implied_by(narrow.bounds) for bound in wide.bounds
            )
        case ((Either() | Choice()), _):
            return all(fits(option, wide) for option in narrow.options)
        case _, (Either() | Choice()) if any(fits(narrow, option) for option in wide.options):
            return True
        case Limited(), _:
            return fits(narrow.inner, wide)
        case Number(), Number():
            return (narrow.kind is int or wide.kind is float) and all(
                bound.implied_by(narrow.bounds) for bound in wide.bounds
            )
        case Items(), Items():
            return fits(narrow.item, wide.item)
        case Table(), Table():
            return fits(narrow.value, wide.value)
        case Converted(), Converted():
            return False
        case Converted(), _:
            return isinstance(narrow.wire, type(wide)) and fits(narrow.wire, wide)
        case ((Member() | OneOf()), Text()):
            return all(isinstance(value, str) for value in _values(narrow))
        case ((Member() | OneOf()), (Member() | OneOf())):
            return _values(narrow) <= _values(wide)
        case OneOf(values=values), Number(bounds=bounds):
            return all(isinstance(value, int) and _keeps_within(value, bounds) for value in values)
        case _:
            return False


def _values(kind: Member | OneOf) -> set[Any]:
    return set(kind.values if isinstance(kind, OneOf) else kind.members.values())


def _unlimited(kind: Limited | Number) -> Type:
    return kind.inner if isinstance(kind, Limited) else kind


def _keeps_within(value: int, bounds: tuple[Bound, ...]) -> bool:
    return all(bound.holds(value) for bound in bounds)


def alike_types(one: Type, other: Type) -> bool:
    """Whether two types let through the same, enumerations of one name taken for equal, units left aside."""
    match one, other:
        case Member(), Member():
            return one.name == other.name
        case Number(), Number():
            return one.kind is other.kind and set(one.bounds) == set(other.bounds)
        case Limited(), Limited():
            return alike_types(one.inner, other.inner) and set(one.bounds) == set(other.bounds)
        case Nullable(), Nullable():
            return alike_types(one.inner, other.inner)
        case Items(), Items():
            return alike_types(one.item, other.item)
        case Table(), Table():
            return alike_types(one.value, other.value)
        case Either(), Either():
            return len(one.options) == len(other.options) and all(map(alike_types, one.options, other.options))
        case _:
            return one == other


def units(kind: Type) -> str:
    """The units of the numbers in a type, as text."""
    return ", ".join(part.unit for part in parts(kind) if isinstance(part, Number) and part.unit)
