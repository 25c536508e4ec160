"""What a worker does: it reads one shard, and writes what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, BinaryIO, cast

import attrs

from sagellm_protocol import __version__
from sagellm_protocol.archive.batching import UpgradedBatch
from sagellm_protocol.archive.counting import Counts
from sagellm_protocol.archive.exceptions import ArchiveError, StrictError
from sagellm_protocol.archive.formats import Batch, Form, Reader, Wire
from sagellm_protocol.archive.running.choices import LIMITS, WRITING, Limits, Writing
from sagellm_protocol.archive.running.entries import Entries, damage_entry, rejected_entries
from sagellm_protocol.archive.running.fences import Fence
from sagellm_protocol.archive.running.manifest import Done, Manifest, Output, Rejection, Stamp, digest
from sagellm_protocol.archive.running.opening import reading, refuse_changed
from sagellm_protocol.archive.running.outputs import Opens, Outputs
from sagellm_protocol.archive.running.sampling import sampled
from sagellm_protocol.archive.running.shards import Releases, Shard, base_of, rejected_base
from sagellm_protocol.archive.running.watching import Tick
from sagellm_protocol.archive.running.works import Batches, Work


@attrs.frozen
class Job:
    """How every shard of a run is done.

    Called with a shard it reads that, writes its outputs, and says so in the manifest; it gives what it says there.

    Raises:
        ArchiveError: this process does not do what the one would that began the run.
        UnreadableError: the source cannot be read, or changed meanwhile.
        StrictError: a record would be set aside, and the limits do not allow it.
        RefusedError: the run is over.
        OSError: an output cannot be written.
    """

    work: Work
    asked: str
    """A digest of all that decides on the result."""
    made_with: str
    """What :func:`made_with` gives where the run was begun: a worker may have other files."""
    fence: Fence | None = None
    """Where outputs go, and for which run; None: nowhere."""
    writing: Writing = WRITING
    limits: Limits = LIMITS
    sample: float | None = None

    def __call__(self, shard: Shard, tick: Tick) -> Done:
        """Do one."""
        if made_with(self.work) != self.made_with:
            raise ArchiveError(
                "a worker has another version of this package, or of the hooks, than the run was begun with"
            )
        if self.fence is None:
            return self._write(shard, tick, lambda _: cast(BinaryIO, Nowhere()))
        with self.fence.folder.writing() as opens:
            done = self._write(shard, tick, opens)
            self.fence.check()
            Manifest(self.fence.folder).add(done)
        return done

    def _write(self, shard: Shard, tick: Tick, opens: Opens) -> Done:
        source, form = shard.source, self.writing.form(shard.form)
        base = base_of(source.name, shard.form, form)
        numbers = (shard.number,) if shard.of > 1 else ()

        def name(piece: int) -> str:
            return base.name(*numbers, *([] if self.writing.rotate is None else [piece]))

        batches = self.work.begin(shard.form.wire, form.wire, shard.releases or ())
        outputs = Outputs(opens, name, form, self.writing.rotate)
        aside = Aside(opens, rejected_base(base).name(*numbers), source.name, shard.form, self.limits)
        with reading(source) as stream:
            reader = Reader(stream, shard.form, start=shard.start, stop=shard.stop, max_record=self.limits.max_record)
            chosen = sampled(reader, None if shard.form.splittable else self.sample)
            counts = pour(chosen, batches, outputs, aside, tick)
        refuse_changed(source)
        return Done(
            Stamp.of(source),
            asked_of(self.asked, shard.releases),
            shard.number,
            shard.of,
            shard.start,
            shard.stop,
            aside.read,
            reader.digest,
            outputs.close(),
            aside.close(),
            counts,
            aside.first,
            None if shard.releases is None else list(shard.releases),
        )


def pour(batches: Iterable[Batch], upgrade: Batches, outputs: Outputs, aside: Aside, tick: Tick) -> Counts:
    """Upgrade batches: what goes through goes to the outputs, the rest aside; all of it is counted.

    Raises:
        StrictError: a record would be set aside, and the limits do not allow it.
    """
    counts = Counts()
    for batch in batches:
        result = upgrade(batch.records)
        outputs.write(result.records)
        counts.add(result.counts)
        counts.blank += batch.blank
        counts.count_reasons(reason for _, reason in result.rejected)
        if batch.damage is not None:
            counts.rejected += 1
            counts.count_reasons([batch.damage.reason])
        rejected = aside.add(batch, result)
        tick(batch.size, len(batch.records) + (batch.damage is not None), rejected)
    return counts


class Aside:
    """The file of records set aside: it is there only where there are any."""

    def __init__(self, opens: Opens, name: str, source: str, form: Form, limits: Limits) -> None:
        self._entries = Entries(opens, name)
        self._source, self._strict = source, limits.strict
        self._wire: Wire = form.wire
        self.read = 0
        """Records seen, damage included."""

    @property
    def first(self) -> list[Rejection]:
        """The first five."""
        return self._entries.first

    def add(self, batch: Batch, result: UpgradedBatch) -> int:
        """Set aside what did not go through of a batch, its damage included; gives how many that are.

        Raises:
            StrictError: there is any, and the limits do not allow it.
        """
        damage = batch.damage
        self.read += len(batch.records) + (damage is not None)
        rejections = [Rejection(batch.offset(index), reason) for index, reason in result.rejected]
        if damage is not None:
            rejections.append(Rejection(damage.offset, damage.reason))
        if not rejections:
            return 0
        if self._strict:
            raise StrictError(self._source, rejections[0].offset, rejections[0].reason)
        lines = rejected_entries(self._source, batch, result.rejected, self._wire)
        if damage is not None:
            lines.append(damage_entry(self._source, damage, self._wire))
        self._entries.write(rejections, lines)
        return len(rejections)

    def close(self) -> Output | None:
        """The file that is whole; None where there is none."""
        return self._entries.close()


def made_with(work: Work) -> str:
    """A digest of what decides on what becomes of a record, and of the version of this package."""
    return digest([work.to_plain(), __version__])


def asked_of(asked: str, releases: Releases | None) -> str:
    """The digest for one source: what was found out about it decides, too."""
    return asked if not releases else digest([asked, list(releases)])


class Nowhere(io.RawIOBase):
    """A stream that keeps nothing."""

    def write(self, data: Any) -> int:
        """Forget it."""
        return len(data)
