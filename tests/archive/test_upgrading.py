"""One record: what is recognised, what is kept, what is refused, and why."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from losses import outgrown
from published import corpus, revisions
from sagellm_protocol import catalog, history
from sagellm_protocol.archive import AUTO, Options, Upgrader
from sagellm_protocol.archive.explaining import Nearness, one_line
from sagellm_protocol.archive.filling import Filling
from sagellm_protocol.codecs import envelope
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    DecodeError,
    ProtocolError,
    UnsupportedRevisionError,
    ValidationError,
    Violation,
)
from sagellm_protocol.model.kinds import Number, Text
from stopwatch import takes_at_most
from toys import Declare, declare  # noqa: F401 - the fixture

NESTED = """
@message
class Part:
    id: int
    name: str
    size: int

@message
class Whole:
    parts: Sequence[Part]
"""
OLD = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [42]}
TODAY = {
    "event": "delta",
    "request_id": "r",
    "trace_id": "t",
    "content": "Hi",
    "content_tokens": [42],
    "engine_id": "unknown",
}
UPGRADER = Upgrader()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def encode(payload: object) -> bytes:
    return json.dumps(payload).encode()


def reason(payload: object, upgrader: Upgrader = UPGRADER) -> str:
    with pytest.raises(ProtocolError) as caught:
        upgrader.upgrade(payload if isinstance(payload, bytes) else encode(payload))
    return one_line(caught.value)


def test_an_old_record_becomes_todays() -> None:
    upgraded = UPGRADER.upgrade(encode(OLD))
    assert upgraded.record is not None
    assert json.loads(upgraded.record) == TODAY
    assert (upgraded.message, upgraded.revisions) == ("types.StreamEventDelta", "0.1.0")


def test_fill_answers_what_the_record_does_not_say() -> None:
    upgraded = Upgrader(Options(fill={"engine_id": "engine-7"})).upgrade(encode(OLD))
    assert upgraded.record is not None
    assert json.loads(upgraded.record)["engine_id"] == "engine-7"


def test_what_is_made_up_is_told() -> None:
    upgraded = UPGRADER.upgrade(encode(OLD))
    assert (upgraded.filled, upgraded.made_up) == ((), ("engine_id",))
    upgraded = Upgrader(Options(fill={"engine_id": "engine-7"})).upgrade(encode(OLD))
    assert (upgraded.filled, upgraded.made_up) == (("engine_id",), ())
    for record in (TODAY, OLD | {"engine_id": "e"}):
        upgraded = UPGRADER.upgrade(encode(record))
        assert (upgraded.filled, upgraded.made_up) == ((), ())


def test_what_is_made_up_in_nested_messages_is_told(declare: Declare) -> None:  # noqa: F811
    catalog = declare(NESTED)
    made = History(
        [revision("2", added("toy.Part", "name", unsaid="?"), added("toy.Part", "size")), revision("1")], catalog
    )
    whole = {"parts": [{"id": 1}, {"id": 2, "name": "b", "size": 3}, {"id": 3}]}
    upgrader = Upgrader(Options("Whole", "1", {"size": 7}), history=made)
    upgraded = upgrader.upgrade(encode(whole))
    assert json.loads(upgraded.record or b"")["parts"] == [
        {"id": 1, "name": "?", "size": 7},
        {"id": 2, "name": "b", "size": 3},
        {"id": 3, "name": "?", "size": 7},
    ]
    assert (upgraded.filled, upgraded.made_up) == (("size", "size"), ("name", "name"))
    assert made.fillable("Whole") == made.fillable() == {"name": (Text(),), "size": (Number(int),)}
    assert made.fillable(since="2") == {}
    assert made.assumed == {"name"}
    assert Upgrader(Options("Part", "1", {"size": 7}), history=made).upgrade(b'{"id":1}').made_up == ("name",)
    assert Upgrader(Options(fill={"name": "x"}), history=made).options.fill == {"name": "x"}


def test_what_is_todays_may_stay_to_the_byte() -> None:
    upgraded = UPGRADER.upgrade(encode(TODAY))
    assert upgraded.record is None
    assert upgraded.revisions == f"0.4.1.0 to {history.latest}"


@pytest.mark.parametrize("revision", revisions())
def test_the_recorded_payloads_go_through_or_ask(revision: str) -> None:
    for recorded in corpus(revision):
        upgrader = Upgrader(Options(message=recorded.type, since=revision))
        today = history.upgrade(recorded.payload, recorded.type, since=revision)
        if outgrown(recorded.type, today):
            with pytest.raises(ValidationError):
                upgrader.upgrade(encode(recorded.payload))
            continue
        record = upgrader.upgrade(encode(recorded.payload)).record or encode(recorded.payload)
        assert json.loads(record) == today
        from_plain(catalog.get(recorded.type), orjson.loads(record), unknown="forbid")


@given(st.dictionaries(st.text('xyz.[\n"é🚀', min_size=1, max_size=80), JSON, max_size=3))
def test_unknown_fields_are_kept_and_named(surplus: dict[str, Any]) -> None:
    upgraded = UPGRADER.upgrade(encode(OLD | surplus))
    assert upgraded.record is not None
    assert json.loads(upgraded.record) == TODAY | surplus
    assert set(upgraded.unknown) == set(surplus)


def test_unknown_fields_in_lists_share_a_path() -> None:
    message = {"role": "user", "content": "x", "site": 1, "shift": "night"}
    record = {"model": "m", "messages": [message, message], "max_tokens": 1}
    upgraded = Upgrader(Options(message="ChatCompletionRequest")).upgrade(encode(record))
    assert upgraded.unknown == ("messages[].site", "messages[].shift")


def test_as_many_unknown_fields_as_the_message_has_more() -> None:
    record = {"role": "user", "content": "x", "site": 1}
    assert Upgrader(Options(message="ChatMessage")).upgrade(encode(record)).unknown == ("site",)


def test_a_record_that_says_what_it_is_may_hold_mostly_unknown_fields() -> None:
    record = {"temperature": 0.5, "strategy": "greedy", **{f"site_{number}": number for number in range(9)}}
    assert reason(record).startswith("the record fits no message")
    for upgrader in (Upgrader(Options(message="SamplingParams")), Upgrader(Options("SamplingParams", "latest"))):
        assert len(upgrader.upgrade(encode(record)).unknown) == 9
    wrapped = encode(envelope.wrap(record, "sampling.SamplingParams", "latest"))
    assert len(UPGRADER.upgrade(wrapped.replace(b"latest", history.latest.encode())).unknown) == 9


@pytest.mark.parametrize(
    "named", [lambda it: {f"{it}" * 50_000: 1}, lambda it: dict.fromkeys((f"{it}_{n}" for n in range(2000)), 1)]
)
def test_records_that_fit_nothing_are_not_remembered_whole(named: Any) -> None:
    tracemalloc.start()
    try:
        nearness = Nearness(history.HISTORY, "types.Metrics", ["0.1.0"])
        for number in range(100, 200):
            nearness.explain(named(number))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000


@pytest.mark.parametrize("fill", [{}, {"a": 1}])
def test_what_is_asked_of_a_filling_is_noted(fill: dict[str, Any]) -> None:
    for ask in (lambda filling: filling["a"] if filling.__contains__("a") else 0, lambda filling: filling.get("a", 0)):
        filling = Filling(fill)
        assert ask(filling) == fill.get("a", 0)
        assert (filling.filled, filling.lacking) == ((["a"], []) if fill else ([], ["a"]))


# What the user decides


def test_a_message_given_narrows_the_search() -> None:
    assert reason({}).startswith("the payload alone does not tell which of these it is: ")
    assert Upgrader(Options(message="KVQoSPolicy")).upgrade(b"{}").message == "kv_hooks.KVQoSPolicy"


def test_a_release_given_narrows_the_search() -> None:
    sampling = b'{"temperature":0.5}'
    assert f"sampling.SamplingParams (0.5.4.16 to {history.latest})" in reason(sampling)
    assert "sampling.SamplingParams (0.5.4.13)" in reason(sampling)
    upgraded = Upgrader(Options(since="0.4.0.8")).upgrade(sampling)
    assert upgraded.record == b'{"temperature":0.5,"strategy":"greedy"}'
    assert upgraded.revisions == "0.4.0.7"
    assert Upgrader(Options(since="latest")).upgrade(sampling).record is None


def test_releases_in_question_narrow_the_search() -> None:
    upgrader = Upgrader(Options(since=AUTO), among=["0.5.0.0", "0.5.1.0"])
    upgraded = upgrader.upgrade(b'{"temperature":0.5}')
    assert upgraded.record == b'{"temperature":0.5,"strategy":"greedy"}'
    assert upgraded.revisions == "0.5.0.0 to 0.5.1.0"
    assert Upgrader(Options(since=AUTO), among=["0.5.0.0"]).upgrade(encode(TODAY)).revisions == "0.5.0.0"


def test_both_given_there_is_no_search() -> None:
    upgrader = Upgrader(Options(message="StreamEventDelta", since="0.1.0"))
    assert json.loads(upgrader.upgrade(encode(OLD)).record or b"") == TODAY
    assert reason({}, upgrader).startswith(
        "types.StreamEventDelta: 4 violations: request_id: required; trace_id: required"
    )
    assert (
        reason([], upgrader) == "types.StreamEventDelta: 1 violation: (the message itself): must be an object, got []"
    )


@pytest.mark.parametrize(
    "options",
    [Options(message="Nothing"), Options(since="9.9"), Options(message="SamplingParams", since="0.1.0")],
)
def test_names_that_do_not_exist_are_refused(options: Options) -> None:
    with pytest.raises(UnsupportedRevisionError):
        Upgrader(options)


# Records that say what they are


def test_an_envelope_says_what_it_holds() -> None:
    record = encode(envelope.wrap({"temperature": 0.5}, "sampling.SamplingParams", "0.4.0.8"))
    upgraded = UPGRADER.upgrade(record)
    assert upgraded.record == b'{"temperature":0.5,"strategy":"greedy"}'
    assert upgraded.revisions == "0.4.0.7"


def test_envelopes_are_written_where_asked() -> None:
    upgrader = Upgrader(Options(envelope=True))
    upgraded = upgrader.upgrade(encode(OLD))
    assert upgraded.record is not None
    assert json.loads(upgraded.record) == envelope.wrap(TODAY, "types.StreamEventDelta", history.latest)
    assert upgrader.upgrade(upgraded.record).record is None
    older = encode(envelope.wrap(TODAY, "types.StreamEventDelta", "0.4.1.0"))
    assert json.loads(upgrader.upgrade(older).record or b"")["protocol"] == history.latest


def test_an_envelope_of_tomorrow_is_refused() -> None:
    assert "'9.9'" in reason(envelope.wrap({}, "types.Request", "9.9"))


# What is refused


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"{", "no JSON: "),
        (b'{"a":"\xff"}', "no JSON: "),
        (b'{"a":NaN}', "no JSON: "),
        (b'{"a":1e400}', "no JSON: "),
        (b"[1]", "the record is no JSON object"),
        (b'{"foo":1}', "the record resembles no message"),
        (
            encode(TODAY | {"request_id": 7}),
            f"the record fits no message; as types.StreamEventDelta of {history.latest} it breaks: "
            "request_id: must be str, got 7",
        ),
        (encode(TODAY | {"site": 2**64}), "site is an integer past 64 bits"),
        (encode(TODAY | {"site": [{"a": -(2**63) - 1}]}), "site[0].a is an integer past 64 bits"),
        (encode(2**70), "the payload is an integer past 64 bits"),
        (b'{"site":' + b"[" * 200 + b"]" * 200 + b"}", "the payload nests deeper than 128 levels"),
        (b'{"site":' + b"[" * 200 + b"12345678901234567890" + b"]" * 200 + b"}", "the payload nests deeper than 128"),
        (b'{"site":' + b"[" * 1000 + b"12345678901234567890" + b"]" * 1000 + b"}", "the payload nests deeper than 128"),
    ],
)
def test_the_reason_is_told(record: bytes, expected: str) -> None:
    assert reason(record).startswith(expected)


def test_deep_unknown_fields_are_refused_where_the_message_is_known() -> None:
    record = encode(TODAY)[:-1] + b',"site":' + b"[" * 200 + b"]" * 200 + b"}"
    assert reason(record, Upgrader(Options(message="StreamEventDelta", since="latest"))).startswith("the payload nests")


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 1e300, 0.1234567890123456789])
def test_numbers_that_fit_are_kept(number: float) -> None:
    upgraded = UPGRADER.upgrade(encode(OLD | {"site": number}))
    assert json.loads(upgraded.record or b"")["site"] == number


def test_with_the_message_given_the_reason_is_about_that_message() -> None:
    upgrader = Upgrader(Options(message="Metrics"))
    assert reason({"foo": 1}, upgrader).startswith(
        f"the record fits no message; as types.Metrics of {history.latest} it breaks: "
    )


def test_a_payload_that_only_its_tag_keeps_apart() -> None:
    # Right by its own revision, but that revision is not in question.
    upgrader = Upgrader(Options(message="SamplingParams", since=AUTO), among=["0.1.0"])
    assert reason({"temperature": 0.5}, upgrader) == "the record resembles no message"


def test_unknown_fields_are_not_what_is_wrong() -> None:
    assert reason(TODAY | {"site": 1, "request_id": 7}).endswith("it breaks: request_id: must be str, got 7")


def test_a_long_list_of_violations_is_cut() -> None:
    error = ValidationError("types.Metrics", [Violation(f"f{number}", "float", "x") for number in range(50)])
    assert one_line(error).endswith("f19: must be float, got 'x'; and 30 more")
    error = ValidationError("types.Metrics", [Violation(f"f{number}", "float", "x") for number in range(20)])
    assert one_line(error).endswith("f19: must be float, got 'x'")
    assert one_line(DecodeError("short")) == "short"
    assert one_line(AmbiguousPayloadError(["a", "b"])).endswith("which of these it is: a; b")


def test_a_damaged_record_is_not_taken_for_another_message() -> None:
    # Some messages may leave nearly everything out and pass over what they do not know: it would fit them.
    damaged = {"request_id": 7, "trace_id": "t", "model": "m", "prompt": "p", "max_tokens": 5, "temperature": 0.0}
    assert reason(damaged).endswith(f"as types.Request of {history.latest} it breaks: request_id: must be str, got 7")
    assert reason({"max_tokens": 5, "temperature": 0.0, "a": 1, "b": 2, "c": 3}).startswith(
        "the record fits no message"
    )
    assert UPGRADER.upgrade(encode({"max_tokens": 5, "temperature": 0.0, "a": 1})).unknown == ("a",)
    # As many of its own names as others leave no doubt.
    assert UPGRADER.upgrade(encode({"max_tokens": 5, "temperature": 0.0, "a": 1, "b": 2})).unknown == ("a", "b")


def test_a_record_that_comes_nearer_to_another_message_is_not_taken_for_this_one() -> None:
    nearness = Nearness(history.HISTORY, None, history.revisions)
    start = {"event": "start", "request_id": "r", "trace_id": "t", "engine_id": "e"}
    sampling = history.HISTORY.spec("sampling.SamplingParams", "latest")
    assert not nearness.doubts({"temperature": 1.0, "a": 1}, sampling)
    assert nearness.doubts({"temperature": 1.0, "a": 1, "b": 2}, sampling)
    delta = history.HISTORY.spec("types.StreamEventDelta", "latest")
    assert not nearness.doubts(TODAY | {"a": 1}, delta)
    assert nearness.doubts(start | {"prompt_tokens": 1}, delta)


def test_a_record_of_many_names_is_explained_in_little_time() -> None:
    names = {f"name_{number}": number for number in range(50_000)}
    with takes_at_most(2):
        assert reason(names) == "the record resembles no message"


def test_reasons_and_paths_have_bounds() -> None:
    long = "k" * 200_000
    upgraded = UPGRADER.upgrade(encode(OLD | {long: 1}))
    assert [len(path) for path in upgraded.unknown] == [79]
    said = reason({"event": "delta", **{f"\x1b[31m{it}{long}": it for it in range(99)}, "request_id": 7, "trace_id": 7})
    assert len(said) < 2100
    assert said.isprintable()
    error = ProtocolError("\x1b[31m" + "x" * 5000 + ":\n  a\u2028b")
    assert len(one_line(error)) == 1999
    assert one_line(ProtocolError("a:\n  b\rc\n  \udcff")) == r"a: b\rc; \xff"


# Repairs of a site


@pytest.fixture
def repairs() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for hook in made:
        history.unhook(hook)


def test_a_repair_that_changes_nothing_but_the_kind_is_a_change(repairs: list[Any]) -> None:
    @history.hook("types.StreamEventDelta", since="latest")
    def truth(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"site": bool(payload["site"])} if "site" in payload else payload

    repairs.append(truth)
    upgrader = Upgrader(Options(message="StreamEventDelta", since="latest"))
    assert json.loads(upgrader.upgrade(encode(TODAY | {"site": 1})).record or b"")["site"] is True
    assert upgrader.upgrade(encode(TODAY)).record is None


def test_a_repair_that_breaks_a_record_is_found_out(repairs: list[Any]) -> None:
    @history.hook("types.StreamEventDelta", since="0.1.0")
    def breaks(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"request_id": 7}

    repairs.append(breaks)
    assert reason(OLD, Upgrader()) == "types.StreamEventDelta: 1 violation: request_id: must be str, got 7"


def test_what_comes_nearest_is_told_where_nothing_is_wrong_with_it() -> None:
    nearness = Nearness(history.HISTORY, None, history.revisions)
    told = f"the record fits no message; types.StreamEventDelta of {history.latest} comes nearest"
    assert str(nearness.explain(TODAY)) == told
