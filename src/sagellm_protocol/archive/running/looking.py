"""Archives looked through without writing: each worker notes what it sees, and the notes are added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.archive.formats import Batch, Form, Reader
from sagellm_protocol.archive.running import pools
from sagellm_protocol.archive.running.choices import LIMITS, Limits
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.opening import reading, refuse_changed
from sagellm_protocol.archive.running.planning import look_at
from sagellm_protocol.archive.running.runs import Place
from sagellm_protocol.archive.running.sampling import sampled
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.watching import Tick
from sagellm_protocol.archive.storage import Source, find_sources


class Survey(Protocol):
    """Notes what it sees in shards. It comes back from the workers by pickle."""

    def begin(self, source: Source, form: Form) -> None:
        """What follows is from this source."""

    def see(self, batch: Batch) -> int:
        """Note what is in a batch; gives how many of its records, damage included, are amiss."""
        ...

    def add(self, other: Any, /) -> None:
        """Note what another has seen, of shards that come after."""


N = TypeVar("N", bound=Survey)


@attrs.frozen
class Looking(Generic[N]):
    """How a worker looks through a shard.

    Raises:
        UnreadableError: the source cannot be read, or changed meanwhile.
    """

    survey: Callable[[], N]
    """Makes an empty one."""
    max_record: int
    sample: float | None = None

    def __call__(self, shard: Shard, tick: Tick) -> N:
        """Look through one."""
        survey = self.survey()
        survey.begin(shard.source, shard.form)
        with reading(shard.source) as stream:
            reader = Reader(stream, shard.form, start=shard.start, stop=shard.stop, max_record=self.max_record)
            for batch in sampled(reader, None if shard.form.splittable else self.sample):
                amiss = survey.see(batch)
                tick(batch.size, len(batch.records) + (batch.damage is not None), amiss)
        refuse_changed(shard.source)
        return survey


@attrs.define
class Looks(Generic[N]):
    """What was seen in an archive."""

    survey: N
    """All that was seen, added up in the order of the sources."""
    unreadable: dict[str, str] = attrs.field(factory=dict)
    """Why a source could not be read, by its name."""


def look(
    sources: Iterable[Place],
    survey: Callable[[], N],
    means: Means,
    limits: Limits = LIMITS,
) -> Looks[N]:
    """Look through an archive without writing.

    Args:
        sources: files, folders, globs and URLs.
        survey: makes an empty survey; it goes to the workers by pickle.
        means: with what it is done.
        limits: ``max_record`` counts alone.

    Raises:
        RefusedError: a source is not there.
    """
    looked = look_at(find_sources(sources), means.shard_size, means.sample)
    shards = [shard for found in looked.shards.values() for shard in found]
    looks = look_through(shards, survey, means, limits)
    looks.unreadable.update(looked.unreadable)
    return looks


def look_through(shards: Sequence[Shard], survey: Callable[[], N], means: Means, limits: Limits) -> Looks[N]:
    """Look through shards, as :func:`look` does."""
    order = {(shard.source.name, shard.number): at for at, shard in enumerate(shards)}
    looks = Looks(survey())
    waiting: dict[int, N | None] = {}
    added = 0

    def finished(shard: Shard, result: N | UnreadableError) -> None:
        nonlocal added
        seen: N | None = None
        if isinstance(result, UnreadableError):
            looks.unreadable.setdefault(shard.source.name, str(result))
        else:
            seen = result
        waiting[order[shard.source.name, shard.number]] = seen
        # In order, so that sums of floats and first examples are the same whoever was faster.
        while added in waiting:
            following = waiting.pop(added)
            added += 1
            if following is not None:
                looks.survey.add(following)

    sizes = [shard.size for shard in shards]
    means.watch.begin(None if None in sizes else sum(size or 0 for size in sizes))
    task = Looking(survey, limits.max_record, means.sample)
    pools.run(task, shards, finished, means.watch, executor=means.executor, workers=means.workers)
    return looks
