"""JSON Lines, read line by line, in memory that the longest allowed line bounds."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.archive.formats.gzips import MAGIC
from sagellm_protocol.archive.formats.recognising import BOM, FOREIGN
from sagellm_protocol.codecs.formats import MAX_BYTES

BUFFER = 1 << 20
"""Bytes read or written at a time."""

_DAMAGE = (OSError, EOFError, zlib.error)


class Source(NamedTuple):
    """An opened source."""

    lines: IO[bytes]
    """What it holds, decompressed."""
    file: IO[bytes]
    """The file itself; its position says how much is behind."""
    compressed: bool
    """Whether the file holds gzip."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A source, decompressed where it holds gzip, without the byte order mark of UTF-8.

    Raises:
        UnreadableError: it cannot be opened, or what it holds is told by its beginning and is no text in UTF-8.
    """
    try:
        file = io.BufferedReader(path.open("rb", buffering=0), BUFFER)
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror}") from error
    with file, reading(file, compressed=path.suffix == ".gz") as source:
        yield source


@contextlib.contextmanager
def reading(file: io.BufferedReader[Any], *, compressed: bool = False) -> Iterator[Source]:
    """What an open file holds, as :func:`opened` gives it.

    Args:
        file: at its beginning; it is left open.
        compressed: whether its name says that it holds gzip.

    Raises:
        UnreadableError: what it holds is told by its beginning and is no text in UTF-8.
    """
    beginning = _peek(file)
    if beginning.startswith(MAGIC):
        with gzip.GzipFile(fileobj=file, mode="rb") as plain, io.BufferedReader(plain, BUFFER) as lines:
            _begin(lines, " within gzip")
            yield Source(lines, file, compressed=True)
        return
    if beginning and compressed:
        raise UnreadableError("is no gzip, in spite of its name")
    _begin(file, "")
    yield Source(file, file, compressed=compressed)


def _begin(lines: io.BufferedReader[Any], where: str) -> None:
    """Pass over a byte order mark; raise for what is no text."""
    beginning = _peek(lines)
    for start, what in FOREIGN.items():
        if beginning.startswith(start):
            raise UnreadableError(f"holds {what}{where}, not JSON Lines in UTF-8")
    if beginning.startswith(BOM):
        lines.read(len(BOM))


class LongLine:
    """A line that is too long to hold. Its pieces can be had once, before the next line is asked for."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._piece = start
        self._rest = rest

    def pieces(self) -> Iterator[bytes]:
        """The line in order, with its line ending."""
        while self._piece:
            yield self._piece
            self._piece = b"" if self._piece.endswith(b"\n") else _readline(self._rest, BUFFER)


def read_lines(stream: IO[bytes], limit: int = MAX_BYTES) -> Iterator[bytes | LongLine]:
    """Each line with its line ending; those of more than ``limit`` bytes as :class:`LongLine`.

    Raises:
        UnreadableError: the file is damaged, or the disk is.
    """
    while line := _readline(stream, limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        long = LongLine(line, stream)
        yield long
        for _ in long.pieces():
            pass  # what the caller left over


def _readline(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.readline(size)
    except _DAMAGE as error:
        raise _damaged(error) from error


def _peek(stream: io.BufferedReader[Any]) -> bytes:
    try:
        return stream.peek(1)
    except _DAMAGE as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UnreadableError:
    return UnreadableError(f"cannot be read to its end: {error}")
