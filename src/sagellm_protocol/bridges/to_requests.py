"""What OpenAI's clients ask for, as requests to an engine: a table of fields each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from sagellm_protocol import codecs
from sagellm_protocol.bridges.carrying import ABSENT, Bridge, Given, OpenAIRequest, Row, first_said
from sagellm_protocol.bridges.sampling import LEAST_TOP_P, SAMPLING, params_of
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.openai_types import ChatCompletionRequest, CompletionRequest
from sagellm_protocol.types import Request

NOTED = "metadata.openai"
"""Where in a request stands what an engine may heed, and what it is to be told of a client, by OpenAI's names."""

_PLAIN = codecs.get("dict", omit_nulls=True)


def _meaning(default: Any) -> Callable[[Any, Any, Given], Any]:
    """A null that means a default."""
    return lambda value, _, __: default if value is None else value


def _noted(*fields: str) -> tuple[Row, ...]:
    """Fields that are told to the engine as they are."""
    return tuple(Row(field, f"{NOTED}.{field}", "as free JSON", _note) for field in fields)


def _note(value: Any, _: Any, __: Given) -> Any:
    return ABSENT if value is None else _free(value)


def _free(value: Any) -> Any:
    """A value as free JSON, without the nulls of messages, which say nothing."""
    if attrs.has(type(value)):
        return _PLAIN.encode(value)
    return [_free(item) for item in value] if isinstance(value, tuple) else value


def _most_tokens(_: Any, message: Any, given: Given) -> int:
    asked = getattr(message, "max_completion_tokens", None)
    asked = message.max_tokens if asked is None else asked
    asked = given.get("max_tokens") if asked is None else asked
    if asked is None:
        raise OptionError("the request leaves max_tokens to the gateway: tell max_tokens")
    return max(int(asked), 1)


def _stops(value: str | Sequence[str] | None, _: Any, __: Given) -> Sequence[str] | None:
    return [value] if isinstance(value, str) else value


def _chat_logprobs(_: Any, message: Any, __: Given) -> int | None:
    return (message.top_logprobs or 0) if message.logprobs else None


def _prompts(message: CompletionRequest) -> Sequence[Any]:
    """What is to be continued, each a text or token ids."""
    prompt = message.prompt
    if prompt is None or isinstance(prompt, str):
        return [prompt or ""]
    if all(isinstance(item, int) for item in prompt):
        return [prompt]
    return [[item] if isinstance(item, int) else item for item in prompt]


def _prompt_text(_: Any, message: CompletionRequest, __: Given) -> Any:
    prompt = _prompts(message)[0]
    return prompt if isinstance(prompt, str) else ABSENT


def _prompt_ids(_: Any, message: CompletionRequest, __: Given) -> Any:
    prompt = _prompts(message)[0]
    return None if isinstance(prompt, str) else prompt


def _has_several_prompts(message: CompletionRequest) -> bool:
    return len(_prompts(message)) > 1


def _others(extra: Mapping[str, Any], _: Any, __: Given) -> Any:
    known = (*SAMPLING, "stop_token_ids")
    return {name: value for name, value in extra.items() if name not in known} or ABSENT


_ONE_ANSWER = Row(
    "n", lost="a Request asks for one answer: send one for each", when=lambda it: it.n is not None and it.n > 1
)
_GATEWAYS = "the gateway's business"

_TOLD = (
    Row("", "request_id", "as the caller says", lambda _, __, given: given["request_id"]),
    Row(
        "trace_id",
        "trace_id",
        "as the caller says, else as the client, else the request id",
        lambda value, _, given: first_said(given["trace_id"], value, given["request_id"]),
    ),
    Row("model", "model"),
    Row("stream", "stream", "null as false", _meaning(False)),
    Row("temperature", "temperature", "null as 1", _meaning(1.0)),
    Row(
        "top_p",
        "top_p",
        f"0 as {LEAST_TOP_P}, which keeps the most probable token alone as well",
        lambda value, _, __: LEAST_TOP_P if value == 0 else value,
    ),
    Row("presence_penalty", "presence_penalty", "null as 0", _meaning(0.0)),
    Row("frequency_penalty", "frequency_penalty", "null as 0", _meaning(0.0)),
    Row("logit_bias", "logit_bias"),
    Row("seed", "seed"),
    Row("stop", "stop", "one text as a list of it", _stops),
    _ONE_ANSWER,
    Row("extra", "sampling_params", f"{', '.join(SAMPLING)} as its fields", params_of),
    Row("extra", "stop_token_ids", "the field of that name", lambda value, _, __: value.get("stop_token_ids")),
    Row("extra", f"{NOTED}.*", "all others, as free JSON", _others),
    Row("stream_options", lost=_GATEWAYS, droppable=True),
)

CHAT_TO_REQUEST = Bridge(
    ChatCompletionRequest,
    Request,
    (
        *_TOLD,
        Row("messages", "messages"),
        Row(
            "max_tokens",
            "max_tokens",
            "where max_completion_tokens is not given; as the caller says where neither is",
            _most_tokens,
            "max_completion_tokens takes its place",
            lambda it: it.max_completion_tokens is not None and it.max_tokens not in (None, it.max_completion_tokens),
        ),
        Row("max_completion_tokens", "max_tokens", "", _most_tokens),
        Row("tools", "tools", "as free JSON", lambda value, _, __: _free(value)),
        Row("tool_choice", "tool_choice", "as free JSON", lambda value, _, __: _free(value)),
        Row("response_format", "response_format", "as free JSON", lambda value, _, __: _free(value)),
        Row("logprobs", "logprobs", "true as the number of top_logprobs", _chat_logprobs),
        Row(
            "top_logprobs",
            "logprobs",
            "where logprobs is true",
            _chat_logprobs,
            "told only where logprobs is true",
            lambda it: it.top_logprobs is not None and not it.logprobs,
        ),
        *_noted(
            "user",
            "session_id",
            "safety_identifier",
            "metadata",
            "reasoning_effort",
            "verbosity",
            "prediction",
            "service_tier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
        ),
        Row(
            "parallel_tool_calls",
            lost="a Request cannot forbid that several calls are made",
            when=lambda it: it.parallel_tool_calls is False,
        ),
        Row("functions", lost="tools took their place"),
        Row("function_call", lost="tool_choice took its place"),
        Row(
            "modalities",
            lost="a Request asks for text alone",
            when=lambda it: it.modalities is not None and "audio" in it.modalities,
        ),
        Row("audio", lost="a Request asks for text alone"),
        Row("web_search_options", lost="an engine searches nothing"),
        Row("store", lost=_GATEWAYS, droppable=True),
    ),
    "remote",
)
"""What a chat asks for, as a request."""

COMPLETION_TO_REQUEST = Bridge(
    CompletionRequest,
    Request,
    (
        *_TOLD,
        Row(
            "prompt",
            "prompt",
            "a text, or a list of one; null as empty",
            _prompt_text,
            "a Request has one prompt: send one for each",
            _has_several_prompts,
        ),
        Row("prompt", "prompt_token_ids", "token ids, or a list of such a list", _prompt_ids),
        Row(
            "max_tokens",
            "max_tokens",
            "as the caller says, where it is not given",
            _most_tokens,
            "a Request generates at least one token",
            lambda it: it.max_tokens == 0,
        ),
        Row("logprobs", "logprobs"),
        *_noted("user"),
        Row(
            "best_of",
            lost="a Request generates one answer",
            when=lambda it: it.best_of is not None and it.best_of > (it.n or 1),
        ),
        Row("echo", lost="an engine answers without the prompt", when=lambda it: it.echo is True),
        Row("suffix", lost="a Request says nothing of what comes after"),
    ),
    "remote",
)
"""What a completion asks for, as a request."""


_THERE: Mapping[type, Bridge[Request]] = {bridge.source: bridge for bridge in (CHAT_TO_REQUEST, COMPLETION_TO_REQUEST)}


def to_request(
    asked: OpenAIRequest,
    *,
    request_id: str,
    trace_id: str | None = None,
    max_tokens: int | None = None,
    lossy: LossChoice = False,
) -> Request:
    """What a client asks for, as a request to an engine.

    Args:
        asked: the body that the client sent.
        request_id: identifies the request.
        trace_id: its trace; where it is not told, what the client says, else the ``request_id``.
        max_tokens: most tokens to generate, where the client leaves that to the gateway.
        lossy: leave out what a request cannot say: all of it, what stands at some paths (``"n"``), or what a function
            says that is given each :class:`~sagellm_protocol.Loss`.

    Raises:
        LossyBridgeError: naming each value that would be lost, and that ``lossy`` does not take. The client's fault.
        OptionError: ``asked`` is neither of them; ``max_tokens`` is needed; or ``lossy`` names what cannot be lost.
    """
    bridge = _THERE.get(type(asked))
    if bridge is None:
        raise OptionError(f"asked must be a ChatCompletionRequest or CompletionRequest, got {short(asked)}")
    return bridge.carry(asked, {"request_id": request_id, "trace_id": trace_id, "max_tokens": max_tokens}, lossy)
