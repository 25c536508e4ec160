"""The folder of outputs: files that appear when they are whole, and one run at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, TypeAlias

import attrs

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage.local import LocalStore
from sagellm_protocol.archive.storage.places import check_name, is_part, is_url, local_path
from sagellm_protocol.archive.storage.remote import RemoteStore
from sagellm_protocol.archive.storage.source import Source
from sagellm_protocol.archive.storage.store import Held, Part, Store

Output: TypeAlias = Callable[[str], BinaryIO]
"""Opens a file to write, by its name."""


def _url(place: str | os.PathLike[str]) -> str:
    text = os.fspath(place)
    if not text:
        raise RefusedError(["the output has no name"])
    if not is_url(text):
        return os.path.abspath(local_path(text))
    bare = text.rstrip("/")
    return f"{bare}//" if bare.endswith(":") else bare


@attrs.frozen
class Folder:
    """A folder on this machine, or at a URL that fsspec can write to. It may be pickled, and need not exist.

    Names are relative to it, with ``/`` between. What the system answers to what it cannot do is raised as it is:
    ``OSError``. A name that leads out of the folder is refused: ``RefusedError``.

    Args:
        place: a path, or a URL, which needs the extra ``remote``.
    """

    url: str = attrs.field(converter=_url, alias="place")
    """An absolute path, or a URL without a slash at the end."""

    @property
    def _store(self) -> Store:
        return RemoteStore(self.url) if is_url(self.url) else LocalStore(self.url)

    def open(self, name: str) -> BinaryIO:
        """A file, to be read, and closed by whoever asked.

        Raises:
            FileNotFoundError: there is none.
        """
        check_name(name)
        return self._store.open(name)

    def read(self, name: str) -> bytes | None:
        """All of a file; None where there is none."""
        try:
            with self.open(name) as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, name: str) -> bool:
        """Whether something has that name: a file, a folder, or a link, be it one that leads nowhere."""
        check_name(name)
        return self._store.exists(name)

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        check_name(name)
        self._store.remove(name)

    def names(self, under: str = "") -> list[str]:
        """The names of all files below a folder within, sorted; those that are being written are left out."""
        if under:
            check_name(under)
        return sorted(name for name in self._store.names(under) if not is_part(name))

    @contextlib.contextmanager
    def writing(self) -> Iterator[Output]:
        """Gives a function that opens files to write; it may be called at any time within the ``with``.

        The files take their places, and their folders are made, when the ``with`` ends well and all that was written is
        safe. Otherwise none does, those that did before are removed again, and nothing is left. A file may be closed
        before the end, and should be where there are many. On object stores (S3, Google, Azure) a file appears when it
        is closed.

        Raises:
            RefusedError: a name leads out of the folder, or is opened twice.
            OSError: a file cannot be written, or not take its place.
        """
        parts: dict[str, Part] = {}

        def output(name: str) -> BinaryIO:
            check_name(name)
            if name in parts:
                raise RefusedError([f"{name} is being written already"])
            part = parts[name] = self._store.begin(name)
            return part.stream

        try:
            yield output
            for part in parts.values():
                part.stream.close()
            for part in parts.values():
                part.place()
            self._store.settle(parts)
        except BaseException:
            with contextlib.ExitStack() as discarding:
                for part in parts.values():
                    discarding.callback(part.discard)
            raise

    def write(self, name: str, data: bytes) -> None:
        """Write a small file: it is there whole, or as it was before."""
        with self.writing() as output:
            output(name).write(data)

    def remove_left_over(self) -> None:
        """Remove what runs that were killed left. Nobody else may be writing: see :meth:`alone`."""
        store = self._store
        for name in [name for name in store.names("") if is_part(name)]:
            store.remove(name)

    def alone(self) -> AbstractContextManager[Held]:
        """Nobody else who asks for the same is in the folder for the time of the ``with``; it is made if need be.

        On this machine and on network file systems a lock is held that ends with the process, however it does.
        Elsewhere it is an object that is written anew every 30 s: one that is 120 s old is taken over, for which the
        clocks of the machines must agree.

        The ``with`` gives a function that sees that it still is so: for long runs.

        Raises:
            RefusedError: somebody else is; when the ``with`` ends: somebody else came.
        """
        return self._store.alone()

    def holds(self, source: Source) -> bool:
        """Whether a source is in the folder, or a file of its name would take its place, be it by a link."""
        return self._store.holds(source)
