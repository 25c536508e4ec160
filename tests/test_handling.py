"""What to do about each error code, and what exceptions are told as."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import get_args

import pytest

from sagellm_protocol import DecodeError, Error, ErrorCode, OptionError, UnknownCodecError
from sagellm_protocol.handling import HANDLING, GrpcStatus
from sagellm_protocol.kv.errors import KVErrorCode, is_retryable


@pytest.mark.parametrize("code", [*ErrorCode, *KVErrorCode])
def test_every_code_has_its_line(code: ErrorCode | KVErrorCode) -> None:
    found = HANDLING[code]
    assert 400 <= found.http < 600
    assert found.grpc in get_args(GrpcStatus)
    assert ErrorCode(found.code)
    assert found.why.endswith(".")
    if isinstance(code, KVErrorCode):
        assert found.retryable == is_retryable(code)
    else:
        assert found.code == code
        error = Error(code=code, message="m")
        assert (error.http_status, error.grpc_status) == (found.http, found.grpc)
        assert error.may_be_retried is found.retryable
        assert Error(code=code, message="m", retryable=not found.retryable).may_be_retried is not found.retryable


def test_no_line_is_left_over() -> None:
    assert len(HANDLING) == len(ErrorCode) + len(KVErrorCode)


@pytest.mark.parametrize(
    ("exception", "code", "retryable"),
    [
        (TimeoutError("t"), "deadline_exceeded", True),
        (asyncio.TimeoutError("t"), "deadline_exceeded", True),
        (concurrent.futures.TimeoutError("t"), "deadline_exceeded", True),
        (ConnectionResetError("c"), "unavailable", True),
        (MemoryError("m"), "resource_exhausted", True),
        (NotImplementedError("n"), "not_implemented", False),
        (KeyError("k"), "unavailable", True),
        (DecodeError("bad"), "invalid_argument", False),
        (OptionError("bad"), "unavailable", False),
        (UnknownCodecError("bad"), "not_implemented", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_exceptions(exception: Exception, code: str, retryable: bool) -> None:
    error = Error.from_exception(exception)
    assert (error.code.value, error.message, error.retryable) == (code, str(exception), retryable)


def test_what_is_known_better() -> None:
    error = Error.from_exception(ValueError(), code=ErrorCode.INVALID_ARGUMENT, message="the prompt is empty")
    assert error == Error(code=ErrorCode.INVALID_ARGUMENT, message="the prompt is empty", retryable=False)
    assert Error.from_exception(ValueError()).message == "ValueError"
