"""Payloads as JSON and as MessagePack, with what Python has no value for written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import msgpack

_MARK = "(by hand)"


@attrs.frozen
class Written:
    """A value that not every form can say, or that writers refuse: what it is in each."""

    in_json: Callable[[], bytes] | None = None
    in_msgpack: Callable[[], bytes] | None = None
    in_python: Callable[[], Any] | None = None


def as_json(payload: Any) -> bytes:
    """The payload as JSON."""
    payload, by_hand = _split(payload)
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    if by_hand is None:
        return text
    assert by_hand.in_json is not None
    return text.replace(b'"' + _MARK.encode() + b'"', by_hand.in_json())


def as_msgpack(payload: Any) -> bytes:
    """The payload as MessagePack."""
    payload, by_hand = _split(payload)
    packed: bytes = msgpack.packb(payload)
    if by_hand is None:
        return packed
    assert by_hand.in_msgpack is not None
    return packed.replace(msgpack.packb(_MARK), by_hand.in_msgpack())


def as_itself(payload: Any) -> Any:
    """The payload in Python."""
    if isinstance(payload, Written):
        assert payload.in_python is not None
        return payload.in_python()
    if type(payload) is dict and _split(payload)[1] is not None:
        return {key: as_itself(value) for key, value in payload.items()}
    return payload


def _split(payload: Any) -> tuple[Any, Written | None]:
    """The payload with a mark in the place of what is written by hand; that stands in objects alone."""
    if isinstance(payload, Written):
        return _MARK, payload
    if type(payload) is dict:
        for key, value in payload.items():
            if isinstance(value, (dict, Written)) and value is not payload:
                inner, found = _split(value)
                if found is not None:
                    return {**payload, key: inner}, found
    return payload, None


def weight(given: Any) -> int:
    """How large an input is: bytes and texts by their length, containers by what they hold; each container once."""
    if isinstance(given, (bytes, str)):
        return len(given)
    seen: set[int] = set()
    waiting, total = [given], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, (str, bytes)):
            total += len(value) + 2
        elif isinstance(value, int):
            total += 1 + value.bit_length() // 8
        elif not isinstance(value, (dict, list, tuple)):
            total += 8
        elif id(value) in seen:
            total += 1
        else:
            seen.add(id(value))
            total += 8
            waiting.extend(value)
            if isinstance(value, dict):
                waiting.extend(value.values())
    return total
