"""What OpenAI's clients ask for, as requests to an engine, and back: a table each way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from sagellm_protocol import codecs
from sagellm_protocol.bridges.carrying import ABSENT, Bridge, Given, OpenAIRequest, Row, first_said
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import OptionError, ValidationError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.openai_types import (
    ChatCompletionRequest,
    ChatResponseFormat,
    ChatTool,
    ChatToolChoice,
    CompletionRequest,
)
from sagellm_protocol.openai_types._asking import MOST_ALTERNATIVES
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.types import Request

R = TypeVar("R", ChatCompletionRequest, CompletionRequest)

NOTED = "metadata.openai"
"""Where in a request stands what an engine may heed, and what it is to be told of a client, by OpenAI's names."""

_PLAIN = codecs.get("dict", omit_nulls=True)

LEAST_TOP_P = 1e-9
"""Nucleus sampling mass that keeps the most probable token alone, as 0 does with OpenAI."""


# There


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


_SAMPLING = ("top_k", "repetition_penalty", "length_penalty", "early_stopping", "skip_special_tokens")
"""Fields of sampling parameters that clients of open models send beside OpenAI's, by the same names."""


def _sampling(extra: Mapping[str, Any], message: Any, _: Given) -> dict[str, Any] | None:
    """Sampling parameters, where a client says more than OpenAI's fields can."""
    said = {name: extra[name] for name in _SAMPLING if extra.get(name) is not None}
    if not said:
        return None
    if message.temperature is not None:
        said["temperature"] = message.temperature
    if message.top_p is not None:
        said["top_p"] = message.top_p or LEAST_TOP_P
    return said


def _others(extra: Mapping[str, Any], _: Any, __: Given) -> Any:
    known = (*_SAMPLING, "stop_token_ids")
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
    Row("extra", "sampling_params", f"{', '.join(_SAMPLING)} as its fields", _sampling),
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


# Back


def _typed(kind: Any) -> Callable[[Any, Any, Given], Any]:
    """Free JSON as OpenAI's types, where it is of them."""
    return lambda value, _, __: _fitting(kind, value)


def _fitting(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    try:
        return from_plain(kind, value)
    except ValidationError:
        return None


def _misfits(field: str, kind: Any) -> Callable[[Any], bool]:
    def when(it: Any) -> bool:
        value = getattr(it, field)
        return value is not None and _fitting(kind, value) is None

    return when


def _either(field: str, sampling: str | None = None) -> Callable[[Any, Any, Given], Any]:
    """A value of the request itself, else that of its sampling parameters."""

    def value(own: Any, request: Request, _: Given) -> Any:
        if own is not None or request.sampling_params is None:
            return own
        return getattr(request.sampling_params, sampling or field)

    return value


_NO_PLACE = "OpenAI's clients have no word for it"

_ALSO_SAID = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop_sequences", "seed")
"""Fields of sampling parameters that stand beside them, too."""


def _says_more(request: Request) -> bool:
    """Whether sampling parameters say what cannot be said beside them."""
    params = request.sampling_params
    if params is None:
        return False
    said = {name: getattr(params, name) for name in _ALSO_SAID}
    most = params.max_tokens if params.max_tokens == request.max_tokens else None
    return params != SamplingParams(**said, max_tokens=most, **{name: getattr(params, name) for name in _SAMPLING})


def _sampling_back(params: SamplingParams | None, _: Any, __: Given) -> Any:
    """Sampling parameters that are not the default, as clients of open models say them."""
    if params is None:
        return ABSENT
    plain = SamplingParams()
    said = {name: getattr(params, name) for name in _SAMPLING if getattr(params, name) != getattr(plain, name)}
    return said or ABSENT


def _stop_ids_back(value: Sequence[int] | None, _: Any, __: Given) -> Any:
    return ABSENT if value is None else {"stop_token_ids": list(value)}


def _noted_back(bridge: Bridge[Request]) -> tuple[Row, ...]:
    """The fields that are told as they are, back."""
    names = tuple(row.field for row in bridge.rows if row.to == f"{NOTED}.{row.field}")
    fields = spec_of(bridge.source).names

    def says_more(request: Request) -> bool:
        noted = {"openai": {}, **(request.metadata or {})}
        known = noted.pop("openai")
        return bool(noted) or not isinstance(known, Mapping) or any(name in fields - set(names) for name in known)

    def others(value: Any, _: Any, __: Given) -> Any:
        known = value if isinstance(value, Mapping) else {}
        return {name: held for name, held in known.items() if name not in fields} or ABSENT

    return (
        Row("metadata", lost=f"OpenAI's clients know of {NOTED} alone, and there of their own fields", when=says_more),
        *(Row(f"{NOTED}.{name}", name) for name in names),
        Row(NOTED, "extra.*", "all that is no field", others),
    )


_BACK = (
    Row("request_id", lost="it is said in a header, if anywhere", droppable=True),
    Row("trace_id", "trace_id"),
    Row("model", "model"),
    Row("stream", "stream"),
    Row("temperature", "temperature", "else of sampling_params", _either("temperature")),
    Row("top_p", "top_p", "else of sampling_params", _either("top_p")),
    Row("presence_penalty", "presence_penalty", "else of sampling_params", _either("presence_penalty")),
    Row("frequency_penalty", "frequency_penalty", "else of sampling_params", _either("frequency_penalty")),
    Row("logit_bias", "logit_bias"),
    Row("seed", "seed", "else of sampling_params", _either("seed")),
    Row("stop", "stop", "else of sampling_params", _either("stop", "stop_sequences")),
    Row(
        "sampling_params",
        "extra.*",
        f"{', '.join(_SAMPLING)}, where they are not the default",
        _sampling_back,
        "it says more than clients can",
        _says_more,
    ),
    Row("stop_token_ids", "extra.*", "by that name", _stop_ids_back),
    *(
        Row(field, lost=_NO_PLACE)
        for field in (
            "kv_budget_tokens",
            "phase",
            "rank",
            "world_size",
            "group_id",
            "tp_rank",
            "pp_rank",
            "tp_size",
            "pp_size",
        )
    ),
)


def _told_of(request: Request) -> bool:
    return request.logprobs is not None and request.logprobs > MOST_ALTERNATIVES


def _alternatives(value: int | None) -> int | None:
    return None if value is None else min(value, MOST_ALTERNATIVES)


_TOO_MANY = f"at most {MOST_ALTERNATIVES} alternatives can be asked for"

REQUEST_TO_CHAT = Bridge(
    Request,
    ChatCompletionRequest,
    (
        *_BACK,
        Row("messages", "messages", "", lambda value, _, __: value or ()),
        Row("prompt", lost="a text is continued by a completion, not by a chat"),
        Row("prompt_token_ids", lost="tokens are continued by a completion, not by a chat"),
        Row("max_tokens", "max_completion_tokens"),
        Row(
            "tools",
            "tools",
            "",
            _typed(Sequence[ChatTool]),
            "they are not as OpenAI writes tools",
            _misfits("tools", Sequence[ChatTool]),
        ),
        Row(
            "tool_choice",
            "tool_choice",
            "",
            _typed(ChatToolChoice),
            "it is not as OpenAI writes a choice",
            _misfits("tool_choice", ChatToolChoice),
        ),
        Row(
            "response_format",
            "response_format",
            "",
            _typed(ChatResponseFormat),
            "it is not as OpenAI writes a format",
            _misfits("response_format", ChatResponseFormat),
        ),
        Row("logprobs", "logprobs", "true where it is given", lambda value, _, __: None if value is None else True),
        Row("logprobs", "top_logprobs", "", lambda value, _, __: _alternatives(value) or None, _TOO_MANY, _told_of),
        *_noted_back(CHAT_TO_REQUEST),
    ),
)
"""A request, as what a chat asks for."""

REQUEST_TO_COMPLETION = Bridge(
    Request,
    CompletionRequest,
    (
        *_BACK,
        Row(
            "prompt",
            "prompt",
            "where prompt_token_ids is not given",
            lambda value, it, _: value if it.prompt_token_ids is None else it.prompt_token_ids,
            "prompt_token_ids holds the input",
            lambda it: bool(it.prompt) and it.prompt_token_ids is not None,
        ),
        Row("prompt_token_ids", "prompt", "", lambda value, it, _: it.prompt if value is None else value),
        Row("messages", lost="a conversation is continued by a chat, not by a completion"),
        Row("max_tokens", "max_tokens"),
        *(Row(field, lost="a completion calls nothing") for field in ("tools", "tool_choice")),
        Row("response_format", lost="a completion has no form"),
        Row("logprobs", "logprobs", "", lambda value, _, __: _alternatives(value), _TOO_MANY, _told_of),
        *_noted_back(COMPLETION_TO_REQUEST),
    ),
)
"""A request, as what a completion asks for."""


_THERE: Mapping[type, Bridge[Request]] = {bridge.source: bridge for bridge in (CHAT_TO_REQUEST, COMPLETION_TO_REQUEST)}
_BACK_AGAIN: Mapping[type, Bridge[Any]] = {bridge.target: bridge for bridge in (REQUEST_TO_CHAT, REQUEST_TO_COMPLETION)}


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


def from_request(request: Request, kind: type[R], *, lossy: LossChoice = False) -> R:
    """A request to an engine, as what a client asks for.

    Args:
        request: the request.
        kind: ``ChatCompletionRequest`` or ``CompletionRequest``.
        lossy: what may be left out, as with :func:`to_request`.

    Raises:
        LossyBridgeError: naming each value that would be lost, and that ``lossy`` does not take.
        OptionError: ``kind`` is neither; or ``lossy`` names what cannot be lost.
    """
    bridge: Bridge[Any] | None = _BACK_AGAIN.get(kind)
    if bridge is None:
        raise OptionError(f"kind must be ChatCompletionRequest or CompletionRequest, got {short(kind)}")
    found: R = bridge.carry(request, {}, lossy)
    return found
