"""MessagePack, one object after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sagellm_protocol.archive.formats.batches import Batch
from sagellm_protocol.archive.formats.holding import Bounds, Held
from sagellm_protocol.codecs.walking import BrokenObjectError, Walk, whole_objects


class Objects:
    """Records are MessagePack objects. Implements ``Splitter``.

    Args:
        bounds: how long an object may be.
        start: where the data begins, in that of the whole source.
    """

    def __init__(self, bounds: Bounds, start: int) -> None:
        self.stopped = False
        self._held = Held(bounds, start)
        self._walk: Walk | None = None
        """Over the object that is held."""
        self._reason: str | None = None
        """Why nothing can be told of what follows."""

    def feed(self, data: bytes) -> Iterator[Batch]:
        """The objects that end in this data."""
        held = self._held
        base = held.start + held.size
        batch = Batch([])
        at = 0
        for ends in self._ends(data):
            if held.size + len(data) <= held.bounds.max_record:
                batch.add(held.whole(data[at : ends[0]]), held.start)
                batch.records += [data[start:end] for start, end in itertools.pairwise(ends)]
                batch.offsets += [base + end for end in ends[:-1]]
            else:
                for start, end in itertools.pairwise([at, *ends]):
                    held.add(data[start:end])
                    if held.is_too_long:
                        batch.damage = held.damage()
                        yield batch
                        batch = Batch([])
                    else:
                        batch.add(held.whole(), held.start)
                    held.restart(base + end)
            at = ends[-1]
            held.restart(base + at)
        held.add(data[at:])
        if held.is_bomb:
            self.stopped = True
            batch.damage = held.bomb()
        if not batch.is_empty:
            yield batch

    def end(self, reason: str | None) -> Iterator[Batch]:
        """What is no object, or not wholly there."""
        if reason is not None:
            yield Batch([], damage=self._held.damage(reason, is_whole=False))
        elif self._held.size:
            yield Batch([], damage=self._held.damage(self._reason or "the object breaks off before its end"))

    def _ends(self, data: bytes) -> Iterator[list[int]]:
        at = 0
        while self._reason is None and at < len(data):
            if self._walk is None:
                if ends := whole_objects(data, at):
                    yield ends
                    at = ends[-1]
                # What does not end here, or is nested deeper than the library goes, is gone over by ourselves.
                self._walk = Walk()
            try:
                end = self._walk.end(data, at)
            except BrokenObjectError as error:
                self._reason = f"no MessagePack: {error}"
                return
            if end is None:
                return
            self._walk = None
            at = end
            yield [at]
