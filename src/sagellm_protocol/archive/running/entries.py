"""Records set aside, as they stand in ``rejected/``: where, why, and the record untouched."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sagellm_protocol.archive.formats import Batch, Damage, Form, Wire
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.running.manifest import EXAMPLES, Output, Rejection
from sagellm_protocol.archive.running.outputs import Opens, Outputs

ENTRIES = Form("jsonl", "none")
"""The form of the files in ``rejected/``."""


class Entries:
    """A file of records set aside, which is there only where there are any.

    Args:
        opens: opens it.
        name: its name.
    """

    def __init__(self, opens: Opens, name: str) -> None:
        self._opens, self._name = opens, name
        self._outputs: Outputs | None = None
        self.first: list[Rejection] = []
        """The first five."""
        self.records = 0

    def write(self, rejections: Sequence[Rejection], lines: Sequence[bytes]) -> None:
        """Set records aside."""
        if self._outputs is None:
            self._outputs = Outputs(self._opens, lambda _: self._name, ENTRIES)
        self.first += rejections[: EXAMPLES - len(self.first)]
        self.records += len(rejections)
        self._outputs.write(lines)

    def close(self) -> Output | None:
        """The file that is whole; None where there is none."""
        return None if self._outputs is None else self._outputs.close()[0]


def entry(source: str, offset: int, reason: str, record: bytes | None, wire: Wire, size: int | None) -> bytes:
    """One line of a file in ``rejected/``, without the line ending.

    Args:
        source: the name of the source.
        offset: bytes before the record in the source, decompressed.
        reason: in one line.
        record: as it stands there; None, where it is too long to be kept, or is gone.
        wire: how it is written.
        size: bytes of the record; None, where nobody knows.
    """
    data: dict[str, Any] = {"source": to_text(source), "offset": offset, "reason": reason}
    if record is None:
        return orjson.dumps(data | {"size": size, "record": None})
    if wire == "json":
        record = record.removesuffix(b"\r")
        try:
            return orjson.dumps(data | {"record": record.decode()})
        except UnicodeDecodeError:
            pass  # written as bytes, below
    data |= {"wire": wire, "encoding": "base64", "record": base64.b64encode(record).decode()}
    return orjson.dumps(data)


def rejected_entries(source: str, batch: Batch, rejected: list[tuple[int, str]], wire: Wire) -> list[bytes]:
    """The lines for records of a batch that were set aside."""
    return [
        entry(source, batch.offset(index), reason, batch.records[index], wire, len(batch.records[index]))
        for index, reason in rejected
    ]


def damage_entry(source: str, damage: Damage, wire: Wire) -> bytes:
    """The line for a stretch that is no record."""
    return entry(source, damage.offset, damage.reason, damage.record, wire, damage.size)


def record_of(data: Mapping[str, Any]) -> tuple[bytes, Wire] | None:
    """The record of an entry, and how it is written; None where the entry does not have it.

    Raises:
        ValueError, TypeError, KeyError: it is no entry.
    """
    record = data["record"]
    if record is None:
        return None
    if data.get("encoding") == "base64":
        return base64.b64decode(record, validate=True), "msgpack" if data["wire"] == "msgpack" else "json"
    return str.encode(record), "json"
