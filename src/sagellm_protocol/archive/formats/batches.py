"""What a reader gives: records, many at once, and what could not be read as records."""

from __future__ import annotations

from itertools import accumulate

import attrs

BATCH = 1 << 20
"""Bytes of decompressed data that a batch is made of, about: 1 MiB."""


@attrs.frozen
class Damage:
    """A stretch of a source that is no record that can be handed on. It counts as one record."""

    offset: int
    """Where it begins, in the decompressed data of the whole source."""
    size: int | None
    """How many bytes of the decompressed data it covers; None where that cannot be known."""
    reason: str
    """Why it is none, in one line."""
    record: bytes | None = attrs.field(default=None, repr=False)
    """Its bytes, as far as they are at hand; None where they are too many, or none at all."""


@attrs.define
class Batch:
    """Records that follow each other, and what was passed over between them."""

    records: list[bytes]
    """As they stand in the source: JSON without its line ending (a CR before it stays), or MessagePack. Never blank."""
    blank: int = 0
    """How many blank lines were passed over, or places in an array where no element stands."""
    damage: Damage | None = None
    """What stood after the last record. A batch ends there."""
    size: int = 0
    """How many bytes of the file, as it is stored, are behind since the batch before."""
    start: int = 0
    """Where the first record begins, if ``offsets`` does not say."""
    offsets: list[int] = attrs.field(factory=list, repr=False)
    """Where each record begins; none where one byte is between each and the next, until one is asked for."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.records or self.blank or self.damage)

    def add(self, record: bytes, offset: int) -> None:
        """Add a record to others that were added."""
        self.records.append(record)
        self.offsets.append(offset)

    def offset(self, index: int) -> int:
        """Where a record begins, in the decompressed data of the whole source."""
        if not self.offsets:
            self.offsets = list(accumulate((len(record) + 1 for record in self.records), initial=self.start))
        return self.offsets[index]
