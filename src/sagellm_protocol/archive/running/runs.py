"""A whole run: planned, done side by side, and kept so that it goes on after any end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs

from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import RefusedError, TooManyRejectedError, UnreadableError
from sagellm_protocol.archive.running import pools
from sagellm_protocol.archive.running.choices import Limits, Writing
from sagellm_protocol.archive.running.fences import fenced
from sagellm_protocol.archive.running.jobs import Job, made_with
from sagellm_protocol.archive.running.manifest import Done, Kept, Manifest, digest
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.planning import (
    Looked,
    Standing,
    bases_of,
    look_at,
    plan,
    refuse_clashes,
    refuse_taken,
    refuse_unfit,
    taken,
)
from sagellm_protocol.archive.running.report import FileReport, Report, report_of
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.works import Work
from sagellm_protocol.archive.storage import REPORT, Folder, Held, find_sources

Place: TypeAlias = "str | os.PathLike[str]"
"""A path, a glob or a URL."""
Search: TypeAlias = Callable[["Manifest | None", Looked, Means], Looked]
"""Finds out which revisions could have written each source; keeps that, where there is a manifest."""

_ENOUGH = 1000
"""Records after which the share of those set aside says something."""


def places_of(sources: Iterable[Place] | Place) -> Iterable[Place]:
    """Places, where there may be one by itself."""
    return sources if not isinstance(sources, str) and isinstance(sources, Iterable) else [sources]


@attrs.frozen
class Asked:
    """What is done with an archive."""

    work: Work
    writing: Writing
    limits: Limits
    search: Search | None = None
    """Looks for the revisions that could have written a source, where the work wants to know."""
    kept: Kept = attrs.field(factory=Kept)
    """What the folder keeps of it."""

    def digest(self, means: Means) -> str:
        """Of all that decides on what becomes of a record."""
        return digest(
            {
                "made_with": made_with(self.work),
                "writing": self.writing.to_plain(),
                "max_record": self.limits.max_record,
                "sample": means.sample,
            }
        )


def run(
    places: Iterable[Place], output: Place, asked: Asked, means: Means, *, force: bool = False, dry_run: bool = False
) -> Report:
    """Do something with the records of an archive, and write what becomes of them.

    Args:
        places: files, folders, globs and URLs.
        output: a folder, made if need be, or its URL.
        asked: what is done.
        means: with what.
        force: overwrite outputs, and do what is done again, unless the last run was stopped.
        dry_run: write nothing.

    Raises:
        RefusedError: nothing was done, with every reason.
        StrictError: a record would have been set aside, and the limits do not allow it.
        TooManyRejectedError: more of them were than the limits allow.
        ArchiveError: what earlier runs kept in the folder cannot be read.
        OSError: an output cannot be written.
    """
    folder = Folder(output)
    sources = find_sources(places)
    refuse_unfit(sources, folder)
    looked = look_at(sources, means.shard_size, means.sample)
    if dry_run:
        return _dry(looked, asked, means)
    bases = bases_of(looked, asked.writing)
    refuse_clashes(looked, bases, asked.writing)
    with folder.alone() as held:
        manifest, earlier = Manifest(folder), Kept.read(folder)
        standing = Standing.of(manifest)
        urls = {source.name: source.url for source in sources}
        files, foreign = taken(bases, urls, earlier.bases, standing)
        if not force:
            refuse_taken(files, foreign)
        folder.remove_left_over()
        with fenced(folder) as fence:
            looked = looked if asked.search is None else asked.search(manifest, looked, means)
            wanted = asked.digest(means)
            todo = plan(looked, standing, wanted, foreign, again=force and earlier.complete)
            unfinished = manifest.unfinished_retries(standing.retried)
            manifest.forget(todo.stale, [*todo.stale_retries, *unfinished])
            for name in files:
                folder.remove(name)
            ours = dict.fromkeys([*earlier.bases, *(base for pair in bases.values() for base in pair)])
            kept = attrs.evolve(asked.kept, bases=list(ours), complete=False)
            kept.write(folder)
            standing = standing.without(todo.stale, [*todo.stale_retries, *unfinished])
            record = _Record(looked, asked, standing, held)
            job = Job(asked.work, wanted, made_with(asked.work), fence, asked.writing, asked.limits, means.sample)
            try:
                _do(job, todo.shards, record, means)
            except BaseException:
                # What stopped the run is what is told, also where as little can be written now as before.
                with contextlib.suppress(OSError, RefusedError):
                    held()
                    folder.write(REPORT, record.report().to_json())
                raise
            report = record.report()
            folder.write(REPORT, report.to_json())
            # What workers left that died.
            folder.remove_left_over()
            attrs.evolve(kept, complete=report.complete).write(folder)
    return report


def _dry(looked: Looked, asked: Asked, means: Means) -> Report:
    looked = looked if asked.search is None else asked.search(None, looked, means)
    job = Job(asked.work, "", made_with(asked.work), None, asked.writing, asked.limits, means.sample)
    record = _Record(looked, asked, Standing(frozenset(), {}, {}), _nobody_else)
    _do(job, [shard for shards in looked.shards.values() for shard in shards], record, means)
    return record.report()


def _nobody_else() -> None:
    """Nothing is written, so that nobody is in the way."""


def _do(job: Job, shards: list[Shard], record: _Record, means: Means) -> None:
    sizes = [shard.size for shard in shards]
    means.watch.begin(None if None in sizes else sum(size or 0 for size in sizes))
    pools.run(job, shards, record.add, means.watch, executor=means.executor, workers=means.workers)
    record.check()


class _Record:
    """What is done so far."""

    def __init__(
        self,
        looked: Looked,
        asked: Asked,
        standing: Standing,
        held: Held,
    ) -> None:
        self._limits, self._held = asked.limits, held
        self._report = report_of(standing.done, standing.retried)
        self._records = self._rejected = 0
        self._report.asked = (*looked.shards, *looked.unreadable)
        files = self._report.files
        for name, shards in looked.shards.items():
            files.setdefault(name, FileReport()).shards = len(shards)
        for name, error in looked.unreadable.items():
            files.setdefault(name, FileReport()).error = error

    def add(self, shard: Shard, result: Done | UnreadableError) -> None:
        """A shard was done, or could not be read.

        Raises:
            TooManyRejectedError: more records were set aside than the run puts up with.
            RefusedError: the folder is somebody else's by now.
        """
        self._held()
        file = self._report.files[shard.source.name]
        if isinstance(result, UnreadableError):
            file.error = str(result)
            return
        file.done[shard.number] = result
        self._records += result.counts.records
        self._rejected += result.counts.rejected
        if self._records >= _ENOUGH:
            _refuse_too_many(self._records, self._rejected, self._limits)

    def check(self) -> None:
        """All shards were done: their sums are right, and no more was set aside than the run puts up with.

        Raises:
            TooManyRejectedError: more was.
            ArchiveError: sums are wrong.
        """
        self._report.check()
        refuse_too_many(self._report.total, self._limits)

    def report(self) -> Report:
        """What became of each source."""
        return self._report


def refuse_too_many(counts: Counts, limits: Limits) -> None:
    """Refuse that more records were set aside than the limits allow.

    Raises:
        TooManyRejectedError: more were.
    """
    _refuse_too_many(counts.records, counts.rejected, limits)


def _refuse_too_many(records: int, rejected: int, limits: Limits) -> None:
    if limits.max_rejected is not None and rejected > limits.max_rejected * records:
        raise TooManyRejectedError(
            f"{rejected:,} of {records:,} records were set aside, which is more than {limits.max_rejected:.4%}"
        )
