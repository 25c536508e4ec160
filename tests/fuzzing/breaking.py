"""Payloads, bytes and texts broken in one or a few places: often wrong, sometimes still right."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from fuzzing.making import FLOATS, INTEGERS, free, text
from fuzzing.odd import MEMBERS, UNCARRIED


def nested(levels: int, *, objects: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"k": value} if objects else [value]
    return value


STRANGE: tuple[Any, ...] = (
    *(None, True, False, "", "x", [], {}, [[]], [{}], [None], {"": {}}, {"k": [1]}, [1.5], ["x"]),
    *(math.nan, math.inf, -math.inf, [math.nan], {"k": math.inf}, 1e309, 8.0, -8.0, 1e16, 2.0**53, 2.0**53 + 2, 1e19),
    *(2**64, -(2**63) - 1, 2**70, 10**30, [2**64], {"k": [2**64]}, "12345678-1234-5678-1234-567812345678", "wild"),
    *(nested(99), nested(100), nested(101), nested(127), nested(129), nested(99, objects=True), nested(300)),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) in a payload."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if type(holder[key]) in (dict, list):
                waiting.append(holder[key])


def broken(rng: Random, payload: Any, *, times: int = 2, wire: bool = True) -> Any:
    """A copy with a few things changed; where it need not be what a wire carries, into anything."""
    payload = copy.deepcopy(payload)
    for _ in range(rng.choice((1, 1, times))):
        found = list(places(payload)) if type(payload) in (dict, list) else []
        if not found:
            return strange(rng, wire)
        holder, key = rng.choice(found)
        action = rng.randrange(10)
        if action < 4:
            holder[key] = strange(rng, wire)
        elif action == 4:
            del holder[key]
        elif action == 5 and type(holder) is dict:
            longer = str.__add__(key, "_") if isinstance(key, str) else "_"
            holder[rng.choice((longer, "extra", "", "event", "k" * 200, "__class__", "self"))] = holder.pop(key)
        elif action in (6, 9):
            holder[key] = nudged(rng, holder[key])
        elif action == 7:
            holder[key] = rng.choice(([holder[key]], {"k": holder[key]}, [holder[key]] * 3))
        else:
            other, place = rng.choice(found)
            if any(place is known for known in (other if type(other) is dict else range(len(other)))):
                holder[key] = copy.deepcopy(other[place])
    return payload


def nudged(rng: Random, value: Any) -> Any:
    """Nearly the same value."""
    if type(value) is bool:
        return int(value)
    if type(value) in (int, float) and abs(value) < 1e300:
        near = (value + 1, value - 1, value + 0.5, float(value), value + 2**64, math.nan, math.inf, -math.inf)
        return rng.choice((-value, str(value), bool(value), *near))
    if type(value) is str:
        return rng.choice((value + "x", value[:-1], value.upper(), value + "\x00", list(value), f" {value}"))
    return rng.choice((None, str(type(value)), [value]))


def strange(rng: Random, wire: bool = True) -> Any:
    """A value that has no business there."""
    if not wire and rng.random() < 0.5:
        return copy.deepcopy(rng.choice(UNCARRIED)) if rng.random() < 0.8 else rng.choice(MEMBERS)
    if rng.random() < 0.3:
        return rng.choice((rng.choice(INTEGERS), rng.choice(FLOATS), text(rng), free(rng)))
    return copy.deepcopy(rng.choice(STRANGE))


_BYTES = (b"", b"\x00", b"\xff", b"\xc1", b"\xc0", b"\xdf\xff\xff\xff\xff", b"\xdd\x7f\xff\xff\xff", b"\xc7\x01\x05x")
_TOKENS = (
    *(b"null", b"true", b"NaN", b"-0", b"1e400", b"1e-400", b"8.0", b"-1", b"[", b"]", b"{", b"}", b",", b":", b'"'),
    *(
        b'"k":1,',
        b"\\ud800",
        b"\\u0000",
        b"\xef\xbb\xbf",
        b"18446744073709551616",
        b"0.1234567890123456789",
        b" \t\r\n",
    ),
    *(b"\xca\x41\x00\x00\x00", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", b"\x92\x01\x02", b"\xd9\x01x", b"\xc4\x01x"),
    *(b"\xd6\xff\x00\x00\x00\x01", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
)


def broken_bytes(rng: Random, data: bytes, times: int = 3) -> bytes:
    """Bytes with bits turned, and pieces cut out, doubled, moved and put in."""
    for _ in range(rng.randint(1, times)):
        at = rng.randrange(len(data) + 1)
        to = min(at + rng.choice((1, 1, 2, 4, 16, 64)), len(data))
        action = rng.randrange(8)
        if action == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif action == 1:
            data = data[:at] + data[to:]
        elif action == 2:
            data = data[:to] + data[at:to] * rng.choice((1, 2, 30)) + data[to:]
        elif action == 3:
            data = data[:at]
        elif action == 4:
            other = rng.randrange(len(data) + 1)
            data = data[:other] + data[at:to] + data[other:]
        elif action == 5:
            data = data[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 4))) + data[to:]
        elif action == 6:
            data = data[:at] + rng.choice(_BYTES) + data[at:]
        else:
            data = data[:at] + rng.choice(_TOKENS) + data[rng.choice((at, to)) :]
    return data


def doubled(rng: Random, text: bytes) -> bytes:
    """A JSON object of one level with one of its fields a second time, of another value."""
    key = rng.choice((b'"request_id"', b'"max_tokens"', b'"metadata"', b'"k"', b'"event"', b'"error_rate"'))
    value = rng.choice((b"null", b'"x"', b"1", b"-1", b"[]", b"{}", b"8.0"))
    at = rng.choice([place for place, letter in enumerate(text) if letter in b"{"] or [0])
    return text[: at + 1] + key + b":" + value + b"," + text[at + 1 :]


def broken_text(rng: Random, value: str, pieces: Sequence[str]) -> str:
    """A text with pieces put in, cut out and doubled."""
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(value) + 1)
        to = min(at + rng.choice((0, 1, 1, 5)), len(value))
        value = value[:at] + rng.choice((*pieces, chr(rng.randrange(0x180)), value[at:to])) + value[to:]
    return value
