"""Bodies in any format and revision that there is a codec for, read no further than they may be long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import attrs
from starlette.requests import Request

from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec
from sagellm_protocol.codecs.formats import too_large
from sagellm_protocol.codecs.negotiation import media_ranges
from sagellm_protocol.fastapi.refusals import Refusal
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.exceptions import (
    DecodeError,
    ProtocolError,
    UnknownCodecError,
    UnsupportedRevisionError,
    ValidationError,
    blaming,
)
from sagellm_protocol.model.kinds import Member, Nested
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import Spec, spec_of
from sagellm_protocol.schema.generating import Writing, enumeration

T = TypeVar("T")


def body_of(cls: type[T], **options: Any) -> Callable[[Request], Awaitable[T]]:
    """A dependency that reads the body of a request as a message, by the codec that ``Content-Type`` names.

    ``application/msgpack;revision=0.4.0.8`` is what a client of that release sends; without ``revision`` it is the one
    among the options.

    Args:
        cls: a message class, or what else ``codec.decode`` takes.
        options: as for :func:`.codecs.get`. No more than ``max_bytes`` are read, whatever the client announces.

    Raises:
        OptionError: an option is of the wrong type, or means nothing.
        Refusal (the dependency does): 400, the body is malformed; 413, it is too long; 415, there is no codec for it,
            or it is compressed; 422, the message breaks its declaration.
    """
    codecs.get("json", **options)  # What is wrong with the options is told here, and to no client.

    async def read(request: Request) -> T:
        codec = _codec(request, options)
        body = await _bytes(request, codec.options.max_bytes)
        try:
            found: T = codec.decode(body, cls)
        except ProtocolError as error:
            raise Refusal(422 if isinstance(error, ValidationError) else 400, error) from error
        return found

    return read


def described(cls: Any, *, description: str = "") -> dict[str, Any]:
    """What ``openapi_extra=`` of a route says of a body that :func:`body_of` reads: FastAPI does not see it by itself.

    Args:
        cls: a message class, a union or a list of such.
        description: a text about the body.

    Raises:
        DeclarationError: ``cls`` is none of these.
    """
    schema = _Inline().of(read_type(cls))
    content = {media_type: {"schema": schema} for media_type in codecs.media_types().values()}
    body = {"required": True, "content": content}
    return {"requestBody": {"description": description, **body} if description else body}


@attrs.frozen
class _Inline(Writing):
    """A schema that refers to nothing outside of itself; a message that holds itself is an object there."""

    within: tuple[str, ...] = ()

    def refer(self, kind: Member | Nested) -> dict[str, Any]:
        if isinstance(kind, Member):
            return enumeration(kind, kind.cls)
        if kind.name in self.within:
            return {"type": "object"}
        return _Inline((*self.within, kind.name)).message(spec_of(kind.cls))

    def spec(self, nested: Nested) -> Spec:
        return spec_of(nested.cls)


def _codec(request: Request, options: Mapping[str, Any]) -> Codec[Any]:
    """The codec that the headers of a request name.

    Raises:
        Refusal: 415.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        refused = blaming(
            "remote", UnknownCodecError(f"bodies are not to be compressed, and this is {short(encoding)}")
        )
        raise Refusal(415, refused, {"Accept-Encoding": "identity"})
    try:
        return codecs.negotiate(_wanted(request.headers.get("content-type", "")), **options)
    except (UnknownCodecError, UnsupportedRevisionError) as error:
        raise Refusal(415, error, {"Accept": ", ".join(codecs.media_types().values())}) from error


def _wanted(content_type: str) -> str:
    """A ``Content-Type`` as an ``Accept`` header that accepts nothing else.

    Raises:
        UnknownCodecError: it names no single type, or has parameters that are not known.
    """
    found = media_ranges(content_type)
    if len(found) != 1 or "*" in (found[0].kind, found[0].subkind):
        said = f"Content-Type must name one media type, and is {short(content_type)}" if content_type else _ABSENT
        raise blaming("remote", UnknownCodecError(said))
    parameters = dict(found[0].parameters)
    if parameters.get("charset", "").lower() in ("utf-8", "utf8"):
        del parameters["charset"]
    listed = "".join(f';{name}="{_escaped(value)}"' for name, value in parameters.items())
    return f"{found[0].kind}/{found[0].subkind}{listed}"


_ABSENT = "Content-Type must say in which format the body is, and is not there"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


async def _bytes(request: Request, max_bytes: int) -> bytes:
    """The body, or as soon as it is known to be too long an error.

    Raises:
        Refusal: 413.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise _too_long(int(announced[:20]), max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_long(len(body), max_bytes)
    return bytes(body)


def _too_long(size: int, max_bytes: int) -> Refusal:
    error: DecodeError = blaming("remote", too_large(size, max_bytes))
    return Refusal(413, error, {"Connection": "close"})
