"""Streams of events put together: whole answers, broken rules, streams that break off."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import (
    Error,
    ErrorCode,
    Metrics,
    ProtocolError,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    TokenLogprobs,
    ValidationError,
    evolve,
    streams,
    violations,
)
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.streams.assembling.rules import EVENTS
from sagellm_protocol.streams.exceptions import BrokenOffError, StreamError

IDS = {"request_id": "r", "trace_id": "t", "engine_id": "e"}
METRICS = Metrics(ttft_ms=1.0, throughput_tps=2.0, peak_mem_mb=3, error_rate=0.0)
START = StreamEventStart(**IDS, prompt_tokens=4)
DELTA = StreamEventDelta(**IDS, content="ab", content_tokens=[1, 2])
END = StreamEventEnd(**IDS, content="ab", output_tokens=[1, 2], finish_reason="stop", metrics=METRICS)
WHOLE: list[StreamEvent] = [START, DELTA, END]
FAILED = Error(code=ErrorCode.RESOURCE_EXHAUSTED, message="no room")


def logprobs(*tokens: int) -> list[TokenLogprobs]:
    return [TokenLogprobs(token_id=token, text=str(token), logprob=-0.5) for token in tokens]


async def later(events: Sequence[Any]) -> AsyncIterator[Any]:
    for event in events:
        await asyncio.sleep(0)
        yield event


def broken(events: Sequence[Any], **options: Any) -> StreamError:
    """What is wrong with a stream, which both ways tell alike."""
    with pytest.raises(StreamError) as caught:
        streams.assemble(events, **options)
    with pytest.raises(StreamError) as awaited:
        asyncio.run(streams.assemble_async(later(events), **options))
    assert str(awaited.value) == str(caught.value)
    return caught.value


def test_the_answer_that_would_have_been_sent_instead() -> None:
    answer = Response(
        request_id="r",
        trace_id="t",
        output_text="ab",
        output_tokens=[1, 2],
        prompt_tokens=4,
        finish_reason="stop",
        metrics=METRICS,
    )
    assert streams.assemble(WHOLE) == asyncio.run(streams.assemble_async(later(WHOLE))) == answer
    assembler = streams.Assembler()
    assert [assembler.add(event) for event in WHOLE] == [None, None, answer]
    assert assembler.finish() == answer
    assert assembler.state is streams.StreamState.ENDED


@given(
    pieces=st.lists(st.tuples(st.text(), st.lists(st.integers(0, 10**6), max_size=4), st.booleans())),
    failed=st.booleans(),
    told=st.booleans(),
    prompt=st.sampled_from([(None, None), (4, None), (None, 4), (4, 4)]),
)
def test_any_stream_that_keeps_the_rules(
    pieces: list[tuple[str, list[int], bool]], failed: bool, told: bool, prompt: tuple[int | None, int | None]
) -> None:
    tokens = [token for _, some, _ in pieces for token in some]
    asked = bool(tokens) and all(with_logprobs for _, _, with_logprobs in pieces)
    end = StreamEventEnd(
        **IDS,
        prompt_tokens=prompt[1],
        cached_prompt_tokens=1,
        content="".join(text for text, _, _ in pieces),
        output_tokens=tokens,
        logprobs=logprobs(*tokens) if asked and told else None,
        finish_reason="error" if failed else "length",
        metrics=METRICS,
        error=FAILED if failed else None,
    )
    deltas = [
        StreamEventDelta(**IDS, content=text, content_tokens=some, logprobs=logprobs(*some) if asked else None)
        for text, some, _ in pieces
    ]
    answer = streams.assemble([evolve(START, prompt_tokens=prompt[0]), *deltas, end])
    assert (answer.output_text, answer.output_tokens) == (end.content, tuple(tokens))
    assert (answer.finish_reason, answer.error, answer.metrics) == (end.finish_reason, end.error, METRICS)
    assert answer.logprobs == (tuple(logprobs(*tokens)) if asked else None)
    assert answer.prompt_tokens == (prompt[0] if prompt[1] is None else prompt[1])
    assert answer.cached_prompt_tokens == 1
    assert not violations(answer)


BROKEN: dict[str, tuple[list[StreamEvent], str, int]] = {
    "a delta first": ([DELTA], "start-first", 0),
    "an end first": ([END], "start-first", 0),
    "two starts": ([START, START], "one-start", 1),
    "a start after the end": ([*WHOLE, START], "nothing-after-the-end", 3),
    "a delta after the end": ([*WHOLE, DELTA], "nothing-after-the-end", 3),
    "two ends": ([*WHOLE, END], "nothing-after-the-end", 3),
    "another request": ([START, evolve(DELTA, request_id="x")], "same-request", 1),
    "another trace": ([START, evolve(DELTA, trace_id="x")], "same-trace", 1),
    "another engine": ([START, DELTA, evolve(END, engine_id="x")], "same-engine", 2),
    "another prompt": ([START, DELTA, evolve(END, prompt_tokens=5)], "same-prompt", 2),
    "another text": ([START, DELTA, evolve(END, content="ba")], "content-joined", 2),
    "a token short": ([START, DELTA, evolve(END, output_tokens=[1])], "tokens-joined", 2),
    "other log-probabilities": (
        [START, evolve(DELTA, logprobs=logprobs(1, 2)), evolve(END, logprobs=logprobs(2, 1))],
        "logprobs-joined",
        2,
    ),
}


@pytest.mark.parametrize(("events", "rule", "index"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_names_itself_and_the_event(events: list[StreamEvent], rule: str, index: int) -> None:
    error = broken(events)
    assert (error.rule, error.index, error.event) == (rule, index, events[index])
    assert error.request_id == (None if index == 0 else "r")
    assert f"event {index} " in str(error)
    assert f"rule {rule}: " in str(error)


def test_every_rule_of_the_table_is_tried() -> None:
    assert {rule.name for rule in EVENTS.rules} == {rule for _, rule, _ in BROKEN.values()} | {"within-the-limit"}
    assert {(step.state, step.event) for step in EVENTS.steps} == {
        (state, event) for state in streams.StreamState for event in ("start", "delta", "end")
    }


def test_what_is_allowed_is_a_lifecycle() -> None:
    states = streams.StreamState
    assert EVENTS.lifecycle.path([states.WAITING, states.OPEN, states.OPEN, states.ENDED])
    assert not EVENTS.lifecycle.path([states.OPEN, states.WAITING])
    assert EVENTS.lifecycle.allowed(states.OPEN) == ("delta", "end")
    assert EVENTS.lifecycle.final == (states.ENDED,)


def plainly_keeps_the_rules(events: Sequence[StreamEvent]) -> bool:
    """The same, said in one piece."""
    if not events or any(event.event != "delta" for event in events[1:-1]):
        return False
    first, *deltas, last = events if len(events) > 1 else (*events, None)
    return (
        isinstance(first, StreamEventStart)
        and isinstance(last, StreamEventEnd)
        and len({(event.request_id, event.trace_id, event.engine_id) for event in events}) == 1
        and last.prompt_tokens in (None, first.prompt_tokens)
        and last.content == "".join(event.content for event in deltas)  # type: ignore[union-attr]
    )


@given(
    st.lists(
        st.sampled_from(
            [START, evolve(START, request_id="s"), DELTA, DELTA, evolve(DELTA, trace_id="x"), END, *WHOLE]
            + [evolve(END, content="ab" * many, output_tokens=[1, 2] * many) for many in (0, 2)]
        ),
        max_size=5,
    )
)
def test_any_events_at_all(events: list[StreamEvent]) -> None:
    try:
        streams.assemble(events)
    except StreamError:
        assert not plainly_keeps_the_rules(events)
    else:
        assert plainly_keeps_the_rules(events)


def test_what_breaks_a_rule_leaves_all_as_it_was() -> None:
    assembler = streams.Assembler()
    assembler.add(START)
    for wrong in (START, evolve(DELTA, trace_id="x"), END):
        before = assembler.partial
        with pytest.raises(StreamError):
            assembler.add(wrong)
        assert assembler.partial == before
    assembler.add(DELTA)
    answer = assembler.add(END)
    assert answer is not None
    assert answer.output_text == "ab"


@pytest.mark.parametrize("many", range(3))
def test_a_stream_that_breaks_off(many: int) -> None:
    error = broken(WHOLE[:many])
    assert isinstance(error, BrokenOffError)
    assert (error.rule, error.index, error.event) == ("one-end", many, None)
    assert error.partial.events == many
    assert error.partial.output_text == "ab" * (many > 1)
    assert error.partial.output_tokens == (1, 2) * (many > 1)
    assert str(error) == (
        f"{'stream ' + repr('r') if many else 'a stream'} broke off after {many} event{'s' * (many != 1)}: "
        "its end did not come"
    )
    assert error.to_error().code is ErrorCode.UNAVAILABLE


def test_what_arrived_as_an_answer() -> None:
    partial = broken([START, evolve(DELTA, logprobs=logprobs(1, 2))]).partial  # type: ignore[attr-defined]
    answer = partial.response()
    assert (answer.request_id, answer.trace_id, answer.prompt_tokens) == ("r", "t", 4)
    assert (answer.output_text, answer.output_tokens, answer.logprobs) == ("ab", (1, 2), tuple(logprobs(1, 2)))
    assert answer.finish_reason == "error"
    assert answer.error == Error(
        code=ErrorCode.UNAVAILABLE, message="the stream broke off after 2 events", retryable=True
    )
    assert answer.metrics.error_rate == 1.0
    assert not violations(answer)
    assert partial.response(error=FAILED, metrics=METRICS).error is FAILED
    assert partial.response(metrics=METRICS).metrics is METRICS
    assert partial.response(error=TimeoutError("late")).error.code is ErrorCode.DEADLINE_EXCEEDED
    assert partial.response(request_id="other").request_id == "r"


def test_what_arrived_of_a_stream_that_never_began() -> None:
    partial = broken([]).partial  # type: ignore[attr-defined]
    assert partial.response(request_id="r", trace_id="t").output_tokens == ()
    with pytest.raises(ValidationError, match="request_id"):
        partial.response()


@pytest.mark.parametrize(
    "failure", [ConnectionResetError("gone"), StreamError("r", "s", index=0, event=1, request_id=None)]
)
def test_a_source_that_fails(failure: Exception) -> None:
    def failing() -> Iterator[StreamEvent]:
        yield from WHOLE[:2]
        raise failure

    async def failing_later() -> AsyncIterator[StreamEvent]:
        for event in failing():
            yield event

    with pytest.raises(BrokenOffError, match=type(failure).__name__) as caught:
        streams.assemble(failing())
    assert caught.value.__cause__ is failure
    assert caught.value.partial.output_text == "ab"
    with pytest.raises(BrokenOffError) as awaited:
        asyncio.run(streams.assemble_async(failing_later()))
    assert awaited.value.__cause__ is failure


def test_who_stops_waiting_is_not_told_otherwise() -> None:
    async def endless() -> AsyncIterator[StreamEvent]:
        yield START
        await asyncio.Event().wait()

    async def stop() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(streams.assemble_async(endless()), 0.01)

    asyncio.run(stop())


@pytest.mark.parametrize("stranger", [None, {"event": "start"}, METRICS])
def test_what_is_no_event(stranger: Any) -> None:
    for add in (streams.Assembler().add, streams.Interleaved().add):
        with pytest.raises(ValidationError, match="must be StreamEventStart or") as caught:
            add(stranger)
        assert caught.value.fault == "local"


def test_the_limit_counts_what_is_held() -> None:
    delta = evolve(
        DELTA, logprobs=[evolve(logprobs(1)[0], top=[{"token_id": 1, "text": "1", "logprob": -1}]), *logprobs(2)]
    )
    sizes = list(accumulate([3, 4, 7]))
    events: list[StreamEvent] = [START, DELTA, delta]
    for index, size in enumerate(sizes):
        error = broken(events, limit=size - 1)
        assert (error.rule, error.index) == ("within-the-limit", index)
    assert broken(events, limit=sizes[-1]).rule == "one-end"


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "9"])
def test_a_limit_is_a_number_above_0(limit: Any) -> None:
    with pytest.raises(OptionError, match="limit must be a whole number above 0"):
        streams.Assembler(limit=limit)


@pytest.mark.parametrize("events", [WHOLE[:2], [START, START]], ids=["broken off", "broken"])
def test_errors_are_copied_and_sent_between_processes(events: list[StreamEvent]) -> None:
    error = broken(events)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))
    assert isinstance(error, ProtocolError)
    assert error.fault == "remote"
