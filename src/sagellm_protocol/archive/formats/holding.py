"""What is held of a record whose end has not been seen, and when it is too much."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Protocol

import attrs

from sagellm_protocol.archive.formats.batches import Batch, Damage

BOMB = 16
"""So many times the longest record is passed over of one record in compressed data, and no more."""


@attrs.frozen
class Bounds:
    """How much may be held and passed over."""

    max_record: int
    """Bytes of the longest record that is handed on."""
    compressed: bool = False
    """Whether little data may stand for much."""

    @property
    def max_skipped(self) -> int:
        """Bytes of the longest record that is passed over for the sake of what follows."""
        return self.max_record * BOMB if self.compressed else sys.maxsize


class Splitter(Protocol):
    """Finds the records in data that comes piece by piece."""

    @property
    def stopped(self) -> bool:
        """Whether no more data is wanted."""
        ...

    def feed(self, data: bytes) -> Iterator[Batch]:
        """What is complete with this data. To be iterated over before the next is fed."""
        ...

    def end(self, reason: str | None) -> Iterator[Batch]:
        """What remains at the end of the data, and why that is no end, if it is none."""
        ...


class Held:
    """The beginning of what ends in later data. Once it is too long, its bytes are only counted.

    Args:
        bounds: how much is too much.
        start: where it begins, in the whole data.
    """

    def __init__(self, bounds: Bounds, start: int) -> None:
        self.bounds = bounds
        self.start = start
        self.size = 0
        self._pieces: list[bytes] = []

    @property
    def is_too_long(self) -> bool:
        """Whether it is no longer held."""
        return self.size > self.bounds.max_record

    @property
    def is_bomb(self) -> bool:
        """Whether it must not even be passed over."""
        return self.size > self.bounds.max_skipped

    def add(self, data: bytes) -> None:
        """Hold what follows."""
        self.size += len(data)
        if self.is_too_long:
            self._pieces.clear()
        elif data:
            self._pieces.append(data)

    def whole(self, last: bytes = b"") -> bytes:
        """All of it, with the bytes that end it."""
        return b"".join([*self._pieces, last]) if self._pieces else last

    def restart(self, start: int) -> None:
        """Begin with something else."""
        self.start, self.size = start, 0
        self._pieces.clear()

    def damage(self, reason: str | None = None, *, is_whole: bool = True) -> Damage:
        """It as damage; without a reason for being too long."""
        record = None if self.is_too_long else self.whole() or None
        return Damage(self.start, self.size if is_whole else None, reason or too_long(self.bounds.max_record), record)

    def bomb(self) -> Damage:
        """It as what is not read any further."""
        limit = self.bounds.max_skipped
        return Damage(self.start, None, f"a decompression bomb: the record goes on after {limit} bytes")


def too_long(max_record: int) -> str:
    """What is said of a record that is not held."""
    return f"the record is longer than {max_record} bytes"
