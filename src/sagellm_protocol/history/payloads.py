"""What a caller hands in as a payload, as parsed JSON: plain dicts, lists and scalars, at a cost that its size bounds.

All that the history does with payloads it does with those, so that no method of a caller's class is called, nothing
nests too deep to be walked, and nothing that stands in many places is walked without end.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any, NamedTuple

import attrs

from sagellm_protocol.model import native
from sagellm_protocol.model.containers import exact, items_of
from sagellm_protocol.model.exceptions import DecodeError, ValidationError, Violation
from sagellm_protocol.model.nesting import CONTAINERS, MAX_DEPTH, SCALARS, TOO_DEEP, too_deep
from sagellm_protocol.model.paths import ROOT, Path, told

_TEXT: frozenset[type] = frozenset((str,))
_FREE_VALUES = 100_000
_TIMES = 20


def plain(message: str, payload: Any) -> dict[str, Any]:
    """A payload itself where it is plain, else a plain copy: subclasses become what they are subclasses of.

    Raises:
        ValidationError: it is no dict, or a key in it is no text.
        DecodeError: it nests too deep, or holds itself.
    """
    if native.core is not None and native.core.plain(payload, MAX_DEPTH):
        asked: dict[str, Any] = payload
        return asked
    # A class may say that it is another; only its type is to be believed.
    if not issubclass(type(payload), dict):
        raise not_an_object(message, payload)
    found = _sharing(payload)
    if found is not None:
        if found and too_deep(payload):
            raise _too_deep()
        held: dict[str, Any] = payload
        return held
    copy: dict[str, Any] = _Copying(message).copied(payload, ROOT, MAX_DEPTH).value
    return copy


def walkable(message: str, payload: Any, endless: bool) -> dict[str, Any]:
    """A payload as a plain one, whose messages can be walked; ``endless`` are messages that can hold their own kind.

    Raises:
        ValidationError: as for :func:`plain`.
        DecodeError: so, or it holds the same messages in too many places.
    """
    found = plain(message, payload)
    if endless and multiplies(found):
        raise in_too_many_places()
    return found


def owned(payload: Any) -> Any:
    """A copy of a plain payload in which no container is anyone else's, nor stands in two places.

    Raises:
        DecodeError: containers stand in so many places that the copy would be far larger than the payload.
    """
    if multiplies(payload):
        raise in_too_many_places()
    return _own(payload)


def multiplies(payload: Any) -> bool:
    """Whether to look at what a plain payload holds in each place where it stands costs far more than its size."""
    counting = _Counting()
    return counting.places(payload) > _FREE_VALUES + _TIMES * counting.distinct


def alike(left: Any, right: Any) -> bool:
    """Whether two plain values are the same JSON: 1 and 1.0 are, 0 and false are not."""
    return _alike(left, right, set())


def _alike(left: Any, right: Any, compared: set[tuple[int, int]]) -> bool:
    """The same; two containers are compared once, wherever both stand: had they differed, all would be over."""
    if isinstance(left, (dict, list, tuple)) and isinstance(right, (dict, list, tuple)):
        pair = id(left), id(right)
        if pair in compared:
            return True
        compared.add(pair)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_alike(item, right[key], compared) for key, item in left.items())
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(_alike(*both, compared) for both in zip(left, right, strict=True))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def not_an_object(message: str, payload: object) -> ValidationError:
    """The error for a payload that is no dict."""
    return ValidationError(message, [Violation("", "an object", payload)])


def _sharing(payload: Any) -> bool | None:
    """Whether any container stands in two places; None where there is anything but plain containers and scalars.

    Raises:
        DecodeError: it nests too deep. Where containers stand in two places it may do so undiscovered.
    """
    if type(payload) is not dict:
        return None
    seen: set[int] = set()
    shared = False
    level: list[Any] = [payload]
    for _ in range(MAX_DEPTH):
        nested: list[Any] = []
        for container in level:
            values: Collection[Any] = container
            if type(container) is dict:
                if not _TEXT.issuperset(map(type, container)):
                    return None
                values = container.values()
            if SCALARS.issuperset(map(type, values)):
                continue
            if not CONTAINERS.issuperset(map(type, values)):
                values = [value for value in values if type(value) not in SCALARS]
                if not CONTAINERS.issuperset(map(type, values)):
                    return None
            distinct = dict(zip(map(id, values), values, strict=True))
            fresh = distinct.keys() - seen
            shared = shared or len(fresh) < len(values)
            seen |= fresh
            nested.extend(map(distinct.__getitem__, fresh))
        if not nested:
            return shared
        level = nested
    raise _too_deep()


class _Copied(NamedTuple):
    value: Any
    levels: int


@attrs.define
class _Copying:
    """One payload being copied; what stands in many places is copied once."""

    message: str
    _done: dict[int, _Copied | None] = attrs.field(factory=dict, init=False)
    """None while a container is being copied: finding it again then means that it holds itself."""

    def copied(self, value: Any, path: Path, room: int) -> _Copied:
        if issubclass(type(value), (dict, list, tuple)):
            return self._container(value, path, room)
        return _Copied(_scalar(value), 0)

    def _container(self, value: Any, path: Path, room: int) -> _Copied:
        done = self._done.get(id(value), _Copied(None, 0))
        if done is None:
            raise DecodeError(f"{told(path)} holds itself")
        if done.levels:
            if done.levels > room:
                raise _too_deep()
            return done
        if not room:
            raise _too_deep()
        self._done[id(value)] = None
        made = self._made(value, path, room - 1)
        self._done[id(value)] = made
        return made

    def _made(self, value: Any, path: Path, room: int) -> _Copied:
        levels = 0
        if issubclass(type(value), dict):
            table: dict[str, Any] = {}
            for key, item in dict.items(value):
                if not issubclass(type(key), str):
                    raise ValidationError(self.message, [Violation(told(path), "an object with texts as keys", key)])
                name = str.__str__(key)
                if name in table:
                    raise ValidationError(self.message, [Violation(told((path, name)), "given once", item)])
                if type(item) in SCALARS:
                    table[name] = item
                    continue
                found = self.copied(item, (path, name), room)
                table[name], levels = found.value, max(levels, found.levels)
            return _Copied(table, levels + 1)
        items = []
        for index, item in enumerate(items_of(value)):
            if type(item) in SCALARS:
                items.append(item)
                continue
            found = self.copied(item, (path, index), room)
            items.append(found.value)
            levels = max(levels, found.levels)
        return _Copied(items if issubclass(type(value), list) else tuple(items), levels + 1)


def _scalar(value: Any) -> Any:
    """A scalar of a subclass as what it is a subclass of; what is no JSON stays for the checks to tell of."""
    return value if issubclass(type(value), enum.Enum) else exact(value)


def in_too_many_places() -> DecodeError:
    """The error for a payload that multiplies."""
    return DecodeError("the payload holds the same values in too many places")


def _too_deep() -> DecodeError:
    return DecodeError(TOO_DEEP)


def _own(value: Any) -> Any:
    if type(value) is dict:
        return {key: item if type(item) in SCALARS else _own(item) for key, item in value.items()}
    if type(value) is list or type(value) is tuple:
        items = [item if type(item) in SCALARS else _own(item) for item in value]
        return items if type(value) is list else tuple(items)
    return value


@attrs.define
class _Counting:
    """How many values a plain payload holds."""

    distinct: int = 0
    """Those of each container once."""
    _seen: dict[int, int] = attrs.field(factory=dict, init=False)

    def places(self, value: Any) -> int:
        """Those of each container in every place where it stands."""
        if type(value) not in (dict, list, tuple):
            return 0
        found = self._seen.get(id(value))
        if found is None:
            self.distinct += len(value)
            inner = value.values() if type(value) is dict else value
            found = len(value) + sum([self.places(item) for item in inner if type(item) not in SCALARS])
            self._seen[id(value)] = found
        return found
