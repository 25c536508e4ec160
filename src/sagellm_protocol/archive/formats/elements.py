"""The elements of one JSON array, found without parsing them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sagellm_protocol.archive.formats.batches import Batch
from sagellm_protocol.archive.formats.holding import Bounds, Held

_SPACE = b" \t\r\n"
_BLANK = re.compile(rb"[ \t\r\n]*")
# Up to the next byte that matters, over texts without escapes and lists without texts. What a match repeats it
# remembers to its end, so there is a bound on that; wherever it stops, going on from there is right.
_PASSED = r"""[^"\[\]{}%s]*(?:(?:"[^"\\\n]*"|\[[^"\[\]{}]*\])[^"\[\]{}%s]*){0,100}"""
_IN_ARRAY = re.compile((_PASSED % (",", ",")).encode())
_IN_ELEMENT = re.compile((_PASSED % ("", "")).encode())
# The common element, with the comma behind it: an object, no further object in it, and no escapes.
_PLAIN = re.compile(rb"[ \t\r\n]*(\{%s\})[ \t\r\n]*," % (_PASSED % ("", "")).encode())
# No text goes on in the next line: one whose end is lost does not swallow what follows.
_IN_TEXT = re.compile(rb'["\\\n]')
_OPENING, _CLOSING, _ENDING = b"[{", b"]}", b",]"
_COMMA, _END, _QUOTE, _ESCAPE = b',]"\\'


class Elements:
    """Records are the elements of an array, without the white space around them. Implements ``Splitter``.

    An array that follows an array goes on with it.

    Args:
        bounds: how long an element may be.
        start: where the data begins, in that of the whole source.
    """

    def __init__(self, bounds: Bounds, start: int) -> None:
        self.stopped = False
        self._bounds = bounds
        self._held = Held(bounds, start)
        self._at = start
        """Where the data begins that is fed."""
        self._outside: str | None = "what stands here is no JSON array"
        """What is wrong with what is held, where that is in no array."""
        self._depth = 0
        self._is_text = False
        self._is_escaped = False

    def feed(self, data: bytes) -> Iterator[Batch]:
        """The elements that end in this data."""
        held = self._held
        batch = Batch([])
        begin = self._enter(data, 0)
        while self._outside is None and (end := self._end(data, begin)) is not None:
            text = held.whole(data[begin:end]).rstrip(_SPACE)
            if held.is_too_long or len(text) > self._bounds.max_record:
                held.add(data[begin:end])
                batch.damage = held.damage()
                yield batch
                batch = Batch([])
            elif text:
                batch.add(text, held.start)
            elif data[end] == _COMMA:
                batch.blank += 1
            if data[end] == _END:
                self._outside = "more than white space follows the end of the array"
            begin = self._plain(data, end + 1, batch)
            held.restart(self._at + begin)
            begin = self._enter(data, begin)
        held.add(data[begin:])
        self._at += len(data)
        if held.is_bomb:
            self.stopped = True
            batch.damage = held.bomb()
        if not batch.is_empty:
            yield batch

    def end(self, reason: str | None) -> Iterator[Batch]:
        """What is no element, or not wholly there."""
        held = self._held
        if reason is not None:
            yield Batch([], damage=held.damage(reason, is_whole=False))
        elif self._outside is None:
            yield Batch([], damage=held.damage("the array breaks off before its end"))
        elif held.size:
            yield Batch([], damage=held.damage(self._outside))

    def _enter(self, data: bytes, begin: int) -> int:
        """Pass over white space before an element, and into an array; where what matters begins."""
        if self._held.size:
            return begin
        while True:
            begin = _passed(_BLANK, data, begin)
            if self._outside is None or data[begin : begin + 1] != b"[":
                break
            self._outside = None
            begin += 1
        self._held.restart(self._at + begin)
        return begin

    def _plain(self, data: bytes, begin: int, batch: Batch) -> int:
        """Take the elements that can be told by one look each; where the others begin."""
        if self._outside is None and len(data) <= self._bounds.max_record:
            match, at = _PLAIN.match, self._at
            while (found := match(data, begin)) is not None:
                batch.add(found[1], at + found.start(1))
                begin = found.end()
        return begin

    def _end(self, data: bytes, at: int) -> int | None:
        """Where the comma or the end of the array is that ends an element; None where it does not end in this data."""
        size = len(data)
        depth = self._depth
        at += self._is_escaped
        while at < size:
            if self._is_text:
                if (mark := _IN_TEXT.search(data, at)) is None:
                    at = size
                    break
                at = mark.end()
                if data[at - 1] == _ESCAPE:
                    at += 1
                else:
                    self._is_text = False
                continue
            at = _passed(_IN_ELEMENT if depth else _IN_ARRAY, data, at)
            if at == size:
                break
            byte = data[at]
            if byte == _QUOTE:
                self._is_text = True
            elif byte in _OPENING:
                depth += 1
            elif depth:
                depth -= byte in _CLOSING
            elif byte in _ENDING:
                self._depth, self._is_escaped = 0, False
                return at
            at += 1
        self._depth, self._is_escaped = depth, at > size
        return None


def _passed(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where what matches from here ends; the patterns match everything, if with nothing."""
    match = pattern.match(data, at)
    return at if match is None else match.end()
