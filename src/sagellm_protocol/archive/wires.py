"""How one record is written: as JSON, or as MessagePack that says no more than JSON can."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import attrs
import msgpack
import orjson

from sagellm_protocol.archive.exactness import each_once, has_many_digits, refuse_big_integers
from sagellm_protocol.codecs import json as json_wire, msgpack as msgpack_wire
from sagellm_protocol.model.exceptions import DecodeError, OptionError
from sagellm_protocol.model.nesting import refuse_too_deep_parsed
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.shortening import short

Wire: TypeAlias = Literal["json", "msgpack"]
"""How one record is written."""


def checked(name: str, wire: Wire) -> Wire:
    """The choice of a wire.

    Raises:
        OptionError: there is no such wire.
    """
    if wire not in ("json", "msgpack"):
        raise OptionError(f"{name} must be 'json' or 'msgpack', got {short(wire)}")
    return wire


def parse_json(record: bytes) -> Any:
    """The payload of a JSON record.

    Raises:
        DecodeError: it is no JSON, or holds an integer past 64 bits.
    """
    payload = json_wire.loads(record)
    if has_many_digits(record):
        refuse_big_integers(payload, record)
    return payload


def parse_msgpack(record: bytes) -> Any:
    """The payload of a MessagePack record.

    Raises:
        DecodeError: it is no MessagePack, or says what JSON cannot: binary data, an extension type, NaN or infinity.
    """
    payload = msgpack_wire.loads(record)
    refuse_too_deep_parsed(payload)
    for path, value in _walked(payload):
        kind = type(value)
        if kind is bytes:
            raise DecodeError(
                f"{told(path) or 'the payload'} is binary data, which stands for no value of the protocol"
            )
        if kind is float and not math.isfinite(value):
            raise DecodeError(f"{told(path) or 'the payload'} is {value}, which is no number")
    return payload


def refuse_repeated(record: bytes) -> None:
    """Raise for a MessagePack record that names a field twice: one of the values would be lost.

    Raises:
        DecodeError: it does.
    """
    msgpack.unpackb(record, object_pairs_hook=each_once)


PARSE: dict[Wire, Callable[[bytes], Any]] = {"json": parse_json, "msgpack": parse_msgpack}
"""Record to payload."""
WRITE: dict[Wire, Callable[[Any], bytes]] = {"json": json_wire.dumps, "msgpack": msgpack_wire.dumps}
"""Payload to record."""


@attrs.frozen
class Bulk:
    """The same for many records at once; what is in doubt is left to the functions for one."""

    parse: Callable[[Sequence[bytes]], list[dict[str, Any]]]
    """Records to payloads; an empty one where there is any doubt."""
    write: Callable[[list[Any]], list[bytes]]
    """Payloads to records."""
    plain: Callable[[Sequence[bytes], list[Any]], bool]
    """Whether each record is what writing its payload gives, to the byte."""


def _parse(parse: Callable[[bytes], Any], broken: tuple[type[Exception], ...]) -> Callable[..., list[dict[str, Any]]]:
    def one(record: bytes) -> dict[str, Any]:
        try:
            payload = parse(record)
        except broken:
            return {}
        return payload if type(payload) is dict else {}

    def many(records: Sequence[bytes]) -> list[dict[str, Any]]:
        try:
            payloads = list(map(parse, records))
        except broken:
            return list(map(one, records))
        return payloads if _OBJECT.issuperset(map(type, payloads)) else list(map(one, records))

    return many


_OBJECT: frozenset[type] = frozenset((dict,))
_BREAK = orjson.Fragment(b"\n")


def _write_json(payloads: list[Any]) -> list[bytes]:
    if not payloads:
        return []
    # Writing a list is many times faster than writing each of its items. No JSON that is written has a line break in it
    # but those put there, so that the items are told apart again.
    broken = [_BREAK] * (2 * len(payloads))
    broken[1::2] = payloads
    return orjson.dumps(broken)[3:-1].split(b",\n,")


def _is_plain_json(records: Sequence[bytes], payloads: list[Any]) -> bool:
    # Of two objects one of which begins with the other both are the same, so it is enough to compare all at once.
    return b",".join(records) == orjson.dumps(payloads)[1:-1]


def _write_msgpack(payloads: list[Any]) -> list[bytes]:
    return list(map(msgpack_wire.dumps, payloads))


def _is_plain_msgpack(records: Sequence[bytes], payloads: list[Any]) -> bool:
    return b"".join(records) == b"".join(_write_msgpack(payloads))


BULK: dict[Wire, Bulk] = {
    "json": Bulk(_parse(orjson.loads, (orjson.JSONDecodeError,)), _write_json, _is_plain_json),
    "msgpack": Bulk(
        _parse(msgpack.unpackb, (ValueError, TypeError, msgpack.UnpackException)), _write_msgpack, _is_plain_msgpack
    ),
}


def _walked(payload: Any) -> Iterator[tuple[Path, Any]]:
    """Each value with its path, keys that are no texts refused. No more is held than what leads to a value."""
    ahead = [iter([(ROOT, payload)])]
    while ahead:
        for path, value in ahead[-1]:
            yield path, value
            if type(value) is dict or type(value) is list:
                ahead.append(_within(path, value))
                break
        else:
            ahead.pop()


def _within(path: Path, value: dict[Any, Any] | list[Any]) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield (path, index), item
        return
    for key, item in value.items():
        if type(key) is not str:
            raise DecodeError(f"a key is no text but {short(key)}")
        yield (path, key), item
