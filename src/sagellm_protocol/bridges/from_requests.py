"""Requests to an engine, as what OpenAI's clients ask for: a table of fields each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sagellm_protocol.bridges.carrying import ABSENT, Bridge, Given, Row
from sagellm_protocol.bridges.sampling import SAMPLING, either, extra_of, says_more
from sagellm_protocol.bridges.to_requests import CHAT_TO_REQUEST, COMPLETION_TO_REQUEST, NOTED
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
from sagellm_protocol.types import Request

R = TypeVar("R", ChatCompletionRequest, CompletionRequest)


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


_NO_PLACE = "OpenAI's clients have no word for it"


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
    Row("temperature", "temperature", "else of sampling_params", either("temperature")),
    Row("top_p", "top_p", "else of sampling_params", either("top_p")),
    Row("presence_penalty", "presence_penalty", "else of sampling_params", either("presence_penalty")),
    Row("frequency_penalty", "frequency_penalty", "else of sampling_params", either("frequency_penalty")),
    Row("logit_bias", "logit_bias"),
    Row("seed", "seed", "else of sampling_params", either("seed")),
    Row("stop", "stop", "else of sampling_params", either("stop", "stop_sequences")),
    Row(
        "sampling_params",
        "extra.*",
        f"{', '.join(SAMPLING)}, where they are not the default",
        extra_of,
        "it says more than clients can",
        says_more,
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


_BACK_AGAIN: Mapping[type, Bridge[Any]] = {bridge.target: bridge for bridge in (REQUEST_TO_CHAT, REQUEST_TO_COMPLETION)}


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
