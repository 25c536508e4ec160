"""A site's own repairs: run on every path or asked about, on a dict that is theirs, and told in full when they fail."""

from __future__ import annotations

import copy
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sagellm_protocol import catalog, codecs, history, testing
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.history import HISTORY, Candidate, HookError
from sagellm_protocol.history.hooks import Hook
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, DecodeError, ProtocolError, ValidationError

METRICS = {"ttft_ms": 1.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0, "tpot_ms": 2.0}
RESPONSE = {
    "request_id": "r",
    "trace_id": "t",
    "output_text": "x",
    "output_tokens": [1],
    "finish_reason": "stop",
    "metrics": METRICS,
    "error": None,
}
PAIRS = [(message, revision) for revision in history.revisions for message in HISTORY.specs(revision)]

Register = Callable[..., Hook]


@pytest.fixture
def register() -> Iterator[Register]:
    """``register(function, message, revision)`` registers a hook until the test is over."""
    registered: list[Hook] = []

    def registering(function: Hook, message: str, since: str) -> Hook:
        registered.append(function)
        return history.hook(message, since=since)(function)

    yield registering
    for function in registered:
        history.unhook(function)


# Never skipped


def mark(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"hook_ran": True}


@pytest.mark.parametrize("revision", history.revisions)
def test_a_hook_runs_or_is_asked_about(revision: str) -> None:
    """For every message of the revision, whether message and revision are told or not."""

    @settings(max_examples=3)
    @given(st.data())
    def never_skipped(data: st.DataObject) -> None:
        for message in HISTORY.specs(revision):
            payload = data.draw(testing.payloads(message, revision))
            history.hook(message, since=revision)(mark)
            try:
                for known in (message, None):
                    for among in ([revision], None):
                        assert ran_or_asked(payload, message, known, among), (message, payload)
            finally:
                history.unhook(mark)

    never_skipped()


def ran_or_asked(payload: dict[str, Any], message: str, known: str | None, among: list[str] | None) -> bool:
    """Whether a hook for the message ran on the payload, or the error names it, or another message besides."""
    try:
        found = history.identify(payload, known, among=among)
    except AmbiguousPayloadError as error:
        others = [told for told in error.candidates if not told.startswith(f"{message} (")]
        return bool(others) or (among is None and f"with the hook {__name__}.mark" in str(error))
    if found.message != message:
        return known is None
    if among is not None and found.since not in among:
        return False
    return bool(history.upgrade(payload, message, since=found.since).get("hook_ran"))


def test_the_revision_is_among_those_told() -> None:
    for among in (["0.1.0"], ["0.1.0.1", "0.1.2.0"], ["0.5.2.13"]):
        assert history.identify(METRICS, among=among).since == history.resolve(among[-1])
        assert history.identify(METRICS, among=list(reversed(among))).since == history.resolve(among[-1])


def test_a_hook_for_some_revisions_of_a_span_makes_it_ask(register: Register) -> None:
    assert history.detect(METRICS) == (Candidate("types.Metrics", "0.1.0", "0.5.4.16"),)
    register(mark, "types.Metrics", "0.1.2.4")
    with pytest.raises(AmbiguousPayloadError) as raised:
        history.identify(METRICS)
    assert [told for told in raised.value.candidates if "hook" in told] == [
        f"types.Metrics (0.1.2.4) with the hook {__name__}.mark"
    ]
    assert len(raised.value.candidates) == 5
    assert history.identify(METRICS, among=["0.1.2.4"]).since == "0.1.2.4"
    assert history.identify(METRICS, among=["0.1.2.0", "0.4.0.8"]).since == "0.4.0.7"
    with pytest.raises(AmbiguousPayloadError):
        history.identify(METRICS, among=["0.1.2.0", "0.1.2.4"])


def test_a_hook_that_makes_no_difference_does_not_make_it_ask(register: Register) -> None:
    register(lambda payload: payload, "types.Metrics", "0.1.2.4")
    assert history.identify(METRICS).since == "0.5.4.16"


def test_a_hook_that_sets_aside_makes_it_ask(register: Register) -> None:
    register(lambda payload: None, "types.Metrics", "0.1.2.4")
    with pytest.raises(AmbiguousPayloadError, match="hook"):
        history.identify(METRICS)


def test_where_every_reading_fails_it_need_not_ask(register: Register) -> None:
    for revision in history.revisions:
        register(lambda payload: None, "types.Metrics", revision)
    found = history.identify(METRICS)
    with pytest.raises(HookError):
        history.upgrade(METRICS, found.message, since=found.since)


def test_hooks_on_messages_within_messages_count(register: Register) -> None:
    register(mark, "types.Metrics", "0.1.2.4")
    with pytest.raises(AmbiguousPayloadError, match=r"types\.Response \(0\.1\.2\.4\) with the hook .*test_hooks\.mark"):
        history.identify(RESPONSE)
    (told,) = {history.identify(RESPONSE, among=["0.1.2.4"]).since}
    assert history.upgrade(RESPONSE, "Response", since=told)["metrics"]["hook_ran"]


# In every path


def milliseconds(payload: dict[str, Any]) -> dict[str, Any]:
    payload["metrics"]["ttft_ms"] *= 1000
    return payload


@pytest.mark.parametrize("message", ["types.Response", "types.Metrics"])
def test_a_repair_deep_inside_takes_effect_and_changes_nothing_of_the_caller(
    message: str, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    def within(payload: dict[str, Any]) -> dict[str, Any]:
        payload["ttft_ms"] *= 1000
        return payload

    register(milliseconds if message == "types.Response" else within, message, "0.1.2.4")
    payload = copy.deepcopy(RESPONSE)
    found = history.identify(payload, among=["0.1.2.4"])
    assert history.upgrade(payload, found.message, since=found.since)["metrics"]["ttft_ms"] == 1000.0
    assert payload == RESPONSE

    cls = catalog.get("Response")
    for name in ("dict", "json"):
        codec = codecs.get(name, revision="0.1.2.4")
        data = payload if name == "dict" else json.dumps(payload)
        assert codec.decode(data, cls).metrics.ttft_ms == 1000.0
        assert codec.decode(data, cls).metrics.ttft_ms == 1000.0
    assert payload == RESPONSE
    odd = OrderedDict(payload, metrics=OrderedDict(METRICS), error=None)
    assert codecs.get("dict", revision="0.1.2.4").decode(odd, cls).metrics.ttft_ms == 1000.0
    assert history.upgrade(odd, "Response", since="0.1.2.4")["metrics"]["ttft_ms"] == 1000.0
    assert odd == RESPONSE

    record = json.dumps(RESPONSE).encode()
    for options in (Options(message="Response", since="0.1.2.4"), Options(since="0.1.2.4")):
        upgraded = Upgrader(options).upgrade(record)
        assert json.loads(upgraded.record or b"null")["metrics"]["ttft_ms"] == 1000.0


def test_what_a_hook_is_given_is_its_own_to_the_bottom(register: Register) -> None:
    seen: list[dict[str, Any]] = []

    def spoil(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(copy.deepcopy(payload))
        payload["site"]["list"][0]["x"] = 2
        payload["site"]["tuple"][1].append(3)
        return payload

    register(spoil, "types.Metrics", "0.1.0")
    inner = {"x": 1}
    payload = {**METRICS, "site": {"list": [inner], "tuple": (1, []), "again": inner}}
    original = copy.deepcopy(payload)
    upgraded = history.upgrade(payload, "Metrics", since="0.1.0")
    assert payload == original == seen[0]
    # In JSON it stood there twice, so one of them can be changed alone.
    assert upgraded["site"] == {"list": [{"x": 2}], "tuple": (1, [3]), "again": {"x": 1}}


def test_a_hook_is_not_given_what_multiplies_without_end(register: Register) -> None:
    register(mark, "types.Metrics", "0.1.0")
    many: Any = [0]
    for _ in range(40):
        many = [many, many]
    with pytest.raises(DecodeError, match="in too many places"):
        history.upgrade({**METRICS, "site": many}, "Metrics", since="0.1.0")
    assert history.upgrade({**METRICS, "site": many}, "Metrics", since="0.1.0.1")["site"] is not None


# What can go wrong


def fails(payload: dict[str, Any]) -> dict[str, Any]:
    raise KeyError("metrics")


class Failing:
    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        raise ValidationError("types.Metrics", [])


def cyclic(payload: dict[str, Any]) -> dict[str, Any]:
    payload["self"] = payload
    return payload


WRONG: list[tuple[Any, str, str]] = [
    (fails, f"{__name__}.fails", "raised KeyError: 'metrics'"),
    (Failing(), f"{__name__}.Failing", "raised ValidationError: types.Metrics: 0 violations"),
    (cyclic, f"{__name__}.cyclic", "returned what is no payload: the payload nests deeper"),
    (print, "builtins.print", "set the payload aside (it returned None)"),
    (list, "builtins.list", "must return a dict, and returned ['ttft_ms', "),
    (lambda payload: catalog.get("KVQoSPolicy")(), f"{__name__}.<lambda>", "must return a dict, and returned KVQoSPol"),
    (lambda payload: {1: 2}, f"{__name__}.<lambda>", "returned what is no payload: types.Metrics: 1 violation\n"),
]


@pytest.mark.parametrize(("hook", "name", "reason"), WRONG, ids=[name for _, name, _ in WRONG])
def test_what_a_hook_does_wrong_is_told_with_message_revision_and_hook(
    hook: Any, name: str, reason: str, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    register(hook, "Metrics", "0.1.1.0")
    with pytest.raises(HookError) as raised:
        history.upgrade(METRICS, "Metrics", since="0.1.0.2")
    error = raised.value
    assert (error.message, error.revision, error.hook) == ("types.Metrics", history.resolve("0.1.1.0"), name)
    assert str(error).startswith(f"the hook {name} for types.Metrics of {error.revision} {reason}")
    assert isinstance(error, ProtocolError)
    assert (error.__cause__ is not None) == ("raised" in reason or "no payload" in reason)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))

    # Within another message, through a codec, and in an archive, where it costs one record.
    old = {name: RESPONSE[name] for name in RESPONSE if name != "error"}
    for attempt in (
        lambda: history.upgrade(old, "Response", since="0.1.0.2"),
        lambda: codecs.get("json", revision="0.1.0.2").decode(json.dumps(old), catalog.get("Response")),
        lambda: Upgrader(Options(message="Response", since="0.1.0.2")).upgrade(json.dumps(old).encode()),
    ):
        with pytest.raises(HookError) as raised:
            attempt()
        assert (raised.value.message, raised.value.hook) == ("types.Metrics", name)


def test_what_is_no_error_passes(register: Register) -> None:
    def stop(payload: dict[str, Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    register(stop, "Metrics", "0.1.0")
    with pytest.raises(KeyboardInterrupt):
        history.upgrade(METRICS, "Metrics", since="0.1.0")
