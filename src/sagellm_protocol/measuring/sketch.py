"""The distribution of one figure, in bounded memory: exact count, sum and extremes, and quantiles by a DDSketch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import missing_extra

RELATIVE_ERROR = 0.01
"""A quantile is off by at most this share of itself: DDSketch's guarantee (Masson, Rim and Lee, VLDB 2019)."""
BINS = 2048
"""At most so many bins are kept of a sign. They span a factor of 1e17; only below that is the guarantee lost."""


@cache
def _ddsketch() -> ModuleType:
    """The library, when a sketch is made: importing this module does not need it.

    Raises:
        MissingExtraError: the extra ``metrics`` is not installed.
    """
    try:
        import ddsketch
    except ImportError as error:
        raise missing_extra("metrics") from error
    return ddsketch


@cache
def _mapping() -> Any:
    return _ddsketch().mapping.LogarithmicMapping(RELATIVE_ERROR)


def _bins() -> Any:
    return _ddsketch().store.CollapsingLowestDenseStore(BINS)


@attrs.define
class Sketch:
    """Values of one figure. Sketches of several shards are merged into one, in any order."""

    count: int = 0
    mean: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    zeros: int = 0
    positive: Any = attrs.field(factory=_bins, repr=False, eq=lambda bins: _counts(bins))
    negative: Any = attrs.field(factory=_bins, repr=False, eq=lambda bins: _counts(bins))

    def add(self, value: float, times: int = 1) -> None:
        """One value more, or so many that are alike: a finite number."""
        self.count += times
        # Not by a sum, which would overflow.
        self.mean += (value - self.mean) * (times / self.count)
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value
        mapping = _mapping()
        if value > mapping.min_possible:
            self.positive.add(mapping.key(value), times)
        elif value < -mapping.min_possible:
            self.negative.add(mapping.key(-value), times)
        else:
            self.zeros += times

    def merge(self, other: Sketch) -> None:
        """The values of another as well; the other stays as it is."""
        if not other.count:
            return
        self.count += other.count
        self.mean += (other.mean - self.mean) * (other.count / self.count)
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        self.zeros += other.zeros
        self.positive.merge(other.positive)
        self.negative.merge(other.negative)

    def quantile(self, share: float) -> float:
        """The value below which a share of all lies, off by at most :data:`RELATIVE_ERROR` of it. There must be one."""
        sketch = _ddsketch().ddsketch.BaseDDSketch(_mapping(), self.positive, self.negative, self.zeros)
        found: Any = sketch.get_quantile_value(share)
        return min(max(float(found), self.least), self.most)

    def to_plain(self) -> dict[str, Any]:
        """All that there is to it, as plain data: for a shard to send."""
        return {
            "count": self.count,
            "mean": self.mean,
            "least": self.least if self.count else None,
            "most": self.most if self.count else None,
            "zeros": self.zeros,
            "positive": _counts(self.positive),
            "negative": _counts(self.negative),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Sketch:
        """What :meth:`to_plain` gave."""
        made = cls(plain["count"], plain["mean"], zeros=plain["zeros"])
        if made.count:
            made.least, made.most = plain["least"], plain["most"]
        for bins, counts in ((made.positive, plain["positive"]), (made.negative, plain["negative"])):
            for key, count in counts:
                bins.add(key, count)
        return made


def _counts(bins: Any) -> list[list[int]]:
    """The bins that hold something: their keys, and how many values they hold."""
    return [[bins.offset + place, int(count)] for place, count in enumerate(bins.bins) if count]
