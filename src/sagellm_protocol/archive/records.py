"""JSON Lines, read line by line, in memory that the longest allowed line bounds."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.codecs.formats import MAX_BYTES

BUFFER = 1 << 20
"""Bytes read or written at a time."""


class Source(NamedTuple):
    """An opened source."""

    lines: IO[bytes]
    """What it holds, decompressed."""
    file: IO[bytes]
    """The file itself; its position says how much is behind."""


def is_compressed(path: Path) -> bool:
    """Whether a file holds gzip, by its name."""
    return path.suffix == ".gz"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A source, decompressed where its name ends in ``.gz``.

    Raises:
        UnreadableError: it cannot be opened.
    """
    try:
        file = path.open("rb", buffering=BUFFER)
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror}") from error
    with file:
        if is_compressed(path):
            with gzip.GzipFile(fileobj=file, mode="rb") as plain, io.BufferedReader(plain, BUFFER) as lines:
                yield Source(lines, file)
        else:
            yield Source(file, file)


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
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"cannot be read to its end: {error}") from error
