"""What an archive holds: by source and in all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from sagellm_protocol.archive.counting import OTHERS, Counts
from sagellm_protocol.archive.formats import Form
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.surveys.findings import Findings, reasons
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.measuring import MetricsSummary
from sagellm_protocol.measuring.sketch import Sketch


@attrs.define
class Seen:
    """What was seen in a source, or in many."""

    bytes: int = 0
    """Of the files, as they are stored."""
    damaged: int = 0
    """Stretches that are no record at all. Each counts as a record, and as one that would be set aside."""
    data: int = 0
    """Bytes of the records alone."""
    largest: int = 0
    """Bytes of the largest record."""
    counts: Counts = attrs.field(factory=Counts)
    """What an upgrade would find."""

    @property
    def records(self) -> int:
        """How many there are, damage included."""
        return self.counts.records

    @property
    def mean(self) -> float:
        """Bytes of a record, on average; 0 where there is none."""
        whole = self.records - self.damaged
        return self.data / whole if whole else 0.0

    def add(self, other: Seen) -> None:
        """What was seen elsewhere."""
        self.bytes += other.bytes
        self.damaged += other.damaged
        self.data += other.data
        self.largest = max(self.largest, other.largest)
        self.counts.add(other.counts)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "bytes": self.bytes,
            "records": self.records,
            "damaged": self.damaged,
            "rejected": self.counts.rejected,
            "blank": self.counts.blank,
            "data": self.data,
            "largest": self.largest,
            "reasons": self.counts.reasons,
            "revisions": self.counts.revisions,
            "types": {
                name: {
                    "records": counts.records,
                    "todays_form": counts.unchanged,
                    "revisions": counts.revisions,
                    "unknown_fields": counts.unknown_fields,
                }
                for name, counts in sorted(self.counts.types.items())
            },
        }


@attrs.define
class SourceSeen:
    """What was seen in one source."""

    form: Form
    seen: Seen = attrs.field(factory=Seen)
    revisions: tuple[str, ...] = ()
    """Those that could have written every record that could be told, oldest first."""
    releases: tuple[str, ...] = ()
    """The releases that speak them, oldest first."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            **attrs.asdict(self.form),
            **self.seen.to_plain(),
            "written_by": {"revisions": list(self.revisions), "releases": list(self.releases)},
        }


@attrs.define
class Inspection:
    """What an archive holds. Of two parts of an archive the second can be added to the first."""

    sources: dict[str, SourceSeen] = attrs.field(factory=dict)
    sizes: Sketch = attrs.field(factory=Sketch)
    """Bytes of the records."""
    metrics: MetricsSummary = attrs.field(factory=MetricsSummary)
    """All ``Metrics`` found: in messages, and by themselves."""
    reasons: Findings[str] = attrs.field(factory=reasons)
    """Why records would be set aside."""
    unreadable: dict[str, str] = attrs.field(factory=dict)
    """Why a source could not be read, by its name."""
    sample: float | None = None
    """The share of the records that was read; None: all."""

    @property
    def total(self) -> Seen:
        """All sources together."""
        total = Seen()
        for source in self.sources.values():
            total.add(source.seen)
        return total

    def add(self, other: Inspection) -> None:
        """What was seen of sources, or stretches of them, that come after."""
        for name, source in other.sources.items():
            self.sources.setdefault(name, SourceSeen(source.form)).seen.add(source.seen)
        self.sizes.merge(other.sizes)
        self.metrics.merge(other.metrics)
        self.reasons.add(other.reasons)

    def tell_writers(self, history: History = HISTORY) -> None:
        """Find out which releases could have written each source, by what was counted."""
        for source in self.sources.values():
            source.revisions = possible(source.seen.counts, history)
            spoken = set(source.revisions)
            source.releases = tuple(name for name, revision in history.releases.items() if revision in spoken)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "sample": self.sample,
            "total": self.total.to_plain(),
            "sizes": sizes_of(self),
            "metrics": {
                "requests": self.metrics.requests,
                "failed": self.metrics.failed,
                "relative_error": self.metrics.relative_error,
                "fields": {name: attrs.asdict(field) for name, field in self.metrics.fields.items()},
            },
            "reasons": [{"reason": reason, **found.to_plain()} for reason, found in self.reasons.most_first()],
            "sources": {to_text(name): source.to_plain() for name, source in sorted(self.sources.items())},
            "unreadable": {to_text(name): reason for name, reason in sorted(self.unreadable.items())},
        }


def sizes_of(inspection: Inspection) -> dict[str, float] | None:
    """Bytes of a record: on average, at most in half of them, in 99 of 100, in all; None where there is none."""
    sizes = inspection.sizes
    if not sizes.count:
        return None
    return {"mean": sizes.mean, "p50": sizes.quantile(0.5), "p99": sizes.quantile(0.99), "largest": sizes.most}


def possible(counts: Counts, history: History = HISTORY) -> tuple[str, ...]:
    """The revisions that could have written every record that was counted, oldest first; all, where there is none."""
    found = set(history.revisions)
    for types in counts.types.values():
        for told in types.revisions:
            if told != OTHERS:
                found.intersection_update(_ranges(told.split(", "), history.revisions))
    return tuple(revision for revision in history.revisions if revision in found)


def _ranges(told: Iterable[str], every: tuple[str, ...]) -> Iterable[str]:
    """The revisions of ranges such as ``0.1.0.1 to 0.4.0.7``."""
    for stretch in told:
        first, _, last = stretch.partition(" to ")
        yield from every[every.index(first) : every.index(last or first) + 1]
