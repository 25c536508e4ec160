"""JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator

from sagellm_protocol.streams.framing.damage import too_large


class LineSplitter:
    """Splits bytes into lines, without their line endings, which are LF or CRLF. Implements ``Splitter``.

    Blank lines are passed over.

    Args:
        limit: how many bytes a line may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        """The line that has not ended."""
        self._start = 0
        """Where it begins."""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that end in this data: where each begins, and what it holds."""
        lines = data.split(b"\n")
        rest = lines.pop()
        for ended in lines:
            line = ended
            if self._held:
                line = bytes(self._held) + ended
                self._held.clear()
            yield from self._line(line)
            self._start += len(line) + 1
        self._held += rest
        if len(self._held) > self._limit + 1:
            raise too_large(self._start, self._limit)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last line, if nothing ended it."""
        return self._line(bytes(self._held))

    def _line(self, line: bytes) -> Iterator[tuple[int, bytes]]:
        line = line.removesuffix(b"\r")
        if len(line) > self._limit:
            raise too_large(self._start, self._limit)
        if line and not line.isspace():
            yield self._start, line
