"""Errors as OpenAI's clients know them: an HTTP status, headers and a body; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.handling import HANDLING
from sagellm_protocol.model.exceptions import OptionError, ProtocolError, ValidationError
from sagellm_protocol.model.line_errors import line_errors
from sagellm_protocol.model.shortening import short
from sagellm_protocol.openai_types import OpenAIError, OpenAIErrorResponse

_WAITING = (429, 503)
"""The statuses that go with ``Retry-After``."""

_TYPES: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""OpenAI's classes of failure that a status has to itself; see :func:`_type_of` for all others."""

_CODES: Mapping[int, ErrorCode] = {
    408: ErrorCode.DEADLINE_EXCEEDED,
    429: ErrorCode.RESOURCE_EXHAUSTED,
    501: ErrorCode.NOT_IMPLEMENTED,
    504: ErrorCode.DEADLINE_EXCEEDED,
}
"""The code of a status, where the body does not give one of ours; see :func:`_code_of` for all others."""

_AGAIN = "x-should-retry"
"""The header by which OpenAI's clients are told whether to try again, whatever the status."""

_LONGEST = 1_000_000_000

Lines: TypeAlias = Sequence[Mapping[str, Any]]


@attrs.frozen
class Failure:
    """What an answer over HTTP tells of an error."""

    status: int
    """HTTP status, 400 or above."""
    code: str
    """The value of an ``ErrorCode``."""
    detail: str
    """What happened, for people."""
    lines: Lines = ()
    """What is wrong, each with ``loc``, ``type`` and ``msg``; empty where it is no violation."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """What is said beside the body: whether to try again, and when."""

    @property
    def body(self) -> OpenAIErrorResponse:
        """The body in OpenAI's form."""
        return OpenAIErrorResponse(
            error=OpenAIError(
                message=sendable(self.detail),
                type=_type_of(self.status),
                param=sendable(place(self.lines[0]["loc"])) or None if len(self.lines) == 1 else None,
                code=self.code,
            )
        )


def error(error: Error | ProtocolError, *, retry_after: float = 1.0) -> Failure:
    """What to answer to a client with.

    An ``Error`` has the status of its code. Of a ``ProtocolError``, whose fault it is decides: 422 for what breaks its
    declaration and 400 for what else a client sent; 502 for what an engine sent that cannot be used; 500, and not a
    word of what happened, for what this program did wrong. ``x-should-retry`` tells OpenAI's clients whether to try
    again.

    Args:
        error: what went wrong.
        retry_after: seconds until another try may help, for ``Retry-After``; said with 429 and 503 where one may.

    Raises:
        OptionError: ``retry_after`` is below 0, or no time that anybody waits.
    """
    if not 0 <= retry_after < _LONGEST:
        raise OptionError(f"retry_after must be at least 0 and below {_LONGEST:_} seconds, got {short(retry_after)}")
    if isinstance(error, Error):
        headers = {_AGAIN: "true" if error.may_be_retried else "false"}
        if error.may_be_retried and error.http_status in _WAITING:
            headers["retry-after"] = str(ceil(retry_after))
        return Failure(error.http_status, error.code.value, error.message, headers=headers)
    if error.fault == "local":
        return Failure(500, error.code, "The server could not answer this request.", headers={_AGAIN: "false"})
    if HANDLING[error.code].code == ErrorCode.UNAVAILABLE.value:
        return Failure(502, error.code, str(error), headers={_AGAIN: "true"})
    return refused(error, 422 if isinstance(error, ValidationError) else 400)


def refused(error: ProtocolError, status: int, headers: Mapping[str, str] | None = None) -> Failure:
    """What to answer with to a client whose request is wrong, with a status that is known."""
    lines: list[dict[str, Any]] = []
    if isinstance(error, ValidationError):
        lines = [{"loc": found.loc, "type": found.type, "msg": found.msg} for found in line_errors(error)]
    return Failure(status, error.code, str(error), lines, headers or {})


def error_from(status: int, body: OpenAIErrorResponse, headers: Mapping[str, str] | None = None) -> Error:
    """The error that an answer over HTTP tells of.

    Args:
        status: its HTTP status.
        body: its body.
        headers: its headers; names in any case.
    """
    said = {name.lower(): value.strip().lower() for name, value in (headers or {}).items()}
    return Error(
        code=_code_of(status, body.error.code),
        message=body.error.message,
        retryable={"true": True, "false": False}.get(said.get(_AGAIN, "")),
    )


def place(loc: Sequence[str | int]) -> str:
    """The path to what is wrong, as one text."""
    return ".".join(map(str, loc))


def sendable(text: str) -> str:
    """A text that UTF-8 can carry: half a surrogate is written out."""
    return text.encode(errors="backslashreplace").decode()


def _type_of(status: int) -> str:
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def _code_of(status: int, said: object) -> ErrorCode:
    if isinstance(said, str) and said in ErrorCode._value2member_map_:
        return ErrorCode(said)
    return _CODES.get(status, ErrorCode.UNAVAILABLE if status >= 500 else ErrorCode.INVALID_ARGUMENT)
