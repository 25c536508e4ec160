"""Items of sequences told apart in bulk: those that are plainly right, and those that are plainly wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagellm_protocol.model.kinds import Choice, Converted, Nested, Number, Text, Type
from sagellm_protocol.model.numbers import Source, integers_of
from sagellm_protocol.model.statements import doubtful


def doubtful_places(kind: Type, items: list[Any], source: Source) -> Sequence[int]:
    """The places of the items that are not plainly right, once integers stand for the floats that are integers."""
    doubts = doubtful(kind, items)
    whole = isinstance(kind, Number) and kind.kind is int and source == "wire"
    if whole and doubts and float in map(type, items):
        given, items[:] = items.copy(), integers_of(items)
        doubts = doubtful(kind, items)
        for index in doubts:
            items[index] = given[index]
    return doubts


_NO_MESSAGES: frozenset[type] = frozenset((str, bytes, bool, int, float, type(None), list, tuple))
_NEVER: dict[type, frozenset[type]] = {
    Number: frozenset((str, bytes, bool, type(None), list, tuple, dict)),
    Text: frozenset((bytes, bool, int, float, type(None), list, tuple, dict)),
    Nested: _NO_MESSAGES,
    Choice: _NO_MESSAGES,
}
"""Classes of which no value is right: where as many are told as may be, such items of a sequence are but counted."""


def never_right(kind: Type) -> frozenset[type]:
    """The classes of which no value is right for a type."""
    if isinstance(kind, Converted):
        return _NEVER.get(type(kind.wire), frozenset()) - kind.also - {kind.cls}
    return _NEVER.get(type(kind), frozenset())
