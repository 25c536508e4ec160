"""The records of a source, in batches."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import BinaryIO

from sagellm_protocol.archive.formats.batches import BATCH, Batch
from sagellm_protocol.archive.formats.decompressing import decompressed
from sagellm_protocol.archive.formats.elements import Elements
from sagellm_protocol.archive.formats.forms import Form, Layout
from sagellm_protocol.archive.formats.holding import Bounds, Splitter
from sagellm_protocol.archive.formats.lines import Lines
from sagellm_protocol.archive.formats.objects import Objects
from sagellm_protocol.archive.formats.pieces import Broken, read
from sagellm_protocol.archive.formats.ranges import lines_of_range
from sagellm_protocol.archive.formats.recognising import BOM
from sagellm_protocol.codecs.formats import MAX_BYTES

MAX_RECORD = MAX_BYTES
"""How long a record may be, in bytes, unless the reader is told otherwise: 64 MiB."""

_SILENCE = 16 * BATCH
"""After so many bytes of a file a batch comes even if nothing was found in them, so that one sees how far it is."""
_SPLITTERS: dict[Layout, Callable[[Bounds, int], Splitter]] = {"jsonl": Lines, "json": Elements, "msgpack": Objects}


class Reader:
    """The records of a source, in batches of about 1 MiB. To be iterated over once.

    No more than a batch, a record and what decompressing needs is held, whatever the source. A batch without records
    tells only how far it is.

    Args:
        stream: the file, as it is stored, at its beginning. It is left open.
        form: of the file.
        start: of a byte range of a splittable source: the records that start in it are read.
        stop: where the range ends; None for the end of the file.
        max_record: longer records are passed over, as damage.

    Raises:
        ValueError: a range of a source that cannot be split.
        MissingExtraError: zstd without the extra ``zstd``; raised when the iteration begins.
    """

    def __init__(
        self,
        stream: BinaryIO,
        form: Form,
        *,
        start: int = 0,
        stop: int | None = None,
        max_record: int = MAX_RECORD,
    ) -> None:
        if (start or stop is not None) and not form.splittable:
            raise ValueError(f"a file of the form {form.suffix} cannot be read in ranges")
        self._stream = stream
        self._form = form
        self._range = start, stop
        self._bounds = Bounds(max_record, compressed=form.compression != "none")
        self._sha256 = hashlib.sha256()
        self._taken = 0
        """Bytes of the file that are behind, and not told yet."""
        self._is_at_end = False

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches():
            batch.size, self._taken = self._taken, 0
            yield batch
        self._is_at_end = True

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits, of the file as it is stored, or of the lines that start in the range.

        Raises:
            ValueError: the reader is not at the end.
        """
        if not self._is_at_end:
            raise ValueError("the digest is known when all batches have been read")
        return self._sha256.hexdigest()

    def _batches(self) -> Iterator[Batch]:
        start, more = self._begin()
        pieces = decompressed(more, self._form.compression)
        first = next(pieces, b"")
        if start == 0 and self._form.wire == "json" and isinstance(first, bytes) and first.startswith(BOM):
            start, first = len(BOM), first[len(BOM) :]
        splitter = _SPLITTERS[self._form.layout](self._bounds, start)
        reason = None
        for piece in itertools.chain([first], pieces):
            if isinstance(piece, Broken):
                reason = piece.reason
            else:
                yield from splitter.feed(piece)
            if splitter.stopped:
                break
            if self._taken >= _SILENCE:
                yield Batch([])
        for _ in iter(more, b""):
            pass  # what is not read belongs to the digest
        if not splitter.stopped:
            yield from splitter.end(reason)
        if self._taken:
            yield Batch([])

    def _begin(self) -> tuple[int, Callable[[], bytes]]:
        """Where the data begins, and what gives it piece by piece."""
        start, stop = self._range
        if start or stop is not None:
            start, pieces = lines_of_range(self._stream, start, stop)
            return start, lambda: self._counted(next(pieces, b""))
        # Decompressed it is larger.
        size = BATCH if self._form.compression == "none" else BATCH // 8
        return 0, lambda: self._counted(read(self._stream, size))

    def _counted(self, data: bytes) -> bytes:
        self._sha256.update(data)
        self._taken += len(data)
        return data
