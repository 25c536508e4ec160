"""What is to hold, as data, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import attrs

from benchmarks.measured import Measured


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


BARS = (
    Bar("build", "core", 2.0, 1.3),
    Bar("encode JSON", "core", 2.5, 1.5),
    Bar("decode JSON", "core", 1.4, 1.0),
    Bar("encode MessagePack", "core", 2.0, 1.3),
    Bar("decode MessagePack", "core", 2.0, 1.3),
    Bar("decode dict", "core", 1.5, 1.0),
    Bar("bytes an object, built", "core", 6.0, 4.0),
    Bar("bytes an object, decoded", "core", 6.0, 4.0),
    Bar("import", "core", 3.0),
    Bar("upgrade an archive", "core", 2.5, 2.5),
    Bar("encode JSON", "msgspec", 4.0),
    Bar("decode JSON", "msgspec", 2.5),
    Bar("encode MessagePack", "msgspec", 4.0),
    Bar("decode MessagePack", "msgspec", 4.0),
    # At most twice as long as a Struct takes.
    Bar("encode JSON", "msgspec", 0.5, 0.5, "struct"),
    Bar("decode JSON", "msgspec", 0.5, 0.5, "struct"),
    Bar("encode MessagePack", "msgspec", 0.5, 0.5, "struct"),
    Bar("decode MessagePack", "msgspec", 0.5, 0.5, "struct"),
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
            found.append(f"median {self.median:.2f} of {self.bar.median:g}")
        if self.bar.worst is not None and self.worst < self.bar.worst:
            found.append(f"{self.worst_message} {self.worst:.2f} of {self.bar.worst:g}")
        return "; ".join(found)


def verdicts(measured: Measured) -> Iterator[Verdict]:
    """Every bar whose two sides were measured."""
    for bar in BARS:
        ratios = measured.ratios(bar.work, bar.competitor, bar.against)
        if not ratios:
            continue
        each = {message: median(passes) for message, passes in ratios.items()}
        by_pass = [median(ratio) for ratio in zip(*ratios.values(), strict=True)]
        worst = min(each, key=each.__getitem__)
        yield Verdict(bar, median(by_pass), min(by_pass), max(by_pass), each[worst], worst)


def unmeasured(measured: Measured) -> list[Bar]:
    """The bars that this run says nothing about."""
    return [bar for bar in BARS if not measured.ratios(bar.work, bar.competitor, bar.against)]
