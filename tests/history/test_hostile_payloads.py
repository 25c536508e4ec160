"""What no parser makes: values that nest without end, stand in many places, or are of classes that lie."""

from __future__ import annotations

import time
import tracemalloc
from collections import OrderedDict, UserDict
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sagellm_protocol import codecs, history, testing
from sagellm_protocol.history import HISTORY, Candidate, History
from sagellm_protocol.history.changes import added, renamed, revision
from sagellm_protocol.history.payloads import alike, owned, plain
from sagellm_protocol.model.exceptions import (
    DecodeError,
    LossyDowngradeError,
    ProtocolError,
    UnknownPayloadError,
    ValidationError,
)
from sagellm_protocol.types import Request
from stopwatch import takes_at_most
from toys import Declare, declare  # noqa: F401 - the fixture

METRICS = {"ttft_ms": 1.0, "tbt_ms": 2.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0}
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "content": "x", "content_tokens": [1]}


class Lying(dict[Any, Any]):
    """A dict whose every method raises."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("called")

    __getitem__ = __contains__ = __iter__ = __len__ = __eq__ = __ne__ = _raise
    __hash__ = None  # type: ignore[assignment]


class LyingText(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        return str.__hash__(self)


class LyingList(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("iterated")

    __len__ = __iter__


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def doubled(levels: int) -> Any:
    value: Any = [0]
    for _ in range(levels):
        value = [value, value]
    return value


def cyclic() -> Any:
    value: Any = {}
    value["a"] = value["b"] = [value, value]
    return value


HOSTILE: dict[str, Callable[[], Any]] = {
    "deep": lambda: {"site": deep(100_000)},
    "deep dicts": lambda: {"site": {"x": deep(128)}},
    "deep and odd": lambda: {"odd": OrderedDict(), "site": deep(100_000)},
    "cyclic and odd": lambda: {"odd": OrderedDict(), "site": cyclic()},
    "cyclic": lambda: {"site": cyclic()},
    "a key that is no text": lambda: {1: 2},
    "keys of two kinds": lambda: {"site": [{"a": 1, None: 2}]},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("message", "said"), [("types.Metrics", METRICS), ("types.StreamEventDelta", DELTA)])
def test_what_cannot_be_walked_is_refused(name: str, message: str, said: dict[str, Any]) -> None:
    payload = {**said, **HOSTILE[name]()}
    assert history.detect(payload) == ()
    assert history.detect_all([payload]) == history.revisions
    with pytest.raises(UnknownPayloadError):
        history.identify(payload)
    for release in ("0.1.0", "0.4.0.7", "latest"):
        for act in (
            lambda release: history.upgrade(payload, message, since=release),
            lambda release: history.downgrade(payload, message, to=release),
            lambda release: history.downgrade(payload, message, to=release, lossy=True),
            lambda release: history.losses(payload, message, to=release),
        ):
            with pytest.raises((DecodeError, ValidationError)):
                act(release)


def test_errors_say_where() -> None:
    with pytest.raises(ValidationError, match=r"site\[1\]: must be an object with texts as keys, got 2"):
        history.upgrade({"site": [0, {2: 3}]}, "Metrics", since="0.1.0")
    with pytest.raises(DecodeError, match=r"^site\.below\[0\] holds itself"):
        history.upgrade({"site": loop(), "odd": OrderedDict()}, "Metrics", since="0.1.0")
    with pytest.raises(DecodeError, match="nests deeper than 128 levels"):
        history.upgrade({"site": loop()}, "Metrics", since="0.1.0")
    with pytest.raises(DecodeError, match="nests deeper than 128 levels"):
        history.upgrade({"site": deep(128)}, "Metrics", since="0.1.0")
    assert history.upgrade({"site": deep(127)}, "Metrics", since="0.1.0")["site"] == deep(127)
    shared = deep(100)
    assert history.upgrade({"a": shared, "b": nested(27, shared)}, "Metrics", since="0.1.0")
    odd = OrderedDict(a=shared, b=nested(27, shared))
    assert history.upgrade(odd, "Metrics", since="0.1.0") == odd
    for payload in ({"a": shared, "b": nested(28, shared)}, OrderedDict(a=shared, b=nested(28, shared))):
        with pytest.raises(DecodeError, match="deeper"):
            history.upgrade(payload, "Metrics", since="0.1.0")


def nested(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def test_what_stands_in_many_places_is_walked_once() -> None:
    payload = {**METRICS, "site": doubled(60)}
    chat = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "site": doubled(60)}
    with takes_at_most(5):
        assert history.upgrade(payload, "Metrics", since="0.1.0")["site"]
        assert history.downgrade(payload, "Metrics", to="0.1.0")["site"]
        assert history.detect({**DELTA, "site": doubled(60)}) == history.detect(DELTA)
        assert history.identify(chat, "ChatCompletionRequest").message == "openai_types.ChatCompletionRequest"


def lying(value: Any) -> Any:
    """The same, of classes that lie."""
    if isinstance(value, dict):
        return Lying({LyingText(key): lying(item) for key, item in value.items()})
    if isinstance(value, list):
        return LyingList([lying(item) for item in value])
    return LyingText(value) if isinstance(value, str) else value


@pytest.mark.parametrize("payload", [METRICS, DELTA, {**METRICS, "site": {"a": [1, {"b": "c"}]}}])
def test_methods_of_a_callers_classes_are_not_called(payload: dict[str, Any]) -> None:
    message = "types.Metrics" if "ttft_ms" in payload else "types.StreamEventDelta"
    assert history.detect(lying(payload)) == history.detect(payload)
    assert history.identify(lying(payload), message).since == history.identify(payload, message).since
    for release in ("0.4.1.0", "latest"):
        assert history.upgrade(lying(payload), message, since=release) == history.upgrade(
            payload, message, since=release
        )
    assert history.downgrade(lying(payload), message, to="0.4.0.8") == history.downgrade(payload, message, to="0.4.0.8")
    assert history.losses(lying(payload), message, to="0.1.0") == history.losses(payload, message, to="0.1.0")


class Number(float):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = float.__hash__


class Whole(int):
    def __lt__(self, other: object) -> bool:
        raise RuntimeError("compared")


def test_subclasses_of_scalars_are_what_they_are_subclasses_of() -> None:
    copy = plain("m", {"a": Number(1.5), "b": Whole(3), "c": LyingText("x"), "d": (object, UserDict()), "e": True})
    assert [type(value) for value in copy.values()] == [float, int, str, tuple, bool]
    assert copy["d"][0] is object
    again = {"a": 1.5, "b": [3, (None,)], "c": {}}
    assert plain("m", again) is again


@settings(max_examples=100)
@given(st.recursive(st.integers() | st.text(max_size=2) | st.booleans(), lambda inner: st.lists(inner, max_size=3)))
def test_a_copy_is_owned_to_the_bottom(value: Any) -> None:
    copy = owned(value)
    assert alike(copy, value)
    assert copy is not value or not isinstance(value, list)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (0, False, False),
        (1, 1.0, True),
        ([0], [False], False),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1], [1, 2], False),
        ((1,), [1], True),
        ({}, [], False),
        ("", None, False),
    ],
)
def test_alike_is_the_same_json(left: Any, right: Any, same: bool) -> None:
    assert alike(left, right) is alike(right, left) is same


# Messages that hold themselves

TREE = """
@message
class Tree:
    below: "Sequence[Tree]" = ()
    title: str = ""
    came: int = 0
"""


class Text(str):
    """So that a payload is no plain one."""


@pytest.mark.parametrize("leaf", ["x", Text("x")], ids=["plain", "copied"])
@pytest.mark.parametrize("nest", [lambda value: {"k": value}, lambda value: [value]], ids=["tables", "lists"])
def test_what_is_shared_may_be_too_deep_in_one_of_its_places(leaf: str, nest: Callable[[Any], Any]) -> None:
    def nested(value: Any, levels: int) -> Any:
        for _ in range(levels):
            value = nest(value)
        return value

    tail = nested(leaf, 50)
    # The request and its metadata are two of 128 levels.
    for levels, fits in ((76, True), (77, False)):
        request = {"request_id": "r", "metadata": {"near": tail, "far": nested(tail, levels)}}
        for act in (
            lambda given: history.upgrade(given, "Request", since="0.1.0"),
            lambda given: history.downgrade(given, "Request", to="0.1.0"),
        ):
            if fits:
                assert act(request)["metadata"] == request["metadata"]
            else:
                with pytest.raises(DecodeError, match="deeper than 128"):
                    act(request)


@pytest.fixture
def trees(declare: Declare) -> History:  # noqa: F811
    return History(
        [revision("2", renamed("toy.Tree", name="title"), added("toy.Tree", "came")), revision("1")], declare(TREE)
    )


def tree(levels: int, places: int, leaf: dict[str, Any] | None = None) -> dict[str, Any]:
    payload = {"name": "leaf"} if leaf is None else leaf
    for _ in range(levels):
        payload = {"below": [payload] * places}
    return payload


def test_messages_that_hold_themselves_in_many_places(trees: History) -> None:
    assert trees.detect(tree(3, 2)) == (Candidate("toy.Tree", "1", "1"),)
    assert trees.upgrade(tree(3, 2), "Tree", since="1") == tree(3, 2, {"title": "leaf"})
    assert trees.downgrade(tree(3, 2, {"title": "leaf"}), "Tree", to="1") == tree(3, 2)
    many = tree(40, 2)
    assert trees.detect(many) == ()
    for act in (
        lambda: trees.upgrade(many, "Tree", since="1"),
        lambda: trees.downgrade(many, "Tree", to="1"),
        lambda: trees.losses(many, "Tree", to="1"),
    ):
        with pytest.raises(DecodeError, match="in too many places"):
            act()


def test_messages_that_hold_themselves_without_end(trees: History) -> None:
    for payload in (tree(100_000, 1), loop()):
        assert trees.detect(payload) == ()
        for act in (
            lambda given: trees.upgrade(given, "Tree", since="1"),
            lambda given: trees.downgrade(given, "Tree", to="1"),
            lambda given: trees.losses(given, "Tree", to="1"),
            lambda given: trees.identify(given, "Tree"),
        ):
            with pytest.raises(ProtocolError):
                act(payload)
    assert trees.upgrade(tree(60, 1), "Tree", since="1") == tree(60, 1, {"title": "leaf"})


class Elsewhere(str):
    """A text that hides from a dict that has it."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7

    __eq__ = object.__eq__


def test_a_key_that_stands_there_twice_is_refused() -> None:
    for twice in ({"a": 1, Elsewhere("a"): 2}, {Elsewhere("a"): 1, Elsewhere("a"): 2}):
        with pytest.raises(ValidationError, match=r"site\.a: must be given once, got 2"):
            history.upgrade({"site": twice}, "Metrics", since="0.1.0")
    assert history.upgrade({Elsewhere("a"): 1}, "Metrics", since="0.1.0") == {"a": 1}


def loop() -> dict[str, Any]:
    payload: dict[str, Any] = {"below": []}
    payload["below"].append(payload)
    return payload


# What is doubted is looked at


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"object": "embedding", "embedding": [0, 1.5], "index": 0}, "openai_types.EmbeddingData"),
        ({"object": "embedding", "embedding": [0.5, 1.5], "index": 8.0}, "openai_types.EmbeddingData"),
        ({**METRICS, "itl_list": [1, 2.5]}, "types.Metrics"),
        (OrderedDict(METRICS), "types.Metrics"),
    ],
)
def test_what_a_reader_doubts_is_looked_at(payload: dict[str, Any], message: str) -> None:
    assert message in {found.message for found in history.detect(payload)}
    assert message in {found.message for found in history.detect(payload, message)}
    assert history.identify(payload, message).message == message


def test_what_is_doubted_is_told_by_fields_of_nested_messages_too() -> None:
    """A field that a message within did not have yet speaks against a revision, whatever else is odd."""
    response = {
        "request_id": "r",
        "trace_id": "t",
        "output_text": "x",
        "output_tokens": [],
        "finish_reason": "stop",
        "metrics": {**METRICS, "peak_mem_mb": 4.0, "comm_overhead_ms": 1.0},
    }
    assert history.detect(response, "Response") == (Candidate("types.Response", "0.1.2.4", history.latest),)


@pytest.mark.parametrize("odd", [2.0**63, -(2.0**64), 1e300, OrderedDict(a=1), [OrderedDict(a=[OrderedDict()])], (1,)])
def test_odd_free_json_is_no_hindrance(odd: Any) -> None:
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "model": "m", "prompt": "p", "stream": True}
    for payload in ({**request, "metadata": {"odd": odd}}, OrderedDict(request, metadata={"odd": odd})):
        plainly = history.detect({**request, "metadata": {"odd": 1}})
        assert history.detect(payload) == plainly
        assert "types.Request" in {found.message for found in plainly}


class Level(Enum):
    HIGH = "high"
    ODD = object()


def test_free_json_is_judged_as_codecs_do() -> None:
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "model": "m", "prompt": "p", "stream": True}
    shared = deep(90)
    for odd, right in [
        (Level.HIGH, True),
        ([Level.HIGH, Level.ODD], False),
        (deep(99), True),
        (deep(100), False),
        ([shared, nested(8, shared)], True),
        ([shared, nested(9, shared)], False),
        ([2**64 - 1, -(2**63)], True),
        ([-(2**63) - 1], False),
        ({"a": (1, [True, None, 0.5])}, True),
    ]:
        for doubt in ([1e300], []):
            payload = {**request, "metadata": {"odd": odd, "doubt": doubt}}
            assert bool(history.detect(payload, "Request")) is right, odd
            assert right is valid(payload)


def valid(payload: dict[str, Any]) -> bool:
    try:
        codecs.get("dict").decode(payload, Request)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize("wrong", [float("nan"), 2**64, object(), {1: 2}])
def test_what_is_wrong_stays_wrong(wrong: Any) -> None:
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "metadata": {"odd": wrong}}
    assert history.detect(request, "Request") == ()


@pytest.mark.no_cover
@pytest.mark.once
@pytest.mark.parametrize("revision", history.revisions)
def test_the_truth_is_never_lost(revision: str) -> None:
    """Payloads of every message, odd ones too, and what it is told besides."""

    @settings(max_examples=4)
    @given(st.data())
    def never_lost(message: str, data: st.DataObject) -> None:
        order = history.revisions.index
        payload = data.draw(testing.payloads(message, revision))
        for form in (payload, OrderedDict(payload)):
            assert any(
                found.message == message and order(found.first) <= order(revision) <= order(found.last)
                for found in history.detect(form)
            ), (message, payload)

    for message in HISTORY.specs(revision):
        never_lost(message)


def test_a_huge_payload_that_every_shape_doubts_costs_a_small_multiple() -> None:
    """Of the same without doubt, for as many shapes: twenty times at most."""

    def cost(payload: dict[str, Any]) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.thread_time()
            history.detect(payload)
            best = min(best, time.thread_time() - begun)
        return best

    for last in (1e300, OrderedDict(), float("nan"), object(), {"x": {1: 2}}):
        rows = [{"a": 1, "b": "x", "c": [1.5, None]} for _ in range(500)]
        valid = cost({"metadata": {"rows": rows}})
        assert cost({"metadata": {"rows": [*rows, last]}}) < 20 * valid
        assert cost({"metadata": {"rows": [last, *rows]}}) < 20 * valid


# Losses


def test_an_error_holds_a_hundred_losses_and_counts_the_rest(declare: Declare) -> None:  # noqa: F811
    own = History(
        [revision("2", added("toy.Leaf", "came")), revision("1")],
        declare("@message\nclass Leaf:\n    came: int = 0\n\n\n@message\nclass Box:\n    table: Mapping[str, Leaf]\n"),
    )
    payload = {"table": {f"{'k' * 1000}{number}": {"came": 1} for number in range(1000)}}
    with pytest.raises(LossyDowngradeError, match=r"and 900 more$") as raised:
        own.downgrade(payload, "Box", to="1")
    assert (len(raised.value.losses), raised.value.more) == (100, 900)
    found = own.losses(payload, "Box", to="1")
    assert len(found) == 1000
    assert max(len(loss.path) for loss in found) < 200
    assert found[:100] == raised.value.losses
    assert own.downgrade(payload, "Box", to="1", lossy=True)["table"].keys() == payload["table"].keys()

    many = {"table": {f"{'k' * 1000}{number}": {"came": 1} for number in range(20_000)}}
    tracemalloc.start()
    try:
        with pytest.raises(LossyDowngradeError, match=r"and 19900 more$"):
            own.downgrade(many, "Box", to="1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
