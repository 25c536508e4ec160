"""Functions made on first use, one for each key, from several threads at once without harm.

Values need no such care: ``functools.cached_property``, which has no lock since Python 3.12, stands where computing
something twice does no harm, since both come out the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast

K = TypeVar("K", bound=Hashable)
F = TypeVar("F", bound=Callable[..., Any])


class Once(Generic[K, F]):
    """A function for each key, made when it is first asked for.

    Making one may ask for others, and for itself (a message that holds itself): while it is being made, its own key
    gives a forwarder. What is made is seen by other threads when all that it calls is made as well.
    """

    def __init__(self, make: Callable[[K], F]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self._ready: dict[K, F] = {}
        self._made: dict[K, F] = {}
        self._making: set[K] = set()

    def __call__(self, key: K) -> F:
        """The function for a key."""
        found = self._ready.get(key)
        return self._under_lock(key) if found is None else found

    def _under_lock(self, key: K) -> F:
        with self._lock:
            if key in self._made:
                return self._made[key]
            if key in self._making:
                return cast("F", lambda *arguments: self._made[key](*arguments))
            self._making.add(key)
            try:
                made = self._made[key] = self._make(key)
            except BaseException:
                # Others made on the way may call what now is not there.
                self._made = dict(self._ready)
                raise
            finally:
                self._making.discard(key)
            if not self._making:
                self._ready = dict(self._made)
            return made
