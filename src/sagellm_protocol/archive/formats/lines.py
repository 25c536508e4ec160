"""JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator

from sagellm_protocol.archive.formats.batches import Batch, Damage
from sagellm_protocol.archive.formats.holding import Bounds, Held, too_long


class Lines:
    """Records are lines, without their line endings. Implements ``Splitter``.

    Args:
        bounds: how long a line may be.
        start: where the first line begins, in the data of the whole source.
    """

    def __init__(self, bounds: Bounds, start: int) -> None:
        self._bounds = bounds
        self._held = Held(bounds, start)
        self.stopped = False

    def feed(self, data: bytes) -> Iterator[Batch]:
        """The lines that end in this data."""
        held = self._held
        if held.is_too_long:
            end = data.find(b"\n")
            held.add(data if end < 0 else data[:end])
            if held.is_bomb:
                self.stopped = True
                yield Batch([], damage=held.bomb())
                return
            if end < 0:
                return
            yield Batch([], damage=held.damage())
            held.restart(held.start + held.size + 1)
            data = data[end + 1 :]
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines:
            start, size = held.start, held.size + len(data) - len(rest)
            lines[0] = held.whole(lines[0])
            held.restart(start + size)
            yield from self._batches(lines, start, size)
        held.add(rest)

    def end(self, reason: str | None) -> Iterator[Batch]:
        """The last line, if nothing ended it."""
        held = self._held
        if reason is not None:
            yield Batch([], damage=held.damage(reason, is_whole=False))
        elif held.is_too_long:
            yield Batch([], damage=held.damage())
        elif held.size:
            yield from self._batches([held.whole()], held.start, held.size)

    def _batches(self, lines: list[bytes], start: int, size: int) -> Iterator[Batch]:
        """Lines, that are so long together, as batches."""
        # Blank lines begin with white space or with nothing, and both are less than what records begin with.
        if min(lines)[:1] > b" " and (size <= self._bounds.max_record or self._fit(lines)):
            yield Batch(lines, start=start)
        else:
            yield from self._one_by_one(lines, start)

    def _fit(self, lines: list[bytes]) -> bool:
        return max(map(len, lines)) <= self._bounds.max_record

    def _one_by_one(self, lines: list[bytes], at: int) -> Iterator[Batch]:
        batch = Batch([])
        for line in lines:
            if len(line) > self._bounds.max_record:
                batch.damage = Damage(at, len(line), too_long(self._bounds.max_record))
                yield batch
                batch = Batch([])
            elif line and not line.isspace():
                batch.add(line, at)
            else:
                batch.blank += 1
            at += len(line) + 1
        if not batch.is_empty:
            yield batch
