"""Data in pieces: taken from a file in any amounts, and where it breaks off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias

import attrs

from sagellm_protocol.archive.exceptions import UnreadableError


@attrs.frozen
class Broken:
    """The data ends before its end, or goes on as something else."""

    reason: str


Pieces: TypeAlias = "Iterator[bytes | Broken]"
"""Data in order. What is broken is the last piece."""


def read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes; fewer only at the end.

    Raises:
        UnreadableError: the stream raises an ``OSError``.
    """
    try:
        data = stream.read(size)
        if not data or len(data) == size:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing and (data := stream.read(missing)):
            pieces.append(data)
            missing -= len(data)
    except OSError as error:
        raise UnreadableError(f"cannot be read to its end: {error}") from error
    return b"".join(pieces)


class Feed:
    """Bytes that come in some amounts, and are taken in others.

    Args:
        more: gives the next bytes; none at the end.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._data = b""
        self._at = 0

    def some(self, limit: int = 1 << 14) -> bytes:
        """What is at hand, up to a limit: at least one byte, or none at the end."""
        if self.ended:
            return b""
        data = self._data[self._at : self._at + limit]
        self._at += len(data)
        return data

    def give_back(self, size: int) -> None:
        """Put so many bytes of those that :meth:`some` gave last in front of the others again."""
        self._at -= size

    def take(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        end = self._at + size
        if end > len(self._data):
            pieces = [self._data[self._at :]]
            missing = size - len(pieces[0])
            while missing > 0 and (more := self._more()):
                pieces.append(more)
                missing -= len(more)
            self._data, self._at, end = b"".join(pieces), 0, size
        data = self._data[self._at : end]
        self._at += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Pass over so many bytes without holding them; whether there were so many."""
        while size and (data := self.some(size)):
            size -= len(data)
        return not size

    def skip_all(self, byte: bytes) -> None:
        """Pass over a byte as often as it comes."""
        while data := self.some():
            if rest := data.lstrip(byte):
                self.give_back(len(rest))
                return

    def skip_text(self) -> bool:
        """Pass over a text that a zero byte ends; whether one does."""
        while data := self.some():
            end = data.find(b"\0") + 1
            if end:
                self.give_back(len(data) - end)
                return True
        return False

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        if self._at == len(self._data):
            self._data, self._at = self._more(), 0
        return not self._data
