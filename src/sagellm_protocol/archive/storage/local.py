"""A folder on this machine."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

import attrs

from sagellm_protocol.archive.storage.locking import alone_in
from sagellm_protocol.archive.storage.places import check_local_name, is_url
from sagellm_protocol.archive.storage.source import Source
from sagellm_protocol.archive.storage.store import Held, part_name

_BUFFER = 1 << 18
_CAN_SYNC_FOLDERS = os.name == "posix"
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""What file systems answer that cannot see to folders by themselves."""


@attrs.frozen
class LocalStore:
    """A folder on this machine."""

    root: str
    """An absolute path."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to read."""
        return open(self._path(name), "rb")

    def exists(self, name: str) -> bool:
        """Whether something has that name, be it a link that leads nowhere."""
        return os.path.lexists(self._path(name))

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self._path(name))

    def names(self, under: str) -> Iterator[str]:
        """The files below, parts and hidden ones included."""
        top = self._path(under) if under else self.root
        if os.path.isdir(top):
            for names, _ in files_below(top, lambda _: True):
                yield "/".join([under, *names] if under else names)

    def begin(self, name: str) -> LocalPart:
        """Begin to write a file; its folders are made."""
        check_local_name(name)
        place = self._path(name)
        if os.path.isdir(place):
            # Told now, and not when all the work is done.
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place)
        folder = os.path.dirname(place)
        _make(folder)
        # Beside its place, so that renaming it is all or nothing.
        return LocalPart(place, os.path.join(folder, part_name()))

    def settle(self, names: Iterable[str]) -> None:
        """See that renamed files have their names after a power failure too."""
        for folder in {os.path.dirname(self._path(name)) for name in names}:
            _sync_folder(folder)

    def alone(self) -> AbstractContextManager[Held]:
        """Lock the folder, which is made if need be."""
        _make(self.root)
        return alone_in(self.root)

    def holds(self, source: Source) -> bool:
        """Whether a source is in the folder, or is the file that has its name there, be it by a link."""
        if is_url(source.url):
            return False
        root, path = os.path.realpath(self.root), os.path.realpath(source.url)
        if path.startswith(os.path.join(root, "")):
            return True
        try:
            return os.path.samefile(path, self._path(source.name))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _path(self, name: str) -> str:
        return os.path.join(self.root, *name.split("/"))


class LocalPart:
    """A file that is being written, under another name."""

    stream: BinaryIO

    def __init__(self, place: str, path: str) -> None:
        self._place, self._path, self._placed = place, path, False
        self._file = _Synced(path, "xb")
        self.stream = io.BufferedWriter(self._file, _BUFFER)

    def place(self) -> None:
        """Rename it."""
        os.replace(self._path, self._place)
        self._placed = True

    def discard(self) -> None:
        """Remove it, wherever it is."""
        self._file.kept = False
        # What could not be written before, as on a full disk, cannot be written now, and is not wanted.
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._place if self._placed else self._path)


class _Synced(io.FileIO):
    """A file that is on the disk when it is closed."""

    kept = True

    def close(self) -> None:
        try:
            if self.kept and not self.closed:
                os.fsync(self.fileno())
        finally:
            super().close()


def files_below(top: str, leads_into: Callable[[Sequence[str]], bool]) -> Iterator[tuple[list[str], str]]:
    """The files below a folder: the names of the folders to each and its own, and its path.

    Links are followed, each folder is gone into once.

    Args:
        top: the folder.
        leads_into: whether to go into one within, by the names that lead to it.

    Raises:
        OSError: a folder cannot be read.
    """
    seen: set[str] = set()
    ahead: list[tuple[list[str], str]] = [([], top)]
    while ahead:
        above, folder = ahead.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                names = [*above, entry.name]
                if not entry.is_dir():
                    yield names, entry.path
                elif leads_into(names):
                    ahead.append((names, entry.path))


def _make(folder: str) -> None:
    """Make a folder and those above it that are not there, so that they stay."""
    above = os.path.dirname(folder)
    # A drive that is not there has nothing above it, and what is below it fails.
    if os.path.isdir(folder) or above == folder:
        return
    _make(above)
    # Another worker may make it at the same time.
    os.makedirs(folder, exist_ok=True)
    _sync_folder(above)


def _sync_folder(folder: str) -> None:
    if not _CAN_SYNC_FOLDERS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
