"""Errors as answers: OpenAI's body, or the problem details of RFC 9457."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeAlias, get_args

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from sagellm_protocol import codecs
from sagellm_protocol.bridges.failures import Failure, error as told, place, refused, sendable
from sagellm_protocol.fastapi.refusals import Refusal
from sagellm_protocol.model.exceptions import MOST_TOLD, OptionError, ProtocolError
from sagellm_protocol.model.shortening import short

_LOG = logging.getLogger(__name__)

Style: TypeAlias = Literal["openai", "problem"]
"""What errors are told in: ``OpenAIErrorResponse``, or ``application/problem+json`` of RFC 9457."""


def install_error_handlers(app: FastAPI, style: Style = "openai", *, request_validation: bool = True) -> None:
    """Have an application answer with our errors, from wherever a ``ProtocolError`` is raised.

    Whose ``fault`` it is decides on the status: 422 for what breaks its declaration and 400 for what else a client
    sent; 502 for what an engine streamed that cannot be used; 500, and not a word of what happened, for what this
    program did wrong: that is logged. A :class:`Refusal` has a status of its own.

    Args:
        app: the application; handlers that it has for these errors are replaced.
        style: what the body is.
        request_validation: whether FastAPI's own refusal of a request is told in that style, too.

    Raises:
        OptionError: there is no such style; or the application has answered already, and takes no more handlers.
    """
    if style not in get_args(Style):
        raise OptionError(f"style must be 'openai' or 'problem', got {short(style)}")
    if app.middleware_stack is not None:
        raise OptionError("the application has answered already: install error handlers before its first request")
    tell = _TOLD[style]

    async def on_error(_: Request, error: Any) -> Response:
        return tell(_failure(error))

    async def on_refusal(_: Request, refusal: Any) -> Response:
        return tell(refused(refusal.error, refusal.status_code, refusal.headers))

    async def on_invalid(_: Request, error: Any) -> Response:
        return tell(_invalid(error))

    app.add_exception_handler(ProtocolError, on_error)
    app.add_exception_handler(Refusal, on_refusal)
    if request_validation:
        app.add_exception_handler(RequestValidationError, on_invalid)


def _failure(error: ProtocolError) -> Failure:
    if error.fault == "local":
        _LOG.error("the fault of this server: %s", error, exc_info=error)
    return told(error)


def _invalid(error: RequestValidationError) -> Failure:
    found = error.errors()
    lines = [{name: line[name] for name in ("loc", "type", "msg")} for line in found[:MOST_TOLD]]
    said = [f"  {place(line['loc'])}: {line['msg']}" for line in lines]
    if len(found) > MOST_TOLD:
        said.append(f"and {len(found) - MOST_TOLD} more")
    head = f"the request: {len(found)} violation{'s' * (len(found) != 1)}"
    return Failure(422, ProtocolError.codes["remote"], "\n".join([head, *said]), lines)


def _as_openai(failure: Failure) -> Response:
    return Response(codecs.get("json").encode(failure.body), failure.status, failure.headers, "application/json")


def _as_problem(failure: Failure) -> Response:
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(failure.status).phrase,
        "status": failure.status,
        "detail": sendable(failure.detail),
        "code": failure.code,
    }
    if failure.lines:
        problem["errors"] = [
            {**line, "loc": list(map(_step, line["loc"])), "msg": _step(line["msg"])} for line in failure.lines
        ]
    return Response(codecs.get("json").encode(problem), failure.status, failure.headers, "application/problem+json")


def _step(step: Any) -> Any:
    return sendable(step) if isinstance(step, str) else step


_TOLD: Mapping[Style, Callable[[Failure], Response]] = {"openai": _as_openai, "problem": _as_problem}
