"""What a caller hands in as a payload is plain for the core only where Python says so too, and to the same depth."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pairs import came_of, in_python
from sagellm_protocol import history
from sagellm_protocol.history.payloads import plain
from sagellm_protocol.model import native
from sagellm_protocol.model.nesting import MAX_DEPTH

core = native.core
pytestmark = pytest.mark.skipif(core is None, reason="there is no compiled core")


class Text(str):
    pass


class Number(IntEnum):
    ONE = 1


SHARED: list[Any] = [1]
CIRCLE: dict[str, Any] = {}
CIRCLE["circle"] = [CIRCLE]


def nested(levels: int, inner: Callable[[Any], Any] = lambda value: [value]) -> Any:
    value: Any = []
    for _ in range(levels - 2):
        value = inner(value)
    return {"a": value}


def wide(count: int) -> Any:
    return {"a": [[index] for index in range(count)]}


ODD: list[Any] = [
    *(None, [], 1, "text", {}, {"a": ()}, {"a": (1, [2.5, True, None, "b", {"c": {}}])}),
    *({1: 2}, {Text("a"): 1}, {"a": Text("b")}, {"a": Number.ONE}, {"a": {1, 2}}, {"a": b"bytes"}, {"a": 2**70}),
    *(OrderedDict(a=1), {"a": OrderedDict(b=1)}, {"a": [Text("b")]}, {"a": SHARED, "b": SHARED}, CIRCLE),
    *(nested(levels) for levels in (2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 5000)),
    *(nested(levels, lambda value: {"b": value}) for levels in (MAX_DEPTH, MAX_DEPTH + 1)),
    *(wide(count) for count in (14, 15, 16, 17, 31, 32, 33, 1000)),
    {"a": [*wide(40)["a"], SHARED, SHARED]},
]
payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([SHARED, Number.ONE]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(1), inner) | st.lists(inner).map(tuple),
)


def judged_alike(payload: Any) -> None:
    compiled = came_of(plain, "message", payload)
    with in_python():
        assert came_of(plain, "message", payload) == compiled


@pytest.mark.parametrize("payload", ODD, ids=range(len(ODD)))
def test_odd_payloads(payload: Any) -> None:
    judged_alike(payload)


@given(payloads)
def test_any_payload(payload: Any) -> None:
    judged_alike(payload)


def test_what_is_plain_is_not_copied() -> None:
    payload = wide(100)
    assert plain("message", payload) is payload
    assert core is not None
    assert core.plain(payload, 3)
    assert not core.plain(payload, 2)


@pytest.mark.parametrize("arguments", [(), ({},), ({}, -1), ({}, 257), ({}, "3"), ({}, 1, 2)])
def test_it_is_called_with_a_payload_and_levels(arguments: tuple[Any, ...]) -> None:
    assert core is not None
    with pytest.raises((TypeError, SystemError)):
        core.plain(*arguments)


def test_an_upgrade_takes_the_same_and_refuses_the_same() -> None:
    for payload in ODD:
        compiled = came_of(history.upgrade, payload, "Request", since="0.1.0")
        with in_python():
            assert came_of(history.upgrade, payload, "Request", since="0.1.0") == compiled
