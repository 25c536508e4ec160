"""What a folder needs of a kind of storage."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, TypeAlias

from sagellm_protocol.archive.storage.places import PART_PREFIX, PART_SUFFIX
from sagellm_protocol.archive.storage.source import Source

Held: TypeAlias = Callable[[], None]
"""Sees that a folder is still held; raises ``RefusedError`` where it is not."""


class Part(Protocol):
    """A file that is being written."""

    @property
    def stream(self) -> BinaryIO:
        """What is written to. What it held is safe when it is closed."""
        ...

    def place(self) -> None:
        """Put the file, which is closed, where it belongs."""

    def discard(self) -> None:
        """Remove the file, wherever it is by now."""


class Store(Protocol):
    """Files by names with ``/`` between, all of which lead to places below one folder."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to read."""
        ...

    def exists(self, name: str) -> bool:
        """Whether something has that name."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""

    def names(self, under: str) -> Iterable[str]:
        """The files below a folder within, or below this one where that is ``""``; parts included."""
        ...

    def begin(self, name: str) -> Part:
        """Begin to write a file."""
        ...

    def settle(self, names: Iterable[str]) -> None:
        """See that files which have taken their places stay there."""

    def alone(self) -> AbstractContextManager[Held]:
        """Lock the folder."""
        ...

    def holds(self, source: Source) -> bool:
        """Whether a source is in the folder, or what a file of its name would take the place of."""
        ...


def part_name() -> str:
    """A name for a file that is being written. It is short whatever that of its place is, and no two share one."""
    return f"{PART_PREFIX}{os.getpid()}-{secrets.token_hex(8)}{PART_SUFFIX}"
