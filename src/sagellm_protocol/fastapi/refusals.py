"""Requests that are refused, as exceptions that FastAPI answers with the right status by itself."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from sagellm_protocol.bridges.failures import sendable
from sagellm_protocol.model.exceptions import ProtocolError


class Refusal(HTTPException):
    """A request is answered with a status of 400 or above because of a ``ProtocolError``.

    ``install_error_handlers`` gives it a body; where that was not called, FastAPI's own is ``{"detail": "..."}``.
    """

    def __init__(self, status_code: int, error: ProtocolError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code, sendable(str(error)), dict(headers or {}))
        self.error = error
