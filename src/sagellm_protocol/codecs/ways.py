"""The fast ways of a codec, and the long ways behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagellm_protocol.codecs.formats import Format, no_message, taken
from sagellm_protocol.model.compiled import chained
from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.nesting import holds_large_floats, refuse_too_deep, refuse_too_deep_parsed
from sagellm_protocol.model.source import DOUBTS
from sagellm_protocol.model.writing import Writers

FAILURES = (*DOUBTS, ValueError)
"""What the fast ways raise on anything in doubt. The long way then answers, outside the handler: its errors show no
doubt as their context."""


def writing(format: Format, writers: Writers, cls: type) -> Callable[[Any], Any]:
    """A message packed by one generated function; where that fails, in the way that says why."""
    dumps, write = format.dumps, writers.writer(cls)

    def encode(message: Any) -> Any:
        return dumps(write(message))

    if format.pack is None:
        return encode
    compiled = writers.compiled(cls)
    if compiled is None:
        return writers.packed(cls, format.pack, FAILURES, encode)
    return chained(compiled, format.pack, FAILURES, encode, encode)


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


def parsing(format: Format) -> Callable[[Any], Any]:
    """Parse bytes thoroughly: what is malformed or too deep is refused, and integers past 64 bits are what they are.

    Raises (the function does):
        DecodeError: it is malformed, or nests too deep.
    """
    loads, exact = format.loads, format.exact
    refuse = refuse_too_deep if format.origin == "dict" else refuse_too_deep_parsed

    def parse(data: Any) -> Any:
        payload = loads(data)
        refuse(payload)
        return payload if exact is None or not holds_large_floats(payload) else exact(data)

    return parse


def checking(
    format: Format, max_bytes: int, read: Callable[[Any], Any] | None, explain: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Parse and read; where that raises anything, look again thoroughly: ``explain`` decides, and says why.

    Where ``read`` is None, there is no fast path, and ``explain`` is called once.
    """
    parse, parse_thoroughly = format.parse or format.loads, parsing(format)
    if read is None:
        return lambda data: explain(parse_thoroughly(taken(format, data, max_bytes) if format.sized else data))

    def decode(data: Any) -> Any:
        if type(data) is not bytes or len(data) > max_bytes:
            data = taken(format, data, max_bytes)
        try:
            return read(parse(data))
        except FAILURES:
            pass
        return explain(parse_thoroughly(data))

    def decode_held(data: Any) -> Any:
        try:
            return read(parse(data))
        except Exception:  # Whatever a class of the caller's raises when it is read.
            pass
        return explain(parse_thoroughly(data))

    def long_way(data: Any) -> Any:
        return explain(parse_thoroughly(data))

    if not format.sized:
        return chained(read, None, (Exception,), long_way, decode_held)
    return chained(parse, read, FAILURES, long_way, decode, max_bytes)


def refuse_bytes(data: bytes) -> Any:
    """Bytes alone are no message, though one may hold them."""
    raise EncodeError(no_message(data))
