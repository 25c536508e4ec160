"""``consistent=True``: all codecs refuse what breaks rules between fields, with the same error; others pay nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import cattrs
import pytest
from hypothesis import given, strategies as st

import breaking
from sagellm_protocol import (
    OptionError,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    ValidationError,
    catalog,
    check_consistent,
    codecs,
    violations,
)
from sagellm_protocol.history import LATEST
from sagellm_protocol.kv.types import KVHandle, SchedulerPlan
from sagellm_protocol.model import evolve, from_plain, message, native, rule, to_plain
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.source import generated_source
from sagellm_protocol.testing import messages
from sagellm_protocol.timestamps import Timestamps

NAMES = codecs.names()
CASES = list(breaking.cases())
LATE = Timestamps(queued_at=2.0, scheduled_at=1.0, executed_at=3.0, completed_at=4.0)
IN_TIME = evolve(LATE, queued_at=1.0)


def refusal(decode: Callable[[], object]) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        decode()
    assert raised.value.fault == "remote"
    return raised.value


def alike(error: ValidationError) -> tuple[Any, ...]:
    return error.message_name, error.violations, error.more, str(error)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_way_refuses_with_the_same_error(case: breaking.Case) -> None:
    cls: Any = type(case.broken)
    with pytest.raises(ValidationError) as raised:
        check_consistent(case.broken)
    expected = alike(raised.value)
    ways: list[Callable[[], object]] = [lambda: from_plain(cls, to_plain(case.broken), consistent=True)]
    for name in NAMES:
        codec = codecs.get(name, consistent=True)
        wire, envelope = codec.encode(case.broken), codec.encode_envelope(case.broken)
        ways += (
            lambda codec=codec, wire=wire: codec.decode(wire, cls),
            lambda codec=codec, wire=wire: codec.decoder(cls)(wire),
            lambda codec=codec, envelope=envelope: codec.decode_envelope(envelope),
            lambda codec=codec: codec.converter.structure(to_plain(case.broken), cls),
        )
    assert [alike(refusal(way)) for way in ways] == [expected] * len(ways)


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
def test_what_keeps_all_rules_is_read_as_ever(name: str, data: st.DataObject) -> None:
    cls = catalog.get(data.draw(st.sampled_from(sorted(catalog.messages()))))
    whole = data.draw(messages(cls, consistent=True))
    codec = codecs.get(name, consistent=True)
    assert codec.decode(codec.encode(whole), cls) == whole
    assert codec.decode_envelope(codec.encode_envelope(whole)) == whole
    assert from_plain(cls, to_plain(whole), consistent=True) == whole


@given(st.sampled_from([SchedulerPlan, StreamEventEnd, KVHandle]).flatmap(messages))
def test_codecs_say_what_violations_say(drawn: Any) -> None:
    found = violations(drawn)
    for name in NAMES:
        codec = codecs.get(name, consistent=True)
        wire = codec.encode(drawn)
        if found:
            assert refusal(lambda codec=codec, wire=wire: codec.decode(wire, type(drawn))).violations == found
        else:
            assert codec.decode(wire, type(drawn)) == drawn


@pytest.mark.parametrize("name", NAMES)
def test_several_messages_at_once(name: str) -> None:
    codec = codecs.get(name, consistent=True)
    error = refusal(lambda: codec.decode(codec.encode([IN_TIME, LATE]), list[Timestamps]))
    assert [found.path for found in error.violations] == ["[1].scheduled_at"]
    assert error.message_name == "a sequence of timestamps.Timestamps"
    assert codec.decode(codec.encode([IN_TIME]), list[Timestamps]) == [IN_TIME]
    named = codec.format.dumps({"a": to_plain(IN_TIME), "b": to_plain(LATE)})
    error = refusal(lambda: codec.decode(named, dict[str, Timestamps]))
    assert [found.path for found in error.violations] == ["b.scheduled_at"]


@pytest.mark.parametrize("name", NAMES)
def test_a_union(name: str) -> None:
    codec = codecs.get(name, consistent=True)
    delta = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="x", content_tokens=[1])
    end = catalog.get("types.StreamEventEnd")(**breaking.keeping("types.StreamEventEnd"))
    for whole in (delta, end):
        assert codec.decode(codec.encode(whole), StreamEvent) == whole
    broken = evolve(end, finish_reason="error")
    assert [it.name for it in refusal(lambda: codec.decode(codec.encode(broken), StreamEvent)).violations] == [
        "error-if-and-only-if-failed"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_older_payload_is_brought_forward_first(name: str) -> None:
    old = codecs.get(name, revision="0.1.2.4", consistent=True, lossy=True)
    end = catalog.get("types.StreamEventEnd")(**breaking.keeping("types.StreamEventEnd"))
    wire = old.encode(evolve(end, finish_reason="error"))
    assert [found.path for found in refusal(lambda: old.decode(wire, StreamEventEnd)).violations] == ["error"]
    assert codecs.get(name, revision="0.1.2.4", lossy=True).decode(wire, StreamEventEnd).error is None
    assert old.decode(old.encode(end), StreamEventEnd) == end
    envelope = old.encode_envelope(evolve(end, finish_reason="error"))
    refusal(lambda: codecs.get(name, consistent=True).decode_envelope(envelope))


def test_the_rules_are_asked_of_what_is_otherwise_right() -> None:
    payload = {"queued_at": 2.0, "scheduled_at": 1.0, "executed_at": "x"}
    lax, strict = (codecs.get("dict", consistent=consistent) for consistent in (False, True))
    assert alike(refusal(lambda: strict.decode(payload, Timestamps))) == alike(
        refusal(lambda: lax.decode(payload, Timestamps))
    )


def test_what_is_encoded_is_not_asked() -> None:
    for name in NAMES:
        assert codecs.get(name, consistent=True).encode(LATE) == codecs.get(name).encode(LATE)


def test_negotiated() -> None:
    codec = codecs.negotiate("application/msgpack;revision=0.4.0.8", consistent=True)
    assert codec is codecs.get("msgpack", revision="0.4.0.8", consistent=True)
    refusal(lambda: codec.decode(codec.encode(LATE), Timestamps))


def test_the_option() -> None:
    assert codecs.get("json", consistent=False) is codecs.get("json")
    assert codecs.get("json", consistent=True) is not codecs.get("json")
    assert codecs.get("json", consistent=True).describe()["consistent"] is True
    assert codecs.get("json").describe()["consistent"] is False
    with pytest.raises(OptionError, match="consistent must be a bool, got 1"):
        codecs.get("json", consistent=1)


@attrs.define
class Batch:
    """A class of the user's that holds messages."""

    times: list[Timestamps]


def test_classes_of_others_that_hold_messages() -> None:
    for name in NAMES:
        codec = codecs.get(name, consistent=True)
        wire = codec.format.dumps({"times": [to_plain(IN_TIME), to_plain(LATE)]})
        error = refusal(lambda codec=codec, wire=wire: codec.decode(wire, Batch))
        assert [(it.path, it.name) for it in error.violations] == [("times[1].scheduled_at", "scheduled-after-queued")]
        assert codecs.get(name).decode(wire, Batch).times == [IN_TIME, LATE]


@message
class Base:
    x: int = 0


@message(rules=(rule("even", ("x",), "even", lambda it: it.x % 2 == 0),))
class Even(Base):
    pass


@message
class Holding:
    base: Base
    others: Sequence[Base] = ()
    named: Mapping[str, Base] = {}


def even_for_base(converter: cattrs.Converter) -> None:
    converter.register_structure_hook(Base, lambda payload, _: Even(x=payload["x"]))


def test_what_hooks_make_is_asked_too() -> None:
    """A hook may make a message of a class that has rules where the field's has none."""
    for name in NAMES:
        codec = codecs.get(name, consistent=True, configure=even_for_base)
        for cls, payload, path in (
            (Holding, {"base": {"x": 2}, "others": [{"x": 4}, {"x": 5}]}, "others[1].x"),
            (Base, {"x": 3}, "x"),
        ):
            wire = codec.format.dumps(payload)
            error = refusal(lambda codec=codec, wire=wire, cls=cls: codec.decode(wire, cls))
            assert [found.path for found in error.violations] == [path]


def test_codecs_that_do_not_ask_pay_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their functions are the same by text, and so are those of a message without rules and without messages in it."""
    monkeypatch.setattr(native, "core", None)  # Its functions have no text.

    @message
    class Bare:
        start: int = 0
        end: int = 0

    @message(rules=(rule("in-order", ("end", "start"), "at least start", lambda it: it.end >= it.start),))
    class Ruled:
        start: int = 0
        end: int = 0

    for name in NAMES:
        bare, ruled = codecs.get(name).decoder(Bare), codecs.get(name).decoder(Ruled)
        assert bare.__code__.co_code == ruled.__code__.co_code
        assert written(codecs.get(name), Bare) == written(codecs.get(name), Ruled)
        assert written(codecs.get(name, consistent=True), Ruled) == written(codecs.get(name), Ruled)
        start = codecs.get(name, consistent=True).decoder(StreamEventStart)
        assert start.__code__.co_code == codecs.get(name).decoder(StreamEventStart).__code__.co_code
        assert start.__name__ != "read_consistent"


def written(codec: Any, cls: type) -> str:
    """The generated function that reads a class, less its name."""
    return generated_source(codec._readers.reader(read_type(cls))).replace(cls.__name__, "")


def test_today_by_any_name() -> None:
    assert codecs.get("json", revision=LATEST, consistent=True) is codecs.get("json", consistent=True)
