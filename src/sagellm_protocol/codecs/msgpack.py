"""MessagePack, by msgpack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

import msgpack
import orjson

from sagellm_protocol.codecs.formats import Format, refusal
from sagellm_protocol.model.exceptions import DecodeError
from sagellm_protocol.model.nesting import by_level


def loads(data: bytes) -> Any:
    """Parse one MessagePack value.

    Keys that are no texts are refused before they are hashed: integers can be chosen so that all of them collide.

    Raises:
        DecodeError: no MessagePack, trailing bytes, invalid UTF-8, an extension type, a key that is no text.
    """
    try:
        payload = msgpack.unpackb(data, ext_hook=_refuse_extension)
    except msgpack.ExtraData as error:
        raise DecodeError("no MessagePack: bytes after the value", len(data) - len(error.extra)) from None
    except DecodeError:
        raise
    except UnicodeDecodeError as error:
        raise DecodeError(f"no MessagePack: a text is invalid UTF-8 ({error.reason})") from None
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        if str(error).endswith("strict_map_key=True"):
            raise DecodeError(f"a key is no text but {str(error).split()[0]}") from None
        raise DecodeError(f"no MessagePack: {str(error) or type(error).__name__}") from None
    _refuse_timestamps(payload)
    return payload


def _refuse_timestamps(payload: Any) -> None:
    """The parser makes the one extension type that MessagePack itself defines without asking."""
    if any(msgpack.Timestamp in map(type, level) for level in by_level(payload)):
        _refuse_extension(-1, b"")


def _refuse_extension(code: int, data: bytes) -> Any:
    raise DecodeError(f"MessagePack extension type {code} stands for no value of the protocol")


def dumps(payload: Any) -> bytes:
    """Write MessagePack.

    Raises:
        EncodeError: an integer past 64 bits, a lone surrogate.
    """
    try:
        return _pack(payload)
    except (OverflowError, ValueError, TypeError):
        raise refusal(payload) from None


def _value(value: Any) -> Any:
    """The value of an enumeration: of all that a message holds, the packer knows only those that are texts."""
    if isinstance(value, Enum):
        return value.value
    raise OverflowError  # An integer past 64 bits: what the packer cannot write comes here too.


class _ThreadPacker(threading.local):
    """A packer for each thread: making one allocates its buffer, which takes longer than most messages."""

    def __init__(self) -> None:
        self.pack: Callable[[Any], bytes] = msgpack.Packer(default=_value).pack


_packer = _ThreadPacker()


def _pack(payload: Any) -> bytes:
    return _packer.pack(payload)


def make_msgpack() -> Format:
    """The format ``msgpack``."""
    return Format(
        loads,
        dumps,
        form="msgpack",
        origin="msgpack",
        parse=msgpack.unpackb,
        pack=_pack,
        quote=orjson.dumps,
        called="MessagePack",
    )
