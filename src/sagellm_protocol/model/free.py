"""Free JSON checked at leisure: ``metadata`` and the like, frozen all the way down, with everything told that is wrong.

A value that stands in many places is looked at once, and shared by what is made of it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from sagellm_protocol.model.containers import exact, is_sequence, items_of, pairs_of, read
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN, MAX_FREE_DEPTH
from sagellm_protocol.model.nesting import MAX_VALUES
from sagellm_protocol.model.paths import Path

_PLAIN = frozenset((str, bool, type(None)))
_TOO_DEEP = f"at most {MAX_FREE_DEPTH} levels deep"


class _Frozen(NamedTuple):
    """What became of a container."""

    value: Any
    levels: int
    values: int
    source: Any
    """Held so that its id stays its own."""


@attrs.define
class FreeChecker:
    """One check of one piece of free JSON."""

    broken: Callable[[Path, str, object], Any]
    """Notes a violation."""
    integer: Callable[[int, Path], Any]
    """Takes an integer, or refuses one past 64 bits."""
    _seen: dict[int, _Frozen | None] = attrs.field(factory=dict, init=False)
    """None while a container is being looked at: finding it again then means that it holds itself."""

    def check(self, value: Any, path: Path) -> Any:
        """The value frozen, or what is left of it where something in it is wrong."""
        return self._check(value, path, MAX_FREE_DEPTH).value

    def _check(self, value: Any, path: Path, room: int) -> _Frozen:
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, bool):
            return _Frozen(value, 0, 1, None)
        if isinstance(value, str):
            return _Frozen(exact(value), 0, 1, None)
        if isinstance(value, int):
            return _Frozen(self.integer(value, path), 0, 1, None)
        if isinstance(value, float):
            number = exact(value)
            return _Frozen(number if math.isfinite(number) else self.broken(path, "finite", value), 0, 1, None)
        if not isinstance(value, Mapping) and not is_sequence(value):
            return _Frozen(self.broken(path, "JSON", value), 0, 1, None)
        return self._container(value, path, room)

    def _container(self, value: Any, path: Path, room: int) -> _Frozen:
        if not room:
            return _Frozen(self.broken(path, _TOO_DEEP, value), 0, 1, None)
        if id(value) in self._seen:
            return self._again(value, self._seen[id(value)], path, room)
        self._seen[id(value)] = None
        frozen = (
            self._mapping(value, path, room - 1)
            if isinstance(value, Mapping)
            else self._sequence(value, path, room - 1)
        )
        self._seen[id(value)] = frozen
        return frozen

    def _again(self, value: Any, frozen: _Frozen | None, path: Path, room: int) -> _Frozen:
        if frozen is None:
            return _Frozen(self.broken(path, "JSON, which cannot hold itself", value), 0, 1, None)
        if frozen.levels > room:
            return _Frozen(self.broken(path, _TOO_DEEP, value), 0, 1, None)
        return frozen

    def _mapping(self, value: Any, path: Path, room: int) -> _Frozen:
        table: dict[str, Any] = {}
        levels, values = 1, 1
        for key, item in read(pairs_of, value, path, self.broken):
            if not isinstance(key, str):
                self.broken(path, "JSON with texts as keys", key)
                continue
            name = str.__str__(key)
            if name in table:
                self.broken((path, name), "given once", item)
            found = self._check(item, (path, name), room)
            table[name] = found.value
            levels, values = max(levels, 1 + found.levels), values + found.values
        return self._whole(FrozenDict(table) if table else EMPTY, levels, values, value, path)

    def _sequence(self, value: Any, path: Path, room: int) -> _Frozen:
        items: list[Any] = []
        levels, values = 1, 1
        for index, item in enumerate(read(items_of, value, path, self.broken)):
            if _is_plain(item):
                items.append(item)
                values += 1
                continue
            seen = self._seen.get(id(item))
            found = self._check(item, (path, index), room) if seen is None or seen.levels > room else seen
            items.append(found.value)
            levels, values = max(levels, 1 + found.levels), values + found.values
        return self._whole(tuple(items), levels, values, value, path)

    def _whole(self, held: Any, levels: int, values: int, source: Any, path: Path) -> _Frozen:
        if values > MAX_VALUES:
            held, values = self.broken(path, f"at most {MAX_VALUES} values", source), 1
        return _Frozen(held, levels, values, source)


def _is_plain(value: Any) -> bool:
    """Whether a value is held as it is, and no more need be asked."""
    kind = type(value)
    return kind in _PLAIN or (kind is int and INT_MIN <= value <= INT_MAX) or (kind is float and value - value == 0.0)
