"""Nothing is lost where a record is written anew: no digit, no field."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import history
from sagellm_protocol.archive import Options, Upgrader
from sagellm_protocol.archive.exactness import Exact, is_kept
from sagellm_protocol.codecs import envelope
from sagellm_protocol.model.exceptions import DecodeError, ProtocolError, ValidationError

OLD = '{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[42],"site":%s}'
ODD = [
    "12345678901234567891.5",
    "1e-400",
    "-0",
    "1.10",
    "-0.0",
    "1E5",
    "0.1234567890123456789",
    "100000000000000000000.0",
]
UPGRADER = Upgrader()
DIGITS = st.text("0123456789", min_size=1, max_size=22)
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: sign + whole + fraction + exponent,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**17).map(str),
    DIGITS.map(lambda digits: f".{digits}") | st.just(""),
    st.builds(
        lambda e, sign, digits: f"{e}{sign}{digits}", st.sampled_from("eE"), st.sampled_from("+-"), DIGITS
    ).filter(lambda text: int(text[2:]) < 200)
    | st.just(""),
)
TEXTS = st.text('a"\\:, 0-1.eé\n', max_size=6)


def written(value: Any, numbers: Iterator[str]) -> str:
    """JSON with the numbers that are drawn in the place of each None; texts escaped in one way or another."""
    if value is None:
        return next(numbers)
    if isinstance(value, list):
        return "[" + ", ".join(written(item, numbers) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{written(key, numbers)} :\t{written(item, numbers)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    escapes = "".join(
        f"\\u{ord(character):04x}" if number % 3 else json.dumps(character)[1:-1]
        for number, character in enumerate(value)
    )
    return f'"{escapes}"'


@st.composite
def records(draw: st.DrawFn) -> str:
    shape = draw(
        st.recursive(
            st.none() | TEXTS,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
            max_leaves=8,
        )
    )
    return written(shape, iter(lambda: draw(NUMBERS | st.sampled_from(ODD)), ""))


def as_texts(record: bytes | str) -> Any:
    """A record with every number as its text, and every object as its pairs."""
    return json.loads(record, parse_float=str, parse_int=str, object_pairs_hook=list)


def plain_pairs(record: str) -> Any:
    return dict(as_texts(record))["site"]


@given(records())
def test_every_number_stays_as_it_is_written(site: str) -> None:
    upgraded = UPGRADER.upgrade((OLD % site).encode())
    assert upgraded.record is not None
    assert plain_pairs(upgraded.record.decode()) == plain_pairs(OLD % site)


@pytest.mark.parametrize("number", ODD)
@pytest.mark.parametrize("spaces", ["", " "])
def test_digits_that_no_float_has(number: str, spaces: str) -> None:
    record = (OLD % f'{{"a":[{number}]}}').replace(":", f":{spaces}")
    assert f'"site":{{"a":[{number}]}}'.encode() in (UPGRADER.upgrade(record.encode()).record or b"")


def test_numbers_of_a_message_itself_and_in_envelopes() -> None:
    sampling = '{"temperature":0.50,"top_p":9e-1}'
    assert Upgrader(Options(since="0.4.0.8")).upgrade(sampling.encode()).record == (
        b'{"temperature":0.50,"top_p":9e-1,"strategy":"greedy"}'
    )
    wrapped = f'{{"protocol":"0.4.0.8","message":"sampling.SamplingParams","payload":{sampling}}}'
    assert UPGRADER.upgrade(wrapped.encode()).record == b'{"temperature":0.50,"top_p":9e-1,"strategy":"greedy"}'
    again = Upgrader(Options(envelope=True)).upgrade(wrapped.encode()).record or b""
    assert b'"payload":{"temperature":0.50,"top_p":9e-1,"strategy":"greedy"}' in again
    today = f'{{"protocol":"{history.latest}","message":"sampling.SamplingParams","payload":{sampling}}}'
    assert UPGRADER.upgrade(today.encode()).record == sampling.encode()


def test_an_envelope_around_a_record_of_today_keeps_its_bytes() -> None:
    upgrader = Upgrader(Options(message="SamplingParams", since="latest", envelope=True))
    record = b' { "temperature" : 0.50, "top_k": 1, "top_k": -0 }'
    body = b'{ "temperature" : 0.50, "top_k": 1, "top_k": -0 }'
    expected = orjson.dumps(envelope.wrap(orjson.Fragment(body), "sampling.SamplingParams", history.latest))
    assert upgrader.upgrade(record + b"\r\n").record == expected


@pytest.mark.parametrize(
    "site",
    ['1,"site":1', '{"a":1,"a":1}', '[{"a":{"b":0 , "\\u0062" : 1}}]', '{"a":"\\u0022:","a":"\\u0022:"}',
     '{"a":"\\"\\u0020:","a":"\\"\\u0020:"}', '{"a":"\\"\\u003a","a":"\\"\\u003a"}'],
)  # fmt: skip
def test_a_field_that_stands_there_twice_is_set_aside_rather_than_lost(site: str) -> None:
    record = (OLD % site).encode()
    with pytest.raises(DecodeError, match="stands there twice") as caught:
        UPGRADER.upgrade(record)
    assert repr(dict(as_texts(record)).get("site") and ("site" if site[0] == "1" else "ab"["b" in site])) in str(
        caught.value
    )


def test_where_a_record_stays_to_the_byte_nothing_is_lost() -> None:
    assert Upgrader(Options(message="SamplingParams", since="latest")).upgrade(b'{"top_k":1,"top_k":2}').record is None


@given(records(), st.booleans())
def test_what_is_called_kept_is_kept(site: str, tight: bool) -> None:
    site = f"[{site}]"
    record = (orjson.dumps(orjson.loads(site)) if tight else site.encode()) + b"\n"
    payload = orjson.loads(record)
    if is_kept(payload, record):
        assert as_texts(orjson.dumps(payload)) == as_texts(record)
    elif tight:
        raise AssertionError("what the parser itself would write was in doubt")


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ('{"a": 1.5, "b": [0.25, -3, 1.0]}', True),
        ('{"a": "\\u00e9", "b": 1.5}', True),
        ('{"a": "\\u00e9", "b": 1.50}', False),
        ('{"a": "\\u00e9", "b": 1.00}', False),
        ('{"a": "\\u00e9", "b": -0}', False),
        ('{"a": "\\u00e9", "b": -0.5}', True),
        ('{"a": "\\u00e9", "b": 5e2}', False),
        ('{"a": "\\u00e9", "b": 0.00001}', False),
        ('{"a": "\\u00e9", "b": 1234567890.123456}', False),
        ('{"a": "\\u00e9", "b": 12345.1234}', True),
        ('{"a": "\\u00e9-1e3-0", "b": "2026-01-02"}', True),
        ('{"\\u00e9": 1, "\\u00e9": 1}', False),
        ('{"\\u00e9" : "\\":"}', True),
    ],
)
def test_when_a_record_is_looked_at_closely(record: str, kept: bool) -> None:
    assert is_kept(orjson.loads(record), record.encode()) is kept


def test_texts_belong_to_the_numbers_that_were_read() -> None:
    exact = Exact(b"[1.10, 1.5, -0, 0]")
    assert exact.differs
    assert exact.write([*exact.payload, 1.1, 0, (exact.payload[0],)]) == b"[1.10,1.5,-0,0,1.1,0,[1.10]]"
    assert not Exact(b"[1.1, 1.5, 0]").differs


# Hooks


@pytest.fixture
def repair() -> Iterator[Any]:
    made: list[Any] = []

    def register(function: Any, since: str = "0.1.0") -> None:
        made.append(history.hook("types.StreamEventDelta", since=since)(function))

    yield register
    for function in made:
        history.unhook(function)


def test_a_hook_changes_the_numbers_that_it_touches_alone(repair: Any) -> None:
    repair(lambda payload: {**payload, "site": [payload["site"][0], payload["site"][1] * 2, *payload["site"][2:]]})
    assert b'"site":[1.10,2.2,1.10,-0]' in (Upgrader().upgrade((OLD % "[1.10,1.10,1.10,-0]").encode()).record or b"")


def test_a_hook_for_today_takes_part_in_envelopes(repair: Any) -> None:
    repair(lambda payload: {**payload, "content": "bye"}, since="latest")
    payload = {
        "event": "delta",
        "request_id": "r",
        "trace_id": "t",
        "content": "Hi",
        "content_tokens": [1],
        "engine_id": "e",
    }
    wrapped = orjson.dumps(envelope.wrap(payload, "types.StreamEventDelta", history.latest))
    upgraded = Upgrader(Options(envelope=True)).upgrade(wrapped)
    assert upgraded.record == wrapped.replace(b"Hi", b"bye")


def test_a_hook_that_answers_otherwise_the_second_time_is_found_out(repair: Any) -> None:
    answers = iter(["r", 7])
    repair(lambda payload: {**payload, "request_id": next(answers)})
    upgrader = Upgrader(Options(message="StreamEventDelta", since="0.1.0"))
    with pytest.raises(ValidationError, match="request_id: must be str"):
        upgrader.upgrade((OLD % "1.10").encode())


# Integers past 64 bits


def test_a_long_key_over_many_values_costs_its_length_once() -> None:
    record = (OLD % f'{{"{"k" * 100_000}":[{"0," * 20_000}1234567890123456789]}}').encode()
    tracemalloc.start()
    try:
        assert UPGRADER.upgrade(record).unknown == ("site",)
        with pytest.raises(ProtocolError, match="is an integer past 64 bits") as caught:
            UPGRADER.upgrade(record.replace(b"0,1234567890", b"0,9999999991234567890"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 * len(record)
    assert len(str(caught.value)) < 200
