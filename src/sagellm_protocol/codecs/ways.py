"""The fast ways of a codec, and the long ways behind them."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from sagellm_protocol.codecs.formats import Format, refusal, refuse_too_deep, too_deep
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.model.reading import DOUBTS
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.writing import Writers

FAILURES = (*DOUBTS, ValueError)
"""What the fast ways raise on anything in doubt. The long way then answers, outside the handler: its errors show no
doubt as their context."""


def writing(format: Format, writers: Writers, cls: type) -> Callable[[Any], Any]:
    """A message packed by one generated function; where that fails, in the way that says why."""
    dumps, write = format.dumps, writers.writer(cls)
    if format.pack is None:
        return lambda message: dumps(write(message))
    return writers.packed(cls, format.pack, FAILURES, lambda message: dumps(write(message)))


def packing(format: Format, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Write and pack; where packing fails, once more in the way that says why."""
    dumps, pack = format.dumps, format.pack
    if pack is None:
        return lambda message: dumps(write(message))

    def encode(message: Any) -> Any:
        payload = write(message)
        try:
            return pack(payload)
        except FAILURES:
            pass
        return dumps(payload)

    return encode


def checking(
    format: Format, max_bytes: int, read: Callable[[Any], Any], explain: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Parse and read; where that raises anything, look again thoroughly: ``explain`` decides, and says why."""
    loads, exact = format.loads, format.exact
    parse = format.parse or loads

    def decode(data: Any) -> Any:
        try:
            if len(data) <= max_bytes:
                return read(parse(data))
        except FAILURES:
            pass
        return look_again(data)

    def decode_unsized(data: Any) -> Any:
        try:
            return read(data)
        except FAILURES:
            pass
        return look_again(data)

    def look_again(data: Any) -> Any:
        if format.sized and isinstance(data, Sized) and len(data) > max_bytes:
            raise too_large(len(data), max_bytes)
        payload = loads(data)
        refuse_too_deep(payload)
        return explain(payload if exact is None else exact(data))

    return decode if format.sized else decode_unsized


def within_depth(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader that doubts what nests too deep: elsewhere the declaration is the limit, here there is none."""

    def read_within(payload: Any) -> Any:
        if too_deep(payload):
            raise Doubt
        return read(payload)

    return read_within


def writing_within_depth(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A writer that refuses messages that nest too deep to be read again."""

    def write_within(message: Any) -> Any:
        try:
            payload = write(message)
        except RecursionError:
            raise refusal(None) from None
        if too_deep(payload):
            raise refusal(None)
        return payload

    return write_within


def refuse_bytes(data: bytes) -> Any:
    """Bytes are no message, even where the format could carry them."""
    raise refusal(data)


def too_large(size: int, max_bytes: int) -> DecodeError:
    """The error for more bytes than a codec takes."""
    return DecodeError(f"{size} bytes are more than the {max_bytes} that this codec takes")
