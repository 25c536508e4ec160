"""Files that appear when they are whole, all of them together."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeAlias

from sagellm_protocol.archive.records import BUFFER

_GZIP_LEVEL = 6
_PREFIX, _SUFFIX = ".sagellm-", ".part"

Open: TypeAlias = Callable[[Path, bool], IO[bytes]]
"""Opens a file to write by the place that it is for; compressed, if so told."""


@contextlib.contextmanager
def whole_files() -> Iterator[Open]:
    """Gives a function that opens files to write.

    They take their places when the ``with`` ends well and all that was written is on the disk. Otherwise none does, and
    nothing of them is left.

    Raises:
        OSError: one cannot be written, or not take its place.
    """
    parts: dict[Path, Path] = {}
    try:
        with contextlib.ExitStack() as writing:

            def opened(place: Path, compressed: bool) -> IO[bytes]:
                # Beside its place, so that renaming it is all or nothing. Its name is short whatever that of the place
                # is, and no two processes share one.
                part = parts[place] = place.with_name(f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")
                return writing.enter_context(_written(part, compressed))

            yield opened
        _take_places(parts)
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise


def remove_left_over(folder: Path) -> None:
    """Remove what runs that were killed left in a folder. Nobody may be writing there.

    Raises:
        OSError: it cannot be removed.
    """
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        part.unlink()


@contextlib.contextmanager
def _written(part: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with part.open("xb", buffering=BUFFER) as file:
        if compressed:
            with (
                gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed,
                io.BufferedWriter(packed, BUFFER) as lines,
            ):
                yield lines
        else:
            yield file
        file.flush()
        os.fsync(file.fileno())


def _take_places(parts: Mapping[Path, Path]) -> None:
    """Rename all; where one cannot be, those before it are removed again."""
    placed: list[Path] = []
    try:
        for place, part in parts.items():
            part.replace(place)
            placed.append(place)
    except BaseException:
        for place in placed:
            place.unlink()
        raise
