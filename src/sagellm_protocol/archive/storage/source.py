"""A file of records: where it is, and as what it was found."""

from __future__ import annotations

import os
from typing import BinaryIO

import attrs

from sagellm_protocol.archive.storage.looking import look, reading
from sagellm_protocol.archive.storage.places import is_url


@attrs.frozen
class Source:
    """A file of records, as it was when it was looked at."""

    url: str
    """An absolute path, or a URL."""

    name: str
    """Its place in the output: relative, ``/`` between, no two of a run alike."""

    size: int | None
    """Bytes of the file; None where the server does not say."""

    stamp: str
    """Changes when the content may have: when it was changed, or a checksum or the like."""

    def open(self) -> BinaryIO:
        """The file, to be read, and closed by whoever asked; ``seekable()`` where the storage can seek.

        Raises:
            OSError: it cannot be opened.
        """
        return reading(self.url) if is_url(self.url) else open(self.url, "rb")

    def now(self) -> Source:
        """The same, looked at again: equal unless the content may have changed.

        Raises:
            OSError: it is gone, or cannot be asked about.
        """
        if is_url(self.url):
            size, stamp = look(self.url)
            return attrs.evolve(self, size=size, stamp=stamp)
        return local_source(self.url, self.name, os.stat(self.url))


def local_source(path: str, name: str, status: os.stat_result) -> Source:
    """A file on this machine."""
    return Source(path, name, status.st_size, str(status.st_mtime_ns))
