"""What engines answer, as OpenAI's clients read it, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given

from sagellm_protocol import DecodeError, Error, ErrorCode, Metrics, Response, ValidationError, bridges, codecs, evolve
from sagellm_protocol.bridges import LossyBridgeError
from sagellm_protocol.openai_types import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatMessage,
    CompletionRequest,
    CompletionResponse,
)
from sagellm_protocol.testing import messages

METRICS = Metrics(ttft_ms=1.0, throughput_tps=2.0, peak_mem_mb=3, error_rate=0.0)
LOGPROBS = [
    {"token_id": 1, "text": "he", "logprob": -1.0, "bytes": [104, 101]},
    {"token_id": 2, "text": "llo", "logprob": -0.5, "top": [{"token_id": 3, "text": "y", "logprob": -2.0}]},
]
ANSWER = Response(
    request_id="r",
    trace_id="t",
    output_text="hello",
    output_tokens=[1, 2],
    prompt_tokens=3,
    cached_prompt_tokens=1,
    logprobs=LOGPROBS,
    finish_reason="stop",
    metrics=METRICS,
)
FAILED = evolve(ANSWER, finish_reason="error", error=Error(code=ErrorCode.UNAVAILABLE, message="m"))
CHAT = ChatCompletionRequest(model="m", messages=[])
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
}


def written(answer: Any) -> Any:
    return json.loads(codecs.get("json", omit_nulls=True).encode(answer))


def test_the_answer_of_a_chat() -> None:
    assert written(bridges.to_chat(ANSWER, CHAT, created=5)) == {
        "id": "chatcmpl-r",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello"},
                "finish_reason": "stop",
                "logprobs": {
                    "content": [
                        {"token": "he", "logprob": -1.0, "bytes": [104, 101], "top_logprobs": []},
                        {"token": "llo", "logprob": -0.5, "top_logprobs": [{"token": "y", "logprob": -2.0}]},
                    ]
                },
            }
        ],
        "usage": USAGE,
        "trace_id": "t",
    }


def test_the_answer_of_a_completion() -> None:
    request = CompletionRequest(model="m", prompt="x")
    assert written(bridges.to_completion(ANSWER, request, created=5)) == {
        "id": "cmpl-r",
        "object": "text_completion",
        "created": 5,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "text": "hello",
                "finish_reason": "stop",
                "logprobs": {
                    "tokens": ["he", "llo"],
                    "token_logprobs": [-1.0, -0.5],
                    "top_logprobs": [{}, {"y": -2.0}],
                    "text_offset": [0, 2],
                },
            }
        ],
        "usage": USAGE,
        "trace_id": "t",
    }


def test_what_the_caller_says_counts() -> None:
    answer = bridges.to_chat(ANSWER, CHAT, id="i", created=7, model="n")
    assert (answer.id, answer.created, answer.model) == ("i", 7, "n")
    assert bridges.to_completion(ANSWER, id="i", model="n").id == "i"
    with pytest.raises(ValidationError, match="model: required"):
        bridges.to_chat(ANSWER)


def test_what_was_not_counted_is_not_told() -> None:
    answer = evolve(ANSWER, prompt_tokens=None, cached_prompt_tokens=None, logprobs=None)
    assert bridges.to_chat(answer, CHAT).usage is None
    assert bridges.to_chat(answer, CHAT).choices[0].logprobs is None
    assert bridges.to_completion(answer, model="m").choices[0].logprobs is None
    counted = bridges.to_chat(evolve(ANSWER, cached_prompt_tokens=None), CHAT).usage
    assert counted is not None
    assert counted.prompt_tokens_details is None


def calls(text: str) -> ChatMessage:
    call = {"id": "c", "function": {"name": text, "arguments": "{}"}}
    return ChatMessage(role="assistant", content=None, tool_calls=[call])


def test_a_text_may_be_read_as_calls() -> None:
    (choice,) = bridges.to_chat(ANSWER, CHAT, read=calls).choices
    assert (choice.message, choice.finish_reason) == (calls("hello"), "tool_calls")
    cut = bridges.to_chat(evolve(ANSWER, finish_reason="length"), CHAT, read=calls)
    assert cut.choices[0].finish_reason == "length"
    plain = bridges.to_chat(ANSWER, CHAT, read=lambda text: ChatMessage(role="assistant", content=text.upper()))
    assert (plain.choices[0].message.content, plain.choices[0].finish_reason) == ("HELLO", "stop")


def test_an_error_is_no_answer() -> None:
    for to in (bridges.to_chat, bridges.to_completion):
        with pytest.raises(LossyBridgeError, match=r"bridges\.error") as caught:
            to(FAILED, model="m")  # type: ignore[operator]
        assert {loss.path for loss in caught.value.losses} == {"error", "finish_reason"}
        assert to(FAILED, model="m", lossy=True).choices[0].finish_reason is None  # type: ignore[operator]


def test_what_nobody_need_know_of() -> None:
    assert [(loss.path, loss.droppable) for loss in bridges.losses(ANSWER, ChatCompletionResponse)] == [
        ("output_tokens", True),
        ("metrics", True),
    ]


def test_a_sum_past_64_bits() -> None:
    with pytest.raises(DecodeError, match=r"usage.total_tokens is an integer past 64 bits") as caught:
        bridges.to_chat(evolve(ANSWER, prompt_tokens=2**64 - 1), CHAT)
    assert caught.value.fault == "local"


@given(messages(Response))
def test_a_response_there_and_back(response: Response) -> None:
    assume(response.prompt_tokens is None or response.prompt_tokens < 2**63)  # clients are told the sum
    for to, back in ((bridges.to_chat, bridges.from_chat), (bridges.to_completion, bridges.from_completion)):
        answer = to(response, model="m", lossy=True)  # type: ignore[operator]
        codecs.get("json").encode(answer)
        again = back(answer, trace_id=response.trace_id, metrics=response.metrics, lossy=True)  # type: ignore[operator]
        assert again.finish_reason == (response.finish_reason if response.finish_reason != "error" else "stop")
        counted = response.prompt_tokens is not None
        expected = evolve(
            response,
            output_tokens=(),
            logprobs=None,
            error=None,
            finish_reason=again.finish_reason,
            cached_prompt_tokens=response.cached_prompt_tokens if counted else None,
        )
        assert again == expected


def answer(**fields: Any) -> ChatCompletionResponse:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    choice |= {name: fields.pop(name) for name in ("message", "finish_reason", "logprobs") if name in fields}
    return ChatCompletionResponse(**{"id": "chatcmpl-r", "model": "m", "choices": [choice], **fields})


TURN = {"role": "assistant", "content": "x"}
LOST: dict[str, tuple[ChatCompletionResponse, str, str]] = {
    "choices": (answer(choices=[]), "", "stop"),
    "two choices": (answer(choices=[answer().choices[0], evolve(answer().choices[0], index=1)]), "x", "stop"),
    "choices[0].finish_reason": (answer(finish_reason="content_filter"), "x", "stop"),
    "no reason": (answer(finish_reason=None), "x", "stop"),
    "choices[0].logprobs": (answer(logprobs={"content": []}), "x", "stop"),
    "choices[0].message.refusal": (answer(message={**TURN, "refusal": "no"}), "x", "stop"),
    "what was thought": (answer(message={**TURN, "reasoning_content": "hm"}), "x", "stop"),
    "parts": (
        answer(message={**TURN, "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]}),
        "a",
        "stop",
    ),
    "nothing": (
        answer(message={"role": "assistant", "content": None, "refusal": "no"}, finish_reason="length"),
        "",
        "length",
    ),
}


@pytest.mark.parametrize(("found", "text", "reason"), LOST.values(), ids=LOST)
def test_what_an_engine_could_not_have_answered_is_told(found: ChatCompletionResponse, text: str, reason: str) -> None:
    with pytest.raises(LossyBridgeError) as caught:
        bridges.from_chat(found)
    told = bridges.losses(found, Response)
    assert caught.value.losses == tuple(loss for loss in told if not loss.droppable)
    assert caught.value.losses[0].path.startswith("choices")
    back = bridges.from_chat(found, lossy="choices")
    assert (back.output_text, back.finish_reason) == (text, reason)


def test_whose_answer_it_is() -> None:
    back = bridges.from_chat(answer())
    assert (back.request_id, back.trace_id, back.metrics.ttft_ms) == ("r", "r", 0.0)
    assert bridges.from_chat(answer(trace_id="t")).trace_id == "t"
    told = bridges.from_chat(answer(trace_id="t"), request_id="s", trace_id="u", metrics=METRICS)
    assert (told.request_id, told.trace_id, told.metrics) == ("s", "u", METRICS)
    with pytest.raises(ValidationError, match="must be ChatCompletionResponse"):
        bridges.from_chat(CompletionResponse(id="c", model="m", choices=[]))  # type: ignore[arg-type]
