"""The outputs of one shard: counted, hashed, rotated, and in their places together or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

from sagellm_protocol.archive.formats import Form, Writer
from sagellm_protocol.archive.running.manifest import Output

Opens = Callable[[str], BinaryIO]
"""Opens an output by name; it takes its place when all of them are whole."""


class _Hashed:
    """A stream that knows what went into it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self._stream.write(data)

    def close(self) -> None:
        self._stream.close()


class Outputs:
    """Files of one form, one after the other.

    Args:
        opens: opens a file by its name.
        name: gives the name of the file of a number, from 0.
        form: theirs.
        rotate: bytes of a file after which the next begins; None: never.
    """

    def __init__(self, opens: Opens, name: Callable[[int], str], form: Form, rotate: int | None = None) -> None:
        self._opens, self._name, self._form, self._rotate = opens, name, form, rotate
        self._records = 0
        self._written: list[Output] = []
        self._open()

    def _open(self) -> None:
        self._stream = _Hashed(self._opens(self._name(len(self._written))))
        self._writer = Writer(cast(BinaryIO, self._stream), self._form)
        self._records = 0

    def write(self, records: Sequence[bytes]) -> None:
        """Write records."""
        if self._rotate is not None and self._records and self._stream.size >= self._rotate:
            self._end()
            # There may be more of them than files that can be open.
            self._stream.close()
            self._open()
        self._writer.write(records)
        self._records += len(records)

    def close(self) -> list[Output]:
        """All is written: the files, which are whole now."""
        self._end()
        return self._written

    def _end(self) -> None:
        self._writer.close()
        name = self._name(len(self._written))
        self._written.append(Output(name, self._records, self._stream.size, self._stream.sha256.hexdigest()))
