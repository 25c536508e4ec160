"""Messages that break rules between their fields, mended: some fields get other values, until all rules hold.

It knows no rule by itself, so that it mends by those of others too: it tries what might do, and asks.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sized
from itertools import product
from typing import Any

import attrs

from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.consistency import broken_rules
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.frozen import EMPTY
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
    Flag,
    Items,
    Limited,
    Member,
    Nullable,
    Number,
    OneOf,
    Table,
    Type,
)
from sagellm_protocol.model.rules import Rule
from sagellm_protocol.model.spec import Derived, Field, Made, spec_of

_ROUNDS = 24
"""How many changes are made to one message at the most."""
_TRIED = 150
"""How many values of two fields at once are tried."""


def mended(message: Any, choice: int, keeping: Collection[str] = ()) -> Any:
    """A message like another, of the same class, that keeps all its rules; None where none was found.

    Args:
        message: the other. The messages in it stay as they are.
        choice: any natural number; of several changes that do, it chooses one.
        keeping: the fields that stay as they are.
    """
    cls = type(message)
    fields = {field.name: field for field in spec_of(cls).held if field.name not in keeping}
    found = message
    for turn in range(_ROUNDS):
        broken = _broken(found)
        if not broken:
            return found
        found = _better(found, fields, broken, choice + turn)
        if found is None:
            break
    return None


def _broken(message: Any) -> list[Rule]:
    return [rule for rule, _ in broken_rules(message)]


def _better(message: Any, fields: dict[str, Field], broken: list[Rule], choice: int) -> Any:
    """A message that breaks fewer rules, by a change of one field or of two, or else as many others; None for none."""
    aside = []
    for changes in (_of_one, _of_two):
        fewer = []
        for change in (change for rule in broken for change in changes(message, fields, rule)):
            trial = _changed(message, change)
            left = broken if trial is None else _broken(trial)
            if len(left) < len(broken):
                fewer.append(trial)
            elif len(left) == len(broken) and left != broken:
                aside.append(trial)
        if fewer:
            return fewer[choice % len(fewer)]
    return aside[choice % len(aside)] if aside else None


def _of_one(message: Any, fields: dict[str, Field], rule: Rule) -> Iterator[dict[str, Any]]:
    for field in (fields[name] for name in rule.fields if name in fields):
        for value in _candidates(message, field, rule):
            yield {field.name: value}


def _of_two(message: Any, fields: dict[str, Field], rule: Rule) -> Iterator[dict[str, Any]]:
    pairs = product(_of_one(message, fields, rule), repeat=2)
    for (one, two), _ in zip(pairs, range(_TRIED), strict=False):
        if one.keys() != two.keys():
            yield {**one, **two}


def _changed(message: Any, change: dict[str, Any]) -> Any:
    arguments = spec_of(type(message)).arguments
    try:
        return attrs.evolve(message, **{arguments[name]: value for name, value in change.items()})
    except ProtocolError:  # The field takes no such value.
        return None


def _candidates(message: Any, field: Field, rule: Rule) -> Iterator[Any]:
    """Values that a field might hold for a rule to hold: plain ones, and those made of what the other fields hold."""
    own = getattr(message, field.name)
    others = [value for name in rule.fields if name != field.name for value in _parts(getattr(message, name))]
    if not field.required and not isinstance(field.default, (Derived, Made)):
        yield field.default
    kind = field.type
    if isinstance(kind, Nullable):
        yield None
        kind = kind.inner
    yield from _of_kind(kind.inner if isinstance(kind, Limited) else kind, own, others)


def _parts(value: Any) -> Iterator[Any]:
    """A value; of a message, what its fields hold as well."""
    yield value
    if is_message(type(value)):
        yield from (getattr(value, field.name) for field in spec_of(type(value)).held)


def _of_kind(kind: Type, own: Any, others: list[Any]) -> Iterable[Any]:
    match kind:
        case Flag():
            return (True, False)
        case Member(cls=cls):
            members: Any = cls
            return list(members)
        case OneOf(values=values):
            return values
        case Number(kind=number):
            return _numbers(number, others)
        case Items(item=item):
            items = own or ((item.kind(0),) if isinstance(item, Number) else ())
            return (cut for size in (0, 1, *filter(_is_size, others)) for cut in _shorter(items, size))
        case Table():
            return (EMPTY,)
        case _:
            return others


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT_MAX


def _shorter(items: tuple[Any, ...], size: int) -> Iterator[tuple[Any, ...]]:
    yield items[:size]
    yield tuple(dict.fromkeys(items))[:size]


def _numbers(kind: type, others: list[Any]) -> Iterator[Any]:
    """0 and 1, the numbers that stand beside, their neighbours, sums and differences, and sizes."""
    sizes = [len(value) for value in others if isinstance(value, Sized)]
    beside = [value for value in others if isinstance(value, (int, float)) and not isinstance(value, bool)]
    made = [0, 1, *sizes, *beside, sum(beside)]
    made += (value + step for value in beside for step in (1, -1))
    made += (abs(one - two) for one in beside for two in beside)
    for value in dict.fromkeys(made):
        if math.isfinite(value) and INT_MIN <= value <= INT_MAX and (kind is float or value == int(value)):
            yield kind(value)
