"""The ways to put messages one after the other, as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import attrs

from sagellm_protocol import codecs
from sagellm_protocol.codecs.codec import Codec
from sagellm_protocol.history import LATEST
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.wording import did_you_mean
from sagellm_protocol.streams.framing.events import EventSplitter
from sagellm_protocol.streams.framing.lines import LineSplitter
from sagellm_protocol.streams.framing.objects import ObjectSplitter


class Splitter(Protocol):
    """Finds the messages in bytes that come in any pieces."""

    def feed(self, data: bytes) -> Iterable[tuple[int, bytes]]:
        """The messages that end in this data: where each begins in the stream, and its bytes.

        Raises:
            Damage: what comes is no message, or larger than it may be.
        """
        ...

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The message that the end of the bytes ends, where that can end one.

        Raises:
            Damage: a message breaks off.
        """
        ...


@attrs.frozen
class Framing:
    """One way."""

    codecs: tuple[str, ...]
    """The codecs whose messages it carries; the first unless another is asked for."""
    splitter: Callable[[int], Splitter]
    """Takes messages out, each up to so many bytes."""
    before: bytes = b""
    """What goes before each message."""
    after: bytes = b""
    """What goes after each."""
    sentinel: bytes | None = None
    """What stands in the place of a message after the last one, if the sender wants to say that nothing follows."""


_JSON = ("json", "msgspec-json")

FRAMINGS = {
    # OpenAI ends its streams so.
    "sse": Framing(_JSON, EventSplitter, b"data: ", b"\n\n", sentinel=b"[DONE]"),
    "json-lines": Framing(_JSON, LineSplitter, after=b"\n"),
    "msgpack": Framing(("msgpack", "msgspec-msgpack"), ObjectSplitter),
}


def framing_of(name: object) -> Framing:
    """The framing of that name.

    Raises:
        OptionError: there is none.
    """
    found = FRAMINGS.get(name) if isinstance(name, str) else None
    if found is None:
        known = ", ".join(FRAMINGS)
        raise OptionError(f"no framing is called {short(name)}{did_you_mean(name, FRAMINGS)}; there are {known}")
    return found


def codec_of(framing: Framing, codec: str | None, revision: str = LATEST, **options: Any) -> Codec[bytes]:
    """The codec of the messages in a framing.

    Raises:
        OptionError: the framing does not carry what that codec writes; and as ``codecs.get`` does.
        UnsupportedRevisionError, MissingExtraError: as ``codecs.get`` does.
    """
    if codec is not None and codec not in framing.codecs:
        raise OptionError(f"codec must be one of {', '.join(framing.codecs)} in this framing, got {short(codec)}")
    found: Codec[bytes] = codecs.get(codec or framing.codecs[0], revision=revision, **options)
    return found
