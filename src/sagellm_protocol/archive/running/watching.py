"""How a run tells how far it is, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

Tick: TypeAlias = Callable[[int, int, int], None]
"""Told after each batch: so many more bytes of the source, records, and records set aside. It may raise to stop."""


@attrs.frozen
class Progress:
    """How far a run is."""

    bytes: int = 0
    """Of the sources, as they lie there: compressed."""
    records: int = 0
    rejected: int = 0
    """How many of the records were set aside."""
    source: str = ""
    """The name of the source that was last heard of."""

    def plus(self, size: int, records: int, rejected: int, source: str) -> Progress:
        """Further on."""
        return Progress(self.bytes + size, self.records + records, self.rejected + rejected, source)


class Watch:
    """Told how the work goes; does nothing with it. What a method raises stops the work, and nothing is half-done."""

    def begin(self, total: int | None) -> None:
        """The sources that remain to be read have so many bytes; None, where a server does not say."""

    def advance(self, progress: Progress) -> None:
        """The work is so far. It comes some times a second, also where nothing has changed."""


class StoppedError(Exception):
    """A worker was told to stop, and has left nothing half-done."""


def unheard(size: int, records: int, rejected: int) -> None:
    """Nobody listens."""
