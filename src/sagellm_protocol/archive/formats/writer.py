"""Records into a file."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import BinaryIO, Protocol

from sagellm_protocol.archive.formats.forms import Compression, Form
from sagellm_protocol.archive.formats.zstandard import zstd

_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
_GZIP_HEADER = 16
"""Added to the size of the window it makes zlib write gzip, without a name or a time."""


class Writer:
    """Writes records of the form's wire. The same records, in the same portions, become the same bytes.

    Args:
        stream: where the bytes go. It is left open.
        form: of what is written.

    Raises:
        MissingExtraError: zstd without the extra ``zstd``.
    """

    size: int
    """Bytes written to the stream so far."""

    def __init__(self, stream: BinaryIO, form: Form) -> None:
        self.size = 0
        self._stream = stream
        self._layout = form.layout
        self._compressor = _compressor(form.compression)
        self._is_begun = False

    def write(self, records: Sequence[bytes]) -> None:
        """Write records after those before."""
        if not records:
            return
        if self._layout == "msgpack":
            data = b"".join(records)
        elif self._layout == "json":
            data = (b",\n" if self._is_begun else b"[\n") + b",\n".join(records)
            self._is_begun = True
        else:
            data = b"\n".join(records)
            # White space between values may as well be a space; within texts JSON has no line ends.
            if data.count(b"\n") >= len(records):
                data = b"\n".join([record.replace(b"\r\n", b" ").replace(b"\n", b" ") for record in records])
            data += b"\n"
        self._put(data if self._compressor is None else self._compressor.compress(data))

    def close(self) -> None:
        """Write what ends the file. Nothing can be written after that."""
        if self._layout == "json":
            data = b"\n]\n" if self._is_begun else b"[]\n"
            self._put(data if self._compressor is None else self._compressor.compress(data))
        if self._compressor is not None:
            self._put(self._compressor.flush())

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # An unbuffered stream may take less than it is given.
            written = self._stream.write(rest)
            self.size += written
            rest = rest[written:]


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _compressor(compression: Compression) -> _Compressor | None:
    if compression == "gzip":
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS + _GZIP_HEADER)
    if compression == "zstd":
        library = zstd()
        parameter = library.CompressionParameter
        made: _Compressor = library.ZstdCompressor(
            options={parameter.compression_level: _ZSTD_LEVEL, parameter.checksum_flag: 1}
        )
        return made
    return None
