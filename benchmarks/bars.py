"""What is to hold, as data, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import attrs

from benchmarks import streaming
from benchmarks.measured import Column, Measured
from benchmarks.ways import NATIVE, PURE


@attrs.frozen
class Bar:
    """Ratios to reach: time (or bytes) of ``against`` divided by those of ``competitor``, so over 1 is better."""

    work: str
    competitor: str
    median: float
    """What the median over the messages is to reach."""
    worst: float | None = None
    """What every message is to reach."""
    against: str = "published"
    way: str = NATIVE
    message: str | None = None
    """The only message that it speaks of."""

    def ratios(self, measured: Measured) -> dict[str, list[float]]:
        """What was measured of it, pass by pass, by message."""
        found = measured.ratios(self.work, Column(self.competitor, self.way), self.against)
        return {message: passes for message, passes in found.items() if self.message in (None, message)}


_OF_STRUCT = 1 / 1.4
"""At most 1.4 times as long as a Struct takes."""

BARS = (
    Bar("build", "core", 4.5, 2.7),
    Bar("decode dict", "core", 4.5, 3.3),
    Bar("decode JSON", "core", 1.9, 1.5),
    Bar("decode JSON", "msgspec", 3.0, 2.2),
    Bar("encode JSON", "core", 2.0, 1.6),
    Bar("encode JSON", "msgspec", 3.0, 1.7),
    Bar("decode MessagePack", "core", 1.7, 1.4),
    Bar("decode MessagePack", "msgspec", 4.5, 3.0),
    Bar("encode MessagePack", "core", 1.9, 1.5),
    Bar("encode MessagePack", "msgspec", 6.0, 4.2),
    Bar("decode JSON", "msgspec", _OF_STRUCT, against="struct"),
    Bar("encode JSON", "msgspec", _OF_STRUCT, against="struct"),
    Bar("decode MessagePack", "msgspec", _OF_STRUCT, against="struct"),
    Bar("encode MessagePack", "msgspec", _OF_STRUCT, against="struct"),
    Bar("bytes an object, built", "core", 5.0, 2.5),
    Bar("garbage collection", "core", 4.0),
    Bar("upgrade an archive", "core", 2.5, 2.5),
    # Less time than the parser takes over the JSON of it.
    Bar("upgrade from 0.1.0", "core", 1.0, against="raw", message="types.StreamEventDelta"),
    # A writer is for what servers build messages for today, and write by hand where that is too slow.
    Bar(streaming.WRITE, "core", 10.0, message=streaming.CHUNK),
    Bar(streaming.WRITE, "core", 1.0, 1.0, against="raw"),
    Bar(streaming.WRITE, "core", 10.0, message=streaming.CHUNK, way=PURE),
    Bar(streaming.WRITE, "core", 1.0, 1.0, against="raw", way=PURE),
    # Python alone: what it reached before there was a compiled core, in the slowest pass of the run of 2026-11-24.
    Bar("build", "core", 1.38, 0.86, way=PURE),
    Bar("decode dict", "core", 0.98, 0.74, way=PURE),
    Bar("decode JSON", "core", 0.97, 0.71, way=PURE),
    Bar("decode JSON", "msgspec", 1.81, 1.40, way=PURE),
    Bar("encode JSON", "core", 1.77, 1.43, way=PURE),
    Bar("encode JSON", "msgspec", 1.80, 1.40, way=PURE),
    Bar("decode MessagePack", "core", 1.03, 0.87, way=PURE),
    Bar("decode MessagePack", "msgspec", 2.70, 1.49, way=PURE),
    Bar("encode MessagePack", "core", 1.63, 1.19, way=PURE),
    Bar("encode MessagePack", "msgspec", 4.79, 3.71, way=PURE),
    Bar("bytes an object, built", "core", 5.25, 2.68, way=PURE),
)


@attrs.frozen
class Verdict:
    """A bar and what was measured."""

    bar: Bar
    median: float
    """The median over the messages in each pass, and of these the median."""
    lowest: float
    """The lowest of these."""
    highest: float
    """The highest of these."""
    worst: float
    worst_message: str

    @property
    def missed(self) -> str:
        """By how much the bar is missed, in words; empty where it holds."""
        found = []
        if self.median < self.bar.median:
            found.append(f"median {self.median:.2f} of {self.bar.median:.3g}")
        if self.bar.worst is not None and self.worst < self.bar.worst:
            found.append(f"{self.worst_message} {self.worst:.2f} of {self.bar.worst:.3g}")
        return "; ".join(found)


def verdicts(measured: Measured) -> Iterator[Verdict]:
    """Every bar whose two sides were measured."""
    for bar in BARS:
        ratios = bar.ratios(measured)
        if not ratios:
            continue
        each = {message: median(passes) for message, passes in ratios.items()}
        by_pass = [median(ratio) for ratio in zip(*ratios.values(), strict=True)]
        worst = min(each, key=each.__getitem__)
        yield Verdict(bar, median(by_pass), min(by_pass), max(by_pass), each[worst], worst)


def unmeasured(measured: Measured) -> list[Bar]:
    """The bars that this run says nothing about."""
    return [bar for bar in BARS if not bar.ratios(measured)]
