"""Errors in OpenAI's form, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import Error, ErrorCode, ProtocolError, Request, ValidationError, bridges, codecs, streams
from sagellm_protocol.handling import HANDLING
from sagellm_protocol.model.exceptions import EncodeError, OptionError, UnsupportedRevisionError
from sagellm_protocol.openai_types import OpenAIError, OpenAIErrorResponse

ERRORS = st.builds(
    Error, code=st.sampled_from(ErrorCode), message=st.text(), retryable=st.sampled_from([None, False, True])
)


@given(ERRORS)
def test_errors_there_and_back(error: Error) -> None:
    failure = bridges.error(error)
    assert failure.status == error.http_status == HANDLING[error.code].http
    again = bridges.error_from(failure.status, failure.body, failure.headers)
    assert again.code is error.code
    assert again.may_be_retried == error.may_be_retried
    assert again.message == error.message.encode(errors="backslashreplace").decode()
    codecs.get("json").encode(failure.body)


@pytest.mark.parametrize(
    ("code", "retryable", "status", "kind", "headers"),
    [
        ("invalid_argument", None, 400, "invalid_request_error", {"x-should-retry": "false"}),
        ("resource_exhausted", None, 429, "rate_limit_error", {"x-should-retry": "true", "retry-after": "3"}),
        ("resource_exhausted", False, 429, "rate_limit_error", {"x-should-retry": "false"}),
        ("unavailable", None, 503, "server_error", {"x-should-retry": "true", "retry-after": "3"}),
        ("deadline_exceeded", None, 504, "server_error", {"x-should-retry": "true"}),
        ("not_implemented", None, 501, "server_error", {"x-should-retry": "false"}),
    ],
)
def test_what_an_error_is_answered_with(
    code: str, retryable: bool | None, status: int, kind: str, headers: Mapping[str, str]
) -> None:
    failure = bridges.error(Error(code=ErrorCode(code), message="m", retryable=retryable), retry_after=2.5)
    assert (failure.status, failure.headers) == (status, headers)
    assert failure.body == OpenAIErrorResponse(error=OpenAIError(message="m", type=kind, code=code))


def invalid(**fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Request(**fields)
    error = caught.value
    error.fault = "remote"
    return error


def test_a_client_is_told_what_is_wrong_and_where() -> None:
    one = bridges.error(invalid(request_id="r", trace_id="t", max_tokens=-5))
    assert (one.status, one.body.error.param, one.body.error.code) == (422, "max_tokens", "invalid_argument")
    assert "> 0" in one.body.error.message
    several = bridges.error(invalid(request_id="r", max_tokens=-5))
    assert (several.status, several.body.error.param) == (422, None)


LOCAL = EncodeError("half a surrogate")
UNSUPPORTED = UnsupportedRevisionError("no such revision")
UNSUPPORTED.fault = "remote"
BROKEN_OFF = streams.Assembler().broken_off("its end did not come")


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [(ProtocolError("x"), 400, None), (UNSUPPORTED, 400, None), (LOCAL, 500, "false"), (BROKEN_OFF, 502, "true")],
)
def test_whose_fault_it_is_decides(error: ProtocolError, status: int, again: str | None) -> None:
    failure = bridges.error(error)
    assert (failure.status, failure.code, failure.headers.get("x-should-retry")) == (status, error.code, again)
    assert (str(error) in failure.body.error.message) == (status != 500)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, None, ErrorCode.INVALID_ARGUMENT),
        (401, "invalid_api_key", ErrorCode.INVALID_ARGUMENT),
        (404, "model_not_found", ErrorCode.INVALID_ARGUMENT),
        (408, None, ErrorCode.DEADLINE_EXCEEDED),
        (429, "insufficient_quota", ErrorCode.RESOURCE_EXHAUSTED),
        (500, None, ErrorCode.UNAVAILABLE),
        (501, None, ErrorCode.NOT_IMPLEMENTED),
        (504, None, ErrorCode.DEADLINE_EXCEEDED),
        (500, "kv_transfer_failed", ErrorCode.KV_TRANSFER_FAILED),
    ],
)
def test_errors_of_other_servers(status: int, code: str | None, expected: ErrorCode) -> None:
    body = OpenAIErrorResponse(error=OpenAIError(message="m", type="t", code=code))
    assert bridges.error_from(status, body) == Error(code=expected, message="m")
    told = bridges.error_from(status, body, {"X-Should-Retry": " TRUE", "Server": "x"})
    assert told == Error(code=expected, message="m", retryable=True)


@pytest.mark.parametrize("seconds", [-1, 1e10, float("nan")])
def test_nobody_waits_so_long(seconds: float) -> None:
    with pytest.raises(OptionError, match="retry_after must be at least 0"):
        bridges.error(Error(code=ErrorCode.UNAVAILABLE, message="m"), retry_after=seconds)
