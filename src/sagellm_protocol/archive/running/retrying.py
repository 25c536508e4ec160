"""Records set aside, fed back after a hook, a type or a value was added."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import groupby

import attrs
import orjson

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import ArchiveError, RefusedError, UnreadableError
from sagellm_protocol.archive.formats import Batch, Form, Reader, Wire
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.running import pools
from sagellm_protocol.archive.running.archives import upgrading
from sagellm_protocol.archive.running.choices import LIMITS, WRITING, Limits, Writing
from sagellm_protocol.archive.running.entries import ENTRIES, Entries, record_of
from sagellm_protocol.archive.running.fences import Fence, fenced
from sagellm_protocol.archive.running.manifest import Done, Kept, Manifest, Rejection, Stamp
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.opening import reading
from sagellm_protocol.archive.running.outputs import Opens, Outputs
from sagellm_protocol.archive.running.planning import Standing
from sagellm_protocol.archive.running.report import Report, report_of
from sagellm_protocol.archive.running.runs import Place
from sagellm_protocol.archive.running.shards import RETRIED, Shard
from sagellm_protocol.archive.running.watching import Tick, Watch
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.storage import REJECTED, REPORT, Folder, find_sources
from sagellm_protocol.archive.strict import structure
from sagellm_protocol.history import History
from sagellm_protocol.model.exceptions import OptionError

_ENTRY = 8
"""An entry may be so many times as long as its record: each byte may be escaped."""


def retry(
    output: Place,
    options: Options | None = None,
    *,
    hooks: Sequence[str] | None = None,
    history: History | str | None = None,
    writing: Writing = WRITING,
    limits: Limits = LIMITS,
    executor: Executor | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Report:
    """Feed back what was set aside: what goes through now goes to ``retried/``, the rest stays in ``rejected/``.

    A record is in one of both, whenever the run is stopped. Those whose entry does not have the record, since it was
    too long to be kept or is gone, stay: raise ``max_record`` and upgrade the source again.

    Args:
        output: the folder of an upgrade, or its URL.
        options: how records are read; None: as that upgrade read them.
        hooks: ``module:function``, as :func:`upgrade_archive` takes them; None: as that upgrade had them.
        history: revisions and messages, as :func:`upgrade_archive` takes them; None: as that upgrade had them.
        writing: the form of what is written to ``retried/``: JSON Lines, or MessagePack where the source is that,
            unless told otherwise. It cannot be rotated.
        limits: ``max_record`` counts.
        executor: who does it, as for :func:`upgrade_archive`.
        workers: processes that do it.
        watch: told how the work goes.

    Returns:
        The report of the folder, as it stands in ``report.json``.

    Raises:
        RefusedError: another run is at work in the folder, or none ever was.
        ArchiveError: what earlier runs kept in the folder cannot be read, or a file in ``rejected/`` is none.
        HooksError, OptionError, UnsupportedRevisionError, ValidationError: as for :func:`upgrade_archive`.
        OSError: an output cannot be written.
    """
    if writing.rotate is not None:
        raise OptionError("rotate means nothing for what is fed back")
    folder = Folder(output)
    kept, before = _kept(folder)
    given = before if options is None else options
    history = history_of(output) if history is None else history
    work = upgrading(given, kept.hooks if hooks is None else hooks, history, executor, workers)
    means = Means(executor, 1 if work.local else workers, watch=watch or Watch())
    with folder.alone():
        folder.remove_left_over()
        manifest = Manifest(folder)
        standing = Standing.of(manifest)
        unfinished = manifest.unfinished_retries(standing.retried)
        with fenced(folder) as fence:
            manifest.forget([], unfinished)
            whole = [done for done in standing.all_done if standing.is_whole(done)]
            shards = [
                Shard(
                    attrs.evolve(source, name=done.rejected.name),
                    ENTRIES,
                    releases=None if done.releases is None else tuple(done.releases),
                )
                for done in whole
                if done.rejected is not None and done.rejected.name in standing.names
                for source in find_sources([_place(folder, done.rejected.name)])
            ]
            task = Feeding(work, fence, writing, limits)
            means.watch.begin(sum(shard.size or 0 for shard in shards))
            pools.run(task, shards, _failing, means.watch, executor=executor, workers=means.workers)
            broken = [done for done in standing.all_done if not standing.is_whole(done)]
            report = report_of(standing.without(broken, []).done, manifest.retried())
            report.check()
            folder.write(REPORT, report.to_json())
            folder.remove_left_over()
    return report


def options_of(output: Place) -> Options:
    """How the last upgrade into a folder read its records.

    Raises:
        RefusedError: none ever was.
        ArchiveError: what it kept in the folder cannot be read.
    """
    return _kept(Folder(output))[1]


def history_of(output: Place) -> str:
    """What history the last upgrade into a folder had, as ``module:attribute``.

    Raises:
        RefusedError, ArchiveError: as :func:`options_of` says.
        OptionError: one that has no such name.
    """
    kept, _ = _kept(Folder(output))
    if kept.history is None:
        raise OptionError("the upgrade had a history of its own, that has no name: give it once more")
    return kept.history


def _kept(folder: Folder) -> tuple[Kept, Options]:
    kept = Kept.read(folder)
    if kept.options is None:
        raise RefusedError([f"{folder.url} has no upgrade in it whose records set aside could be fed back"])
    return kept, Options.from_plain(kept.options)


def _place(folder: Folder, name: str) -> str:
    return f"{folder.url}{name}" if folder.url.endswith("/") else f"{folder.url}/{name}"


def _failing(shard: Shard, result: Done | UnreadableError) -> None:
    if isinstance(result, UnreadableError):
        raise ArchiveError(f"{shard.source.name} {result}") from result


@attrs.frozen
class Feeding:
    """How a worker feeds back a file of records set aside."""

    work: Upgrading
    fence: Fence
    writing: Writing
    limits: Limits

    def __call__(self, shard: Shard, tick: Tick) -> Done:
        """Feed back one file: its records are in one of both places, whenever this ends."""
        source, folder = shard.source, self.fence.folder
        manifest = Manifest(folder)
        sha256 = manifest.sha256(source.name)
        if sha256 is None:
            raise UnreadableError("is gone")
        with folder.writing() as places_last, folder.writing() as opens:
            feed = _Feed(self, shard, sha256, opens, places_last)
            done = feed.run(tick)
            self.fence.check()
            if done.outputs:
                # A run that ends after this finds the old file by its digest, takes it back, and does the same again.
                manifest.add_retry(done)
        if done.rejected is None:
            folder.remove(source.name)
        return done


class _Feed:
    """A file of records set aside on its way."""

    def __init__(self, feeding: Feeding, shard: Shard, sha256: str, opens: Opens, remaining: Opens) -> None:
        self._feeding, self._source, self._sha256 = feeding, shard.source, sha256
        self._releases = shard.releases or ()
        self._opens = opens
        self._form: Form | None = None
        self._retried: Outputs | None = None
        self._remaining = Entries(remaining, shard.source.name)
        self._counts = Counts()
        self._read = 0

    def run(self, tick: Tick) -> Done:
        limit = _ENTRY * self._feeding.limits.max_record
        with reading(self._source) as stream:
            reader = Reader(stream, ENTRIES, max_record=limit)
            for batch in reader:
                if batch.damage is not None:
                    raise UnreadableError(f"has no entry at byte {batch.damage.offset}: {batch.damage.reason}")
                before = self._remaining.records
                self._add(batch)
                self._read += len(batch.records)
                tick(batch.size, len(batch.records), self._remaining.records - before)
        named = to_text(self._source.name)
        return Done(
            source=Stamp(named, named, self._source.size, self._sha256),
            asked="",
            number=0,
            of=1,
            start=0,
            stop=None,
            read=self._read,
            sha256=reader.digest,
            outputs=[] if self._retried is None else self._retried.close(),
            rejected=self._remaining.close(),
            counts=self._counts,
            rejections=self._remaining.first,
        )

    def _add(self, batch: Batch) -> None:
        held = [_held(batch, index) for index in range(len(batch.records))]
        for _, group in groupby(held, lambda it: it.wire):
            entries = list(group)
            wire = entries[0].wire
            if wire is None:
                self._counts.rejected += len(entries)
                self._counts.count_reasons(it.reason for it in entries)
                self._remaining.write([Rejection(it.offset, it.reason) for it in entries], [it.line for it in entries])
            else:
                self._upgrade(entries, wire)

    def _upgrade(self, entries: Sequence[_Held], wire: Wire) -> None:
        if self._form is None:
            # Records of one source, and so of one wire.
            self._form = self._feeding.writing.form(Form("msgpack" if wire == "msgpack" else "jsonl", "none"))
        upgrade = self._feeding.work.begin(wire, self._form.wire, self._releases)
        result = upgrade([it.record for it in entries])
        if result.records:
            self._write(self._form, result.records)
        self._counts.add(result.counts)
        self._counts.count_reasons(reason for _, reason in result.rejected)
        if result.rejected:
            self._remaining.write(
                [Rejection(entries[index].offset, reason) for index, reason in result.rejected],
                [
                    orjson.dumps(orjson.loads(entries[index].line) | {"reason": reason})
                    for index, reason in result.rejected
                ],
            )

    def _write(self, form: Form, records: Sequence[bytes]) -> None:
        if self._retried is None:
            stem = self._source.name.removeprefix(f"{REJECTED}/").removesuffix(".jsonl")
            name = f"{RETRIED}/{stem}.{self._sha256[:16]}{form.suffix}"
            self._retried = Outputs(self._opens, lambda _: name, form)
        self._retried.write(records)


@attrs.frozen
class _Held:
    """An entry of a file of records set aside."""

    line: bytes
    offset: int
    reason: str
    record: bytes
    wire: Wire | None
    """None where the entry does not have the record."""


def _held(batch: Batch, index: int) -> _Held:
    line = batch.records[index]
    try:
        data = orjson.loads(line)
        found = record_of(data)
        offset, reason = structure(int, data["offset"]), structure(str, data["reason"])
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableError(f"has something else than records set aside, at byte {batch.offset(index)}") from error
    record, wire = (b"", None) if found is None else found
    return _Held(line, offset, reason, record, wire)
