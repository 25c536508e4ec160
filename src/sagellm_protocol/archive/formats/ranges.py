"""The lines that start in a range of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from sagellm_protocol.archive.formats.batches import BATCH
from sagellm_protocol.archive.formats.pieces import read


def lines_of_range(stream: BinaryIO, start: int, stop: int | None) -> tuple[int, Iterator[bytes]]:
    """Where the first line begins that starts in a range, and all that start in it, whole, in pieces.

    Ranges that join give lines that join: no byte is left out or given twice.

    Args:
        stream: seekable.
        start: first byte of the range.
        stop: the byte behind it; None for the end of the file.

    Raises:
        UnreadableError: the stream raises an ``OSError``.
    """
    at, data = (start, b"") if start == 0 else _first_line(stream, start, stop)
    return at, _to_line_end(stream, at, stop, data)


def _first_line(stream: BinaryIO, start: int, stop: int | None) -> tuple[int, bytes]:
    """Where the first line of the range begins, and what was read of it; the end of the range, if none does."""
    # If the byte before the range ends a line, one starts where the range does.
    at = start - 1
    stream.seek(at)
    # A line that starts behind the last byte but one starts in the next range.
    while data := read(stream, BATCH if stop is None else max(0, min(BATCH, stop - 1 - at))):
        if end := data.find(b"\n") + 1:
            return at + end, data[end:]
        at += len(data)
    return at + 1, b""


def _to_line_end(stream: BinaryIO, at: int, stop: int | None, data: bytes) -> Iterator[bytes]:
    if stop is not None and at >= stop:
        return
    while data := data or read(stream, BATCH):
        if stop is not None and at + len(data) >= stop and (end := data.find(b"\n", max(stop - 1 - at, 0)) + 1):
            yield data[:end]
            return
        yield data
        at += len(data)
        data = b""
