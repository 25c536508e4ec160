"""Messages come out of bytes as they went in, however these are cut; what is damaged is told with its place."""

from __future__ import annotations

import copy
import itertools
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings, strategies as st

from sagellm_protocol import codecs, streams, testing
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.model.exceptions import (
    DecodeError,
    EncodeError,
    LossyDowngradeError,
    OptionError,
    ProtocolError,
    UnsupportedRevisionError,
    ValidationError,
)
from sagellm_protocol.types import StreamEvent, StreamEventDelta, StreamEventEnd, StreamEventStart

FRAMINGS = ("sse", "json-lines", "msgpack")
DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="é\n", content_tokens=[1])
BROKEN = {"sse": b"data: {1}\n\n", "json-lines": b"{1}\n", "msgpack": b"\x81\xc1"}
"""What is no message in each framing."""

every_framing = pytest.mark.parametrize("framing", FRAMINGS)
events = testing.messages(StreamEventStart) | testing.messages(StreamEventDelta) | testing.messages(StreamEventEnd)
places = st.lists(st.integers(0, 3000), max_size=20)


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(edges))


def fed(decoder: Any, pieces: Iterable[bytes]) -> list[Any]:
    return [message for piece in pieces for message in decoder.feed(piece)]


def read(decoder: Any, pieces: Any) -> tuple[list[Any], str | None]:
    """All that comes out, and the error that it ends with."""
    found: list[Any] = []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        found += decoder.finish()
    except ProtocolError as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


def wire_of(framing: str, messages: list[Any]) -> bytes:
    return b"".join(map(streams.encoder(framing), messages))


@every_framing
@given(messages=st.lists(events, max_size=4), at=places)
def test_messages_come_out_as_they_went_in(framing: str, messages: list[Any], at: list[int]) -> None:
    wire = wire_of(framing, messages)
    assert read(streams.decoder(framing, StreamEvent), cut(wire, at)) == (messages, None)


@every_framing
def test_any_kind_of_bytes_in_any_amount(framing: str) -> None:
    messages = [DELTA] * 1500
    wire = wire_of(framing, messages)
    assert len(wire) > 2**17
    for kind in (bytes, bytearray, memoryview):
        assert read(streams.decoder(framing, StreamEventDelta), [kind(wire)]) == (messages, None)
    assert read(streams.decoder(framing, StreamEvent), (wire[at : at + 1] for at in range(len(wire)))) == (
        messages,
        None,
    )


@every_framing
@settings(max_examples=200)
@given(
    messages=st.lists(events, max_size=2),
    damage=st.sampled_from(
        [*BROKEN.values(), b"\xc1", b"{", b"data: ", b"[]", b"data: []\n\n", b"\n\n\n", b"\x90", b"\0"]
    )
    | st.binary(max_size=5),
    at=places,
    place=st.integers(0, 3000),
)
def test_what_is_damaged_is_told_alike_however_it_is_cut(
    framing: str, messages: list[Any], damage: bytes, at: list[int], place: int
) -> None:
    wire = wire_of(framing, messages)
    place %= len(wire) + 1
    wire = wire[:place] + damage + wire[place:]
    whole = read(streams.decoder(framing, StreamEvent, limit=1000), [wire])
    assert read(streams.decoder(framing, StreamEvent, limit=1000), cut(wire, at)) == whole


@every_framing
def test_what_comes_before_the_damage_is_given_and_the_damage_told_again(framing: str) -> None:
    good = wire_of(framing, [DELTA])
    decoder = streams.decoder(framing, StreamEvent)
    assert decoder.feed(good + good + BROKEN[framing] + good) == [DELTA, DELTA]
    damage = decoder.damage
    assert isinstance(damage, streams.DamagedStreamError)
    assert isinstance(damage, DecodeError)
    assert (damage.index, damage.offset) == (2, 2 * len(good))
    assert str(damage).startswith(f"message 3, at byte {2 * len(good)}: no ")
    for again in (decoder.feed, decoder.feed, lambda _: decoder.finish(), lambda _: decoder.finish(), decoder.feed):
        with pytest.raises(streams.DamagedStreamError) as raised:
            again(good)
        assert raised.value is damage
    for twin in (copy.copy(damage), pickle.loads(pickle.dumps(damage))):
        assert (str(twin), twin.index, twin.offset, twin.reason) == (str(damage), 2, damage.offset, damage.reason)


@every_framing
def test_damage_is_raised_at_once_where_nothing_comes_before_it(framing: str) -> None:
    decoder = streams.decoder(framing, StreamEvent)
    with pytest.raises(streams.DamagedStreamError, match="message 1, at byte 0: no "):
        decoder.feed(BROKEN[framing])
    assert decoder.damage is not None


@every_framing
def test_a_message_that_breaks_its_class_is_told_by_its_number(framing: str) -> None:
    broken = {**codecs.get("dict").encode(DELTA), "content": 5, "content_tokens": [1.5]}
    written = codecs.get("msgpack" if framing == "msgpack" else "json").format.dumps(broken)
    around = {"sse": b"data: %b\n\n", "json-lines": b"%b\n", "msgpack": b"%b"}[framing]
    decoder = streams.decoder(framing, StreamEventDelta)
    decoder.feed(wire_of(framing, [DELTA]))
    with pytest.raises(ValidationError) as raised:
        decoder.feed(around % written)
    assert raised.value.message_name == "types.StreamEventDelta"
    assert [violation.path for violation in raised.value.violations] == ["[1].content", "[1].content_tokens[0]"]
    with pytest.raises(ValidationError):
        decoder.finish()


@every_framing
def test_a_message_may_have_as_many_bytes_as_is_said(framing: str) -> None:
    wire = wire_of(framing, [DELTA])
    size = len(codecs.get("msgpack" if framing == "msgpack" else "json").encode(DELTA))
    for at in range(0, len(wire), 7):
        fitting = streams.decoder(framing, StreamEvent, limit=size)
        assert read(fitting, [wire + wire[:at], wire[at:] + wire]) == ([DELTA] * 3, None)
        small = streams.decoder(framing, StreamEvent, limit=size - 1)
        told = f"DamagedStreamError: message 1, at byte 0: more than the {size - 1} bytes that this decoder takes"
        assert read(small, [wire[:at], wire[at:]]) == ([], told)


@pytest.mark.parametrize(
    ("framing", "endless"),
    [("sse", b"data: aaaa"), ("sse", b"data:a\n"), ("json-lines", b"  "), ("msgpack", b"\xc6\x7f")],
)
def test_what_has_no_end_is_refused_before_it_ends(framing: str, endless: bytes) -> None:
    decoder = streams.decoder(framing, StreamEvent, limit=1000)
    with pytest.raises(streams.DamagedStreamError, match="more than the 1000 bytes"):
        fed(decoder, [endless] * 2000)


@pytest.mark.parametrize(
    ("framing", "pieces", "reason"),
    [
        ("sse", [b"data: {}"], "the event breaks off before the empty line that ends it"),
        ("sse", [b"data: {}\n"], "the event breaks off before the empty line that ends it"),
        ("json-lines", [b'{"a'], "no JSON"),
        ("msgpack", [b"\x81\xa1"], "the object breaks off before its end"),
    ],
)
def test_what_breaks_off_is_told(framing: str, pieces: list[bytes], reason: str) -> None:
    good = wire_of(framing, [DELTA])
    decoder = streams.decoder(framing, StreamEvent)
    for piece in (good, *pieces):
        decoder.feed(piece)
    with pytest.raises(streams.DamagedStreamError, match=f"message 2, at byte {len(good)}: {reason}"):
        decoder.finish()


@every_framing
def test_after_the_end_there_is_nothing(framing: str) -> None:
    decoder = streams.decoder(framing, StreamEvent)
    assert decoder.finish() == decoder.finish() == []
    assert decoder.done is False
    with pytest.raises(OptionError, match="make another decoder"):
        decoder.feed(b"")


def test_lines_may_be_blank_or_end_in_two_signs_and_the_last_need_not_end() -> None:
    line = wire_of("json-lines", [DELTA])[:-1]
    decoder = streams.decoder("json-lines", StreamEvent)
    assert decoder.feed(b"\n \t\r\n" + line + b"\r\n\r\n" + line + b"\r") == [DELTA]
    assert decoder.finish() == [DELTA]


def test_a_line_may_have_as_many_bytes_as_is_said_whatever_ends_it() -> None:
    line = wire_of("json-lines", [DELTA])[:-1]
    for pieces in ([line + b"\r\n"], [line + b"\r", b"\n"], [line, b"\r", b"\n"], [line, b"\r"]):
        assert read(streams.decoder("json-lines", StreamEvent, limit=len(line)), pieces) == ([DELTA], None)
        assert read(streams.decoder("json-lines", StreamEvent, limit=len(line) - 1), pieces)[1] is not None


def test_objects_that_are_nested_deeper_than_the_library_goes_are_told() -> None:
    deep = b"\x91" * 3000 + b"\xc0"
    decoder = streams.decoder("msgpack", StreamEvent)
    good = wire_of("msgpack", [DELTA])
    assert decoder.feed(good + deep + good) == [DELTA]
    with pytest.raises(streams.DamagedStreamError, match=f"message 2, at byte {len(good)}: "):
        decoder.feed(b"")


def test_openai_says_that_nothing_follows() -> None:
    encode = streams.encoder("sse", done=True)
    assert encode.end == b"data: [DONE]\n\n"
    assert streams.encoder("sse").end == b""
    decoder = streams.decoder("sse", StreamEvent)
    wire = encode(DELTA)
    assert decoder.feed(wire) == [DELTA]
    assert not decoder.done
    assert decoder.feed(encode.end + b": bye\n\n") == []
    assert decoder.done
    with pytest.raises(streams.DamagedStreamError, match="it follows what the sender said is the end"):
        decoder.feed(wire)
    decoder = streams.decoder("sse", StreamEvent)
    assert decoder.feed(wire + encode.end) == [DELTA]
    assert decoder.finish() == []
    assert decoder.done


@every_framing
@pytest.mark.parametrize("release", ["0.1.0", "0.4.0.8", "0.5.4.16", "latest"])
def test_any_revision(framing: str, release: str) -> None:
    encode = streams.encoder(framing, revision=release, lossy=True)
    decoder = streams.decoder(framing, StreamEvent, revision=release, fill={"engine_id": "e"})
    assert read(decoder, [encode(DELTA)]) == ([DELTA], None)
    assert (b"chunk" in encode(DELTA)) == (release in ("0.1.0", "0.4.0.8"))


@pytest.mark.parametrize(
    ("framing", "codec"), [("sse", "msgspec-json"), ("json-lines", "msgspec-json"), ("msgpack", "msgspec-msgpack")]
)
def test_the_codecs_of_msgspec(framing: str, codec: str) -> None:
    wire = streams.encoder(framing, codec=codec)(DELTA)
    assert wire == streams.encoder(framing)(DELTA)
    assert read(streams.decoder(framing, StreamEvent, codec=codec), [wire]) == ([DELTA], None)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: streams.decoder("SSE", StreamEvent), r"no framing is called 'SSE' \(did you mean sse\?\)"),
        (lambda: streams.encoder("json"), "no framing is called 'json'.*there are sse, json-lines, msgpack"),
        (lambda: streams.decoder(["sse"], StreamEvent), "no framing is called"),  # type: ignore[call-overload]
        (
            lambda: streams.decoder("sse", StreamEvent, codec="msgpack"),
            "codec must be one of json, msgspec-json in this",
        ),
        (lambda: streams.encoder("msgpack", codec="json"), "codec must be one of msgpack, msgspec-msgpack in this"),
        (lambda: streams.encoder("json-lines", done=True), "done must be False in json-lines"),
        (lambda: streams.decoder("sse", StreamEvent, max_bytes=1), "limit is what limits a message"),
        (lambda: streams.decoder("sse", StreamEvent, limit=-1), "limit must be an integer of bytes"),
        (lambda: streams.decoder("sse", StreamEvent, unknown="drop"), "unknown must be"),
        (lambda: streams.decoder("sse", StreamEvent).feed("data"), "feed.. takes bytes"),  # type: ignore[arg-type]
    ],
)
def test_what_means_nothing_is_refused(make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(OptionError, match=reason):
        make()


def test_errors_of_codecs_are_theirs() -> None:
    with pytest.raises(UnsupportedRevisionError):
        streams.decoder("sse", StreamEvent, revision="9")
    with pytest.raises(LossyDowngradeError):
        streams.encoder("sse", revision="0.1.0")(DELTA)
    with pytest.raises(EncodeError):
        streams.encoder("sse")(
            StreamEventDelta(request_id="\ud800", trace_id="", engine_id="", content="", content_tokens=[])
        )


def test_options_of_codecs_are_obeyed() -> None:
    wire = codecs.get("json").format.dumps({**codecs.get("dict").encode(DELTA), "x": 1}) + b"\n"
    assert read(streams.decoder("json-lines", StreamEvent), [wire])[1] is not None
    assert read(streams.decoder("json-lines", StreamEvent, unknown="ignore"), [wire])[1] is None


def test_what_a_function_of_the_callers_raises_ends_the_stream_too() -> None:
    def report(counts: Any) -> None:
        raise RuntimeError("full")

    changes = [
        revision("2", added("types.StreamEventDelta", "logprobs")),
        revision("1", deprecates={"types.StreamEventDelta.content_tokens": "nobody reads them"}),
    ]
    own = History(changes, HISTORY.catalog)
    decoder = streams.decoder("json-lines", StreamEventDelta, history=own, on_deprecated=report)
    for again in (decoder.feed, decoder.feed, lambda _: decoder.finish()):
        with pytest.raises(RuntimeError, match="full"):
            again(wire_of("json-lines", [DELTA]))


@every_framing
def test_a_byte_at_a_time_costs_time_in_proportion(framing: str) -> None:
    def seconds(size: int) -> float:
        body = msgpack.packb("a" * size) if framing == "msgpack" else b"data: " + b"a" * size
        decoder = streams.decoder(framing, StreamEvent, limit=2 * size)
        began = time.process_time()
        for at in range(len(body) - 1):
            decoder.feed(body[at : at + 1])
        return time.process_time() - began

    seconds(1000)
    short, long = (min(seconds(size) for _ in range(3)) for size in (2**13, 2**16))
    assert long < 4 * 8 * short  # eight times the bytes; sixty-four, if all that is held were gone over again


@every_framing
def test_one_large_message_in_small_pieces(framing: str) -> None:
    message = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="x" * 300_000, content_tokens=[])
    wire = wire_of(framing, [message, message])
    pieces = (wire[at : at + 999] for at in range(0, len(wire), 999))
    assert read(streams.decoder(framing, StreamEvent), pieces) == ([message, message], None)
