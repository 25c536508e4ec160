"""Sampling parameters, which clients of open models send beside OpenAI's fields: there, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagellm_protocol.bridges.carrying import ABSENT, Given
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.types import Request

LEAST_TOP_P = 1e-9
"""Nucleus sampling mass that keeps the most probable token alone, as 0 does with OpenAI."""

SAMPLING = ("top_k", "repetition_penalty", "length_penalty", "early_stopping", "skip_special_tokens")
"""Fields of sampling parameters that clients of open models send beside OpenAI's, by the same names."""


def params_of(extra: Mapping[str, Any], message: Any, _: Given) -> dict[str, Any] | None:
    """Sampling parameters, where a client says more than OpenAI's fields can."""
    said = {name: extra[name] for name in SAMPLING if extra.get(name) is not None}
    if not said:
        return None
    if message.temperature is not None:
        said["temperature"] = message.temperature
    if message.top_p is not None:
        said["top_p"] = message.top_p or LEAST_TOP_P
    return said


def either(field: str, sampling: str | None = None) -> Callable[[Any, Any, Given], Any]:
    """A value of the request itself, else that of its sampling parameters."""

    def value(own: Any, request: Request, _: Given) -> Any:
        if own is not None or request.sampling_params is None:
            return own
        return getattr(request.sampling_params, sampling or field)

    return value


_ALSO_SAID = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop_sequences", "seed")
"""Fields of sampling parameters that stand beside them, too."""


def says_more(request: Request) -> bool:
    """Whether sampling parameters say what cannot be said beside them."""
    params = request.sampling_params
    if params is None:
        return False
    said = {name: getattr(params, name) for name in _ALSO_SAID}
    most = params.max_tokens if params.max_tokens == request.max_tokens else None
    return params != SamplingParams(**said, max_tokens=most, **{name: getattr(params, name) for name in SAMPLING})


def extra_of(params: SamplingParams | None, _: Any, __: Given) -> Any:
    """Sampling parameters that are not the default, as clients of open models say them."""
    if params is None:
        return ABSENT
    plain = SamplingParams()
    said = {name: getattr(params, name) for name in SAMPLING if getattr(params, name) != getattr(plain, name)}
    return said or ABSENT
