"""Some of the records of a source that cannot be cut: every so many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from sagellm_protocol.archive.formats import Batch


def sampled(batches: Iterable[Batch], share: float | None) -> Iterator[Batch]:
    """Batches with a share of their records, evenly spread; with all of them, where it is None. Damage stays.

    Args:
        batches: all of a source.
        share: above 0, and 1 at the most.
    """
    if share is None:
        yield from batches
        return
    every = 1 / share
    seen = taken = 0
    for batch in batches:
        chosen = []
        for index in range(len(batch.records)):
            if seen + index >= taken * every:
                chosen.append(index)
                taken += 1
        seen += len(batch.records)
        offsets = [batch.offset(index) for index in chosen]
        yield attrs.evolve(batch, records=[batch.records[index] for index in chosen], offsets=offsets)
