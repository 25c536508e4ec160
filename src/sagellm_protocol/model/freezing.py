"""Free JSON, frozen all the way down, as fast as Python can: ``Doubt`` on anything that is not plainly JSON."""

from __future__ import annotations

import math
from typing import Any

from sagellm_protocol.model.frozen import EMPTY, DraftDict, FrozenDict
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN, MAX_FREE_DEPTH
from sagellm_protocol.model.nesting import LARGE
from sagellm_protocol.model.source import Doubt

_TEXTS: frozenset[type] = frozenset((str, bool, type(None)))
_SIMPLE: frozenset[type] = frozenset((str, bool, type(None), int))


def freeze(value: Any) -> Any:
    """A caller's value."""
    return _freeze(value, MAX_FREE_DEPTH, math.inf, _TEXTS, set())


def freeze_table(value: Any) -> Any:
    """A caller's mapping."""
    if type(value) in (dict, FrozenDict) and not value:
        return EMPTY
    return _frozen_dict(value, MAX_FREE_DEPTH, math.inf, _TEXTS, set())


def freeze_parsed(value: Any) -> Any:
    """A parser's value, whose integers fit 64 bits."""
    return _freeze(value, MAX_FREE_DEPTH, LARGE, _SIMPLE, None)


def freeze_parsed_table(value: Any) -> Any:
    """A parser's mapping."""
    return EMPTY if type(value) is dict and not value else _frozen_dict(value, MAX_FREE_DEPTH, LARGE, _SIMPLE, None)


def freeze_payload(value: Any) -> Any:
    """A value of a payload that a caller made."""
    return _freeze(value, MAX_FREE_DEPTH, LARGE, _TEXTS, set())


def freeze_payload_table(value: Any) -> Any:
    """A mapping of a payload that a caller made."""
    return EMPTY if type(value) is dict and not value else _frozen_dict(value, MAX_FREE_DEPTH, LARGE, _TEXTS, set())


def freeze_read(value: Any) -> Any:
    """A value of a parser whose integers may be of any size, and whose floats are what was written."""
    return _freeze(value, MAX_FREE_DEPTH, math.inf, _TEXTS, None)


def freeze_read_table(value: Any) -> Any:
    """A mapping of such a parser."""
    return _frozen_dict(value, MAX_FREE_DEPTH, math.inf, _TEXTS, None) if value else EMPTY


def _freeze(value: Any, depth: int, limit: float, simple: frozenset[type], seen: set[int] | None) -> Any:
    kind = type(value)
    if kind in simple:
        return value
    if kind is float:
        if -limit < value < limit:
            return value
        raise Doubt
    if kind is int:
        if INT_MIN <= value <= INT_MAX:
            return value
        raise Doubt
    if kind is list or kind is tuple:
        if depth == 0:
            raise Doubt
        if seen is not None and value:
            _see(value, seen)
        depth -= 1
        return tuple([item if type(item) in simple else _freeze(item, depth, limit, simple, seen) for item in value])
    return _frozen_dict(value, depth, limit, simple, seen)


def _frozen_dict(value: Any, depth: int, limit: float, simple: frozenset[type], seen: set[int] | None) -> Any:
    if depth == 0 or (type(value) is not dict and type(value) is not FrozenDict):
        raise Doubt
    if seen is not None and value:
        _see(value, seen)
    depth -= 1
    table: Any = DraftDict()
    for key, item in value.items():
        if type(key) is not str:
            raise Doubt
        table[key] = item if type(item) in simple else _freeze(item, depth, limit, simple, seen)
    table.__class__ = FrozenDict
    return table


def _see(value: Any, seen: set[int]) -> None:
    """Doubt a container that stands in several places: copying it for each may have no end."""
    if id(value) in seen:
        raise Doubt
    seen.add(id(value))
