"""What codecs have seen of deprecated fields, messages and members, added up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping


class DeprecatedUse:
    """Adds up what it is told of as ``on_deprecated``; codecs and threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def __call__(self, used: Mapping[str, int]) -> None:
        """Add what one payload uses."""
        with self._lock:
            self._counts.update(used)

    @property
    def counts(self) -> dict[str, int]:
        """How often each was used so far, by path, in alphabetical order."""
        with self._lock:
            return dict(sorted(self._counts.items()))
