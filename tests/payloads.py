"""Payloads gone wrong, and what codecs say to them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any
from uuid import UUID

import msgpack
from hypothesis import strategies as st

from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.spec import Made, spec_of


def nested(levels: int) -> Any:
    """Arrays and objects in each other, that many deep."""
    value: Any = 1
    for number in range(levels):
        value = {"k": value} if number % 2 else [value]
    return value


STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.0, -0.5, 1.0, 1.5, 1e300, -1e300, 5e-324, "", "x", "null", [], {}, [[]]),
    *([None], [1], [1.5], ["x"], [{}], {"k": 1}, {"k": None}, {"": {}}, {"k": "x"}, {"k": [1]}),
    *(
        2**53 + 1,
        2**63 - 1,
        2**63,
        2**64 - 1,
        2**64,
        -(2**63),
        -(2**63) - 1,
        2**70,
        10**30,
        1e19,
        1.8446744073709552e19,
    ),
    *([2**64], {"k": 2**64}, {"k": {"k": [-(2**63) - 1]}}, 9.3e18, [9.3e18], {"k": 2.0**64}),
    *(math.nan, math.inf, -math.inf, [math.nan], {"k": math.inf}),
    *(
        "12345678-1234-5678-1234-567812345678",
        "1234567812345678-1234-567812345678",
        "fp16",
        "start",
        "stop",
        "\U0001f600",
    ),
    *(nested(2), nested(20), nested(99), nested(100), nested(101), nested(110), nested(127), nested(128), nested(129)),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) in a payload."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@st.composite
def corrupted(draw: st.DrawFn, payloads: st.SearchStrategy[Any]) -> Any:
    """A payload with one or two things changed in it: often wrong, sometimes still right."""
    payload = json.loads(json.dumps(draw(payloads)))
    for _ in range(draw(st.integers(1, 2))):
        found = list(places(payload))
        action = draw(st.sampled_from(("replace", "replace", "replace", "drop", "add", "rename", "nudge")))
        if not found or action == "add":
            objects = [payload, *(box[key] for box, key in found if isinstance(box[key], dict))]
            draw(st.sampled_from(objects))[draw(st.sampled_from(("extra", "k", "", "event", "name")))] = strange(draw)
            continue
        box, key = draw(st.sampled_from(found))
        if action == "replace":
            box[key] = strange(draw)
        elif action == "drop":
            del box[key]
        elif action == "rename" and isinstance(box, dict):
            box[f"{key}_"] = box.pop(key)
        elif isinstance(box[key], (int, float)):
            box[key] = draw(st.sampled_from((-box[key], box[key] + 1, box[key] - 1, float(box[key]), str(box[key]))))
    return payload


def strange(draw: st.DrawFn) -> Any:
    """A copy of one of the strange values, so that nothing is shared."""
    return copy.deepcopy(draw(st.sampled_from(STRANGE)))


def said(value: Any) -> Any:
    """A message as plain data, without what was made for it alone (an id, the time)."""
    if is_message(type(value)):
        return {
            field.name: "made" if isinstance(field.default, Made) else said(getattr(value, field.name))
            for field in spec_of(type(value)).fields
        }
    if isinstance(value, dict):
        return {key: said(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [said(item) for item in value]
    return value.value if isinstance(value, Enum) else str(value) if isinstance(value, UUID) else value


def exactly(value: Any) -> str:
    """A text that differs where an integer stands for a float, or True for 1."""
    return json.dumps(said(value), default=repr)


Outcome = tuple[str, str]


def outcome(act: Callable[[], Any]) -> Outcome:
    """What came of it: the message in full, or the class and words of the refusal. Other exceptions are faults."""
    try:
        return "taken", exactly(act())
    except ProtocolError as error:
        return type(error).__name__, str(error)


def as_json(payload: Any) -> bytes | None:
    """The payload as JSON, where JSON can say it."""
    try:
        return json.dumps(payload, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None


def as_msgpack(payload: Any) -> bytes | None:
    """The payload as MessagePack, where that can say it."""
    try:
        packed: bytes = msgpack.packb(payload)
    except (OverflowError, ValueError):
        return None
    return packed
