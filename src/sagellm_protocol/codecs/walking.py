"""Where MessagePack objects end, found without building anything: of one that comes in pieces, without holding it."""

from __future__ import annotations

import contextlib
import re

import attrs
import msgpack

_SINGLE = re.compile(rb"[\x00-\x7f\xc0\xc2\xc3\xe0-\xff]+")
"""Values of one byte each: there may be very many of them in a row."""


@attrs.frozen
class _Kind:
    """What follows a first byte: a number of some width, which counts bytes or values, and more bytes besides."""

    width: int = 0
    values: int = 0
    """To each that the number counts, where it does not count bytes."""
    bytes: int = 0


_KINDS = {
    **{0xC4 + step: _Kind(1 << step) for step in range(3)},  # bin
    **{0xC7 + step: _Kind(1 << step, bytes=1) for step in range(3)},  # ext, with its type
    0xCA: _Kind(bytes=4),  # float
    0xCB: _Kind(bytes=8),
    **{first + step: _Kind(bytes=1 << step) for first in (0xCC, 0xD0) for step in range(4)},  # uint, int
    **{0xD4 + step: _Kind(bytes=(1 << step) + 1) for step in range(5)},  # fixext
    **{0xD9 + step: _Kind(1 << step) for step in range(3)},  # str
    **{0xDC + step: _Kind(2 << step, values=1) for step in range(2)},  # array
    **{0xDE + step: _Kind(2 << step, values=2) for step in range(2)},  # map
}


class BrokenObjectError(ValueError):
    """What comes is no MessagePack."""


class Walk:
    """Goes over one object."""

    def __init__(self) -> None:
        self._values = 1
        """How many values are to come."""
        self._bytes = 0
        """How many bytes are to come of the last."""
        self._cut = b""
        """A value's first bytes, where they do not say yet what follows."""

    def end(self, data: bytes, at: int = 0) -> int | None:
        """Where the object ends in the data; None where it goes on in the next.

        Args:
            data: what follows.
            at: where the object begins in the first data.

        Raises:
            BrokenObjectError: at a byte that begins no value.
        """
        cut = len(self._cut)
        if cut:
            data, self._cut = self._cut + data, b""
        while True:
            at += self._bytes
            if at > len(data):
                self._bytes = at - len(data)
                return None
            self._bytes = 0
            if (run := _SINGLE.match(data, at, at + min(self._values, len(data)))) is not None:
                self._values -= run.end() - at
                at = run.end()
            if not self._values:
                return at - cut
            if at == len(data):
                return None
            at = self._begin(data, at)
            if self._cut:
                return None

    def _begin(self, data: bytes, at: int) -> int:
        """Learn what follows a first byte; where that begins."""
        first = data[at]
        if first == 0xC1:
            raise BrokenObjectError("a byte 0xc1 begins no value")
        self._values -= 1
        if first < 0x90:
            self._values += 2 * (first - 0x80)
        elif first < 0xA0:
            self._values += first - 0x90
        elif first < 0xC0:
            self._bytes = first - 0xA0
        else:
            kind = _KINDS[first]
            start = at + 1 + kind.width
            if start > len(data):
                self._values += 1
                self._cut = data[at:]
                return at
            number = int.from_bytes(data[at + 1 : start], "big")
            self._values += number * kind.values
            self._bytes = kind.bytes + (0 if kind.values else number)
            return start
        return at + 1


def whole_objects(data: bytes, at: int) -> list[int]:
    """Where objects end, one after the other, as far as the library goes over them."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(memoryview(data)[at:])
    skip, tell = unpacker.skip, unpacker.tell
    ends: list[int] = []
    with contextlib.suppress(msgpack.UnpackException):
        while not ends or ends[-1] < len(data):
            skip()
            ends.append(at + tell())
    return ends
