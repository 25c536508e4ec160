"""Answers that we write, read by the real client's own models: each whole, and with nothing that it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings, strategies as st
from openai.types import Completion, CreateEmbeddingResponse, Model, shared
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from openai_client.walking import lost
from sagellm_protocol import codecs, openai_types as ours
from sagellm_protocol.model import EMPTY
from sagellm_protocol.testing import messages

WRITTEN = codecs.get("json", omit_nulls=True)
"""How OpenAI clients expect answers to be written."""

TEXTS = st.text(max_size=5)
COUNTS = st.integers(0, 9)
ENDS = st.sampled_from(["stop", "length", "content_filter", "tool_calls", "function_call"])


def ours_alone(cls: Any, **fields: Any) -> st.SearchStrategy[Any]:
    """Messages without what others add: fields that nobody knows, and the trace that only this protocol has."""
    own = {"trace_id": None} if hasattr(cls, "trace_id") else {}
    return messages(cls, extra=EMPTY, **own, **fields)


LOGPROBS = ours_alone(
    ours.ChatLogprobs,
    **dict.fromkeys(
        ("content", "refusal"),
        st.none()
        | st.lists(
            ours_alone(ours.ChatTokenLogprob, top_logprobs=st.lists(ours_alone(ours.ChatTopLogprob), max_size=2)),
            max_size=2,
        ),
    ),
)
CALLS = st.one_of(
    ours_alone(ours.ChatFunctionToolCall, function=ours_alone(ours.ChatFunctionCall)),
    ours_alone(ours.ChatCustomToolCall, custom=ours_alone(ours.ChatCustomCall)),
)
USAGE = st.none() | ours_alone(
    ours.ChatCompletionUsage,
    prompt_tokens_details=st.none() | ours_alone(ours.PromptTokensDetails),
    completion_tokens_details=st.none() | ours_alone(ours.CompletionTokensDetails),
)
ANSWER = ours_alone(
    ours.ChatMessage,
    role="assistant",
    content=st.none() | TEXTS,
    name=None,
    tool_call_id=None,
    tool_calls=st.none() | st.lists(CALLS, max_size=2),
    function_call=st.none() | ours_alone(ours.ChatFunctionCall),
    audio=st.none() | ours_alone(ours.ChatAudio, data=TEXTS, expires_at=COUNTS, transcript=TEXTS),
    annotations=st.none()
    | st.lists(ours_alone(ours.ChatAnnotation, url_citation=ours_alone(ours.ChatUrlCitation)), max_size=2),
)
DELTA = ours_alone(
    ours.ChatCompletionStreamDelta,
    role=st.sampled_from([None, "assistant"]),
    tool_calls=st.none()
    | st.lists(
        ours_alone(ours.ChatToolCallDelta, function=st.none() | ours_alone(ours.ChatFunctionCallDelta)), max_size=2
    ),
    function_call=st.none() | ours_alone(ours.ChatFunctionCallDelta),
    audio=st.none() | ours_alone(ours.ChatAudioDelta),
)
CONTINUATION_LOGPROBS = ours_alone(
    ours.CompletionLogprobs,
    token_logprobs=st.none() | st.lists(st.floats(-9, 0), max_size=2),
    top_logprobs=st.none() | st.lists(st.dictionaries(TEXTS, st.floats(-9, 0), max_size=2), max_size=2),
)
ANSWERS: dict[Any, st.SearchStrategy[Any]] = {
    ChatCompletion: ours_alone(
        ours.ChatCompletionResponse,
        choices=st.lists(
            ours_alone(ours.ChatCompletionChoice, message=ANSWER, finish_reason=ENDS, logprobs=st.none() | LOGPROBS),
            max_size=2,
        ),
        usage=USAGE,
    ),
    ChatCompletionChunk: ours_alone(
        ours.ChatCompletionStreamResponse,
        choices=st.lists(
            ours_alone(ours.ChatCompletionStreamChoice, delta=DELTA, logprobs=st.none() | LOGPROBS), max_size=2
        ),
        usage=USAGE,
    ),
    Completion: ours_alone(
        ours.CompletionResponse,
        choices=st.lists(
            ours_alone(
                ours.CompletionChoice,
                finish_reason=st.sampled_from(["stop", "length", "content_filter"]),
                logprobs=st.none() | CONTINUATION_LOGPROBS,
            ),
            max_size=2,
        ),
        usage=st.none() | ours_alone(ours.CompletionUsage, prompt_tokens_details=None, completion_tokens_details=None),
    ),
    CreateEmbeddingResponse: ours_alone(
        ours.EmbeddingResponse,
        data=st.lists(ours_alone(ours.EmbeddingData, embedding=st.lists(st.floats(-1, 1), max_size=2)), max_size=2),
        usage=ours_alone(ours.EmbeddingUsage),
    ),
    Model: ours_alone(ours.ModelInfo),
    shared.ErrorObject: ours_alone(ours.OpenAIError),
}


def unknown(found: object, path: str = "") -> Iterator[str]:
    """The paths of all that the client read and has no field for."""
    if isinstance(found, pydantic.BaseModel):
        yield from (f"{path}.{name}" for name in found.model_extra or ())
        for name in type(found).model_fields:
            yield from unknown(getattr(found, name), f"{path}.{name}")
    elif isinstance(found, list):
        for index, item in enumerate(found):
            yield from unknown(item, f"{path}[{index}]")


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
@given(data=st.data())
@settings(max_examples=60)
def test_the_client_reads_all_that_we_write(model: Any, data: st.DataObject) -> None:
    message = data.draw(ANSWERS[model])
    wire = WRITTEN.encode(message)
    read = model.model_validate_json(wire)
    assert list(unknown(read)) == []
    said = json.loads(wire)
    assert list(lost(said, read.model_dump(exclude_unset=True))) == []
    assert WRITTEN.decode(read.model_dump_json(exclude_unset=True).encode(), type(message)) == message


def test_what_the_client_has_no_field_for_is_told() -> None:
    choice = ours.ChatCompletionChoice(
        index=0,
        message=ours.ChatMessage(role="assistant", content="4", extra={"reasoning_content": "2 and 2"}),
        finish_reason="stop",
    )
    answer = ours.ChatCompletionResponse(id="a", model="m", choices=[choice], trace_id="t")
    read = ChatCompletion.model_validate_json(WRITTEN.encode(answer))
    assert list(unknown(read)) == [".trace_id", ".choices[0].message.reasoning_content"]
