"""A message in bytes, in pieces: what stands around the values that change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sagellm_protocol.streams.framing.encoding import StreamEncoder
from sagellm_protocol.streams.writing.places import Places, put

Pack = Callable[[Any], bytes]
"""A value to bytes; raises one of ``UNPACKABLE`` where it cannot be written."""

UNPACKABLE = (TypeError, ValueError, OverflowError)

Whole = Callable[..., bytes]
"""The bytes of the message with a text (and tokens), encoded whole."""

_PROBES = (("", ()), ('\x00"\\/\n\x7f\u00e9\u2028\U0001f600' * 9, (0, 127, 2**64 - 1, -(2**63))))
"""Texts and tokens of other lengths, and of all that formats write in other ways than as it is."""


def whole(first: Any, places: Places, encode: StreamEncoder) -> Whole:
    """What encodes the message with other values."""
    way, text, tokens = places.way, places.text, places.tokens
    if tokens is None:
        return lambda content: encode(put(first, way, {text: content}))
    return lambda content, found: encode(put(first, way, {text: content, tokens: found}))


@attrs.frozen
class Pieces:
    """What a message is made of."""

    around: tuple[bytes, ...]
    """The bytes before, between and after the values."""
    pack: Pack
    """Gives the bytes of a value."""

    def joined(self, *values: Any) -> bytes:
        """The bytes of the message with these values."""
        *befores, after = self.around
        packed = [before + self.pack(value) for before, value in zip(befores, values, strict=True)]
        return b"".join((*packed, after))


def taken_apart(first: Any, places: Places, encode: StreamEncoder) -> Pieces | None:
    """The pieces of the message; None where more may change than its values, or these stand there in another form."""
    pack, make = encode.codec.format.pack, whole(first, places, encode)
    if pack is None or not encode.codec.writes_straight(type(first)):
        return None
    # Longer than all of the message, and the same throughout: in its bytes they stand in one place each.
    size = len(encode(first)) + 1
    values: list[Any] = ["~" * size] if places.tokens is None else ["~" * size, (1,) * size]
    left, around = make(*values), []
    for value in values:
        before, _, left = left.partition(pack(value))
        around.append(before)
    pieces = Pieces((*around, left), pack)
    probes = (probe[: len(values)] for probe in _PROBES)
    return pieces if all(pieces.joined(*probe) == make(*probe) for probe in probes) else None
