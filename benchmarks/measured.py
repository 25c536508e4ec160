"""What a run has measured."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any, TypeAlias

import attrs

from benchmarks.ways import OURS

Figures: TypeAlias = dict[str, dict[str, dict[str, list[float]]]]
"""Work to message to competitor to a figure for each pass; those at one index were taken close together."""


@attrs.frozen
class Column:
    """A competitor, and the way in which this package worked meanwhile."""

    competitor: str
    way: str


@attrs.frozen
class Measured:
    """The figures of a run. Less is better in all of them: seconds, or bytes in works that begin with ``bytes``."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    missing: dict[str, str]
    """Why a competitor or a way was left out, by its key."""
    figures: dict[str, Figures]
    """By way. A ratio is of figures of one way, which were taken in one process."""

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Measured:
        """Back from JSON."""
        return cls(**plain)

    @property
    def main(self) -> str:
        """The way beside which all competitors were measured."""
        return next(iter(self.figures))

    def works(self) -> list[str]:
        """What was measured."""
        return list(self.figures[self.main])

    def columns(self, competitors: list[str]) -> Iterator[Column]:
        """Each competitor once, and this package once for each way."""
        for competitor in competitors:
            for way in self.figures if competitor in OURS else [self.main]:
                yield Column(competitor, way)

    def does(self, work: str, column: Column) -> bool:
        """Whether this was measured, for at least one message."""
        return any(column.competitor in row for row in self.figures[column.way].get(work, {}).values())

    def figure(self, work: str, message: str, column: Column) -> float | None:
        """The median over the passes."""
        passes = self.figures[column.way].get(work, {}).get(message, {}).get(column.competitor)
        return None if passes is None else median(passes)

    def ratios(self, work: str, column: Column, against: str) -> dict[str, list[float]]:
        """How many times better than ``against``, pass by pass, by message."""
        return {
            message: [theirs / ours for theirs, ours in zip(row[against], row[column.competitor], strict=True)]
            for message, row in self.figures.get(column.way, {}).get(work, {}).items()
            if column.competitor in row and against in row
        }

    def ratio(self, work: str, column: Column, against: str) -> dict[str, float]:
        """The median of :meth:`ratios` by message."""
        return {message: median(passes) for message, passes in self.ratios(work, column, against).items()}
