"""Many streams over one connection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import Metrics, StreamEvent, StreamEventDelta, StreamEventEnd, StreamEventStart, evolve, streams
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.streams.exceptions import StreamError

METRICS = Metrics(ttft_ms=1.0, throughput_tps=2.0, peak_mem_mb=3, error_rate=0.0)


def stream(request_id: str, pieces: list[str]) -> list[StreamEvent]:
    ids = {"request_id": request_id, "trace_id": "t", "engine_id": "e"}
    tokens = [len(piece) for piece in pieces]
    return [
        StreamEventStart(**ids),
        *(StreamEventDelta(**ids, content=piece, content_tokens=[len(piece)]) for piece in pieces),
        StreamEventEnd(**ids, content="".join(pieces), output_tokens=tokens, finish_reason="stop", metrics=METRICS),
    ]


@given(texts=st.dictionaries(st.text(min_size=1), st.lists(st.text(), max_size=4), max_size=5), chance=st.randoms())
def test_each_is_put_together_as_if_it_were_alone(texts: dict[str, list[str]], chance: Any) -> None:
    waiting = {request_id: stream(request_id, pieces) for request_id, pieces in texts.items()}
    expected = {request_id: streams.assemble(events) for request_id, events in waiting.items()}
    interleaved, found = streams.Interleaved(), {}
    while waiting:
        request_id = chance.choice(list(waiting))
        answer = interleaved.add(waiting[request_id].pop(0))
        if not waiting[request_id]:
            del waiting[request_id]
            found[request_id] = answer
        else:
            assert answer is None
    assert found == expected
    assert interleaved.open == ()


def test_what_has_ended_takes_no_room() -> None:
    interleaved = streams.Interleaved(most=1, limit=40)
    for number in range(100):
        for event in stream(str(number), ["x" * 20]):
            interleaved.add(event)
    assert interleaved.open == ()


def test_an_error_leaves_the_others_and_its_own_as_they_were() -> None:
    interleaved = streams.Interleaved()
    start, delta, end = stream("a", ["x"])
    interleaved.add(start)
    interleaved.add(stream("b", [])[0])
    for wrong, rule, index in ((start, "one-start", 1), (evolve(delta, trace_id="u"), "same-trace", 2)):
        with pytest.raises(StreamError) as caught:
            interleaved.add(wrong)
        assert (caught.value.rule, caught.value.index, caught.value.request_id) == (rule, index, "a")
    assert interleaved.open == ("a", "b")
    interleaved.add(delta)
    assert interleaved.add(end) is not None
    with pytest.raises(StreamError) as late:
        interleaved.add(delta)
    assert late.value.rule == "start-first"
    assert interleaved.open == ("b",)


def test_no_more_streams_than_the_limit() -> None:
    interleaved = streams.Interleaved(most=2)
    for request_id in ("a", "b"):
        interleaved.add(stream(request_id, [])[0])
    with pytest.raises(StreamError, match="open at once") as caught:
        interleaved.add(stream("c", [])[0])
    assert (caught.value.rule, caught.value.request_id) == ("not-too-many", "c")
    interleaved.add(stream("a", [])[1])
    interleaved.add(stream("c", [])[0])
    assert interleaved.open == ("b", "c")


def test_no_more_text_than_the_limit_in_all_of_them() -> None:
    interleaved = streams.Interleaved(limit=30)
    for request_id in ("a", "b"):
        start, delta, _ = stream(request_id, ["x" * 8])
        interleaved.add(start)
        interleaved.add(delta)
    with pytest.raises(StreamError) as caught:
        interleaved.add(stream("a", ["x" * 8])[1])
    assert caught.value.rule == "within-the-limit"
    assert interleaved.drop("b") is not None
    interleaved.add(stream("a", ["x" * 8])[1])


def test_what_came_of_streams_that_never_end() -> None:
    interleaved = streams.Interleaved()
    for request_id in ("a", "b", "c"):
        for event in stream(request_id, [request_id])[:-1]:
            interleaved.add(event)
    partial = interleaved.partial("b")
    assert partial is not None
    assert partial.output_text == "b"
    assert interleaved.drop("b") == partial
    assert interleaved.drop("b") is interleaved.partial("b") is None
    assert [found.output_text for found in interleaved.drop_all()] == ["a", "c"]
    assert interleaved.open == interleaved.drop_all() == ()


@pytest.mark.parametrize("limits", [{"most": 0}, {"limit": 0}, {"most": None}])
def test_limits_are_numbers_above_0(limits: Any) -> None:
    with pytest.raises(OptionError, match="must be a whole number above 0"):
        streams.Interleaved(**limits)
