"""One file: every record upgraded or set aside, and nothing left half-written."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.archive.outputs import whole_files
from sagellm_protocol.archive.records import LongLine, Source, opened, read_lines
from sagellm_protocol.archive.report import FileReport
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.codecs.envelope import is_envelope
from sagellm_protocol.codecs.formats import MAX_BYTES
from sagellm_protocol.codecs.json import loads
from sagellm_protocol.history import History
from sagellm_protocol.model.exceptions import ProtocolError

_STEP = 1 << 16

Progress = Callable[[int], object]
"""Told how many more bytes of the source are behind. It may raise: then nothing is written."""


def upgrade_file(
    source: Path,
    target: Path,
    rejected: Path,
    upgrader: Upgrader,
    report: FileReport,
    *,
    progress: Progress = lambda _: None,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Write the upgraded records of a file to another, in their order, and those set aside to a third.

    The files appear when they are whole, both or none. A file of records set aside appears only where there are any;
    one of an earlier run is removed. Blank lines are copied. The files are compressed where the source is.

    Args:
        source: JSON Lines, also within gzip.
        target: its folder must be there.
        rejected: where records that cannot be upgraded go, as ``{"line", "reason", "record"}``, the record being the
            untouched text of its line; where that is no UTF-8, or longer than ``max_bytes``, its bytes in base64, and
            ``"encoding": "base64"`` says so.
        upgrader: for the records.
        report: what was found is counted there.
        progress: told now and then how far it is.
        max_bytes: longer lines are set aside.

    Raises:
        UnreadableError: the source cannot be read to its end, or is no text.
        OSError: an output cannot be written.
    """
    upgrade, counts = upgrader.upgrade, report.counts
    with opened(source) as opened_source, whole_files() as output:
        write = output(target, opened_source.compressed).write
        aside: IO[bytes] | None = None
        for number, line in enumerate(_watched(opened_source, progress, max_bytes), start=1):
            try:
                if isinstance(line, LongLine):
                    raise ProtocolError(f"the line is longer than {max_bytes} bytes")
                if line.isspace():
                    counts.blank += 1
                    write(line)
                    continue
                upgraded = upgrade(line)
            except ProtocolError as error:
                reason = one_line(error)
                report.reject(number, reason)
                if aside is None:
                    rejected.parent.mkdir(exist_ok=True)
                    aside = output(rejected, opened_source.compressed)
                _set_aside(aside, number, reason, line)
                continue
            counts.count(upgraded)
            if upgraded.record is None:
                write(line)
            else:
                write(upgraded.record + line[len(line.rstrip(b"\r\n")) :])
    if aside is None:
        rejected.unlink(missing_ok=True)


def releases_of(
    source: Path,
    history: History,
    message: str | None = None,
    *,
    progress: Progress = lambda _: None,
    max_bytes: int = MAX_BYTES,
) -> list[str]:
    """The revisions that could have written every record of a file, oldest first.

    Records that say it themselves, and what is no record at all, do not count.

    Raises:
        UnreadableError: the source cannot be read to its end.
    """

    def payloads(opened_source: Source) -> Iterator[Any]:
        for line in _watched(opened_source, progress, max_bytes):
            if isinstance(line, bytes) and not line.isspace():
                with contextlib.suppress(ProtocolError):
                    payload = loads(line)
                    if not is_envelope(payload):
                        yield payload

    with opened(source) as opened_source:
        return list(history.detect_all(payloads(opened_source), message))


def _watched(source: Source, progress: Progress, max_bytes: int) -> Iterator[bytes | LongLine]:
    """The lines of a source; the progress is told of after each so many bytes, and at the end."""
    told, since = 0, 0
    for line in read_lines(source.lines, max_bytes):
        yield line
        since += len(line) if isinstance(line, bytes) else max_bytes
        if since >= _STEP:
            since = 0
            at = source.file.tell()
            progress(at - told)
            told = at
    progress(source.file.tell() - told)


def _set_aside(to: IO[bytes], number: int, reason: str, line: bytes | LongLine) -> None:
    entry: dict[str, Any] = {"line": number, "reason": reason}
    if isinstance(line, bytes):
        record = line.removesuffix(b"\n").removesuffix(b"\r")
        try:
            entry["record"] = record.decode()
        except UnicodeDecodeError:
            entry |= {"encoding": "base64", "record": base64.b64encode(record).decode()}
        to.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        return
    head = orjson.dumps(entry | {"encoding": "base64", "record": ""})
    to.write(head.removesuffix(b'"}'))
    for piece in _in_threes(line.pieces()):
        to.write(base64.b64encode(piece))
    to.write(b'"}\n')


def _in_threes(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces whose base64 can be joined, without the line ending."""
    left = b""
    for piece in pieces:
        left += piece
        # The last bytes are held back, as they may be the line ending.
        ready = max(len(left) - 2, 0) // 3 * 3
        yield left[:ready]
        left = left[ready:]
    yield left.removesuffix(b"\n").removesuffix(b"\r")
