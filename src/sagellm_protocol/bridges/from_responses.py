"""What an engine answers, as OpenAI's clients read it: a table of fields each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sagellm_protocol.bridges.carrying import ABSENT, Bridge, Given, OpenAIRequest, Row
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.openai_types import (
    ChatCompletionChoice,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatCompletionUsage,
    ChatLogprobs,
    ChatMessage,
    ChatTokenLogprob,
    ChatTopLogprob,
    CompletionChoice,
    CompletionLogprobs,
    CompletionRequest,
    CompletionResponse,
    CompletionUsage,
    PromptTokensDetails,
)
from sagellm_protocol.types import Response, TokenLogprobs

Reading = Callable[[str], ChatMessage]
"""Makes the turn of an assistant of the text that a model wrote."""

CHAT_ID = "chatcmpl-"
COMPLETION_ID = "cmpl-"
"""What an id begins with, before the id of the request."""


def chat_logprobs(told: Iterable[TokenLogprobs] | None) -> ChatLogprobs | None:
    """Log-probabilities as a chat tells them."""
    if told is None:
        return None
    return ChatLogprobs(
        content=[
            ChatTokenLogprob(
                token=found.text,
                logprob=found.logprob,
                bytes=found.bytes,
                top_logprobs=[
                    ChatTopLogprob(token=top.text, logprob=top.logprob, bytes=top.bytes) for top in found.top
                ],
            )
            for found in told
        ]
    )


def completion_logprobs(told: Sequence[TokenLogprobs] | None, start: int = 0) -> CompletionLogprobs | None:
    """Log-probabilities as a completion tells them, of a text that begins at so many characters."""
    if told is None:
        return None
    offsets = [start]
    for found in told:
        offsets.append(offsets[-1] + len(found.text))
    return CompletionLogprobs(
        tokens=[found.text for found in told],
        token_logprobs=[found.logprob for found in told],
        top_logprobs=[{top.text: top.logprob for top in found.top} for found in told],
        text_offset=offsets[:-1],
    )


def _turn(value: str, _: Any, given: Given) -> Any:
    """What was read of the text, else an assistant's turn with the text as its content."""
    return ChatMessage(role="assistant", content=value) if given.get("turn") is None else given["turn"]


def finish_reason(value: str, _: Any, given: Given) -> str | None:
    """Why it ended: an error is no reason that OpenAI's clients know."""
    return None if value == "error" else value


def _chat_finish(value: str, it: Response, given: Given) -> str | None:
    turn: ChatMessage | None = given.get("turn")
    if value == "stop" and turn is not None and turn.tool_calls:
        return "tool_calls"
    return finish_reason(value, it, given)


def usage_of(prompt: int | None, cached: int | None, generated: int) -> dict[str, Any] | None:
    """What is billed for; None where the engine did not count the prompt."""
    if prompt is None:
        return None
    told: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
    }
    return told if cached is None else {**told, "prompt_tokens_details": PromptTokensDetails(cached_tokens=cached)}


def _usage(kind: type) -> Callable[[Any, Any, Given], Any]:
    """What is billed for, as a message; as it stands where it is none, so that the whole answer says why."""

    def value(_: Any, it: Response, __: Given) -> Any:
        told = usage_of(it.prompt_tokens, it.cached_prompt_tokens, len(it.output_tokens))
        try:
            return None if told is None else kind(**told)
        except ProtocolError:
            return told

    return value


def _told(name: str) -> Callable[[Any, Any, Given], Any]:
    return lambda _, __, given: ABSENT if given.get(name) is None else given[name]


_COUNTED = "where the engine counted the prompt"
_NO_ERROR = "answer with bridges.error(response.error)"


def _all_told(usage: type) -> tuple[Row, ...]:
    """What answers of both kinds tell."""
    billed = _usage(usage)
    return (
        Row("trace_id", "trace_id"),
        Row("", "model", "as the caller says, or the request", _told("model")),
        Row("", "created", "as the caller says, else now", _told("created")),
        Row("", "choices[0].index", "0", lambda _, __, ___: 0),
        Row("prompt_tokens", "usage", _COUNTED, billed),
        Row(
            "cached_prompt_tokens",
            "usage",
            f"as prompt_tokens_details.cached_tokens, {_COUNTED}",
            billed,
            "the engine did not count the prompt",
            lambda it: it.prompt_tokens is None and it.cached_prompt_tokens is not None,
            droppable=True,
        ),
        Row(
            "output_tokens",
            "usage",
            f"as completion_tokens, {_COUNTED}",
            billed,
            "clients read the text, and how many there are",
            droppable=True,
        ),
        Row("metrics", lost="clients are not told", droppable=True),
        Row("error", lost=_NO_ERROR),
    )


def _failed(it: Response) -> bool:
    return it.finish_reason == "error"


def _named(prefix: str) -> Callable[[Any, Any, Given], Any]:
    return lambda value, _, given: prefix + value if given.get("id") is None else given["id"]


RESPONSE_TO_CHAT = Bridge(
    Response,
    ChatCompletionResponse,
    (
        Row("request_id", "id", f"behind {CHAT_ID}, where the caller tells none", _named(CHAT_ID)),
        *_all_told(ChatCompletionUsage),
        Row("output_text", "choices[0].message", "as content, or as the caller's function reads it", _turn),
        Row(
            "finish_reason",
            "choices[0].finish_reason",
            '"tool_calls" where the text was read as calls',
            _chat_finish,
            _NO_ERROR,
            _failed,
        ),
        Row("logprobs", "choices[0].logprobs", "as content", lambda value, _, __: chat_logprobs(value)),
    ),
    choice=ChatCompletionChoice,
)
"""A response, as the answer of a chat."""

RESPONSE_TO_COMPLETION = Bridge(
    Response,
    CompletionResponse,
    (
        Row("request_id", "id", f"behind {COMPLETION_ID}, where the caller tells none", _named(COMPLETION_ID)),
        *_all_told(CompletionUsage),
        Row("output_text", "choices[0].text"),
        Row("finish_reason", "choices[0].finish_reason", "", finish_reason, _NO_ERROR, _failed),
        Row("logprobs", "choices[0].logprobs", "in lists", lambda value, _, __: completion_logprobs(value)),
    ),
    choice=CompletionChoice,
)
"""A response, as the answer of a completion."""


def to_chat(
    response: Response,
    request: ChatCompletionRequest | None = None,
    *,
    id: str | None = None,
    created: int | None = None,
    model: str | None = None,
    read: Reading | None = None,
    lossy: LossChoice = False,
) -> ChatCompletionResponse:
    """What an engine answers, as the answer of a chat.

    Args:
        response: the whole answer.
        request: what the client asked for, which says the model.
        id: identifies the completion; where it is not told, that is ``chatcmpl-`` and the id of the request.
        created: when it was created, in whole seconds since 1970-01-01T00:00Z; now, where it is not told.
        model: the model that answered, where it is not the one asked for.
        read: makes the assistant's turn of the text, such as one that calls tools; where it is not told, the text is
            the content.
        lossy: what may be left out, as with :func:`to_request`.

    Raises:
        LossyBridgeError: the response is an error, which :func:`error` answers.
        ValidationError: nothing says which model it was.
        OptionError: ``lossy`` names what cannot be lost.
    """
    turn = None if read is None else read(response.output_text)
    given = {"id": id, "created": created, "model": model_of(model, request), "turn": turn}
    return RESPONSE_TO_CHAT.carry(response, given, lossy)


def to_completion(
    response: Response,
    request: CompletionRequest | None = None,
    *,
    id: str | None = None,
    created: int | None = None,
    model: str | None = None,
    lossy: LossChoice = False,
) -> CompletionResponse:
    """What an engine answers, as the answer of a completion; all as with :func:`to_chat`, with ``cmpl-`` in the id."""
    given = {"id": id, "created": created, "model": model_of(model, request)}
    return RESPONSE_TO_COMPLETION.carry(response, given, lossy)


def model_of(told: str | None, request: OpenAIRequest | None) -> str | None:
    """The model that answers: as the caller says, else the one that was asked for."""
    return request.model if told is None and request is not None else told
