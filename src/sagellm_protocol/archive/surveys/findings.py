"""What was found amiss, counted by what is alike, with where it was seen first: in memory that is bounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.reasons import gist
from sagellm_protocol.model.paths import cut

K = TypeVar("K")

MOST = 1000
"""So many kinds of findings are told apart; what comes after them is counted together."""
_INDEX = re.compile(r"\[[0-9]+\]")
_LONGEST = 300
"""Characters of a reason."""


def without_indices(path: str) -> str:
    """A path for all items of a sequence: ``choices[].delta``."""
    return _INDEX.sub("[]", path)


def counted(reason: str) -> str:
    """A reason as it is counted: without what is particular to one record, and not long."""
    return cut(gist(reason), _LONGEST)


@attrs.frozen
class Finding:
    """Records of which the same is amiss."""

    records: int
    source: str
    """The name of the source of the first."""
    offset: int
    """Bytes before the first in its source, decompressed."""
    example: str
    """What is amiss with the first."""

    def to_plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "records": self.records,
            "first": {"source": to_text(self.source), "offset": self.offset, "example": self.example},
        }


@attrs.define
class Findings(Generic[K]):
    """Findings by what is alike in them, in the order in which each was first seen."""

    others: K
    """What stands for those past the first thousand."""
    found: dict[K, Finding] = attrs.field(factory=dict)

    def note(self, key: K, source: str, offset: Callable[[], int], example: str) -> None:
        """One record more; ``offset`` is asked where it is the first."""
        key = self._known(key)
        before = self.found.get(key)
        if before is None:
            self.found[key] = Finding(1, source, offset(), example)
        else:
            self.found[key] = attrs.evolve(before, records=before.records + 1)

    def add(self, other: Findings[K]) -> None:
        """What was found later."""
        for theirs, finding in other.found.items():
            key = self._known(theirs)
            before = self.found.get(key)
            if before is None:
                self.found[key] = finding
            else:
                self.found[key] = attrs.evolve(before, records=before.records + finding.records)

    def most_first(self) -> list[tuple[K, Finding]]:
        """Those of the most records first."""
        return sorted(self.found.items(), key=lambda item: -item[1].records)

    def _known(self, key: K) -> K:
        return key if key in self.found or len(self.found) < MOST else self.others


def reasons() -> Findings[str]:
    """Findings by reason."""
    return Findings(OTHERS)
