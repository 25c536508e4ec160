"""MessagePack, by msgpack."""

from __future__ import annotations

from enum import Enum
from typing import Any, cast
from uuid import UUID

import msgpack

from sagellm_protocol.codecs.formats import Format, refusal
from sagellm_protocol.model.exceptions import DecodeError


def loads(data: bytes | bytearray | memoryview) -> Any:
    """Parse one MessagePack value.

    Raises:
        DecodeError: no MessagePack, trailing bytes, invalid UTF-8, an extension type.
    """
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False, ext_hook=_refuse_extension)
    except msgpack.ExtraData as error:
        raise DecodeError("no MessagePack: bytes after the value", len(data) - len(error.extra)) from None
    except DecodeError:
        raise
    except UnicodeDecodeError as error:
        raise DecodeError(f"no MessagePack: a text is invalid UTF-8 ({error.reason})") from None
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise DecodeError(f"no MessagePack: {error or type(error).__name__}") from None


def _refuse_extension(code: int, data: bytes) -> Any:
    raise DecodeError(f"MessagePack extension type {code} stands for no value of the protocol")


def dumps(payload: Any) -> bytes:
    """Write MessagePack.

    Raises:
        EncodeError: an integer past 64 bits, a lone surrogate.
    """
    try:
        return cast("bytes", msgpack.packb(payload, default=_text))
    except (OverflowError, ValueError):
        raise refusal(payload) from None


def _text(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else str(value) if isinstance(value, UUID) else value


def make_msgpack() -> Format:
    """The format ``msgpack``."""
    return Format(loads, dumps, form="msgpack", origin="parsed")
