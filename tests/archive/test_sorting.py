"""What records are, without upgrading them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

import published
from sagellm_protocol.archive.records import LongLine
from sagellm_protocol.archive.sorting import Sorted, Sorter, records
from sagellm_protocol.history import HISTORY, Candidate, History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from toys import Declare, declare  # noqa: F401 - the fixture

SORTER = Sorter()
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [42]}


def sort(payload: Any, sorter: Sorter = SORTER) -> Sorted:
    return sorter.sort(json.dumps(payload).encode())


def test_a_message() -> None:
    found = sort(DELTA)
    candidates = (Candidate("types.StreamEventDelta", "0.1.0", "0.1.0"),)
    assert found == Sorted("message", "types.StreamEventDelta", "0.1.0", candidates)
    assert str(found) == "types.StreamEventDelta (0.1.0)"
    assert found.to_plain() == {
        "verdict": "message",
        "message": "types.StreamEventDelta",
        "since": "0.1.0",
        "candidates": [{"message": "types.StreamEventDelta", "first": "0.1.0", "last": "0.1.0"}],
        "envelope": False,
        "reason": None,
    }


def test_an_envelope() -> None:
    found = sort({"protocol": "0.4.0.8", "message": "Request", "payload": {}})
    assert str(found) == "types.Request (0.4.0.7, as its envelope says)"
    assert found.candidates == (Candidate("types.Request", "0.4.0.7", "0.4.0.7"),)
    assert found.envelope


@pytest.mark.parametrize(
    ("record", "verdict", "told"),
    [
        (b'{"temperature":0.5}', "ambiguous", "sampling.SamplingParams (0.4.0.7 to 0.5.4.12) or sampling."),
        (b'{"event":"delta","request_id":7}', "unknown", f"of {HISTORY.latest} it breaks: event: must be one of"),
        (b'{"of no message":1}', "unknown", "the record resembles no message"),
        (b"[1]", "unknown", "the record is no JSON object"),
        (b'{"protocol":"9","message":"m","payload":{}}', "unknown", "the record is written in revision '9'"),
        (b'{"protocol":1,"message":"m","payload":{}}', "unknown", "envelope: 1 violation: protocol: must be str"),
        (b'{"a":', "broken", "no JSON: "),
        (b"\xff", "broken", "no JSON: "),
        (b"[" * 1000, "broken", "no JSON: "),
        (b'{"\\u001b[31m":' + b"9" * 30 + b"}", "unknown", "the record resembles no message"),
        (LongLine(b"x", io.BytesIO()), "broken", "the line is too long to be held"),
    ],
)
def test_what_is_no_one_message(record: bytes | LongLine, verdict: str, told: str) -> None:
    found = SORTER.sort(record)
    assert found.verdict == verdict
    assert told in str(found)
    assert str(found).startswith(f"{verdict}: ")
    assert str(found).isprintable()
    assert str(found.kind).startswith(verdict)
    assert (found.message, found.since) == (None, None)
    assert found.kind.reason is None or verdict == "ambiguous"


def test_where_the_message_is_known() -> None:
    sorter = Sorter("SamplingParams")
    assert sort({"temperature": 0.5, "n_speculative_tokens": 3, "strategy": "greedy"}, sorter).verdict == "message"
    assert sort(DELTA, sorter).verdict == "unknown"
    with pytest.raises(UnsupportedRevisionError):
        Sorter("Nothing")


def test_a_history_of_a_user(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Ours:\n    name: str\n    size: int = 0\n")
    history = History([revision("2", added("toy.Ours", "size")), revision("1")], catalog)
    assert str(sort({"name": "n", "size": 1}, Sorter(history=history))) == "toy.Ours (2)"


def test_what_was_recorded_is_found_again() -> None:
    for release in published.revisions():
        # Those that leave out all defaults leave out what tells them apart.
        for recorded in (it for it in published.corpus(release) if it.style != "set_only"):
            found = sort(recorded.payload)
            assert found.verdict in ("message", "ambiguous")
            every = HISTORY.revisions
            assert any(
                candidate.message == recorded.type
                and every.index(candidate.first) <= every.index(release) <= every.index(candidate.last)
                for candidate in found.candidates
            ), recorded


# Records of a stream

OBJECTS = st.dictionaries(st.text(max_size=3), st.none() | st.lists(st.dictionaries(st.text(max_size=2), st.none())))


@given(st.lists(OBJECTS))
def test_lines_are_records(objects: list[Any]) -> None:
    lines = [json.dumps(it).encode() + b"\n" for it in objects]
    assert list(records(io.BytesIO(b"".join(lines)))) == list(enumerate(lines, 1))


@given(OBJECTS, st.integers(0, 3))
def test_one_over_many_lines_is_a_record(it: Any, blank: int) -> None:
    text = json.dumps(it, indent=2).encode()
    assert list(records(io.BytesIO(b"\n" * blank + text))) == [(blank + 1, text)]


def test_where_the_first_line_is_broken() -> None:
    lines = [b'{"a":\n', b" \n", b'{"b":1}\n', b"1}"]
    assert list(records(io.BytesIO(b"".join(lines)))) == [(1, lines[0]), (3, lines[2]), (4, lines[3])]


def test_no_more_is_held_back_than_may_be() -> None:
    text = b'{"a":\n1,\n"b":\n2}'
    assert list(records(io.BytesIO(text), 100)) == [(1, text)]
    assert [number for number, _ in records(io.BytesIO(text), 10)] == [1, 2, 3, 4]
    long = list(records(io.BytesIO(b"{\n" + b"1" * 20 + b"\n2\n"), 10))
    assert [(number, type(line)) for number, line in long] == [(1, bytes), (2, LongLine), (3, bytes)]


def test_lines_come_as_they_are_read() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:3] = b"{}\n"
            return 3

    found = records(io.BufferedReader(Endless()))
    assert next(found) == (1, b"{}\n")
    assert next(found) == (2, b"{}\n")


def test_nothing() -> None:
    assert list(records(io.BytesIO(b""))) == []
    assert list(records(io.BytesIO(b"\n \n"))) == []
