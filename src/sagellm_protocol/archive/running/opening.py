"""Sources opened to be read, whose errors tell that it is the source that cannot be read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.archive.formats import Form, recognise
from sagellm_protocol.archive.running.choices import SHARD_SIZE
from sagellm_protocol.archive.running.shards import Shard, cut
from sagellm_protocol.archive.storage import Source

_BUFFER = 1 << 20


@contextlib.contextmanager
def reading(source: Source) -> Iterator[BinaryIO]:
    """A source, open.

    Raises:
        UnreadableError: it cannot be opened, or read.
    """
    with contextlib.ExitStack() as stack:
        with _blaming_the_source():
            stream = stack.enter_context(source.open())
        yield guarded(stream)


def refuse_changed(source: Source) -> None:
    """Refuse that a source is another by now than the one that was looked at.

    Raises:
        UnreadableError: it is, or is gone.
    """
    with _blaming_the_source():
        now = source.now()
    if now != source:
        raise UnreadableError("changed while it was read")


def guarded(stream: BinaryIO) -> BinaryIO:
    """A stream whose errors are those of a source."""
    return cast(BinaryIO, io.BufferedReader(_Guarded(stream), _BUFFER))


class _Guarded(io.RawIOBase):
    """A stream whose errors are those of a source."""

    def __init__(self, stream: BinaryIO) -> None:
        # Every stream there is reads into a buffer; BinaryIO does not say so.
        self._stream: Any = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _blaming_the_source():
            at: int = self._stream.seek(offset, whence)
        return at

    def readinto(self, buffer: Any) -> int:
        with _blaming_the_source():
            read: int = self._stream.readinto(buffer)
        return read


@contextlib.contextmanager
def _blaming_the_source() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # file systems of others raise what they like
        told = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        # What is no UTF-8 in it, as in the name of a file, would be none in the report either.
        raise UnreadableError(f"cannot be read: {told.encode(errors='backslashreplace').decode()}") from error


def shards_of(source: Source, size: int = SHARD_SIZE, share: float | None = None) -> list[Shard]:
    """A source, looked at and cut.

    Args:
        source: a source.
        size: bytes of a shard.
        share: of each shard that is a stretch only so much is to be read.

    Raises:
        UnreadableError: it cannot be read, or holds no records by its beginning.
    """
    with reading(source) as stream:
        form: Form = recognise(stream, source.name)
        if form.splittable and not stream.seekable():
            return [Shard(source, form)]
    return cut(source, form, size, share)
