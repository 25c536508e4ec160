"""What an engine answers, as OpenAI's clients read it, and back: a table each way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sagellm_protocol.bridges.carrying import ABSENT, Bridge, Given, OpenAIRequest, Row, first_said
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.openai_types import (
    ChatCompletionChoice,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatLogprobs,
    ChatMessage,
    ChatTokenLogprob,
    ChatTopLogprob,
    CompletionChoice,
    CompletionLogprobs,
    CompletionRequest,
    CompletionResponse,
)
from sagellm_protocol.streams.assembling.gathered import nothing_measured
from sagellm_protocol.types import Metrics, Response, TokenLogprobs

Reading = Callable[[str], ChatMessage]
"""Makes the turn of an assistant of the text that a model wrote."""

CHAT_ID = "chatcmpl-"
COMPLETION_ID = "cmpl-"
"""What an id begins with, before the id of the request."""


# There


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
    return told if cached is None else {**told, "prompt_tokens_details": {"cached_tokens": cached}}


def _usage(_: Any, it: Response, __: Given) -> Any:
    return usage_of(it.prompt_tokens, it.cached_prompt_tokens, len(it.output_tokens))


def _told(name: str) -> Callable[[Any, Any, Given], Any]:
    return lambda _, __, given: ABSENT if given.get(name) is None else given[name]


_COUNTED = "where the engine counted the prompt"
_NO_ERROR = "answer with bridges.error(response.error)"
_ALL_TOLD = (
    Row("trace_id", "trace_id"),
    Row("", "model", "as the caller says, or the request", _told("model")),
    Row("", "created", "as the caller says, else now", _told("created")),
    Row("", "choices[0].index", "0", lambda _, __, ___: 0),
    Row("prompt_tokens", "usage", _COUNTED, _usage),
    Row(
        "cached_prompt_tokens",
        "usage",
        f"as prompt_tokens_details.cached_tokens, {_COUNTED}",
        _usage,
        "the engine did not count the prompt",
        lambda it: it.prompt_tokens is None and it.cached_prompt_tokens is not None,
        droppable=True,
    ),
    Row(
        "output_tokens",
        "usage",
        f"as completion_tokens, {_COUNTED}",
        _usage,
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
        *_ALL_TOLD,
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
        *_ALL_TOLD,
        Row("output_text", "choices[0].text"),
        Row("finish_reason", "choices[0].finish_reason", "", finish_reason, _NO_ERROR, _failed),
        Row("logprobs", "choices[0].logprobs", "in lists", lambda value, _, __: completion_logprobs(value)),
    ),
    choice=CompletionChoice,
)
"""A response, as the answer of a completion."""


# Back


def _bare(prefix: str) -> Callable[[Any, Any, Given], Any]:
    def value(said: str, _: Any, given: Given) -> Any:
        return said.removeprefix(prefix) if given.get("request_id") is None else given["request_id"]

    return value


def _trace(prefix: str) -> Row:
    bare = _bare(prefix)
    return Row(
        "trace_id",
        "trace_id",
        "as the caller says, else as it is, else the request id",
        lambda value, it, given: first_said(given.get("trace_id"), value, bare(it.id, it, given)),
    )


def _finish_back(value: str | None, _: Any, __: Given) -> str:
    return value if value == "length" else "stop"


def _other_parts(it: ChatCompletionResponse) -> bool:
    turn = it.choices[0].message if it.choices else None
    return turn is not None and isinstance(turn.content, tuple) and any(part.type != "text" for part in turn.content)


def _has_other_reason(it: Any) -> bool:
    return not it.choices or it.choices[0].finish_reason not in ("stop", "length")


def _metrics(_: Any, __: Any, given: Given) -> Metrics:
    told: Metrics | None = given.get("metrics")
    return nothing_measured(error_rate=0.0) if told is None else told


def _cached(value: Any, _: Any, __: Given) -> Any:
    return None if value is None or value.prompt_tokens_details is None else value.prompt_tokens_details.cached_tokens


_BACK = (
    Row("", "metrics", "as the caller says, else as if nothing was measured", _metrics),
    Row("", "output_tokens", "none, since ids are not told", lambda _, __, ___: ()),
    Row(
        "choices",
        lost="a Response has one answer",
        when=lambda it: len(it.choices) != 1,
    ),
    Row(
        "choices[0].finish_reason",
        "finish_reason",
        '"stop" where it is no other that a Response has',
        _finish_back,
        'a Response ends with "stop" or "length"',
        _has_other_reason,
    ),
    Row("choices[0].logprobs", lost="a Response tells them with ids of tokens, which are not told"),
    Row("usage.prompt_tokens", "prompt_tokens"),
    Row(
        "usage",
        "cached_prompt_tokens",
        "of prompt_tokens_details",
        _cached,
        "a Response counts its tokens",
        droppable=True,
    ),
    *(
        Row(field, lost="an engine is not asked", droppable=True)
        for field in ("object", "created", "model", "system_fingerprint", "extra", "choices[0].extra")
    ),
)

CHAT_TO_RESPONSE = Bridge(
    ChatCompletionResponse,
    Response,
    (
        Row("id", "request_id", f"without {CHAT_ID}, where the caller tells none", _bare(CHAT_ID)),
        _trace(CHAT_ID),
        *_BACK,
        Row(
            "choices[0].message",
            "output_text",
            "its content",
            lambda value, _, __: "" if value is None else value.text,
            "a Response has text alone",
            _other_parts,
        ),
        *(
            Row(f"choices[0].message.{field}", lost="a Response has text alone")
            for field in ("refusal", "tool_calls", "function_call", "audio", "annotations")
        ),
        Row(
            "choices[0].message.extra",
            lost="a Response has text alone",
            when=lambda it: (
                bool(it.choices) and any(value is not None for value in it.choices[0].message.extra.values())
            ),
        ),
        *(Row(field, lost="an engine is not asked", droppable=True) for field in ("service_tier", "metadata")),
    ),
)
"""The answer of a chat, as a response."""

COMPLETION_TO_RESPONSE = Bridge(
    CompletionResponse,
    Response,
    (
        Row("id", "request_id", f"without {COMPLETION_ID}, where the caller tells none", _bare(COMPLETION_ID)),
        _trace(COMPLETION_ID),
        *_BACK,
        Row("choices[0].text", "output_text", "", lambda value, _, __: value or ""),
    ),
)
"""The answer of a completion, as a response."""


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


def from_chat(
    answer: ChatCompletionResponse,
    *,
    request_id: str | None = None,
    trace_id: str | None = None,
    metrics: Metrics | None = None,
    lossy: LossChoice = False,
) -> Response:
    """The answer of a chat, as an engine would have given it, without ids of tokens.

    Args:
        answer: the whole answer.
        request_id: the request that it answers; where it is not told, the id without ``chatcmpl-``.
        trace_id: its trace; where it is not told, that of the answer, else the ``request_id``.
        metrics: what it cost; as if nothing was measured, where they are not told.
        lossy: what may be left out, as with :func:`to_request`.

    Raises:
        LossyBridgeError: naming each value that would be lost, and that ``lossy`` does not take.
        OptionError: ``lossy`` names what cannot be lost.
    """
    return CHAT_TO_RESPONSE.carry(answer, {"request_id": request_id, "trace_id": trace_id, "metrics": metrics}, lossy)


def from_completion(
    answer: CompletionResponse,
    *,
    request_id: str | None = None,
    trace_id: str | None = None,
    metrics: Metrics | None = None,
    lossy: LossChoice = False,
) -> Response:
    """The answer of a completion, as an engine would have given it; all as with :func:`from_chat`."""
    given = {"request_id": request_id, "trace_id": trace_id, "metrics": metrics}
    return COMPLETION_TO_RESPONSE.carry(answer, given, lossy)
