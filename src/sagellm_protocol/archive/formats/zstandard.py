"""zstd: frame after frame, and within them block after block, so that all is had that comes before a break.

The library is part of Python from 3.14, before that of the extra ``zstd``. RFC 8878 says how frames are made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from sagellm_protocol.archive.formats.pieces import Broken, Feed, Pieces
from sagellm_protocol.model.exceptions import missing_extra

MAGIC = b"\x28\xb5\x2f\xfd"
"""How a frame begins."""
SKIPPABLE = {bytes([number]) + b"\x2a\x4d\x18" for number in range(0x50, 0x60)}
"""How frames begin that hold no data."""
_CUT_OFF = Broken("the zstd stream breaks off before its end")
_RUN = 1
"""The type of a block that is one byte many times."""
_IDENTIFIER_SIZES = (0, 1, 2, 4)
_CONTENT_SIZES = (0, 2, 4, 8)


@cache
def zstd() -> ModuleType:
    """The library, when zstd data is met: importing this module does not need it.

    Raises:
        MissingExtraError: the extra ``zstd`` is not installed.
    """
    library: ModuleType
    if sys.version_info >= (3, 14):  # pragma: no cover
        from compression import zstd as library
    else:
        try:
            from backports import zstd as library
        except ImportError as error:
            raise missing_extra("zstd") from error
    return library


def unzstd(feed: Feed) -> Pieces:
    """What zstd data holds.

    Raises:
        MissingExtraError: the extra ``zstd`` is not installed.
    """
    library = zstd()
    while not feed.ended:
        magic = feed.take(4)
        if magic in SKIPPABLE:
            size = feed.take(4)
            if len(size) < 4 or not feed.skip(int.from_bytes(size, "little")):
                yield _CUT_OFF
                return
        elif magic != MAGIC:
            is_start = any(start.startswith(magic) for start in (MAGIC, *SKIPPABLE))
            yield _CUT_OFF if is_start else Broken("what follows the end of the zstd stream is no zstd")
            return
        else:
            state = library.ZstdDecompressor()
            try:
                for part in _parts(feed):
                    yield state.decompress(part)
            except library.ZstdError as error:
                yield Broken(f"the zstd stream is damaged: {error}")
                return
            if not state.eof:
                yield _CUT_OFF
                return


def _parts(feed: Feed) -> Iterator[bytes]:
    """A frame's header, blocks and checksum, one by one; no more where the data ends. The library judges them."""
    descriptor = feed.take(1)
    if not descriptor:
        return
    flags = descriptor[0]
    is_single = bool(flags & 0x20)
    content_size = _CONTENT_SIZES[flags >> 6] or int(is_single)
    yield MAGIC + descriptor + feed.take((not is_single) + _IDENTIFIER_SIZES[flags & 3] + content_size)
    is_last = False
    while not is_last:
        start = feed.take(3)
        header = int.from_bytes(start, "little")
        is_last = bool(header & 1) or len(start) < 3
        yield start + feed.take(1 if header >> 1 & 3 == _RUN else header >> 3)
    if flags & 4:
        yield feed.take(4)
