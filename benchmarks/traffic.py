"""Payloads as they arrive: no two the same.

Some parsers keep the short texts that they have seen, and would find every text of the same bytes again. So a decoder
is given messages that differ where those of real traffic do: in the ids, and within a stream in the new text.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import attrs

_IDS = (
    b"req-7f3a91c2",
    b"4bf92f3577b34da6a3ce929d0e0e4736",
    b"6f1c1b0e-8d0e-4c53-9a51-0b8f0d6f7a11",
    b"0a7d6c7e-52f0-4f7b-8c8f-31f3ce0b2d42",
    b"d4e5a8c9-17b3-4e0a-b5f4-9e2c6a1d3b73",
    b"b1946ac9-2f4d-4a7e-9c3b-5d8e7f6a0c14",
    b"5eb63bbb-e01e-4ed9-83cb-22bb8f5acdc3",
    b"c3fcd3d7-6192-4e40-87df-b496cca67e13",
    b"9b74c9897bac770ffc029102a200c5de",
)
"""In the payloads; the last 8 characters are replaced."""
_NEW_TEXT = b" cache"
_STREAMED = ("types.StreamEventDelta", "openai_types.ChatCompletionStreamResponse")
"""One of many in a stream, which share their ids."""

_numbers = count()


@attrs.frozen
class Traffic:
    """Wires of one message, each with a number of its own in it."""

    template: bytes

    @classmethod
    def of(cls, message: str, wire: bytes) -> Traffic:
        """Traffic that looks like one wire. The texts keep their lengths, so this is good for any format."""
        template = wire.replace(b"%", b"%%")
        if message in _STREAMED:
            template = template.replace(_NEW_TEXT, b" %(number)05x")
        else:
            for known in _IDS:
                template = template.replace(known, known[:-8] + b"%(number)08x")
        return cls(template)

    def take(self, length: int) -> Iterable[bytes]:
        """The next so many."""
        # Five digits are what the new text has room for.
        return [self.template % {b"number": next(_numbers) % 16**5} for _ in range(length)]
