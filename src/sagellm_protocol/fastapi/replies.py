"""Answers by our codecs: in the format and the revision that the client accepts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec
from sagellm_protocol.fastapi.refusals import Refusal
from sagellm_protocol.model.exceptions import (
    LossyDowngradeError,
    UnknownCodecError,
    UnsupportedRevisionError,
    blaming,
)

_LOG = logging.getLogger(__name__)
_VARY = "Accept"


class ProtocolResponse(Response):
    """An answer that a codec writes: a message, a list of messages, or plain data.

    It may be returned, or be a ``response_class``.

    Args:
        content: what the codec encodes.
        codec: of a format of bytes; JSON of today's revision where it is None.
        media_type: the ``Content-Type``; the codec's own where it is None.

    Raises:
        EncodeError, LossyDowngradeError: as ``codec.encode``.
    """

    media_type = "application/json"

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        codec: Codec[bytes] | None = None,
    ) -> None:
        self.codec = codecs.get("json") if codec is None else codec
        if media_type is None and codec is not None:
            media_type = codec.content_type
        super().__init__(content, status_code, headers, media_type, background)

    def render(self, content: Any) -> bytes:
        """The content on the wire."""
        return self.codec.encode(content)


@attrs.frozen
class Reply:
    """What a client accepts; called with a message, the answer in that format and revision."""

    codec: Codec[bytes]

    def __call__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> ProtocolResponse:
        """The answer, with ``Vary: Accept``.

        Raises:
            Refusal: 406, as the revision that the client accepts cannot say it.
            EncodeError: as ``codec.encode``.
        """
        try:
            response = ProtocolResponse(content, status_code, headers, codec=self.codec)
        except LossyDowngradeError as error:
            _LOG.warning("an answer cannot be given in the revision that was accepted: %s", error)
            # What would be lost is the server's own, and no business of the client's.
            said = f"the answer cannot be said in revision {self.codec.revision} without loss"
            raise Refusal(406, blaming("remote", UnsupportedRevisionError(said)), {"Vary": _VARY}) from error
        response.headers.add_vary_header(_VARY)
        return response


def replies(**options: Any) -> Callable[[Request], Reply]:
    """A dependency that gives a :class:`Reply` for the request's ``Accept`` header.

    Args:
        options: as for :func:`.codecs.negotiate`: ``revision`` is what those get who ask for none.

    Raises:
        OptionError: an option is of the wrong type, or means nothing.
        Refusal (the dependency does): 406, as nothing that there is matches, or the header is malformed.
    """
    codecs.get("json", **options)  # What is wrong with the options is told here, and to no client.

    def reply(request: Request) -> Reply:
        accept = ", ".join(request.headers.getlist("accept"))
        try:
            return Reply(codecs.negotiate(accept, **options))
        except (UnknownCodecError, UnsupportedRevisionError) as error:
            raise Refusal(406, error, {"Vary": _VARY}) from error

    return reply
