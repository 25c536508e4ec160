"""What a server says of a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, BinaryIO

from sagellm_protocol.archive.storage.connecting import connected, told_as_os_error
from sagellm_protocol.archive.storage.streams import opened_to_read

_STAMPS = (
    *("ETag", "etag", "md5Hash", "Content-MD5", "checksum", "sha", "CRC"),
    *("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modified", "created"),
)
"""What kinds of storage call a checksum, or when a file was changed; the surer ones first."""


def reading(url: str) -> BinaryIO:
    """A file at a URL, to be read.

    Raises:
        OSError: it cannot be opened.
    """
    system, path = connected(url)
    return opened_to_read(system, path, url)


def look(url: str) -> tuple[int | None, str]:
    """The size of a file at a URL, and what changes with it.

    Raises:
        OSError: it cannot be asked about.
    """
    system, path = connected(url)
    with told_as_os_error(url):
        return seen(system, path, system.info(path))


def seen(system: Any, path: str, info: dict[str, Any]) -> tuple[int | None, str]:
    """The same, where what the file system says is at hand; it is asked again if that does not do."""
    if not any(info.get(key) for key in _STAMPS):
        info = system.info(path)
    for key in _STAMPS:
        if info.get(key):
            return info.get("size"), f"{key} {_text(info[key])}"
    return info.get("size"), str(system.ukey(path))


def _text(value: Any) -> str:
    # Lists and single answers write the same in several ways.
    return str(value.timestamp() if isinstance(value, datetime) else value).strip('"')
