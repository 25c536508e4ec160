"""File systems by URL, through fsspec, whose errors come out as those of any file."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator
from typing import Any

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.model.exceptions import missing_extra

HTTP = ("http", "https")
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
_CONNECT, _SILENCE = 30, 120
"""Seconds that a server may take to let itself be connected to, and to send anything more."""


def connected(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it. What is remembered of listings is forgotten: others write too.

    Raises:
        MissingExtraError: the extra ``remote`` is not installed.
        RefusedError: there is no such kind of URL, or the package that it needs is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise missing_extra("remote") from None
    options = _options(url)
    try:
        system, path = url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        raise RefusedError([f"{url}: {error}"]) from error
    system.invalidate_cache()
    return system, path


def is_object_store(system: Any) -> bool:
    """Whether a file appears, whole, when it is closed there, and folders are but names."""
    return _is_one_of(system, _OBJECT_STORES)


def is_http(system: Any) -> bool:
    """Whether files are asked for by HTTP."""
    return _is_one_of(system, HTTP)


def _is_one_of(system: Any, kinds: Iterable[str]) -> bool:
    told = system.protocol
    return not set(kinds).isdisjoint([told] if isinstance(told, str) else told)


def is_there(system: Any, path: str) -> bool:
    """Whether a file or folder is there; unlike ``exists()`` this fails where that cannot be told."""
    try:
        system.info(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _options(url: str) -> dict[str, Any]:
    """What is asked of a server by HTTP: the file as it is, however long that takes."""
    protocols = {link.partition("://")[0] for link in url.split("::")} & set(HTTP)
    if not protocols:
        return {}
    try:
        from aiohttp import ClientTimeout
    except ImportError:
        raise missing_extra("remote") from None
    timeout = ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)
    options = {
        # A file that is compressed is not to be decompressed on the way, nor one that is not to be compressed.
        "headers": {"Accept-Encoding": "identity"},
        "client_kwargs": {"timeout": timeout, "auto_decompress": False},
    }
    return dict.fromkeys(protocols, options)


@contextlib.contextmanager
def told_as_os_error(url: str) -> Iterator[None]:
    """What goes wrong elsewhere is an ``OSError``, whatever the package for that kind of storage raises."""
    try:
        yield
    except (OSError, RefusedError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", url) from error
