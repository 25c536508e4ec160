"""Whether a plain payload holds the right values, without a word about what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN, MAX_FREE_DEPTH, Type
from sagellm_protocol.model.nesting import CONTAINERS
from sagellm_protocol.model.paths import ROOT, Path
from sagellm_protocol.model.spec import Spec, Unknown

_SIMPLE: frozenset[type] = frozenset((str, bool, type(None)))


def holds(kind: Type, payload: Any, *, unknown: Unknown, specs: Mapping[str, Spec]) -> bool:
    """Whether the thorough path takes a plain payload, looked at no further than the first thing wrong with it."""
    judge = _Judge("wire", unknown, specs)
    try:
        judge.check(kind, payload, ROOT)
    except (_Wrong, DecodeError):
        return False
    return not judge.violations


class _Wrong(Exception):
    pass


class _Judge(Checker):
    """A check that ends at the first thing wrong."""

    def broken(
        self, path: Path, rule: str | Callable[[], str], value: object, hint: Callable[[], str] | None = None
    ) -> Any:
        raise _Wrong

    def free(self, value: Any, path: Path) -> Any:
        # Many shapes may be judged on one piece of free JSON, so it is worth a way of its own.
        return value if _is_json([value]) else super().free(value, path)


def _is_json(container: Any) -> bool:
    """Whether a list of a plain payload holds JSON alone that nests no deeper than free JSON may. In doubt, no."""
    seen: set[int] = set()
    level = [container]
    for _ in range(MAX_FREE_DEPTH + 1):
        nested: list[Any] = []
        for holder in level:
            values: Iterable[Any] = holder.values() if type(holder) is dict else holder
            if _SIMPLE.issuperset(map(type, values)):
                continue
            for value in values:
                kind = type(value)
                if kind in _SIMPLE:
                    continue
                if kind is float:
                    if not math.isfinite(value):
                        raise _Wrong
                elif kind is int:
                    if not INT_MIN <= value <= INT_MAX:
                        raise _Wrong
                elif kind not in CONTAINERS or id(value) in seen:
                    return False
                else:
                    seen.add(id(value))
                    nested.append(value)
        if not nested:
            return True
        level = nested
    return False
