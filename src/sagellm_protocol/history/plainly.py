"""Statements that check a parsed value and leave it as it is: for those who write it again as it stands.

They let through less than the readers do, never more: where they say no, the readers have to be asked. So an integer
past 64 bits, which a JSON parser gives as a float, is never let through, nor is any other float of that size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.fitting import fits
from sagellm_protocol.history.judging import holds
from sagellm_protocol.model.freezing import freeze_parsed, freeze_parsed_table
from sagellm_protocol.model.kinds import (
    Converted,
    Flag,
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
    nested_in,
    parts,
    wire_kind,
)
from sagellm_protocol.model.nesting import LARGE, holds_large_floats
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS, Function
from sagellm_protocol.model.spec import Spec

_SCALARS: frozenset[type] = frozenset((str, bool, int, type(None)))
_TEXT: frozenset[type] = frozenset((str,))


@attrs.frozen(eq=False)
class Asked:
    """A type that a value must be of, or must not, by the messages of a revision."""

    kind: Type
    specs: Mapping[str, Spec] | None
    """Those messages; None where they are today's, which are then built as well."""

    def implies(self, other: Asked) -> bool:
        """Whether all that is of this type is of the other as well. In doubt, no."""
        mine, theirs = self.kind, other.kind
        if nested_in(mine) or nested_in(theirs):
            return self.specs is other.specs and mine == theirs
        if mine == theirs:
            return True
        named = any(isinstance(part, (Member, Converted)) for kind in (mine, theirs) for part in parts(kind))
        return not named and fits(mine, theirs)


def least(asked: list[Asked]) -> list[Asked]:
    """Those that imply the others."""
    kept: list[Asked] = []
    for one in asked:
        if not any(other.implies(one) for other in kept):
            kept = [*(other for other in kept if not one.implies(other)), one]
    return kept


def refuse_unless(to: Function, asked: Asked, name: str) -> None:
    """Write statements that return None unless a local variable is of a type."""
    if isinstance(asked.kind, Nullable):
        to.add(f"if {name} is not None:")
        to.indent += 1
        refuse_unless(to, attrs.evolve(asked, kind=asked.kind.inner), name)
        to.indent -= 1
        return
    to.add(f"if {_unlike(to, asked, name)}: return None")


def _unlike(to: Function, asked: Asked, name: str) -> str:
    """A condition that holds where a value is not plainly of a type."""
    match asked.kind:
        case Text():
            return f"_type({name}) is not _str"
        case Flag():
            return f"{name} is not True and {name} is not False"
        case Number(kind=kind) as number if kind is int:
            return _or(f"_type({name}) is not _int", number, name)
        case Number() as number:
            small = f"_type({name}) is _int and {_limits(number, f'_float({name})')}"
            return f"({_or(f'_type({name}) is not _float', number, name)}) and not ({small})"
        case OneOf(values=values) if all(type(value) is str for value in values):
            other = f"!= {values[0]!r}" if len(values) == 1 else f"not in {values!r}"
            return f"_type({name}) is not _str or {name} {other}"
        case Member(members=members) as member:
            exact = "_str" if wire_kind(member) == "text" else "_int"
            return f"_type({name}) is not {exact} or {name} not in {to.bind('values', frozenset(members.values()))}"
        case Items(item=item) if isinstance(item, (Text, Flag, Number)) and not getattr(item, "bounds", ()):
            # Most lists of a stream have one item.
            one = f"_len({name}) == 1 and not ({_unlike(to, attrs.evolve(asked, kind=item), f'{name}[0]')})"
            return f"_type({name}) is not _list or not ({one} or {to.bind('each', _each(item))}({name}))"
        case Free():
            return f"{name} is not None and _type({name}) is not _str and not {to.bind('is_free', is_free)}({name})"
        case Table(value=Free()):
            return f"_type({name}) is not _dict or ({name} and not {to.bind('is_table', is_free_table)}({name}))"
        case _:
            return f"not {to.bind('reads', _reads(asked))}({name})"


def _or(other: str, number: Number, name: str) -> str:
    limits = _limits(number, name)
    return f"{other} or not ({limits})" if limits else other


def _limits(number: Number, name: str) -> str:
    """A condition for a number of the right class: its bounds, and for a float that no integer was too large for it."""
    if number.kind is int:
        return " and ".join(bound.meaning.source.format(name, repr(bound.limit)) for bound in number.bounds)
    # Two floats are compared sooner than a float and an integer.
    limits = [bound.meaning.source.format(name, repr(_as_float(bound.limit))) for bound in number.bounds]
    sides = {bound.meaning.lower for bound in number.bounds if bound.meaning.measure == "value"}
    if True not in sides:
        limits.append(f"{name} > {-LARGE!r}")
    if False not in sides:
        limits.append(f"{name} < {LARGE!r}")
    return " and ".join(limits)


def _as_float(limit: float) -> float:
    return float(limit) if float(limit) == limit else limit


def _each(item: Type) -> Callable[[list[Any]], bool]:
    """Whether all items of a list are of a class, and floats not too large."""
    kind = {Text: str, Flag: bool}.get(type(item)) or item.kind  # type: ignore[union-attr]
    same = frozenset((kind,))

    def each(items: list[Any]) -> bool:
        if not same.issuperset(map(type, items)):
            return False
        if kind is not float or not items:
            return True
        # The sum with NaN in it is NaN, which is not itself, while min and max may pass over it.
        total = sum(items)
        return bool(min(items) > -LARGE and max(items) < LARGE and total == total)

    return each


def is_free(value: Any) -> bool:
    """Whether a parsed value is free JSON, and holds no float that may have been an integer past 64 bits."""
    return _is_free(freeze_parsed, value)


def is_free_table(value: Any) -> bool:
    """Whether a parsed object is a mapping of free JSON."""
    flat = _SCALARS.issuperset(map(type, value.values())) and _TEXT.issuperset(map(type, value))
    return flat or _is_free(freeze_parsed_table, value)


def _is_free(freeze: Callable[[Any], Any], value: Any) -> bool:
    try:
        freeze(value)
    except DOUBTS:
        return False
    return True


def _reads(asked: Asked) -> Callable[[Any], bool]:
    """Whether the readers take a value, and it holds no float that may have been an integer past 64 bits."""
    read = Readers("dict", "forbid", asked.specs).reader(asked.kind)
    texts = all(_is_text(part) for part in parts(asked.kind))

    def reads(value: Any) -> bool:
        try:
            read(value)
        except DOUBTS:
            return False
        return texts or not holds_large_floats(value)

    return reads


def _is_text(part: Type) -> bool:
    """Whether a value of a type is text, or holds nothing else beside null."""
    match part:
        case Converted(wire=wire):
            return isinstance(wire, Text)
        case Text() | Items() | Table() | Nullable() | Limited():
            return True
        case _:
            return False


def refuse_if(to: Function, asked: Asked, name: str) -> None:
    """Write statements that return None if a local variable is of a type, which is no message."""
    specs = asked.specs or {}

    def is_one(value: Any) -> bool:
        return holds(asked.kind, value, unknown="ignore", specs=specs)

    condition = f"{to.bind('is_one', is_one)}({name})"
    inner = asked.kind.inner if isinstance(asked.kind, Nullable) else asked.kind
    if isinstance(inner, Converted) and isinstance(inner.wire, Text) and inner.shortest:
        # A text that is too short for one is none, and this is what most are that are none.
        condition = f"(_type({name}) is not _str or _len({name}) >= {inner.shortest}) and {condition}"
    to.add(f"if {condition}: return None")
