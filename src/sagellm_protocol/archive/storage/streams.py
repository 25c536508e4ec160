"""Files elsewhere as Python knows files."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from sagellm_protocol.archive.storage.connecting import is_http, told_as_os_error

_BUFFER = 1 << 20
_READ_BLOCK = 4 << 20
"""Bytes fetched at a time; a few times as many are in memory."""
_WRITE_BLOCK = 8 << 20
"""Bytes sent at a time; S3 takes 10,000 times as many for a file."""


def opened_to_read(system: Any, path: str, url: str) -> BinaryIO:
    """A file elsewhere, to be read; it can seek where the storage can."""
    with told_as_os_error(url):
        block = 0 if is_http(system) and not _gives_ranges(system, path) else _READ_BLOCK
        file = system.open(path, "rb", block_size=block)
        if isinstance(file, io.BytesIO):
            # In memory all that open a file get the same object, with one position.
            return io.BytesIO(file.getvalue())
        return io.BufferedReader(_Reading(system, file, url, bool(block)), _BUFFER)


def _gives_ranges(system: Any, path: str) -> bool:
    """Whether an HTTP server sends a part of a file when asked for it, and not all."""
    info = system.info(path)
    if (info["size"] or 0) < 2 or not info.get("partial", True):
        return False
    with system.open(path, "rb", block_size=1, cache_type="none") as probe:
        probe.seek(1)
        try:
            return len(probe.read(1)) == 1
        except ValueError:
            return False


class _Reading(io.RawIOBase):
    """A file of fsspec's."""

    def __init__(self, system: Any, file: Any, url: str, can_seek: bool) -> None:
        # A file within a file is closed with the last that knows its system.
        self._system, self._file, self._url = system, file, url
        self._seekable = can_seek and file.seekable()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def readinto(self, buffer: Any) -> int:
        with told_as_os_error(self._url):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with told_as_os_error(self._url):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        super().close()
        with told_as_os_error(self._url):
            self._file.close()


class Writing(io.RawIOBase):
    """A file of fsspec's that is written."""

    kept = True
    """Whether what is written still goes anywhere."""

    arrived = False
    """Whether it was closed, and all is there."""

    def __init__(self, system: Any, path: str, url: str, *, whole: bool) -> None:
        """Begin a file, of which nothing is to be seen before it is closed if it is ``whole``."""
        self._url, self._whole = url, whole
        with told_as_os_error(url):
            self._file = system.open(path, "wb", block_size=_WRITE_BLOCK)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.kept:
            with told_as_os_error(self._url):
                self._file.write(bytes(data))
        return len(data)

    def close(self) -> None:
        super().close()
        with told_as_os_error(self._url):
            if self._whole and not self.kept:
                # What was sent of it is forgotten by the storage, and the rest is not sent, be it by a destructor.
                self._file.discard()
                self._file.closed = True
            else:
                self._file.close()
        self.arrived = self.kept


def buffered(raw: Writing) -> BinaryIO:
    """The same, written to in larger pieces."""
    return io.BufferedWriter(raw, _BUFFER)
