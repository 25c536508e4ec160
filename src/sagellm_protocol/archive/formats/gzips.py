"""gzip: member after member, to the last byte before a break."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sagellm_protocol.archive.formats.batches import BATCH
from sagellm_protocol.archive.formats.pieces import Broken, Feed, Pieces

MAGIC = b"\x1f\x8b"
"""How gzip begins."""
_START = MAGIC + b"\x08"
_CUT_OFF = Broken("the gzip stream breaks off before its end")
_CHECKED, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16


def gunzipped(feed: Feed) -> Pieces:
    """What gzip data holds; zeros after a member are passed over, as ``gzip`` does.

    zlib reads gzip itself as well, but then keeps back what comes just before a wrong checksum.
    """
    while not feed.ended:
        start = feed.take(10)
        if not start.startswith(_START[: len(start)]):
            yield Broken("what follows the end of the gzip stream is no gzip")
            return
        if len(start) < 10 or not _is_past_header(feed, start[3]):
            yield _CUT_OFF
            return
        inflating = _Inflating(feed)
        yield from inflating
        if inflating.broken is not None:
            yield inflating.broken
            return
        feed.skip_all(b"\0")


def _is_past_header(feed: Feed, flags: int) -> bool:
    """Pass over what stands between the fixed part of a header and the data; whether it is all there."""
    if flags & _EXTRA and not feed.skip(int.from_bytes(feed.take(2), "little")):
        return False
    if any(flags & text and not feed.skip_text() for text in (_NAME, _COMMENT)):
        return False
    return not flags & _CHECKED or feed.skip(2)


class _Inflating:
    """The data of one member."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._state = zlib.decompressobj(-zlib.MAX_WBITS)
        self.broken: Broken | None = None
        """What is wrong with the member, once its data is given."""

    def __iter__(self) -> Iterator[bytes]:
        checksum = size = 0
        for piece in self._pieces():
            checksum = zlib.crc32(piece, checksum)
            size += len(piece)
            yield piece
        if self.broken is None:
            self._feed.give_back(len(self._state.unused_data))
            trailer = self._feed.take(8)
            if len(trailer) < 8:
                self.broken = _CUT_OFF
            elif trailer != checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"):
                self.broken = Broken("the gzip stream is damaged: its checksum does not fit what was read from it")

    def _pieces(self) -> Iterator[bytes]:
        data = b""
        while not self._state.eof:
            data = data or self._feed.some()
            before = self._state.copy()
            try:
                piece = self._state.decompress(data, BATCH)
            except zlib.error as error:
                self.broken = Broken(f"the gzip stream is damaged: {error}")
                yield from _salvaged(before, data)
                return
            # At the end of the file zlib may still hold a little back.
            if not data and not piece:
                self.broken = _CUT_OFF
                return
            yield piece
            data = self._state.unconsumed_tail


def _salvaged(state: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What comes before the place that cannot be decompressed.

    That is within the first byte which zlib cannot take. What it makes of that byte before it fails it does not give,
    unless it is stopped short of failing: by ever smaller steps.
    """
    ahead = state.copy()
    bad = next((at for at in range(len(data)) if _fails(ahead, data[at : at + 1])), len(data))
    if bad:
        yield state.decompress(data[:bad])
    data, size = data[bad : bad + 1], BATCH
    while size:
        ahead = state.copy()
        try:
            piece = ahead.decompress(data, size)
        except zlib.error:
            size //= 2
            continue
        state, data = ahead, ahead.unconsumed_tail
        yield piece


def _fails(state: zlib._Decompress, data: bytes) -> bool:
    try:
        state.decompress(data)
    except zlib.error:
        return True
    return False
