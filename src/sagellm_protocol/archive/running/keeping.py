"""What generates code when it is first used, kept for the thread that it was made in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

M = TypeVar("M")

_MOST = 16
"""So many are kept; then all are made anew as they are asked for."""


class Kept(threading.local, Generic[M]):
    """Things made once in each thread, by what they are made of."""

    def __init__(self) -> None:
        self._made: dict[Hashable, M] = {}

    def get(self, key: Hashable, make: Callable[[], M]) -> M:
        """That of a key; it is made where there is none."""
        if key not in self._made:
            if len(self._made) >= _MOST:
                self._made.clear()
            self._made[key] = make()
        return self._made[key]
