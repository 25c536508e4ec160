"""A site's own repairs: run on every path or asked about, on a dict that is theirs, and told in full when they fail."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sagellm_protocol import Request, StreamEventDelta, catalog, codecs, history, testing
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.history import HISTORY, Candidate, History, HookError
from sagellm_protocol.history.hooks import Hook, hook_name
from sagellm_protocol.history.routes import Unsure
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    DecodeError,
    LossyDowngradeError,
    ProtocolError,
    ValidationError,
)

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


@pytest.mark.no_cover
@pytest.mark.once
@pytest.mark.parametrize("revision", history.revisions)
def test_a_hook_runs_or_is_asked_about(revision: str) -> None:
    """For every message of the revision, whether message and revision are told or not."""

    @settings(max_examples=3)
    @given(st.data())
    def never_skipped(message: str, data: st.DataObject) -> None:
        payload = data.draw(testing.payloads(message, revision))
        history.hook(message, since=revision)(mark)
        try:
            for known in (message, None):
                for among in ([revision], None):
                    assert ran_or_asked(payload, message, known, among), (message, payload)
        finally:
            history.unhook(mark)

    for message in HISTORY.specs(revision):
        never_skipped(message)


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
    assert history.detect(METRICS) == (Candidate("types.Metrics", "0.1.0", history.latest),)
    register(mark, "types.Metrics", "0.1.2.4")
    with pytest.raises(AmbiguousPayloadError) as raised:
        history.identify(METRICS)
    # Payloads of older revisions pass it as well, on their way to today.
    assert [told.partition(" with the hook ") for told in raised.value.candidates] == [
        ("types.Metrics (0.1.0)", " with the hook ", f"{__name__}.mark"),
        ("types.Metrics (0.1.0.1)", " with the hook ", f"{__name__}.mark"),
        ("types.Metrics (0.1.0.2 to 0.1.2.0)", " with the hook ", f"{__name__}.mark"),
        ("types.Metrics (0.1.2.4)", " with the hook ", f"{__name__}.mark"),
        (f"types.Metrics (0.4.0.7 to {history.latest})", "", ""),
    ]
    assert history.identify(METRICS, among=["0.1.2.4"]).since == "0.1.2.4"
    assert history.identify(METRICS, among=["0.1.2.0", "0.1.2.4"]).since == "0.1.2.4"
    assert history.identify(METRICS, among=["0.4.0.8", "0.5.0.0"]).since == "0.5.0.0"
    with pytest.raises(AmbiguousPayloadError):
        history.identify(METRICS, among=["0.1.2.0", "0.4.0.8"])


def test_a_hook_that_makes_no_difference_does_not_make_it_ask(register: Register) -> None:
    register(lambda payload: payload, "types.Metrics", "0.1.2.4")
    assert history.identify(METRICS).since == history.latest


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
    with pytest.raises(
        AmbiguousPayloadError, match=r"types\.Response \(.*0\.1\.2\.4\) with the hook .*test_hooks\.mark"
    ):
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


# One after the other, and back again


def appending(word: str) -> Hook:
    def append(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"model": f"{payload['model']} {word}"}

    return append


def removing(word: str) -> Hook:
    def remove(payload: dict[str, Any]) -> dict[str, Any] | None:
        model, space, last = payload["model"].rpartition(" ")
        return payload | {"model": model} if space and last == word else None

    return remove


REQUEST = {"request_id": "r", "trace_id": "t", "model": "m", "max_tokens": 1, "stream": False}


@pytest.fixture
def own() -> History:
    return HISTORY.without_hooks()


def test_hooks_of_all_later_revisions_run_the_oldest_first(own: History) -> None:
    for since in ("latest", "0.1.0", "0.4.0.8"):
        own.hook("Request", since=since)(appending(since))
    own.hook("Request", since="0.1.0")(appending("again"))
    old = REQUEST | {"prompt": "p"}
    told = [own.upgrade(old, "Request", since=since)["model"] for since in ("0.1.0", "0.1.2.4", "0.4.0.7", "0.5.0.0")]
    assert told == ["m 0.1.0 again 0.4.0.8 latest", "m 0.4.0.8 latest", "m 0.4.0.8 latest", "m latest"]
    assert own.upgrade(old, "Request", since="latest")["model"] == "m latest"
    cls = own.catalog.get("Request")
    for name in ("json", "dict", "msgpack"):
        codec = codecs.get(name, revision="0.1.0", history=own)
        assert (
            codec.decode(old if name == "dict" else codec.format.dumps(old), cls).model
            == "m 0.1.0 again 0.4.0.8 latest"
        )
    assert [text.partition(" for ")[2] for text in own.hooked] == [
        "types.Request of 0.1.0",
        "types.Request of 0.1.0",
        "types.Request of 0.4.0.7",
        f"types.Request of {own.latest}",
    ]


def test_a_hook_sees_payloads_of_older_revisions_in_the_form_of_its_own(own: History) -> None:
    seen: list[dict[str, Any]] = []

    @own.hook("types.StreamEventDelta", since="0.1.0.1")
    def look(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(copy.deepcopy(payload))
        payload["engine_id"] += "!"
        return payload

    old = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [4]}
    upgraded = own.upgrade(old, "StreamEventDelta", since="0.1.0")
    assert seen == [old | {"engine_id": "unknown"}]
    assert upgraded["engine_id"] == "unknown!"
    assert (upgraded["content"], "chunk" in upgraded) == ("Hi", False)
    assert own.upgrade(old, "StreamEventDelta", since="0.1.0", fill={"engine_id": "e"})["engine_id"] == "e!"


def test_hooks_of_later_revisions_run_on_messages_within_messages(own: History) -> None:
    own.hook("Metrics", since="0.1.2.4")(mark)
    for since in ("0.1.0", "0.1.2.0", "0.1.2.4"):
        assert own.upgrade({"metrics": METRICS}, "Response", since=since)["metrics"]["hook_ran"]
    assert "hook_ran" not in own.upgrade({"metrics": METRICS}, "Response", since="0.4.0.8")["metrics"]


def test_pairs_go_back_again(own: History) -> None:
    first, second = appending("first"), appending("second")
    assert own.hook("Request", since="0.4.0.8", down=removing("first"))(first) is first
    own.hook("Request", since="0.4.0.8", down=removing("second"))(second)
    own.hook("Request", since="0.1.0", down=removing("oldest"))(appending("oldest"))
    old = REQUEST | {"prompt": "p"}
    for since, told in (("0.1.0", "m oldest first second"), ("0.4.0.7", "m first second"), ("0.5.0.0", "m")):
        today = own.upgrade(old, "Request", since=since)
        assert today["model"] == told
        kept = copy.deepcopy(today)
        assert own.downgrade(today, "Request", to=since)["model"] == "m"
        assert today == kept
        cls = own.catalog.get("Request")
        codec = codecs.get("dict", revision=since, history=own)
        assert codec.encode(codec.decode(old, cls))["model"] == "m"
    assert not own.downgrades("0.1.0").same(own.catalog.get("Request"))
    own.unhook(first)
    own.unhook(second)
    assert own.downgrade(REQUEST | {"model": "a"}, "Request", to="0.5.0.0")["model"] == "a"


DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="Hi", content_tokens=(1,))


@pytest.mark.parametrize("stash", [False, True])
@pytest.mark.parametrize("name", ["json", "dict", "msgpack", "msgspec-json"])
def test_codecs_follow_ways_back_that_are_registered_after_they_were_made(own: History, name: str, stash: bool) -> None:
    """A message that is the same at that revision, and one that is not."""
    codec = codecs.get(name, revision="0.5.4.13", history=own, stash=stash)
    request = Request(request_id="r", trace_id="t", model="m", max_tokens=1, prompt="p", stream=False)
    encoders = {message: codec.encoder(type(message)) for message in (DELTA, request)}
    plain = {message: encode(message) for message, encode in encoders.items()}

    def told(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"trace_id": "back"}

    for message in ("StreamEventDelta", "Request"):
        own.hook(message, since="0.5.4.13", down=told)(mark)
    for message, encode in encoders.items():
        taken = [codec.format.loads(data)["trace_id"] for data in (encode(message), codec.encode(message))]
        assert [*taken, codec.converter.unstructure(message)["trace_id"]] == ["back"] * 3
        assert [each["trace_id"] for each in codec.format.loads(codec.encode([message]))] == ["back"]
    own.unhook(mark)
    assert {message: encode(message) for message, encode in encoders.items()} == plain


def test_what_a_payload_is_is_found_out_with_the_hooks_of_one_time(own: History) -> None:
    """Whoever comes or goes in the midst of it has it found out anew."""
    payload = codecs.get("dict", revision="0.4.0.8", history=own).encode(DELTA)

    def leaving(payload: dict[str, Any]) -> dict[str, Any]:
        own.unhook(leaving)
        return payload | {"trace_id": "!"}

    own.hook("StreamEventDelta", since="0.1.2.4")(leaving)
    assert own.identify(payload, "StreamEventDelta") == HISTORY.identify(payload, "StreamEventDelta")

    def coming(payload: dict[str, Any]) -> dict[str, Any]:
        own.hook("StreamEventDelta", since="0.1.2.4")(changed)
        own.unhook(coming)
        return payload

    def changed(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"trace_id": "!"}

    own.hook("StreamEventDelta", since="0.1.2.4")(coming)
    with pytest.raises(AmbiguousPayloadError, match="changed"):
        own.identify(payload, "StreamEventDelta")


def test_what_threads_find_out_while_hooks_change_is_not_kept(own: History) -> None:
    codec = codecs.get("dict", revision="0.4.0.8", history=own)
    encode, decode = codec.encoder(StreamEventDelta), codec.decoder(StreamEventDelta)
    payload, today = encode(DELTA), codecs.get("dict").encode(DELTA)
    done = threading.Event()
    failures: list[BaseException] = []

    def appended(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"trace_id": payload["trace_id"] + "!"}

    def use() -> None:
        try:
            while not done.is_set():
                assert decode(payload).trace_id in ("t", "t!")
                assert encode(DELTA)["trace_id"] in ("t", "t!")
                assert own.upgrade(payload, "StreamEventDelta", since="0.4.0.7")["trace_id"] in ("t", "t!")
                assert own.downgrade(today, "StreamEventDelta", to="0.4.0.7")["trace_id"] in ("t", "t!")
                own.identify(payload, "StreamEventDelta")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(40):
            own.hook("StreamEventDelta", since="0.4.0.8", down=appended)(appended)
            assert decode(payload).trace_id == encode(DELTA)["trace_id"] == "t!"
            assert own.upgrade(payload, "StreamEventDelta", since="0.4.0.7")["trace_id"] == "t!"
            assert own.downgrade(today, "StreamEventDelta", to="0.4.0.7")["trace_id"] == "t!"
            own.unhook(appended)
            assert decode(payload).trace_id == encode(DELTA)["trace_id"] == "t"
            assert own.upgrade(payload, "StreamEventDelta", since="0.4.0.7")["trace_id"] == "t"
            assert own.downgrade(today, "StreamEventDelta", to="0.4.0.7")["trace_id"] == "t"
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert failures == []


def test_a_way_back_that_says_none_is_a_loss_that_names_it(own: History) -> None:
    @own.hook("Metrics", since="0.1.2.4", down=removing("x"))
    def up(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    def none(payload: dict[str, Any]) -> None:
        payload.clear()

    own.hook("Metrics", since="0.4.0.8", down=none)(mark)
    assert own.losses(METRICS, "Metrics", to="0.5.0.0") == ()
    (loss,) = own.losses(RESPONSE, "Response", to="0.4.0.8")
    assert (loss.path, loss.reason) == ("metrics", f"the hook {hook_name(none)} cannot say it in 0.4.0.7")
    with pytest.raises(LossyDowngradeError, match=r"none cannot say it in 0\.4\.0\.7"):
        own.downgrade(METRICS, "Metrics", to="0.4.0.8", lossy=True)
    own.unhook(mark)
    with pytest.raises(HookError, match="raised KeyError: 'model'"):
        own.downgrade(METRICS, "Metrics", to="0.1.0")
    assert own.upgrade(METRICS, "Metrics", since="0.1.0")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (list, "must return a dict"),
        (lambda payload: {1: 2}, "returned what is no payload"),
        (cyclic, "returned what is"),
    ],
)
def test_what_a_way_back_returns_is_checked(own: History, wrong: Any, reason: str) -> None:
    own.hook("Metrics", since="0.1.2.4", down=wrong)(mark)
    with pytest.raises(HookError, match=reason):
        own.downgrade(METRICS, "Metrics", to="0.1.2.4")


def test_pairs_are_told_with_their_way_back(own: History) -> None:
    own.hook("Metrics", since="0.1.2.4", down=fails)(mark)
    assert own.hooked == (f"{__name__}.mark (back: {__name__}.fails) for types.Metrics of 0.1.2.4",)
    local = Upgrading(local=own).to_plain()
    assert local["registered"] == list(own.hooked)
    other = HISTORY.without_hooks()
    other.hook("Metrics", since="0.1.2.4")(mark)
    assert Upgrading(local=other).to_plain() != local
    own.unhook(mark)
    assert own.hooked == ()
    with pytest.raises(AmbiguousPayloadError, match=rf"with the hook {__name__}\.mark\n"):
        other.identify(METRICS)


def test_routes_know_no_payloads_that_a_later_hook_is_for(own: History) -> None:
    own.hook("Metrics", since="0.1.2.4")(mark)
    finder = own.routes()
    for since in ("0.1.0", "0.1.2.4"):
        with pytest.raises(Unsure):
            finder.known(METRICS, "types.Metrics", since, lambda _: None)
    assert finder.known(METRICS, "types.Metrics", "0.4.0.7", lambda _: None).today(METRICS) is METRICS
