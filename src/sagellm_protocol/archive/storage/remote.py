"""A folder at a URL."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import attrs

from sagellm_protocol.archive.storage.connecting import connected, is_object_store, is_there, told_as_os_error
from sagellm_protocol.archive.storage.leases import leased
from sagellm_protocol.archive.storage.places import is_url
from sagellm_protocol.archive.storage.source import Source
from sagellm_protocol.archive.storage.store import Held, part_name
from sagellm_protocol.archive.storage.streams import Writing, buffered, opened_to_read


@attrs.frozen
class RemoteStore:
    """A folder at a URL."""

    url: str

    def open(self, name: str) -> BinaryIO:
        """Open a file to read."""
        system, path = self._at(name)
        return opened_to_read(system, path, f"{self.url}/{name}")

    def exists(self, name: str) -> bool:
        """Whether something has that name."""
        system, path = self._at(name)
        with told_as_os_error(self.url):
            return is_there(system, path)

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        system, path = self._at(name)
        _remove(system, path)

    def names(self, under: str) -> Iterator[str]:
        """The files below, parts and hidden ones included."""
        system, root = connected(self.url)
        with told_as_os_error(self.url):
            for path in system.find(self._at(under)[1] if under else root):
                yield path.removeprefix(root).lstrip("/")

    def begin(self, name: str) -> RemotePart:
        """Begin to write a file; its folders are made where there are any."""
        system, path = self._at(name)
        with told_as_os_error(self.url):
            if system.isdir(path):
                raise IsADirectoryError(errno.EISDIR, "is a folder", f"{self.url}/{name}")
            if not is_object_store(system):
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
        return RemotePart(system, path, f"{self.url}/{name}")

    def settle(self, names: Iterable[str]) -> None:
        """Storage elsewhere sees to that by itself."""

    def alone(self) -> AbstractContextManager[Held]:
        """Lock the folder."""
        return leased(self)

    def holds(self, source: Source) -> bool:
        """Whether a source is in the folder."""
        if not is_url(source.url):
            return False
        system, root = connected(self.url)
        its, path = connected(source.url)
        return bool(its == system) and path.startswith(f"{root.rstrip('/')}/")

    def _at(self, name: str) -> tuple[Any, str]:
        system, root = connected(self.url)
        return system, f"{root.rstrip('/')}/{name}"


class RemotePart:
    """A file that is being written: to its place where it appears there when it is closed, or under another name."""

    stream: BinaryIO

    def __init__(self, system: Any, place: str, url: str) -> None:
        self._system, self._place, self._url = system, place, url
        whole = is_object_store(system)
        self._path = place if whole else f"{place.rpartition('/')[0]}/{part_name()}"
        self._raw = Writing(system, self._path, url, whole=whole)
        self.stream = buffered(self._raw)

    def place(self) -> None:
        """Rename it, unless it is there by now."""
        if self._path != self._place:
            with told_as_os_error(self._url):
                _rename(self._system, self._path, self._place)
            self._path = self._place

    def discard(self) -> None:
        """Remove it, wherever it is."""
        self._raw.kept = False
        # What could not be sent before cannot be sent now, and is not wanted.
        with contextlib.suppress(OSError):
            self.stream.close()
        if self._raw.arrived or self._path != self._place:
            _remove(self._system, self._path)


def _remove(system: Any, path: str) -> None:
    with contextlib.suppress(FileNotFoundError), told_as_os_error(path):
        system.rm_file(path)


def _rename(system: Any, path: str, place: str) -> None:
    try:
        _move(system, path, place)
    except OSError:
        # Some rename to no name that is taken.
        if not system.isfile(place):
            raise
        system.rm_file(place)
        _move(system, path, place)


def _move(system: Any, path: str, place: str) -> None:
    from fsspec import AbstractFileSystem

    if type(system).mv is AbstractFileSystem.mv:
        # Which would take a name with wildcards for a pattern.
        system.cp_file(path, place)
        system.rm_file(path)
    else:
        system.mv(path, place)
