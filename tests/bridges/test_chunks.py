"""Streams of events as streams of chunks, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import (
    Error,
    ErrorCode,
    Metrics,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
    ValidationError,
    bridges,
    evolve,
    streams,
)
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.openai_types import (
    ChatCompletionRequest,
    ChatCompletionStreamResponse,
    CompletionRequest,
    OpenAIErrorResponse,
)

IDS = {"request_id": "r", "trace_id": "t", "engine_id": "e"}
METRICS = Metrics(ttft_ms=1.0, throughput_tps=2.0, peak_mem_mb=3, error_rate=0.0)
ASKED = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
CHAT = ChatCompletionRequest(**ASKED, messages=[])
COMPLETION = CompletionRequest(**ASKED, prompt="x")


def logprobs(*texts: str) -> list[Any]:
    return [{"token_id": 1, "text": text, "logprob": -1.0} for text in texts]


def stream(pieces: list[str], prompt: int | None = 3, told: bool = False) -> list[StreamEvent]:
    return [
        StreamEventStart(**IDS, prompt_tokens=prompt),
        *(
            StreamEventDelta(**IDS, content=it, content_tokens=[1], logprobs=logprobs(it) if told else None)
            for it in pieces
        ),
        StreamEventEnd(
            **IDS,
            prompt_tokens=prompt,
            content="".join(pieces),
            output_tokens=[1] * len(pieces),
            logprobs=logprobs(*pieces) if told and pieces else None,
            finish_reason="stop",
            metrics=METRICS,
        ),
    ]


PIECES = st.lists(st.text(max_size=3), max_size=5)


@given(PIECES, st.booleans(), st.sampled_from([None, 3]))
def test_chunks_make_the_answer_that_the_events_make(pieces: list[str], told: bool, prompt: int | None) -> None:
    events = stream(pieces, prompt, told)
    response = streams.assemble(events)
    chat, completion = bridges.ChatChunks(CHAT, created=5), bridges.CompletionChunks(COMPLETION, created=5)
    chunks = [chunk for event in events for chunk in chat.add(event)]
    assert streams.assemble_chat(chunks) == evolve(bridges.to_chat(response, CHAT, created=5), trace_id=None)  # type: ignore[arg-type]
    parts = [chunk for event in events for chunk in completion.add(event)]
    assert streams.assemble_completion(parts) == evolve(  # type: ignore[arg-type]
        bridges.to_completion(response, COMPLETION, created=5), trace_id=None
    )


def test_a_chat_as_clients_expect_it() -> None:
    chunks = bridges.ChatChunks(CHAT, created=5)
    told = [chunks.add(event) for event in stream(["a", "", "b"])]
    assert [len(found) for found in told] == [1, 1, 0, 1, 2]
    flat = [chunk for found in told for chunk in found if isinstance(chunk, ChatCompletionStreamResponse)]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in flat} == {("chatcmpl-r", 5, "m")}
    first, *_, last, usage = flat
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert (last.choices[0].finish_reason, last.choices[0].delta.content, last.usage) == ("stop", None, None)
    assert usage.choices == ()
    assert usage.usage is not None
    assert usage.usage.total_tokens == 6


@pytest.mark.parametrize(("make", "request_"), [(bridges.ChatChunks, CHAT), (bridges.CompletionChunks, COMPLETION)])
def test_what_the_caller_says_counts(make: Any, request_: Any) -> None:
    chunks = make(request_, id="i", created=7, model="n", index=2, include_usage=False)
    told = [chunk for event in stream(["a"]) for chunk in chunks.add(event)]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in told} == {("i", 7, "n")}
    assert {choice.index for chunk in told for choice in chunk.choices} == {2}
    assert all(chunk.usage is None for chunk in told)
    plain = make(model="m")
    assert all(chunk.usage is None for event in stream(["a"]) for chunk in plain.add(event))
    unasked = make(evolve(request_, stream_options=None))
    assert all(chunk.usage is None for event in stream(["a"]) for chunk in unasked.add(event))
    with pytest.raises(OptionError, match="tell request or model"):
        make()
    with pytest.raises(ValidationError, match="must be StreamEventStart or"):
        chunks.add({"event": "start"})


@pytest.mark.parametrize("make", [bridges.ChatChunks, bridges.CompletionChunks])
def test_an_engine_that_fails(make: Any) -> None:
    failed = Error(code=ErrorCode.RESOURCE_EXHAUSTED, message="no room")
    end = evolve(stream([])[-1], finish_reason="error", error=failed)
    (told,) = make(model="m").add(end)
    assert isinstance(told, OpenAIErrorResponse)
    assert told == bridges.error(failed).body


@given(PIECES)
def test_events_there_and_back(pieces: list[str]) -> None:
    events = stream(pieces)
    for chunks, back in (
        (bridges.ChatChunks(CHAT), bridges.ChatEvents(engine_id="e", trace_id="t")),
        (bridges.CompletionChunks(COMPLETION), bridges.CompletionEvents(engine_id="e", trace_id="t")),
    ):
        told = [found for event in events for chunk in chunks.add(event) for found in back.add(chunk)]  # type: ignore[arg-type]
        end = back.finish(metrics=METRICS)
        expected = [event for event in events[1:-1] if event.content]  # type: ignore[union-attr]
        assert told == [
            evolve(events[0], prompt_tokens=None),
            *(evolve(event, content_tokens=()) for event in expected),
        ]
        assert end == evolve(events[-1], output_tokens=())
        assert streams.assemble([*told, end]).output_text == "".join(pieces)


def chunk(*choices: dict[str, Any], **fields: Any) -> ChatCompletionStreamResponse:
    return ChatCompletionStreamResponse(**{"id": "chatcmpl-r", "model": "m", "choices": choices, **fields})


def part(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def test_what_events_cannot_say_is_told_at_the_end() -> None:
    events = bridges.ChatEvents(engine_id="e")
    assert events.add(chunk()) == []
    start, *rest = events.add(chunk(part(content="a"), part(1, content="b")))
    assert (start.request_id, start.trace_id) == ("r", "r")
    assert [event.content for event in rest if isinstance(event, StreamEventDelta)] == ["a"]
    with pytest.raises(streams.BrokenOffError):
        events.finish()
    assert events.add(chunk(part(finish="stop", refusal="no"), part(1, "stop"))) == []
    with pytest.raises(bridges.LossyBridgeError) as caught:
        events.finish()
    assert [loss.path for loss in caught.value.losses] == ["choices", "choices[0].message.refusal"]
    end = events.finish(lossy=True)
    assert (end.content, end.request_id, end.prompt_tokens) == ("a", "r", None)


def test_streams_that_break_the_rules_or_off() -> None:
    events = bridges.ChatEvents(engine_id="e", request_id="q")
    with pytest.raises(streams.BrokenOffError):
        events.finish()
    events.add(chunk(part(1, "stop", content="x")))
    with pytest.raises(streams.BrokenOffError, match="no answer with index 0"):
        events.finish()
    with pytest.raises(streams.StreamError, match="same-model"):
        events.add(chunk(part(), model="n"))
