"""Messages to the bytes of a stream."""

from __future__ import annotations

from typing import Any

from sagellm_protocol.codecs.codec import Codec
from sagellm_protocol.history import LATEST
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.streams.framing.forms import Framing, codec_of, framing_of


class StreamEncoder:
    """Gives the bytes of each message of a stream. Made by :func:`encoder`; may be shared by threads and streams."""

    __slots__ = ("_after", "_before", "codec", "end")

    def __init__(self, codec: Codec[bytes], framing: Framing, end: bytes) -> None:
        self.codec = codec
        """The codec of the messages."""
        self._before, self._after = framing.before, framing.after
        self.end = end
        """What goes after the last message; empty where that is nothing."""

    def __call__(self, message: Any) -> bytes:
        """The bytes of a message.

        Raises:
            EncodeError, LossyDowngradeError: as ``Codec.encode`` does.
        """
        return self._before + self.codec.encode(message) + self._after


def encoder(
    framing: str, *, revision: str = LATEST, done: bool = False, codec: str | None = None, **options: Any
) -> StreamEncoder:
    """What gives the bytes of each message of a stream.

    Args:
        framing: ``sse`` (Server-Sent Events), ``json-lines`` or ``msgpack``, one object after the other.
        revision: any release name; the messages are written as that release does.
        done: whether ``end`` says that nothing follows, as OpenAI's streams do: ``data: [DONE]``.
        codec: the codec of the messages, where it is to be msgspec's: ``msgspec-json`` or ``msgspec-msgpack``.
        **options: of ``codecs.get``.

    Raises:
        OptionError: no such framing; the codec does not fit it; the framing has no way to say that nothing follows; an
            option is of the wrong type, or means nothing.
        UnsupportedRevisionError, MissingExtraError: as ``codecs.get`` does.
    """
    form = framing_of(framing)
    end = b""
    if done:
        if form.sentinel is None:
            raise OptionError(f"done must be False in {framing}, which has no way to say that nothing follows")
        end = form.before + form.sentinel + form.after
    return StreamEncoder(codec_of(form, codec, revision, **options), form, end)
