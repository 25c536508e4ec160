"""What a wire format is to a codec: bytes to values, values to bytes, and what its values look like."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import attrs

from sagellm_protocol.model.exceptions import DecodeError, EncodeError
from sagellm_protocol.model.reading import depth
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import INT_MAX, INT_MIN, Type
from sagellm_protocol.model.statements import Origin
from sagellm_protocol.model.wording import join
from sagellm_protocol.model.writing import Form

MAX_DEPTH = 128
"""How deep a payload may nest."""

MAX_BYTES = 64 * 1024 * 1024
"""How large a payload may be, unless the codec is told otherwise: 64 MiB."""


class Shortcuts(Protocol):
    """Ways to read and write some messages without parsed values in between.

    Each is given the long way, which it leaves anything in doubt to: that decides and explains.
    """

    def decoder(self, kind: Type, max_bytes: int, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """Bytes, not more than so many, to a message; None where there is no shortcut."""
        ...

    def encoder(self, cls: type, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """A message to bytes; None where there is no shortcut."""
        ...

    def reason_against(self, cls: type) -> str | None:
        """Why messages of a class have no shortcut; None where they have."""
        ...


@attrs.frozen
class Format:
    """A wire format. Its functions work on parsed values: dict, list, str, int, float, bool and None."""

    loads: Callable[[Any], Any]
    """Parses; raises ``DecodeError`` on what is not of this format."""
    dumps: Callable[[Any], Any]
    """Writes; raises ``EncodeError`` on a value that it cannot carry."""
    form: Form = "plain"
    """What ``dumps`` is given."""
    origin: Origin = "dict"
    """What is known of the values that ``loads`` gives."""
    parse: Callable[[Any], Any] | None = None
    """Parses like ``loads`` and raises a ``ValueError`` of any kind: the parser itself, for the fast path."""
    pack: Callable[[Any], Any] | None = None
    """Writes like ``dumps`` and raises a ``ValueError``, ``TypeError`` or ``OverflowError``: for the fast path."""
    shortcuts: Shortcuts | None = None
    """Ways around ``parse`` and ``pack`` for some messages."""
    quote: Callable[[Any], bytes] | None = None
    """Gives a UUID's text in quotes, faster than ``str`` gives it without."""
    exact: Callable[[Any], Any] | None = None
    """Parses again, with integers past 64 bits as they are, where ``loads`` turns them into floats."""
    sized: bool = True
    """Whether the wire form has a length that ``max_bytes`` limits."""


def refusal(payload: Any) -> EncodeError:
    """Why a payload cannot be written: the first value in it that no format can carry."""
    found = None if too_deep(payload) else _unwritable(payload, "")
    return EncodeError(found or f"the payload nests deeper than {MAX_DEPTH} levels")


def _unwritable(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"{path or 'the payload'} holds a lone surrogate, which no format can carry: {value[:80]!a}"
    elif isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            return f"{path or 'the payload'} is an integer past 64 bits, which no format can carry"
    elif isinstance(value, dict):
        found = (_unwritable(key, path) or _unwritable(item, join(path, key)) for key, item in value.items())
        return next(filter(None, found), None)
    elif isinstance(value, (list, tuple)):
        return next(filter(None, (_unwritable(item, f"{path}[{index}]") for index, item in enumerate(value))), None)
    elif value is not None and not isinstance(value, (float, Enum, UUID)):
        return f"{path or 'the payload'} is no message, nor anything that one holds: {short(value)}"
    return None


def refuse_too_deep(payload: Any) -> None:
    """Raise the ``DecodeError`` for a parsed payload that nests deeper than one may, if it does."""
    if too_deep(payload):
        raise DecodeError(f"the payload nests deeper than {MAX_DEPTH} levels") from None


def too_deep(payload: Any) -> bool:
    """Whether a parsed payload nests deeper than one may."""
    return depth(payload, MAX_DEPTH) > MAX_DEPTH
