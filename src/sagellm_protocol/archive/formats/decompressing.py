"""What a file holds, decompressed, in pieces of about 1 MiB."""

from __future__ import annotations

from collections.abc import Callable

from sagellm_protocol.archive.formats.batches import BATCH
from sagellm_protocol.archive.formats.forms import Compression
from sagellm_protocol.archive.formats.gzips import gunzipped
from sagellm_protocol.archive.formats.pieces import Broken, Feed, Pieces
from sagellm_protocol.archive.formats.zstandard import unzstd


def decompressed(more: Callable[[], bytes], compression: Compression) -> Pieces:
    """Plain data.

    Args:
        more: gives the next bytes of the file; none at the end.
        compression: of the file.

    Raises:
        MissingExtraError: zstd without the extra ``zstd``.
    """
    if compression == "none":
        return iter(more, b"")
    return _gathered(_WAYS[compression](Feed(more)))


_WAYS: dict[Compression, Callable[[Feed], Pieces]] = {"gzip": gunzipped, "zstd": unzstd}


def _gathered(pieces: Pieces) -> Pieces:
    """The same in pieces of a useful size: where each record was flushed by itself they are tiny."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            held.append(piece)
            size += len(piece)
        if size >= BATCH or isinstance(piece, Broken):
            yield b"".join(held)
            held, size = [], 0
        if isinstance(piece, Broken):
            yield piece
    if held:
        yield b"".join(held)
