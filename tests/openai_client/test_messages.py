"""What a turn says, and what its fields ask of each other."""

from __future__ import annotations

from typing import Any

import pytest

from sagellm_protocol import openai_types as ours, violations

PARTS = [
    ours.ChatTextPart(text="2 "),
    ours.ChatImagePart(image_url=ours.ChatImageURL(url="u")),
    ours.ChatTextPart(text="?"),
]
CALL = ours.ChatFunctionToolCall(id="c", function=ours.ChatFunctionCall(name="f", arguments="{}"))


@pytest.mark.parametrize(("content", "text"), [("2 ?", "2 ?"), (PARTS, "2 ?"), (None, ""), ([], "")])
def test_what_it_says_in_words(content: Any, text: str) -> None:
    assert ours.ChatMessage(role="user", content=content).text == text


BROKEN: dict[str, tuple[Any, Any]] = {
    "something-is-said": (
        ours.ChatMessage(role="user"),
        ours.ChatMessage(role="assistant", refusal="no"),
    ),
    "answers-a-call": (
        ours.ChatMessage(role="tool", content="4"),
        ours.ChatMessage(role="tool", content="4", tool_call_id="c"),
    ),
    "names-the-function": (
        ours.ChatMessage(role="function"),
        ours.ChatMessage(role="function", name="f"),
    ),
    "assistants-call": (
        ours.ChatMessage(role="user", content="", tool_calls=[CALL]),
        ours.ChatMessage(role="assistant", tool_calls=[CALL]),
    ),
    "top-logprobs-of-logprobs": (
        ours.ChatCompletionRequest(model="m", messages=[], top_logprobs=1),
        ours.ChatCompletionRequest(model="m", messages=[], top_logprobs=1, logprobs=True),
    ),
    "options-of-a-stream": (
        ours.CompletionRequest(model="m", prompt="", stream_options=ours.StreamOptions()),
        ours.CompletionRequest(model="m", prompt="", stream_options=ours.StreamOptions(), stream=True),
    ),
    "choice-among-tools": (
        ours.ChatCompletionRequest(model="m", messages=[], tool_choice="required"),
        ours.ChatCompletionRequest(model="m", messages=[], tool_choice="auto"),
    ),
    "bias-of-tokens": (
        ours.CompletionRequest(model="m", prompt="", logit_bias={"a": 1}),
        ours.CompletionRequest(model="m", prompt="", logit_bias={"5": 1}),
    ),
    "audio-as-it-is-asked-for": (
        ours.ChatCompletionRequest(model="m", messages=[], modalities=["audio"]),
        ours.ChatCompletionRequest(model="m", messages=[], modalities=["text"]),
    ),
    "best-of-at-least-n": (
        ours.CompletionRequest(model="m", prompt="", best_of=1, n=2),
        ours.CompletionRequest(model="m", prompt="", best_of=1, n=None),
    ),
    "of-one-kind": (
        ours.EmbeddingRequest(model="m", input=["a", 5]),
        ours.EmbeddingRequest(model="m", input=[5, 6]),
    ),
    "of-a-probability": (
        ours.ChatTopLogprob(token="a", logprob=1.0),
        ours.ChatTopLogprob(token="a", logprob=-1.0),
    ),
    "token-logprobs-of-the-tokens": (
        ours.CompletionLogprobs(tokens=["a", "b"], token_logprobs=[None]),
        ours.CompletionLogprobs(tokens=["a", "b"], token_logprobs=[None, -1.0]),
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_what_fields_ask_of_each_other(rule: str) -> None:
    broken, kept = BROKEN[rule]
    assert [found.name for found in violations(broken)] == [rule]
    assert violations(kept) == ()
