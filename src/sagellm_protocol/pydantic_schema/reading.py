"""Values into messages for pydantic, and our errors as its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from sagellm_protocol import codecs
from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import ProtocolError, ValidationError
from sagellm_protocol.model.line_errors import line_errors
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.nesting import too_many
from sagellm_protocol.model.plain import to_plain

if TYPE_CHECKING:
    from pydantic_core import InitErrorDetails


def validator(cls: Any) -> Callable[[Any, Any], Any]:
    """The function that reads a message of a class: itself, or out of a payload.

    Raises (the function does):
        pydantic_core.ValidationError: with a line for each violation.
    """

    @cache
    def ways() -> tuple[Callable[[Any], Any], Callable[[Any], bytes]]:
        return codecs.get("dict").decoder(cls), codecs.get("json").encoder(cls)

    def read(value: Any, info: Any) -> Any:
        if isinstance(value, cls):
            return value
        decode, encode = ways()
        try:
            return decode(value) if info.mode == "json" else _read(decode, encode, value)
        except ProtocolError as error:
            raised = _raised(cls, error, info.mode)
        raise raised

    read.__name__ = read.__qualname__ = cls.__name__  # what pydantic calls the one of a union whose errors it tells
    return read


def _read(decode: Callable[[Any], Any], encode: Callable[[Any], bytes], value: Any) -> Any:
    """A message out of a payload that no parser of ours has seen.

    Raises:
        ValidationError, DecodeError: as the codec ``dict``.
        EncodeError: it holds what no format can carry: the parser of a web framework may let half a surrogate pass.
    """
    try:
        message = decode(value)
    except ValidationError:
        if too_many(value):  # What is too deep is no ValidationError.
            raise
        payload = _payload(value)
        if payload is value:
            raise
        message = decode(payload)
    encode(message)
    return message


def _payload(value: Any) -> Any:
    """A payload with the messages that it holds as payloads as well; itself where it holds none."""
    if message_of(type(value)) is not None:
        return to_plain(value)
    if isinstance(value, dict):
        made = {key: _payload(item) for key, item in dict.items(value)}
        return made if any(made[key] is not item for key, item in dict.items(value)) else value
    if isinstance(value, (list, tuple)):
        items = [_payload(item) for item in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value


def _raised(cls: type, error: ProtocolError, mode: str) -> Exception:
    from pydantic_core import ValidationError as PydanticError

    input_type: Any = "json" if mode == "json" else "python"
    return PydanticError.from_exception_data(full_name(cls), list(_lines(error)), input_type)


def _lines(error: ProtocolError) -> Iterator[InitErrorDetails]:
    if not isinstance(error, ValidationError):
        yield _line("value_error", f"Value error, {error}", (), {"error": str(error)}, None)
        return
    for found in line_errors(error):
        yield _line(found.type, found.msg, found.loc, dict(found.ctx), found.input)
    if error.more:
        yield _line("too_many_violations", f"There are {error.more} more violations", (), {"more": error.more}, None)


def _line(slug: Any, msg: str, loc: tuple[str | int, ...], ctx: dict[str, Any], shown: str | None) -> InitErrorDetails:
    from pydantic_core import PydanticCustomError

    return {
        "type": PydanticCustomError(
            slug,
            _sendable(msg),
            {name: _sendable(value) for name, value in ctx.items()} or None,
        ),
        "loc": tuple(map(_sendable, loc)),
        "input": _sendable(shown),
    }


def _sendable(value: Any) -> Any:
    """A text that UTF-8 can carry: half a surrogate is written out."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
