"""The bombs that are payloads: what is in them, whatever the codec.

Each is of a kind of message, and stands beside a good payload of that kind. Both are functions of a size in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from bombs.forms import Written, as_msgpack
from bombs.hashing import array_keys, integer_keys
from sagellm_protocol.kv.operations import KVCacheFreeResponse
from sagellm_protocol.openai_types import ChatCompletionRequest, EmbeddingData
from sagellm_protocol.types import Request, Response, StreamEvent

Make = Callable[[int], Any]
"""Makes an input of about so many bytes."""

WIRES = ("json", "msgpack")
FORMS = (*WIRES, "python")


@attrs.frozen
class Payload:
    """A bomb, the good payload beside it, and the forms in which it can be said."""

    name: str
    kind: Any
    hostile: Make
    valid: Make
    forms: tuple[str, ...] = FORMS
    most: int = 8_000_000
    """The largest size at which it can be made in reasonable time."""
    arguments: bool = False
    """Whether the good payload is arguments for the constructor as it stands."""


TURN: dict[str, Any] = {"role": "user", "content": "x"}
REQUEST: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 8}
METRICS: dict[str, Any] = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
RESPONSE: dict[str, Any] = {
    "request_id": "r",
    "trace_id": "t",
    "output_text": "x",
    "output_tokens": [1],
    "finish_reason": "stop",
    "metrics": METRICS,
}
DELTA: dict[str, Any] = {
    "event": "delta",
    "request_id": "r",
    "trace_id": "t",
    "engine_id": "e",
    "content": "x",
    "content_tokens": [1],
}
ERROR: dict[str, Any] = {"code": "invalid_argument", "message": "x"}
FREED: dict[str, Any] = {"request_id": "r", "trace_id": "t", "success": True, "freed_handles": [], "freed_bytes": 1}


class Text(str):
    """A text of a class of the caller's."""

    __slots__ = ()


# What stands in a place


def numbers(size: int) -> list[int]:
    """Different integers, as good as any."""
    return [100_000 + number % 800_000 for number in range(size // 7)]


def fields(size: int, value: Any = 1) -> dict[str, Any]:
    """Many different keys, each with the same value."""
    return {f"field_{number:07}": value for number in range(size // 17)}


def nested(levels: int, *, objects: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"k": value} if objects else [value]
    return value


def padded(value: Any, size: int) -> Any:
    """The value, and beside it a text that makes up the size."""
    return {"value": value, "text": "x" * size}


def long_key(size: int, value: Any, cost: int) -> dict[str, Any]:
    """A key of half the size, over as many values of that cost as fill the rest."""
    return {"k" * (size // 2): [value] * (size // 2 // cost)}


def keys_in_keys(size: int) -> Any:
    value: Any = [2**64]
    for _ in range(90):
        value = {"k" * (size // 90): value}
    return value


def sharing(levels: int, size: int) -> Any:
    """Lists of which each holds the next in every place."""
    value: Any = [1]
    for _ in range(levels):
        value = [value] * max(size // levels, 2)
    return value


def circle(size: int) -> Any:
    value: list[Any] = [1] * (size // 8)
    value.append(value)
    return value


def circle_of_objects(size: int) -> Any:
    value = fields(size)
    value["again"] = {"inner": [value]}
    return value


def digits(size: int, before: str = "") -> Written:
    return Written(in_json=lambda: before.encode() + b"7" * size)


def levels(size: int, opening: str, closing: str, packed: bytes) -> Written:
    count = size // (len(opening) + len(closing))
    return Written(
        in_json=lambda: opening.encode() * count + b"1" + closing.encode() * count,
        in_msgpack=lambda: packed * (size // len(packed)) + b"\x01",
    )


def thousand(*, objects: bool = False) -> Written:
    """A thousand levels: more than the writers write."""
    head, tail, packed = (b'{"k":', b"}", b"\x81\xa1k") if objects else (b"[", b"]", b"\x91")
    return Written(
        in_json=lambda: head * 1_000 + b"1" + tail * 1_000,
        in_msgpack=lambda: packed * 1_000 + b"\x01",
        in_python=lambda: nested(1_000, objects=objects),
    )


def again(size: int, key: str) -> Written:
    """One key, again and again."""
    count = size // (len(key) + 4)
    packed = as_msgpack(key)
    return Written(
        in_json=lambda: b"{" + b",".join([f'"{key}":8'.encode()] * count) + b"}",
        in_msgpack=lambda: b"\xdf" + count.to_bytes(4, "big") + (packed + b"\x08") * count,
    )


def keyed_by_arrays(size: int) -> Written:
    return Written(in_msgpack=lambda: as_msgpack(dict.fromkeys(array_keys(size // 20), 1)))


def keyed_by_integers(size: int) -> dict[Any, Any]:
    return dict.fromkeys(integer_keys(size // 10), 1)


# Payloads of a kind


def request(**more: Any) -> dict[str, Any]:
    return {**REQUEST, **more}


def free(make: Make) -> Make:
    """A request with something in its free JSON."""
    return lambda size: request(metadata={"k": make(size)})


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [TURN], **more}


def good_free(size: int) -> Any:
    return request(metadata={"k": numbers(size)})


def good_padded(size: int) -> Any:
    return request(metadata={"k": padded([1] * 1_000, size)})


def good_objects(size: int) -> Any:
    return request(metadata={"k": fields(size)})


def good_lists(size: int) -> Any:
    return request(metadata={"k": [[1] for _ in range(size // 10)]})


def good_turns(size: int) -> Any:
    return request(messages=[TURN] * (size // 30))


def good_chat(size: int) -> Any:
    return chat(messages=[TURN] * (size // 30))


def good_prompt(size: int) -> Any:
    return request(prompt="x" * size)


def good_response(size: int) -> Any:
    return {**RESPONSE, "output_tokens": numbers(size)}


def good_text(size: int) -> Any:
    return {**RESPONSE, "output_text": "x" * size}


def good_requests(size: int) -> Any:
    return [REQUEST] * (size // 50)


def good_delta(size: int) -> Any:
    return {**DELTA, "content_tokens": numbers(size)}


def good_deltas(size: int) -> Any:
    return [DELTA] * (size // 80)


def good_embedding(size: int) -> Any:
    return {"object": "embedding", "embedding": [0.5] * (size // 9), "index": 0}


def good_freed(size: int) -> Any:
    return {**FREED, "errors": fields(size // 3, ERROR)}


# The table


def _free_json() -> Iterator[Payload]:
    """What may be wrong with free JSON, beside numbers there."""
    no_json, json_alone, python_alone, no_python = ("msgpack", "python"), ("json",), ("python",), WIRES
    made: list[tuple[str, Make, tuple[str, ...]]] = [
        ("a long key over NaN", lambda size: long_key(size, math.nan, 9), no_json),
        ("a long key over big integers", lambda size: long_key(size, 2**70, 23), ("json", "python")),
        ("long keys within long keys", keys_in_keys, ("json", "python")),
        ("many NaN", lambda size: [math.nan] * (size // 9), no_json),
        ("many big integers", lambda size: [2**70] * (size // 23), ("json", "python")),
        ("many big floats", lambda size: [1e300] * (size // 9), FORMS),
        ("floats past 64 bits", lambda size: [1.8446744073709552e19] * (size // 12), FORMS),
        ("an integer of many digits", digits, json_alone),
        ("a float of many digits", lambda size: digits(size, "0."), json_alone),
        ("an exponent of many digits", lambda size: digits(size, "1e-"), json_alone),
        ("an integer of many bits", lambda size: 1 << (8 * size), python_alone),
        ("1,000 levels", lambda size: padded(thousand(), size), FORMS),
        ("1,000 levels of objects", lambda size: padded(thousand(objects=True), size), FORMS),
        ("100,000 levels", lambda size: padded(levels(200_000, "[", "]", b"\x91"), size), no_python),
        ("100,000 levels in Python", lambda size: padded(nested(100_000), size), python_alone),
        ("levels without end", lambda size: levels(size, "[", "]", b"\x91"), no_python),
        ("levels of objects without end", lambda size: levels(size, '{"":', "}", b"\x81\xa0"), no_python),
        ("levels that are left open", lambda size: levels(size, "[", "", b"\x91"), no_python),
        ("many values of 98 levels", lambda size: [nested(98) for _ in range(size // 200)], FORMS),
        ("many values of 120 levels", lambda size: [nested(120) for _ in range(size // 240)], FORMS),
        ("empty lists", lambda size: [[]] * (size // 3), FORMS),
        ("one key again and again", lambda size: again(size, "key"), no_python),
        ("lists that share lists", lambda size: sharing(60, size), python_alone),
        ("two in each of 90 shared lists", lambda size: padded(sharing(90, 0), size), python_alone),
        ("a list that holds itself", circle, python_alone),
        ("an object that holds itself", circle_of_objects, python_alone),
        ("texts of another class", lambda size: [Text(f"{n:08}") for n in range(size // 10)], python_alone),
        ("keys of another class", lambda size: {Text(name): 1 for name in fields(size)}, python_alone),
        ("integers as keys", lambda size: dict.fromkeys(range(size // 5), 1), no_json),
        ("objects of another kind", lambda size: [object()] * (size // 8), python_alone),
        ("sets", lambda size: [{1}] * (size // 8), python_alone),
    ]
    like = {
        "lists that share lists": good_lists,
        **dict.fromkeys(("empty lists", "many values of 98 levels", "many values of 120 levels"), good_lists),
        "an object that holds itself": good_objects,
        "keys of another class": good_objects,
        **dict.fromkeys(("1,000 levels", "1,000 levels of objects"), good_padded),
    }
    for name, make, forms in made:
        yield Payload(name, Request, free(make), like.get(name, good_free), forms, arguments=True)
    collide = 400_000
    yield Payload("integer keys that collide", Request, free(keyed_by_integers), good_objects, no_json, collide)
    yield Payload("array keys that collide", Request, free(keyed_by_arrays), good_objects, ("msgpack",), collide)


def _fields() -> Iterator[Payload]:
    """What may be wrong with the fields of messages."""
    nan, many = math.nan, fields
    no_json, python_alone, no_python = ("msgpack", "python"), ("python",), WIRES
    made: list[tuple[str, Any, Make, Make, tuple[str, ...]]] = [
        ("wrong messages", Request, lambda n: request(messages=[0] * (n // 2)), good_turns, FORMS),
        ("empty messages", Request, lambda n: request(messages=[{}] * (n // 3)), good_turns, FORMS),
        ("wrong roles", Request, lambda n: request(messages=[{**TURN, "role": "x"}] * (n // 30)), good_turns, FORMS),
        ("turns with unknown fields", Request, lambda n: request(messages=[{**TURN, **many(n)}]), good_turns, FORMS),
        ("wrong tokens", Response, lambda n: {**RESPONSE, "output_tokens": ["x"] * (n // 4)}, good_response, FORMS),
        ("null tokens", Response, lambda n: {**RESPONSE, "output_tokens": [None] * (n // 5)}, good_response, FORMS),
        ("integral floats", Response, lambda n: {**RESPONSE, "output_tokens": [8.0] * (n // 4)}, good_response, FORMS),
        (
            "one wrong token",
            Response,
            lambda n: {**RESPONSE, "output_tokens": [*numbers(n), nan]},
            good_response,
            no_json,
        ),
        ("wrong records", list[Request], lambda n: [{}] * (n // 3), good_requests, FORMS),
        ("records that are none", list[Request], lambda n: [0] * (n // 2), good_requests, FORMS),
        ("unknown fields in records", list[Request], lambda n: [request(**many(50))] * (n // 90), good_requests, FORMS),
        (
            "long unknown fields",
            list[Request],
            lambda n: [request(**{"k" * 500: 1})] * (n // 550),
            good_requests,
            FORMS,
        ),
        ("a null in an embedding", EmbeddingData, lambda n: _embedding(n, None), good_embedding, FORMS),
        ("a NaN in an embedding", EmbeddingData, lambda n: _embedding(n, nan), good_embedding, no_json),
        ("nulls in an embedding", EmbeddingData, lambda n: _embedding(0, *[None] * (n // 5)), good_embedding, FORMS),
        ("unknown fields", Request, lambda n: request(**many(n)), good_objects, FORMS),
        ("unknown fields alone", Request, many, good_objects, FORMS),
        ("a long unknown field", Request, lambda n: request(**{"k" * n: 1}), good_prompt, FORMS),
        ("a long key over unknown values", Request, lambda n: request(**long_key(n, 0, 2)), good_free, FORMS),
        ("unknown fields to ignore", ChatCompletionRequest, lambda n: chat(**many(n)), good_chat, FORMS),
        ("unknown levels", ChatCompletionRequest, lambda n: chat(x=padded(thousand(), n)), good_chat, FORMS),
        ("unknown shared lists", ChatCompletionRequest, lambda n: chat(x=sharing(60, n)), good_chat, python_alone),
        ("an unknown circle", ChatCompletionRequest, lambda n: chat(x=circle(n)), good_chat, python_alone),
        (
            "a long text for an enumeration",
            Response,
            lambda n: {**RESPONSE, "finish_reason": "x" * n},
            good_text,
            FORMS,
        ),
        ("a long text for a number", Request, lambda n: request(max_tokens="1" * n), good_prompt, FORMS),
        ("a list for a number", Request, lambda n: request(max_tokens=numbers(n)), good_free, FORMS),
        ("an object for a number", Request, lambda n: request(max_tokens=many(n)), good_objects, FORMS),
        ("escapes for a number", Request, lambda n: request(max_tokens="\x00" * (n // 6)), good_prompt, FORMS),
        ("a text beyond ASCII", Request, lambda n: request(max_tokens="\U0001f600" * (n // 4)), good_prompt, FORMS),
        ("long keys over wrong messages", KVCacheFreeResponse, _wrong_errors, good_freed, FORMS),
        ("wrong messages in a table", KVCacheFreeResponse, lambda n: {**FREED, "errors": many(n)}, good_freed, FORMS),
        ("wrong UUIDs", KVCacheFreeResponse, lambda n: {**FREED, "freed_handles": ["x"] * (n // 4)}, good_freed, FORMS),
        ("a long key over unknown fields", KVCacheFreeResponse, _long_key_over_unknown, good_freed, FORMS),
        ("a long tag", StreamEvent, lambda n: {**DELTA, "event": "x" * n}, good_delta, FORMS),
        ("a list for a tag", StreamEvent, lambda n: {**DELTA, "event": numbers(n)}, good_delta, FORMS),
        ("no tag", StreamEvent, many, good_delta, FORMS),
        ("a tag and unknown fields", StreamEvent, lambda n: {**DELTA, **many(n)}, good_delta, FORMS),
        ("wrong tags in a list", list[StreamEvent], lambda n: [{"event": 0}] * (n // 12), good_deltas, FORMS),
        ("one field again and again", Request, lambda n: again(n, "max_tokens"), good_objects, no_python),
        ("one unknown field again and again", Request, lambda n: again(n, "max_token"), good_objects, no_python),
        ("no message", Request, numbers, good_free, FORMS),
        ("levels alone", Request, lambda n: levels(n, "[", "]", b"\x91"), good_free, no_python),
        ("a shared list for a number", Request, lambda n: request(max_tokens=sharing(60, n)), good_free, python_alone),
        ("a circle for a number", Request, lambda n: request(max_tokens=circle(n)), good_free, python_alone),
    ]
    for name, kind, hostile, valid, forms in made:
        yield Payload(name, kind, hostile, valid, forms)
    yield Payload("integer fields that collide", Request, keyed_by_integers, good_objects, no_json, 400_000)
    yield Payload("array fields that collide", Request, keyed_by_arrays, good_objects, ("msgpack",), 400_000)


def _embedding(size: int, *more: Any) -> Any:
    return {"object": "embedding", "embedding": [0.5] * (size // 9) + list(more), "index": 0}


def _wrong_errors(size: int) -> Any:
    return {**FREED, "errors": {f"{'k' * (size // 100)}{number}": number for number in range(100)}}


def _long_key_over_unknown(size: int) -> Any:
    return {**FREED, "errors": {"k" * (size // 2): {**ERROR, **fields(size // 2)}}}


def payloads() -> Iterator[Payload]:
    """Every bomb that is a payload."""
    yield from _free_json()
    yield from _fields()
