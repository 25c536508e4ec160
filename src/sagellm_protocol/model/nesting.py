"""How deep a value nests, at a cost that its size bounds: what stands in many places is looked at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from sagellm_protocol.model.containers import items_of
from sagellm_protocol.model.exceptions import DecodeError

MAX_DEPTH = 128
"""How deep a payload may nest."""

TOO_DEEP = f"the payload nests deeper than {MAX_DEPTH} levels"
"""What is said of one that does."""

MAX_VALUES = 2**25
"""How many values a value may come to, where one that stands in many places counts in each: what 64 MiB can hold."""

SCALARS: frozenset[type] = frozenset((str, int, float, bool, type(None)))
"""The classes of what a payload holds that holds nothing, subclasses not."""

CONTAINERS: frozenset[type] = frozenset((dict, list, tuple))
"""The classes of what it holds anything in."""

_FEW = 16
"""Looking again at so few values costs no more than remembering that they were seen."""


class _Deeper(Exception):
    pass


def too_deep(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Whether arrays and objects nest deeper than so many levels. What holds itself does."""
    seen: dict[int, int] = {}

    def levels(nest: Any, room: int) -> int:
        found = seen.get(id(nest), 0)
        if not found:
            if not room:
                raise _Deeper
            # Found again before it is done, it holds itself.
            seen[id(nest)] = limit + 1
            held = [*_held(nest)]
            plain = CONTAINERS.issuperset(map(type, held))
            nested = held if plain else [item for item in held if type(item) not in SCALARS]
            # Of what stands in many places of one container, one is looked at.
            found = 1
            for item in dict(zip(map(id, nested), nested, strict=True)).values():
                if isinstance(item, (dict, list, tuple)):
                    below = seen.get(id(item), 0)
                    if not 0 < below < room:
                        below = levels(item, room - 1)
                    found = max(found, 1 + below)
            if found > 1 or len(held) > _FEW:
                seen[id(nest)] = found
            else:
                del seen[id(nest)]
        if found > room:
            raise _Deeper
        return found

    try:
        return isinstance(value, (dict, list, tuple)) and not levels(value, limit)
    except _Deeper:
        return True


def too_many(value: Any) -> bool:
    """Whether a value, which is not too deep, comes to more than ``MAX_VALUES`` of them."""
    counts: dict[int, int] = {}

    def count(nest: Any) -> int:
        found = counts.get(id(nest))
        if found is None:
            found = 1
            for item in _held(nest):
                found += count(item) if isinstance(item, (dict, list, tuple)) else 1
            counts[id(nest)] = found
        return found

    return isinstance(value, (dict, list, tuple)) and count(value) > MAX_VALUES


def refuse_too_deep(payload: Any) -> None:
    """Raise the ``DecodeError`` for a payload that nests deeper than one may, if it does."""
    if too_deep(payload):
        raise DecodeError(TOO_DEEP) from None


def _held(nest: Any) -> Iterable[Any]:
    """What a dict, list or tuple holds, whatever its class makes of that."""
    held: Iterable[Any] = dict.values(nest) if isinstance(nest, dict) else items_of(nest)
    return held


def refuse_too_deep_parsed(payload: Any) -> None:
    """Do so for what a parser made, in which nothing stands in two places."""
    for depth, level in enumerate(by_level(payload)):
        if depth == MAX_DEPTH and not SCALARS.issuperset(map(type, level)):
            raise DecodeError(TOO_DEEP) from None


def holds_large_floats(payload: Any) -> bool:
    """Whether a parsed value holds a float that a parser may have made of an integer past 64 bits."""
    for level in by_level(payload):
        floats = [value for value in level if type(value) is float]
        if floats and not (min(floats) > -LARGE and max(floats) < LARGE):
            return True
    return False


def by_level(payload: Any) -> Iterator[list[Any]]:
    """All values of what a parser made, those at the top first."""
    level = [payload]
    while level:
        yield level
        if SCALARS.issuperset(map(type, level)):
            return
        objects = [value for value in level if type(value) is dict]
        arrays = [value for value in level if type(value) is list]
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]


LARGE = 2.0**63
"""A float of this size may be what a parser made of an integer past 64 bits."""
