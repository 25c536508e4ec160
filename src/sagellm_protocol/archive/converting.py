"""Archives written in another form: JSON to MessagePack and back, compressed or not, every record as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, BinaryIO

import attrs

from sagellm_protocol.archive.batching import UpgradedBatch
from sagellm_protocol.archive.counting import Counts, TypeCounts
from sagellm_protocol.archive.exactness import Exact, is_kept
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.archive.running.choices import LIMITS, SHARD_SIZE, WRITING, Limits, Writing
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.report import FileReport, Report
from sagellm_protocol.archive.running.runs import Asked, Place, places_of, run
from sagellm_protocol.archive.running.shards import Releases
from sagellm_protocol.archive.running.streams import pass_through
from sagellm_protocol.archive.running.watching import Tick, Watch, unheard
from sagellm_protocol.archive.running.works import Batches
from sagellm_protocol.archive.wires import PARSE, WRITE, Wire, refuse_repeated
from sagellm_protocol.codecs import json as json_wire, msgpack as msgpack_wire
from sagellm_protocol.model.exceptions import DecodeError, ProtocolError
from sagellm_protocol.model.nesting import refuse_too_deep_parsed

ANY = "(any)"
"""The type under which records are counted that nobody looks into."""


def convert_archive(
    sources: Iterable[Place] | Place,
    output: Place,
    writing: Writing = WRITING,
    *,
    limits: Limits = LIMITS,
    sample: float | None = None,
    dry_run: bool = False,
    force: bool = False,
    executor: Executor | None = None,
    workers: int | None = None,
    shard_size: int = SHARD_SIZE,
    watch: Watch | None = None,
) -> Report:
    """Write an archive in another form. Records keep their revision, and say what they said.

    Where the wire stays, a record stays to the byte. Between JSON and MessagePack it is written anew: ``upgraded``
    counts those in the report. It is set aside where that would lose something: a number with more digits than a float
    has, a field that stands there twice, binary data; so is what is no object.

    It is a run like that of :func:`upgrade_archive`, which says what the arguments are: side by side, kept in the
    folder's manifest, gone on with after any end.

    Returns:
        All that stands in ``report.json``.

    Raises:
        RefusedError, OptionError, StrictError, TooManyRejectedError, ArchiveError, OSError: as that says.
    """
    means = Means(executor, workers, shard_size, sample, watch or Watch())
    asked = Asked(Converting(), writing, limits)
    return run(places_of(sources), output, asked, means, force=force, dry_run=dry_run)


def convert_stream(
    source: BinaryIO,
    output: BinaryIO,
    rejected: BinaryIO,
    writing: Writing = WRITING,
    *,
    limits: Limits = LIMITS,
    tick: Tick = unheard,
) -> FileReport:
    """Write the records of one stream to another in another form, as :func:`upgrade_stream` does.

    Raises:
        OptionError, UnreadableError, StrictError, TooManyRejectedError, OSError: as that says.
    """
    return pass_through(Converting(), source, output, rejected, writing, limits, tick)


@attrs.frozen
class Converting:
    """Records are written in another form, and stay what they are."""

    def to_plain(self) -> Any:
        """Nothing else decides."""
        return "convert"

    def begin(self, reads: Wire, writes: Wire, releases: Releases) -> Batches:
        """A function for batches, which may be used by many."""
        return partial(_convert, _SAME[reads] if reads == writes else _ACROSS[reads], anew=reads != writes)


def _convert(convert: Callable[[bytes], bytes], records: Sequence[bytes], *, anew: bool) -> UpgradedBatch:
    written: list[bytes] = []
    rejected: list[tuple[int, str]] = []
    for index, record in enumerate(records):
        try:
            converted = convert(record)
        except ProtocolError as error:
            rejected.append((index, one_line(error)))
            continue
        written.append(converted)
    counts = TypeCounts(upgraded=len(written)) if anew else TypeCounts(unchanged=len(written))
    return UpgradedBatch(written, Counts(len(rejected), types={ANY: counts} if written else {}), rejected)


def _same(loads: Callable[[bytes], Any], record: bytes) -> bytes:
    _refuse_others(loads(record))
    return record


def _to_msgpack(record: bytes) -> bytes:
    payload = PARSE["json"](record)
    _refuse_others(payload)
    refuse_too_deep_parsed(payload)
    if not is_kept(payload, record):
        Exact(record).refuse_inexact()
    return WRITE["msgpack"](payload)


def _to_json(record: bytes) -> bytes:
    payload = PARSE["msgpack"](record)
    _refuse_others(payload)
    refuse_repeated(record)
    return WRITE["json"](payload)


def _refuse_others(payload: Any) -> None:
    # A file that begins with anything else is not recognised for what it is.
    if not isinstance(payload, dict):
        raise DecodeError("the record is no object")


_SAME: dict[Wire, Callable[[bytes], bytes]] = {
    "json": partial(_same, json_wire.loads),
    "msgpack": partial(_same, msgpack_wire.loads),
}
_ACROSS: dict[Wire, Callable[[bytes], bytes]] = {"json": _to_msgpack, "msgpack": _to_json}
"""By the wire that is read."""
