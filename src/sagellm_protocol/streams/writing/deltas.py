"""The bytes of one token after the other, of which only the text and the tokens are encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

from sagellm_protocol.history import LATEST
from sagellm_protocol.model.compiled import jointed
from sagellm_protocol.streams.framing.encoding import encoder
from sagellm_protocol.streams.writing.pieces import UNPACKABLE, Pieces, Whole, taken_apart, whole
from sagellm_protocol.streams.writing.places import places_in

if TYPE_CHECKING:
    from sagellm_protocol.openai_types import ChatCompletionStreamResponse, CompletionResponse
    from sagellm_protocol.types import StreamEventDelta


class DeltaWriter:
    """Writes the deltas of one stream of events. Made by :func:`writer`."""

    __slots__ = ("delta",)

    delta: Callable[[str, Sequence[int]], bytes]
    """The bytes of the delta with this text and these token ids.

    Raises:
        ValidationError: they are not what the class takes.
        EncodeError: they hold what no format can carry: a lone surrogate, an integer past 64 bits.
    """

    def __init__(self, delta: Callable[[str, Sequence[int]], bytes]) -> None:
        self.delta = delta


class TextWriter:
    """Writes the chunks of one answer that differ in their text alone. Made by :func:`writer`."""

    __slots__ = ("delta",)

    delta: Callable[[str], bytes]
    """The bytes of the chunk with this text.

    Raises:
        ValidationError: it is no text.
        EncodeError: it holds a lone surrogate, which no format can carry.
    """

    def __init__(self, delta: Callable[[str], bytes]) -> None:
        self.delta = delta


@overload
def writer(
    first: StreamEventDelta, framing: str, *, revision: str = LATEST, codec: str | None = None, **options: Any
) -> DeltaWriter: ...
@overload
def writer(
    first: ChatCompletionStreamResponse | CompletionResponse,
    framing: str,
    *,
    revision: str = LATEST,
    codec: str | None = None,
    **options: Any,
) -> TextWriter: ...
def writer(
    first: Any, framing: str, *, revision: str = LATEST, codec: str | None = None, **options: Any
) -> DeltaWriter | TextWriter:
    """What writes the messages of one stream that differ from each other in their text and tokens alone.

    ``writer.delta(content, tokens)`` gives byte for byte what the encoder of that framing gives for
    ``evolve(first, content=content, content_tokens=tokens)``; so with a chunk of OpenAI's, and its text.

    What does not change is encoded here, once. Where a hook, a conversion of the history or what the codec was taught
    may change what is written, ``delta`` encodes each message whole.

    Args:
        first: a message of the stream, of which all but the text and the tokens is the same in the others. A chunk has
            one choice.
        framing: as for :func:`.encoder`.
        revision: any release name; the messages are written as that release does.
        codec: as for :func:`.encoder`.
        **options: of ``codecs.get``.

    Raises:
        OptionError: of such messages no writer is made; and as :func:`.encoder` does.
        EncodeError, LossyDowngradeError: what does not change cannot be written.
        UnsupportedRevisionError, MissingExtraError: as :func:`.encoder` does.
    """
    places = places_in(first)
    encode = encoder(framing, revision=revision, codec=codec, **options)
    make, pieces = whole(first, places, encode), taken_apart(first, places, encode)
    if pieces is not None:
        joined = _texts(pieces, make) if places.tokens is None else _texts_and_tokens(pieces, make)
        make = jointed(pieces.around, pieces.pack, UNPACKABLE, joined)
    return TextWriter(make) if places.tokens is None else DeltaWriter(make)


def _texts(pieces: Pieces, make: Whole) -> Callable[[str], bytes]:
    (head, tail), pack = pieces.around, pieces.pack

    def delta(content: str) -> bytes:
        if type(content) is str:
            try:
                return head + pack(content) + tail
            except UNPACKABLE:
                pass
        return make(content)

    return delta


def _texts_and_tokens(pieces: Pieces, make: Whole) -> Callable[[str, Sequence[int]], bytes]:
    (head, between, tail), pack, join = pieces.around, pieces.pack, b"".join

    def delta(content: str, tokens: Sequence[int]) -> bytes:
        if type(content) is str and (type(tokens) is list or type(tokens) is tuple):
            for token in tokens:
                if type(token) is not int:
                    break
            else:
                try:
                    return join((head, pack(content), between, pack(tokens), tail))
                except UNPACKABLE:
                    pass
        # Whatever is in doubt: the class and the codec decide, and say why.
        return make(content, tokens)

    return delta
