"""Archives inspected: read as an upgrade would read them, and nothing written."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, BinaryIO

from sagellm_protocol.archive.formats import Batch, Form
from sagellm_protocol.archive.options import AUTO, Options
from sagellm_protocol.archive.running import SHARD_SIZE, Limits, Means, Watch, look
from sagellm_protocol.archive.running.archives import upgrading
from sagellm_protocol.archive.running.choices import LIMITS
from sagellm_protocol.archive.running.runs import Place, places_of
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.storage import Source
from sagellm_protocol.archive.surveys.findings import counted
from sagellm_protocol.archive.surveys.inspection import Inspection, Seen, SourceSeen
from sagellm_protocol.archive.surveys.streams import look_at_stream
from sagellm_protocol.archive.wires import PARSE
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import OptionError, ValidationError
from sagellm_protocol.types import Metrics

_MARK = "ttft_ms"
"""A field that all Metrics have, and no other message."""


def inspect_archive(
    sources: Iterable[Place] | Place,
    options: Options | None = None,
    *,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    sample: float | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    shard_size: int = SHARD_SIZE,
    history: History | str = HISTORY,
    watch: Watch | None = None,
) -> Inspection:
    """What an archive holds: forms, types, the releases that could have written it, sizes, latencies, what is amiss.

    It is read as :func:`upgrade_archive` would read it, and nothing is written.

    Args:
        sources: files, folders, globs, or URLs (extra ``remote``), in any form.
        options: how records are read; ``since="auto"`` is what the result tells.
        limits: ``max_record`` counts alone.
        hooks: as :func:`upgrade_archive` takes them.
        sample: the share of the records to read, above 0 and 1 at the most; None: all.
        executor: who reads the shards.
        workers: processes of this machine that do, where there is no executor; None: as many as there are cores.
        shard_size: bytes of a source that one worker takes at a time.
        history: revisions and messages, as :func:`upgrade_archive` takes them.
        watch: told how the work goes.

    Raises:
        MissingExtraError: the extra ``metrics`` is not installed.
        RefusedError: sources are not there, or share a name.
        HooksError: hooks cannot be found, or fail.
        OptionError: a choice is none, or choices contradict each other.
        UnsupportedRevisionError: the options name a message or release that does not exist.
    """
    work = _reading(options, hooks, history, executor, workers)
    means = Means(executor, 1 if work.local else workers, shard_size, sample, watch or Watch())
    looks = look(places_of(sources), partial(Inspecting, work), means, limits)
    return _told(looks.survey.found, work, sample, looks.unreadable)


def inspect_stream(
    source: BinaryIO,
    options: Options | None = None,
    *,
    limits: Limits = LIMITS,
    hooks: Sequence[str] = (),
    sample: float | None = None,
    history: History | str = HISTORY,
    watch: Watch | None = None,
) -> Inspection:
    """What one stream holds, told as :func:`inspect_archive` does; the source is called ``-``.

    Raises:
        UnreadableError: it holds no records by its beginning, or cannot be read.
    """
    work = _reading(options, hooks, history)
    means = Means(sample=sample, watch=watch or Watch())
    survey = Inspecting(work)
    look_at_stream(source, survey, limits.max_record, means.sample, means.watch)
    return _told(survey.found, work, sample, {})


def _reading(
    options: Options | None,
    hooks: Sequence[str],
    history: History | str,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Upgrading:
    if options is not None and options.since == AUTO:
        raise OptionError(
            'since="auto" is for upgrades: an inspection tells which releases could have written a source'
        )
    return upgrading(options, hooks, history, executor, workers)


def _told(found: Inspection, work: Upgrading, sample: float | None, unreadable: dict[str, str]) -> Inspection:
    found.sample, found.unreadable = sample, unreadable
    found.tell_writers(work.history)
    return found


class Inspecting:
    """Notes what stands in shards."""

    def __init__(self, work: Upgrading) -> None:
        self._work = work
        self._name, self._form = "", Form()
        self.found = Inspection()

    def begin(self, source: Source, form: Form) -> None:
        """What follows is from this source."""
        self._name, self._form = source.name, form
        self.found.sources.setdefault(source.name, SourceSeen(form))

    def see(self, batch: Batch) -> int:
        """Note a batch; gives how many of its records would be set aside."""
        wire, damage = self._form.wire, batch.damage
        result = self._work.begin(wire, wire, ())(batch.records)
        seen = self.found.sources[self._name].seen
        seen.bytes += batch.size
        seen.damaged += damage is not None
        seen.counts.add(result.counts)
        seen.counts.blank += batch.blank
        seen.counts.rejected += damage is not None
        for size, times in Counter(map(len, batch.records)).items():
            self.found.sizes.add(size, times)
            seen.data += size * times
            seen.largest = max(seen.largest, size)
        for index, reason in result.rejected:
            self._note(seen, reason, partial(batch.offset, index))
        if damage is not None:
            self._note(seen, damage.reason, lambda: damage.offset)
        for metrics in metrics_in(result.records, PARSE[wire]):
            self.found.metrics.add(metrics)
        return len(result.rejected) + (damage is not None)

    def _note(self, seen: Seen, reason: str, offset: Callable[[], int]) -> None:
        seen.counts.count_reasons([reason])
        self.found.reasons.note(counted(reason), self._name, offset, reason)

    def add(self, other: Inspecting) -> None:
        """Note what another has seen, of shards that come after."""
        self.found.add(other.found)


def metrics_in(records: Sequence[bytes], parse: Callable[[bytes], Any]) -> Iterator[Metrics]:
    """The ``Metrics`` in records of today's form: those that a message holds, and those by themselves."""
    mark = _MARK.encode()
    for record in records:
        if mark not in record:
            continue
        payload = parse(record)
        held = payload.get("metrics") if _MARK not in payload else payload
        if isinstance(held, dict) and _MARK in held:
            # A field of that name that the protocol does not know may hold anything.
            with contextlib.suppress(ValidationError):
                yield from_plain(Metrics, held, unknown="ignore")
