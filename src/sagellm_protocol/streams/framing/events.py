"""Server-Sent Events, as the HTML standard of the WHATWG has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import attrs

from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.streams.framing.damage import Damage, too_large

_MARK = b"\xef\xbb\xbf"
"""The byte order mark that may stand before the first line."""

_ENDINGS, _NUL = "\r\n", "\0"

_PLAIN = b"data: "
"""How a line of data begins, mostly. No field that counts has a longer name."""

_MOST_DIGITS = 18
_LONGEST_TIME = 10**_MOST_DIGITS
"""Stands for any time that has more digits: no clock counts so many milliseconds."""


class EventSplitter:
    """Splits bytes into the data of events. Implements ``Splitter``.

    Comments and fields of other names are passed over, and so is an event without data. While an event is given,
    ``event``, ``id`` and ``retry`` are what its block said.

    Args:
        limit: how many bytes the data of an event may have, lines joined.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._longest = limit + len(_PLAIN)
        self.event = b""
        self.id: bytes | None = None
        """The last id that a whole block has told; None where none has."""
        self.retry: int | None = None
        self.reconnection: int | None = None
        """The last ``retry`` that was told."""
        self._told_id: bytes | None = None
        self._data = bytearray()
        """Data of the block so far, each line with a line feed."""
        self._held = bytearray()
        """The line that has not ended."""
        self._at = 0
        """Where that line begins."""
        self._start = 0
        """Where the block begins."""
        self._is_first = True
        self._is_after_return = False

    def feed(self, data: bytes) -> Iterable[tuple[int, bytes]]:
        """The events that end in this data: where each begins, and its data."""
        if self._start != self._at or self._held or self._is_after_return:
            return self._events(data)
        found, at = self._plain(data)
        return found if at == len(data) else chain(found, self._events(data[at:]))

    def _plain(self, data: bytes) -> tuple[list[tuple[int, bytes]], int]:
        """The first events, as far as each is one line of data and nothing else: what nearly all are; and their end."""
        found, begun, at = [], self._start, 0
        while data.startswith(_PLAIN, at):
            end = data.find(b"\n", at)
            if not data.startswith(b"\n\n", end) or data.find(b"\r", at, end) >= 0 or end - at > self._longest:
                break
            found.append((begun + at, data[at + len(_PLAIN) : end]))
            at = end + 2
        if found:
            self._is_first = False
            self._start = self._at = begun + at
        return found, at

    def _events(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The events in what may begin anywhere, line by line."""
        if self._is_after_return and data:
            self._is_after_return = False
            if data.startswith(b"\n"):
                # The second half of a line ending whose first half has ended the line.
                if self._start == self._at:
                    self._start += 1
                self._at += 1
                data = data[1:]
        if not data:
            return
        lines = data.splitlines(keepends=True)
        rest = lines.pop() if lines and lines[-1][-1] not in b"\r\n" else b""
        self._is_after_return = data.endswith(b"\r")
        for ended in lines:
            line = ended
            if self._held:
                line = bytes(self._held) + ended
                self._held.clear()
            self._at += len(line)
            line = line.rstrip(b"\r\n")
            if self._is_first:
                self._is_first = False
                line = line.removeprefix(_MARK)
            if line:
                self._read(line)
                continue
            self.id = self._told_id
            if self._data:
                self._data.pop()
                payload = bytes(self._data)
                self._data.clear()
                yield self._start, payload
            self.event, self.retry, self._start = b"", None, self._at
        self._held += rest
        if len(self._held) > self._longest + len(_MARK) * self._is_first:
            raise too_large(self._start, self._limit)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """Nothing, if the bytes end here between two events.

        Raises:
            Damage: data of an event has come, or part of a line, and not the empty line that ends it.
        """
        if self._data or (self._held.removeprefix(_MARK) if self._is_first else self._held):
            raise Damage(self._start, "the event breaks off before the empty line that ends it")
        yield from ()

    def _read(self, line: bytes) -> None:
        """Take what a line says."""
        if len(line) > self._longest:
            raise too_large(self._start, self._limit)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            if len(self._data) + len(value) > self._limit:
                raise too_large(self._start, self._limit)
            self._data += value
            self._data += b"\n"
        elif name == b"event":
            self.event = value
        elif name == b"id":
            if b"\0" not in value:
                self._told_id = value
        elif name == b"retry" and value.isdigit():
            digits = value.lstrip(b"0")
            self.retry = self.reconnection = int(digits or b"0") if len(digits) <= _MOST_DIGITS else _LONGEST_TIME


@attrs.frozen
class ServerSentEvent:
    """One event of a stream, as an ``EventSource`` of a browser gives it to its listeners."""

    data: str
    """What it says; lines are parted by line feeds."""
    event: str = "message"
    """Its type."""
    id: str | None = None
    """The last id that the stream has told, with this event or before it. Written, None tells none."""
    retry: int | None = None
    """The milliseconds to wait before the stream is asked for again, if this event told them."""

    def encode(self) -> bytes:
        """The event as bytes, from which :class:`SSEDecoder` makes an equal one.

        Raises:
            EncodeError: a value is of the wrong type, or none that an event can carry: a carriage return in the data, a
                line ending in the type or the id, NUL in the id; a lone surrogate; an empty type; a ``retry`` below 0
                or of more than 18 digits.
        """
        fields = [f"data: {line}" for line in _carried("data", self.data, "\r").split("\n")]
        if self.event != "message":
            fields.insert(0, f"event: {_carried('event', self.event, _ENDINGS)}")
            if not self.event:
                raise EncodeError("event must not be empty: an event without a type is a 'message'")
        if self.id is not None:
            fields.append(f"id: {_carried('id', self.id, _ENDINGS + _NUL)}")
        if self.retry is not None:
            if type(self.retry) is not int or not 0 <= self.retry < _LONGEST_TIME:
                raise EncodeError(f"retry must be 0 to {_LONGEST_TIME - 1} milliseconds, got {short(self.retry)}")
            fields.append(f"retry: {self.retry}")
        try:
            return "\n".join((*fields, "", "")).encode()
        except UnicodeEncodeError as error:
            raise EncodeError(f"an event holds a lone surrogate, which no format can carry: {error.reason}") from None


def _carried(name: str, value: object, forbidden: str) -> str:
    if not isinstance(value, str):
        raise EncodeError(f"{name} must be text, got {short(value)}")
    if any(sign in value for sign in forbidden):
        raise EncodeError(f"{name} must hold none of {forbidden!r}, got {short(value)}")
    return value
