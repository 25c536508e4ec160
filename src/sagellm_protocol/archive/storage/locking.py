"""One run at a time in a folder: a lock that the system takes from a process that ends, however it does."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from sagellm_protocol.archive.exceptions import RefusedError
from sagellm_protocol.archive.storage.places import LOCK
from sagellm_protocol.archive.storage.store import Held

_SYSTEM = os.name
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


_DESCRIPTORS: set[int] = set()
"""The files that this process has locked."""


def _let_go() -> None:
    """A process that was forked has them open as well; as long as it has, it would hold the locks of one that died."""
    while _DESCRIPTORS:
        os.close(_DESCRIPTORS.pop())


# Windows forks nothing.
getattr(os, "register_at_fork", dict)(after_in_child=_let_go)


@contextlib.contextmanager
def alone_in(folder: str) -> Iterator[Held]:
    """Nobody else who asks for the same is in the folder for the time of the ``with``.

    Raises:
        RefusedError: somebody else is.
        OSError: the folder, or its file system, does not let itself be locked.
    """
    path = Path(folder, LOCK)
    descriptor = _locked(path)
    # Who held it before may have removed the file between our opening and our locking it.
    while not _is(path, descriptor):
        os.close(descriptor)
        descriptor = _locked(path)

    def held() -> None:
        if not _is(path, descriptor):
            raise RefusedError([f"{path} was removed: another upgrade may be at work"])

    _DESCRIPTORS.add(descriptor)
    try:
        yield held
    finally:
        _DESCRIPTORS.discard(descriptor)
        # Some systems remove no file that is open; it does not hinder.
        with contextlib.suppress(OSError):
            if _is(path, descriptor):
                path.unlink()
        os.close(descriptor)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        (_lock_windows if _SYSTEM == "nt" else _lock_posix)(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in _HELD:
            raise
        raise RefusedError([f"another upgrade into {path.parent} is at work"]) from None
    return descriptor


def _lock_posix(descriptor: int) -> None:
    fcntl = import_module("fcntl")
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_windows(descriptor: int) -> None:
    msvcrt = import_module("msvcrt")
    msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)


def _is(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
