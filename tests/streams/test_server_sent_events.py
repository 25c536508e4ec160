"""Server-Sent Events are what the standard says: beside a slow reader of the standard's own words, and by hand."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sagellm_protocol import streams
from sagellm_protocol.model.exceptions import EncodeError, OptionError

SAID = [
    *(b"data", b"event", b"id", b"retry", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"x", b"\0", b"42"),
    *(
        b"data: a\n\n",
        b"data: a\n",
        b"data\n",
        b"data:b\r",
        b"data:  c\r\n",
        b": note\n",
        b"event: e\n",
        b"event\n",
        b"id: 1\n",
    ),
    *(b"id\n", b"id: \0\n", b"retry: 10\n", b"retry: 1x\n", b"retry:007\n", b"retry:\n", b"Data: d\n", b"data : e\n"),
    *(b"\xef\xbb\xbf", b"\xef", b"\xbb\xbf", b"\xff", "é\u2028\x0b\x85".encode(), b"\xc3", b"\xf0\x9f\x98"),
]
"""Bytes that mean something, or look as if they did."""

written = st.lists(st.sampled_from(SAID) | st.binary(max_size=3), max_size=30).map(b"".join)


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """The data in pieces, some of them empty."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(edges))


def fed(decoder: streams.SSEDecoder, pieces: Iterable[bytes]) -> list[streams.ServerSentEvent]:
    return [event for piece in pieces for event in decoder.feed(piece)]


def read(data: bytes) -> tuple[list[streams.ServerSentEvent], str | None, int | None]:
    """What the standard's "Interpreting an event stream" says, line by line; and the id and time told last."""
    *lines, _ = re.split("\r\n|\r|\n", data.decode("utf-8-sig", errors="replace"))
    events: list[streams.ServerSentEvent] = []
    buffer, kind, wait = "", "", None
    last_id = told_id = reconnection = None
    for line in lines:
        if line == "":
            last_id = told_id
            if buffer != "":
                text = buffer[:-1] if buffer.endswith("\n") else buffer
                events.append(streams.ServerSentEvent(text, kind if kind != "" else "message", last_id, wait))
            buffer, kind, wait = "", "", None
        elif not line.startswith(":"):
            field, value = line.split(":", 1) if ":" in line else (line, "")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                kind = value
            elif field == "data":
                buffer += value + "\n"
            elif field == "id":
                told_id = told_id if "\0" in value else value
            elif field == "retry" and re.fullmatch("[0-9]+", value):
                wait = reconnection = int(value)
    return events, last_id, reconnection


@settings(max_examples=500)
@given(data=written, places=st.lists(st.integers(0, 200), max_size=20))
def test_every_stream_is_read_as_the_standard_says_however_it_is_cut(data: bytes, places: list[int]) -> None:
    decoder = streams.SSEDecoder()
    assert (fed(decoder, cut(data, places)), decoder.last_id, decoder.retry) == read(data)


@settings(max_examples=500)
@given(pieces=st.lists(st.sampled_from(SAID), max_size=12))
def test_whatever_is_sent_at_once_is_read_alike(pieces: list[bytes]) -> None:
    decoder = streams.SSEDecoder()
    assert (fed(decoder, pieces), decoder.last_id, decoder.retry) == read(b"".join(pieces))


@settings(max_examples=500)
@given(data=written)
def test_a_byte_at_a_time_is_no_different(data: bytes) -> None:
    decoder = streams.SSEDecoder()
    assert fed(decoder, (bytes([byte]) for byte in data)) == read(data)[0]


def message(data: str, event: str = "message", id: str | None = None, retry: int | None = None) -> Any:
    return streams.ServerSentEvent(data, event, id, retry)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        # The examples of the standard.
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [message("YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [message("first event", id="1"), message("second event", id=""), message(" third event", id="")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [message(""), message("\n")]),
        (b"data:test\n\ndata: test\n\n", [message("test"), message("test")]),
        # Line endings.
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [message("a"), message("b"), message("c")]),
        (b"data: a\r\n\rdata: b\n\r\n", [message("a"), message("b")]),
        (b"data: a\r\ndata: b\r\n\r\n", [message("a\nb")]),
        (b"data: a\rdata: b\n\n", [message("a\nb")]),
        (b"data: a\ndata: b\n\n", [message("a\nb")]),
        ("data: a\u2028b\x85c\x0bd\n\n".encode(), [message("a\u2028b\x85c\x0bd")]),
        # The byte order mark is one, and at the start.
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n", [message("a"), message("c")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [message("b")]),
        # Fields.
        (b"event: add\ndata: 1\n\ndata: 2\n\n", [message("1", "add"), message("2")]),
        (b"event: add\n\ndata: 2\n\n", [message("2")]),
        (b"id: 7\n\ndata: a\n\n", [message("a", id="7")]),
        (b"id: 7\nid: \x00\ndata: a\n\n", [message("a", id="7")]),
        (b"retry: 10\ndata: a\n\ndata: b\n\n", [message("a", retry=10), message("b")]),
        ("retry: \u0663\ndata: a\n\n".encode(), [message("a")]),
        (b"retry: -1\ndata: a\n\n", [message("a")]),
        (b"data: \xff\n\n", [message("\ufffd")]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_by_hand(data: bytes, events: list[streams.ServerSentEvent]) -> None:
    assert read(data)[0] == events
    assert fed(streams.SSEDecoder(), (bytes([byte]) for byte in data)) == events
    for at in range(len(data) + 1):
        assert fed(streams.SSEDecoder(), [data[:at], b"", data[at:]]) == events


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_an_event_begins_at_its_first_line_whatever_ends_the_one_before(ending: bytes) -> None:
    before = b"data: a" + ending * 3 + b": note" + ending * 2
    data = before + b"event: e" + ending + b"data: too large" + ending * 2
    for at in range(len(data) + 1):
        decoder = streams.SSEDecoder(5)
        with pytest.raises(
            streams.DamagedStreamError, match=f"message 2, at byte {len(before)}: more than the 5 bytes"
        ):
            fed(decoder, [data[:at], data[at:], b""])


def test_a_time_of_any_number_of_digits_costs_little() -> None:
    decoder = streams.SSEDecoder()
    (event,) = decoder.feed(b"retry: 00" + b"9" * 1_000_000 + b"\ndata: a\n\n")
    assert event.retry == decoder.retry == 10**18
    assert decoder.feed(b"retry: 000\n\n") == []
    assert decoder.retry == 0


def test_what_an_event_source_would_pass_over_is_told() -> None:
    for data in (b"data: a\n", b"data: a", b": no", b"\xef\xbb\xbfd"):
        decoder = streams.SSEDecoder()
        assert decoder.feed(b"data: a\n\n"[: 9 * (data[0] != 0xEF)] + data) in ([], [message("a")])
        with pytest.raises(streams.DamagedStreamError, match="breaks off before the empty line"):
            decoder.finish()
    for data in (b"", b"data: a\n\n", b"event: e\n", b": note\r", b"\xef\xbb\xbf"):
        decoder = streams.SSEDecoder()
        decoder.feed(data)
        assert decoder.finish() == []


def test_an_event_may_have_as_many_bytes_as_is_said() -> None:
    for size, data in ((4, b"data: abcd\n\n"), (5, b"data: ab\ndata:cd\n\n"), (3, b"data:\xc3\xa9\ndata\n\n")):
        assert len(streams.SSEDecoder(size).feed(data)) == 1
        for pieces in ([data], [data[:9], data[9:]], [bytes([byte]) for byte in data]):
            decoder = streams.SSEDecoder(size - 1)
            told = f"message 1, at byte 0: more than the {size - 1} bytes"
            with pytest.raises(streams.DamagedStreamError, match=told):
                fed(decoder, pieces)
            assert isinstance(decoder.damage, streams.DamagedStreamError)


def test_what_has_no_end_is_refused_before_it_ends() -> None:
    decoder = streams.SSEDecoder(100)
    with pytest.raises(streams.DamagedStreamError, match="more than the 100 bytes"):
        fed(decoder, [b":"] * 200)


@given(
    st.lists(
        st.builds(
            streams.ServerSentEvent,
            st.text().map(lambda text: text.replace("\r", "")),
            st.just("message") | st.text(min_size=1).map(lambda text: "".join(text.split()) or "e"),
            st.text().map(lambda text: re.sub("[\r\n\0]", "", text)),
            st.none() | st.integers(0, 10**18 - 1),
        ),
        max_size=5,
    )
)
def test_events_are_what_they_were_before_they_were_written(events: list[streams.ServerSentEvent]) -> None:
    data = b"".join(event.encode() for event in events)
    assert streams.SSEDecoder().feed(data) == events
    assert read(data)[0] == events


def test_the_form_of_an_event() -> None:
    assert message("a").encode() == b"data: a\n\n"
    assert message("a\n", "add", "7", 10).encode() == b"event: add\ndata: a\ndata: \nid: 7\nretry: 10\n\n"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (message("a\rb"), "data must hold none of"),
        (message(b"a"), "data must be text, got b'a'"),  # type: ignore[arg-type]
        (message("a", "b\n"), "event must hold none of"),
        (message("a", "b\r"), "event must hold none of"),
        (message("a", ""), "event must not be empty"),
        (message("a", id="\0"), "id must hold none of"),
        (message("a", id="\n"), "id must hold none of"),
        (message("a", retry=-1), "retry must be 0 to 999999999999999999 milliseconds, got -1"),
        (message("a", retry=True), "retry must be 0 to"),
        (message("a", retry=10**18), "retry must be 0 to"),
        (message("\ud800"), "lone surrogate"),
    ],
)
def test_what_no_event_can_carry(event: streams.ServerSentEvent, reason: str) -> None:
    with pytest.raises(EncodeError, match=reason):
        event.encode()


@pytest.mark.parametrize("limit", [-1, True, 1.0, None])
def test_the_limit_is_a_number_of_bytes(limit: Any) -> None:
    with pytest.raises(OptionError, match="limit must be an integer of bytes"):
        streams.SSEDecoder(limit)
