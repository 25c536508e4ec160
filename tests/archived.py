"""Files of records, in memory: written in any form, read back, and told as they should be read."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import product

from sagellm_protocol.archive.formats import Batch, Compression, Damage, Form, Reader, Writer
from sagellm_protocol.archive.formats.zstandard import zstd

LAYOUTS = ("jsonl", "json", "msgpack")
FORMS = [Form(layout, compression) for layout, compression in product(LAYOUTS, ("none", "gzip", "zstd"))]
LINES = Form()
COMPRESS: dict[Compression, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": lambda data: zstd().compress(data, options={zstd().CompressionParameter.checksum_flag: 1}),
}


class Sparing(io.RawIOBase):
    """A stream that cannot be wound back, and gives less than it is asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        self._stream = io.BytesIO(data)
        self._most = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(min(size, self._most))


def written(records: Iterable[bytes], form: Form, portion: int = 3) -> bytes:
    """A file with records, written so many at a time."""
    stream = io.BytesIO()
    writer = Writer(stream, form)
    held = list(records)
    for begin in range(0, len(held), portion):
        writer.write(held[begin : begin + portion])
    writer.close()
    assert writer.size == len(stream.getvalue())
    return stream.getvalue()


def read(data: bytes, form: Form = LINES, **more: int | None) -> list[Batch]:
    """All that a reader gives."""
    return list(Reader(io.BytesIO(data), form, **more))


def records(batches: Iterable[Batch]) -> list[bytes]:
    return [record for batch in batches for record in batch.records]


def damages(batches: Iterable[Batch]) -> list[Damage]:
    return [batch.damage for batch in batches if batch.damage is not None]


def places(batches: Iterable[Batch]) -> Iterator[tuple[int, bytes | int | None]]:
    """Each record and each damage in order, by its offset: a record's bytes, a damage's size."""
    for batch in batches:
        yield from ((batch.offset(index), record) for index, record in enumerate(batch.records))
        if batch.damage is not None:
            yield batch.damage.offset, batch.damage.size


def places_of_lines(data: bytes, max_record: int, at: int = 0) -> Iterator[tuple[int, bytes | int]]:
    """What :func:`places` should be of JSON Lines."""
    for line in data.split(b"\n"):
        if len(line) > max_record:
            yield at, len(line)
        elif line.strip():
            yield at, line
        at += len(line) + 1
