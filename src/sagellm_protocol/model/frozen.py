"""Immutable containers: what a message holds instead of lists and dicts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, overload

K = TypeVar("K")
V = TypeVar("V")


class DraftDict(dict[K, V]):
    """A ``FrozenDict`` being filled: assigning ``FrozenDict`` to its ``__class__`` freezes it."""

    __slots__ = ()


class FrozenDict(DraftDict[K, V]):
    """A ``dict`` that refuses change: equal to a dict of the same items, hashable where its values are.

    Being a real ``dict`` it is written by orjson and msgpack as it stands. ``dict(frozen)`` gives a mutable copy.
    """

    __slots__ = ()

    @overload
    def __new__(cls, items: Mapping[K, V] = ..., /) -> FrozenDict[K, V]: ...
    @overload
    def __new__(cls, items: Iterable[tuple[K, V]], /) -> FrozenDict[K, V]: ...
    def __new__(cls, items: Any = (), /) -> FrozenDict[K, V]:
        """A frozen dict of the items of a mapping, or of pairs."""
        draft: Any = DraftDict(items)
        draft.__class__ = cls
        return cast("FrozenDict[K, V]", draft)

    if TYPE_CHECKING:
        ...  # These are to see the keys and values that __new__ takes.
    else:

        def __init__(self, items: Any = (), /) -> None:
            """Nothing: all happens in ``__new__``, so that calling ``__init__`` again changes nothing."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed; build a new one from dict(it)")

    __setitem__: Any = _refuse
    __delitem__: Any = _refuse
    __ior__: Any = _refuse
    clear: Any = _refuse
    pop: Any = _refuse
    popitem: Any = _refuse
    setdefault: Any = _refuse
    update: Any = _refuse
    # Not even its class, which was assigned to freeze it.
    __setattr__: Any = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenDict[K, V]:
        return type(self)({key: copy.deepcopy(value, memo) for key, value in self.items()})


EMPTY: FrozenDict[Any, Any] = FrozenDict()
"""The one empty mapping: the default of every mapping field."""


def thaw(value: Any) -> Any:
    """Free JSON as plain, mutable ``dict`` and ``list``, all the way down."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    return value
