"""Bytes of a stream, as they come, to messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs

from sagellm_protocol.codecs.codec import Codec
from sagellm_protocol.history import LATEST
from sagellm_protocol.model.exceptions import DecodeError, OptionError, ValidationError
from sagellm_protocol.model.paths import below
from sagellm_protocol.model.shortening import short
from sagellm_protocol.streams.framing.damage import Damage, DamagedStreamError
from sagellm_protocol.streams.framing.events import EventSplitter, ServerSentEvent
from sagellm_protocol.streams.framing.forms import Splitter, codec_of, framing_of

if TYPE_CHECKING:
    from sagellm_protocol.model.forms import Form, TypeForm

T = TypeVar("T")

LIMIT = 16 * 1024 * 1024
"""How many bytes a message may have, unless a decoder is told otherwise: 16 MiB."""

_PIECE = 1 << 16
"""How many bytes are split at once, so that lists of lines stay small."""


class StreamDecoder(Generic[T]):
    """Takes messages out of the bytes of one stream, which may come in any pieces. Made by :func:`decoder`.

    It stops at the first message that is wrong. Those before it are given first: where ``feed`` has some, it gives
    them, and the next call raises the error; ``damage`` is the error as soon as it is found. Whoever calls it again is
    told again. To be used by one thread at a time.
    """

    def __init__(self, splitter: Splitter, read: Callable[[bytes], T], sentinel: bytes | None = None) -> None:
        self._splitter = splitter
        self._read = read
        self._sentinel = sentinel
        self._count = 0
        self._ended = False
        self.done = False
        """Whether the sender has said that nothing follows: by ``data: [DONE]`` in Server-Sent Events."""
        self.damage: Exception | None = None
        """What is wrong with the stream, once that was found."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[T]:
        """The messages that end in this data.

        Raises:
            DamagedStreamError: a ``DecodeError``: what comes is no message, or too large, or follows the last one.
            ValidationError: a message is not what its class says; paths begin with its number, from 0: ``[2].content``.
            OptionError: the data is no bytes, or comes after ``finish``.
        """
        if self._ended and self.damage is None:
            raise OptionError("finish() said that the stream has ended: make another decoder for another stream")
        if type(data) is not bytes:
            data = _taken(data)
        return self._messages(self._splitter.feed(data) if len(data) <= _PIECE else self._in_pieces(data))

    def finish(self) -> list[T]:
        """The end of the bytes: the message that it ends, in JSON Lines whose last line has no line ending.

        Raises:
            DamagedStreamError, ValidationError: as for :meth:`feed`, and where a message is broken off.
        """
        if self._ended and self.damage is None:
            return []
        self._ended = True
        return self._messages(self._splitter.end())

    def _in_pieces(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        for at in range(0, len(data), _PIECE):
            yield from self._splitter.feed(data[at : at + _PIECE])

    def _messages(self, found: Iterable[tuple[int, bytes]]) -> list[T]:
        if self.damage is not None:
            raise self.damage.with_traceback(None)
        messages: list[T] = []
        start = 0
        try:
            for start, payload in found:
                if self.done:
                    raise Damage(start, "it follows what the sender said is the end")
                if payload == self._sentinel:
                    self.done = True
                else:
                    messages.append(self._read(payload))
        except Exception as error:  # whatever a function of the caller's raises, of what follows nothing can be told
            self.damage = _located(error, self._count + len(messages), start)
        self._count += len(messages)
        if self.damage is not None and not messages:
            raise self.damage
        return messages


def _taken(data: object) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise OptionError(f"feed() takes bytes, bytearray or memoryview, got {short(data)}")


def _located(error: Exception, index: int, start: int) -> Exception:
    """An error, with the place in the stream of what it is about."""
    if isinstance(error, Damage):
        return DamagedStreamError(error.reason, index, error.start)
    if isinstance(error, DecodeError):
        return DamagedStreamError(str(error), index, start)
    if isinstance(error, ValidationError):
        violations = [attrs.evolve(it, path=below(f"[{index}]", it.path)) for it in error.violations]
        return ValidationError(error.message_name, violations, error.more)
    return error


@overload
def decoder(
    framing: str, cls: type[T], *, revision: str = LATEST, limit: int = LIMIT, codec: str | None = None, **options: Any
) -> StreamDecoder[T]: ...
@overload
def decoder(
    framing: str,
    cls: TypeForm[Form],
    *,
    revision: str = LATEST,
    limit: int = LIMIT,
    codec: str | None = None,
    **options: Any,
) -> StreamDecoder[Form]: ...
@overload
def decoder(
    framing: str, cls: Any, *, revision: str = LATEST, limit: int = LIMIT, codec: str | None = None, **options: Any
) -> StreamDecoder[Any]: ...
def decoder(
    framing: str, cls: Any, *, revision: str = LATEST, limit: int = LIMIT, codec: str | None = None, **options: Any
) -> StreamDecoder[Any]:
    """What takes messages out of the bytes of one stream.

    Args:
        framing: ``sse`` (Server-Sent Events), ``json-lines`` or ``msgpack``, one object after the other.
        cls: a message class or a union of them, as for ``Codec.decode``: ``StreamEvent``.
        revision: any release name; the messages are of that release.
        limit: how many bytes a message may have. It holds little more than that, and the bytes that it is fed.
        codec: the codec of the messages, where it is to be msgspec's: ``msgspec-json`` or ``msgspec-msgpack``.
        **options: of ``codecs.get``.

    Raises:
        OptionError: no such framing; the codec does not fit it; an option is of the wrong type, or means nothing.
        UnsupportedRevisionError, MissingExtraError: as ``codecs.get`` does.
    """
    form = framing_of(framing)
    if "max_bytes" in options:
        raise OptionError("max_bytes is not taken here: limit is what limits a message")
    _check_limit(limit)
    read = _reader(codec_of(form, codec, revision, max_bytes=limit, **options), cls)
    return StreamDecoder(form.splitter(limit), read, form.sentinel)


@lru_cache(maxsize=128)
def _reader(codec: Codec[bytes], cls: Any) -> Callable[[bytes], Any]:
    """What reads a message; kept, since a server makes a decoder for each of its streams."""
    return codec.decoder(cls)


def _check_limit(limit: object) -> None:
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise OptionError(f"limit must be an integer of bytes, 0 or more, got {short(limit)}")


class SSEDecoder:
    """Takes Server-Sent Events out of the bytes of one stream, whatever their data is.

    It reads as an ``EventSource`` does, invalid UTF-8 included, which becomes U+FFFD. Two things are told that one
    would pass over: an event that is too large, and one that is broken off. To be used by one thread at a time.

    Args:
        limit: how many bytes the data of an event may have.

    Raises:
        OptionError: the limit is no number of bytes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        _check_limit(limit)
        self._splitter = EventSplitter(limit)
        self._decoder = StreamDecoder(self._splitter, self._event)

    @property
    def retry(self) -> int | None:
        """The milliseconds to wait before the stream is asked for again, as it told last; None where it did not."""
        return self._splitter.reconnection

    @property
    def last_id(self) -> str | None:
        """The id to ask for the stream again with, as it told last; None where it did not."""
        return _text(self._splitter.id)

    @property
    def damage(self) -> Exception | None:
        """What is wrong with the stream, once that was found."""
        return self._decoder.damage

    def feed(self, data: bytes | bytearray | memoryview) -> list[ServerSentEvent]:
        """The events that end in this data.

        Raises:
            DamagedStreamError: an event is too large.
            OptionError: the data is no bytes, or comes after ``finish``.
        """
        return self._decoder.feed(data)

    def finish(self) -> list[ServerSentEvent]:
        """The end of the bytes, which ends no event: an empty list.

        Raises:
            DamagedStreamError: an event is broken off, or too large.
        """
        return self._decoder.finish()

    def _event(self, data: bytes) -> ServerSentEvent:
        about = self._splitter
        return ServerSentEvent(
            data.decode(errors="replace"),
            about.event.decode(errors="replace") or "message",
            _text(about.id),
            about.retry,
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
