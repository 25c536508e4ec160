"""What form a file has, by how it begins; by its name only where that leaves it open."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.archive.formats import gzips, zstandard
from sagellm_protocol.archive.formats.decompressing import decompressed
from sagellm_protocol.archive.formats.forms import Compression, Form, Layout, form_of
from sagellm_protocol.archive.formats.pieces import Broken, read
from sagellm_protocol.codecs.json import loads
from sagellm_protocol.model.exceptions import DecodeError

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which is passed over where a file begins with it."""
FOREIGN = {
    gzips.MAGIC: "gzip",
    zstandard.MAGIC: "zstd",
    b"\xfd7zXZ\x00": "xz data, which this version cannot read",
    **{b"BZh%d1AY&SY" % level: "bzip2 data, which this version cannot read" for level in range(1, 10)},
    b"\x04\x22\x4d\x18": "lz4 data, which this version cannot read",
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"PAR1": "Parquet",
    b"ARROW1\x00\x00": "Arrow data",
    b"Obj\x01": "Avro",
    b"SQLite format 3\x00": "an SQLite database",
    b"\xff\xfe": "UTF-16 or UTF-32 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x00\x00\xfe\xff": "UTF-32 text",
    b"{\x00": "UTF-16 or UTF-32 text",
    b"\x00{": "UTF-16 text",
}
"""How data begins that holds no records as it is, and what it holds."""

_LOOK = 1 << 16
"""So many bytes of a file are looked at."""
_MAGIC: dict[Compression, tuple[bytes, ...]] = {
    "gzip": (gzips.MAGIC,),
    "zstd": (zstandard.MAGIC, *zstandard.SKIPPABLE),
}
_MAPS = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])
"""First bytes of the maps of MessagePack, which no text in UTF-8 begins with."""
_SPACE = b" \t\r\n"


def opened(stream: BinaryIO) -> BinaryIO:
    """A stream that :func:`recognise` can look into: the same, if it can be wound back."""
    return stream if stream.seekable() else io.BufferedReader(_Raw(stream), _LOOK)


def recognise(stream: BinaryIO, name: str) -> Form:
    """The form of a file.

    Args:
        stream: what :func:`opened` gives, at its beginning. It is left there.
        name: of the file.

    Raises:
        UnreadableError: it holds something else, as its beginning tells, or not the compression that its name promises.
        MissingExtraError: zstd without the extra ``zstd``.
    """
    head = _head(stream)
    named = form_of(name, Form())
    compression = _compression(head) or named.compression
    if not _may_be(head, compression):
        raise UnreadableError(f"is no {compression}, in spite of its name")
    where = ""
    if compression != "none":
        head, where = _inside(head, compression), f" within {compression}"
    for start, what in FOREIGN.items():
        if head.startswith(start):
            raise UnreadableError(f"holds {what}{where}, neither JSON in UTF-8 nor MessagePack")
    return Form(_layout(head, name), compression)


def _head(stream: BinaryIO) -> bytes:
    if stream.seekable():
        head = read(stream, _LOOK)
        stream.seek(0)
        return head
    if not isinstance(stream, io.BufferedReader):
        raise TypeError("a stream that cannot be wound back has to be opened() first")
    return stream.peek(_LOOK)[:_LOOK]


def _compression(head: bytes) -> Compression | None:
    for told, starts in _MAGIC.items():
        if head.startswith(starts):
            return told
    return None


def _may_be(head: bytes, compression: Compression) -> bool:
    """Whether a file can be of a compression: even a file that breaks off at once."""
    return compression == "none" or any(head.startswith(start[: len(head)]) for start in _MAGIC[compression])


def _inside(head: bytes, compression: Compression) -> bytes:
    parts = iter([head])
    piece = next(decompressed(lambda: next(parts, b""), compression), b"")
    return b"" if isinstance(piece, Broken) else piece


def _layout(head: bytes, name: str) -> Layout:
    named = form_of(name, Form()).layout
    if head and head[0] in _MAPS:
        return "msgpack"
    text = head.removeprefix(BOM).lstrip(_SPACE)
    if not text:
        return named
    if text.startswith(b"["):
        return "jsonl" if _is_line(text, name) else "json"
    return "msgpack" if named == "msgpack" and not text.startswith(b"{") else "jsonl"


def _is_line(text: bytes, name: str) -> bool:
    """Whether what begins as an array is rather the first of many lines, if not one with a payload."""
    line, _, rest = text.partition(b"\n")
    try:
        loads(line)
    except DecodeError:
        # A log's line may begin with a bracket as well: [2026-01-31] ready
        is_of_objects = text[1:].lstrip(_SPACE)[:1] in (b"{", b"]", b"")
        return not is_of_objects and form_of(name, Form("json")).layout == "jsonl"
    return bool(rest.strip(_SPACE))


class _Raw(io.RawIOBase):
    """A stream that gives all it is asked for, unless it ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        data = read(self._stream, len(buffer))
        buffer[: len(data)] = data
        return len(data)
