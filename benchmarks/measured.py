"""What a run has measured."""

from __future__ import annotations

from statistics import median
from typing import Any

import attrs


@attrs.frozen
class Measured:
    """The figures of a run. Less is better in all of them: seconds, or bytes in works that begin with ``bytes``."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    missing: dict[str, str]
    """Why a competitor was left out, by its key."""
    figures: dict[str, dict[str, dict[str, list[float]]]]
    """Work to message to competitor to a figure for each pass; those at one index were taken close together."""

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Measured:
        """Back from JSON."""
        return cls(**plain)

    def competitors(self, work: str) -> list[str]:
        """Who does a work, for at least one message."""
        return list(dict.fromkeys(name for row in self.figures.get(work, {}).values() for name in row))

    def figure(self, work: str, message: str, competitor: str) -> float | None:
        """The median over the passes."""
        passes = self.figures[work][message].get(competitor)
        return None if passes is None else median(passes)

    def ratios(self, work: str, competitor: str, against: str) -> dict[str, list[float]]:
        """How many times better than ``against``, pass by pass, by message."""
        return {
            message: [theirs / ours for theirs, ours in zip(row[against], row[competitor], strict=True)]
            for message, row in self.figures.get(work, {}).items()
            if competitor in row and against in row
        }

    def ratio(self, work: str, competitor: str, against: str) -> dict[str, float]:
        """The median of :meth:`ratios` by message."""
        return {message: median(passes) for message, passes in self.ratios(work, competitor, against).items()}
