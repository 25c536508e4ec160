"""What was found, what was changed and what was set aside: counted and added up, in memory that is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.archive.reasons import gist
from sagellm_protocol.archive.upgraded import Upgraded

_NAMES = 1000
OTHERS = "(others)"
"""What stands for the names past the first thousand, as for paths of unknown fields that are no names but values."""


@attrs.define
class TypeCounts:
    """Records of one message."""

    upgraded: int = 0
    unchanged: int = 0
    revisions: dict[str, int] = attrs.field(factory=dict)
    """Records by the revisions that may have written them."""
    unknown_fields: dict[str, int] = attrs.field(factory=dict)
    """How many records have a field that the protocol does not know, by its path."""
    filled: dict[str, int] = attrs.field(factory=dict)
    """How many values the records lacked and ``fill`` gave, by field."""
    made_up: dict[str, int] = attrs.field(factory=dict)
    """How many values the records lacked and nobody gave, so that they are made up (``"unknown"``), by field."""

    @property
    def records(self) -> int:
        """How many there are."""
        return self.upgraded + self.unchanged

    def count(self, upgraded: Upgraded, times: int = 1) -> None:
        """Count a record, or so many of which the same is to be said."""
        if upgraded.record is None:
            self.unchanged += times
        else:
            self.upgraded += times
        _count(self.revisions, (upgraded.revisions,), times)
        if upgraded.unknown:
            _count(self.unknown_fields, upgraded.unknown, times)
        if upgraded.filled:
            _count(self.filled, upgraded.filled, times)
        if upgraded.made_up:
            _count(self.made_up, upgraded.made_up, times)

    def add(self, other: TypeCounts) -> None:
        """Add what was found elsewhere."""
        self.upgraded += other.upgraded
        self.unchanged += other.unchanged
        _add(self.revisions, other.revisions)
        _add(self.unknown_fields, other.unknown_fields)
        _add(self.filled, other.filled)
        _add(self.made_up, other.made_up)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"records": self.records, **attrs.asdict(self)}


@attrs.define
class Counts:
    """What was found in a file, or in many."""

    rejected: int = 0
    blank: int = 0
    """Lines with nothing but white space: no records, but copied."""
    types: dict[str, TypeCounts] = attrs.field(factory=dict)
    reasons: dict[str, int] = attrs.field(factory=dict)
    """How many records were set aside why, without what is particular to one of them. Who writes them down counts."""

    @property
    def upgraded(self) -> int:
        """Records written anew."""
        return sum(counts.upgraded for counts in self.types.values())

    @property
    def unchanged(self) -> int:
        """Records that are today's form already, copied to the byte."""
        return sum(counts.unchanged for counts in self.types.values())

    @property
    def records(self) -> int:
        """All of them: upgraded, unchanged and rejected."""
        return self.upgraded + self.unchanged + self.rejected

    @property
    def revisions(self) -> dict[str, int]:
        """Records by the revisions that may have written them."""
        found: dict[str, int] = {}
        for counts in self.types.values():
            _add(found, counts.revisions)
        return dict(sorted(found.items()))

    def count(self, upgraded: Upgraded, times: int = 1) -> None:
        """Count a record that went through, or so many of which the same is to be said."""
        counts = self.types.get(upgraded.message)
        if counts is None:
            counts = self.types[upgraded.message] = TypeCounts()
        counts.count(upgraded, times)

    def count_reasons(self, reasons: Iterable[str]) -> None:
        """Count why records were set aside."""
        _count(self.reasons, map(gist, reasons), 1)

    def add(self, other: Counts) -> None:
        """Add what was found elsewhere."""
        self.rejected += other.rejected
        _add(self.reasons, other.reasons)
        self.blank += other.blank
        for name, theirs in other.types.items():
            self.types.setdefault(name, TypeCounts()).add(theirs)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data, sums included."""
        return {
            "records": self.records,
            "upgraded": self.upgraded,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "blank": self.blank,
            "unknown_fields": _sum(counts.unknown_fields for counts in self.types.values()),
            "filled": _sum(counts.filled for counts in self.types.values()),
            "made_up": _sum(counts.made_up for counts in self.types.values()),
            "revisions": self.revisions,
            "types": {name: counts.to_plain() for name, counts in sorted(self.types.items())},
            "reasons": dict(sorted(self.reasons.items())),
        }


def _count(counts: dict[str, int], names: Iterable[str], times: int) -> None:
    for name in names:
        if name in counts:
            counts[name] += times
        else:
            _add(counts, {name: times})


def _add(ours: dict[str, int], theirs: Mapping[str, int]) -> None:
    for name, times in theirs.items():
        # A key that is an identifier makes a path of its own in every record; memory stays bounded all the same.
        known = name if name in ours or len(ours) < _NAMES else OTHERS
        ours[known] = ours.get(known, 0) + times


def _sum(found: Iterable[Mapping[str, int]]) -> int:
    return sum(sum(counts.values()) for counts in found)
