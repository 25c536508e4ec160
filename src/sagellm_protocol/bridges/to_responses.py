"""Answers as OpenAI's clients read them, as an engine would have given them: a table of fields each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagellm_protocol.bridges.carrying import Bridge, Given, Row, first_said
from sagellm_protocol.bridges.from_responses import CHAT_ID, COMPLETION_ID
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.openai_types import ChatCompletionResponse, CompletionResponse
from sagellm_protocol.streams.assembling.gathered import nothing_measured
from sagellm_protocol.types import Metrics, Response


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
