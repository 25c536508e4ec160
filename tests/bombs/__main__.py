"""``python -m bombs``: measure the table, and fail where a bomb costs too much."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import attrs

from bombs.measuring import Cost, measure, warm
from bombs.table import TABLE, Bomb

SIZES = (10_000, 100_000, 1_000_000, 8_000_000)
RATIO = 20
"""How many times what a good input of its size costs a bomb may cost."""
SECONDS, BYTES = 0.02, 4 * 2**20
"""And these besides."""
FLOOR = 2e-9
"""Seconds for a byte that a good input costs at the least, even where nobody looks at it."""


@attrs.frozen
class Row:
    """One bomb at one size."""

    name: str
    to: str
    size: int
    hostile: Cost
    valid: Cost
    scale: float
    """How much larger the bomb is than the good input."""

    @property
    def slower(self) -> float:
        """Times the time of a good input of the same size, less the constant."""
        return max(self.hostile.seconds - SECONDS, 0) / max(self.valid.seconds * self.scale, FLOOR * self.hostile.size)

    @property
    def larger(self) -> float:
        """Times the memory; a good input takes its own size at the least."""
        return max(self.hostile.memory - BYTES, 0) / max(self.valid.memory * self.scale, self.hostile.size, 1)

    @property
    def over(self) -> bool:
        """Whether it costs too much, or ends in anything but one of our errors."""
        return self.hostile.fault or self.slower > RATIO or self.larger > RATIO

    def to_plain(self) -> dict[str, object]:
        """The row as plain data."""
        return {
            "bomb": self.name,
            "to": self.to,
            "bytes": self.hostile.size,
            "outcome": self.hostile.outcome,
            "seconds": round(self.hostile.seconds, 6),
            "memory": self.hostile.memory,
            "time ratio": round(self.slower, 2),
            "memory ratio": round(self.larger, 2),
            "over": self.over,
        }


def rows_of(number: int, sizes: tuple[int, ...], limit: float) -> list[Row]:
    """The rows of a bomb, by its number in the table."""
    bomb = TABLE[number]
    sizes = tuple(size for size in sizes if size <= bomb.most)
    warm(bomb)
    good = _good(bomb, sizes, limit)
    bad = measure(bomb, sizes, hostile=True, limit=limit)
    return [
        Row(bomb.name, bomb.to, size, hostile, valid, hostile.size / valid.size if bomb.grows else 1.0)
        for size, hostile, valid in zip(sizes, bad, good, strict=False)
    ]


_GOOD: dict[object, list[Cost]] = {}
"""What good inputs cost that stand beside several bombs, in this process."""


def _good(bomb: Bomb, sizes: tuple[int, ...], limit: float) -> list[Cost]:
    """What the good input beside a bomb costs.

    Raises:
        SystemExit: it is refused, so that there is nothing to compare with.
    """
    key = (bomb.to, bomb.valid, sizes)
    if key not in _GOOD:
        _GOOD[key] = measure(bomb, sizes, hostile=False, limit=limit)
    for cost in _GOOD[key]:
        if cost.fault or cost.outcome != "taken":
            raise SystemExit(f"the good input beside {bomb.name!r} for {bomb.to} is not taken: {cost.outcome}")
    return _GOOD[key]


def grown(number: int, limit: float) -> tuple[str, str, list[Cost]]:
    """What a bomb costs at two small sizes, by its number in the table: quick enough for the suite."""
    bomb = TABLE[number]
    warm(bomb)
    return bomb.name, bomb.to, measure(bomb, (SMALL, GROWTH * SMALL), hostile=True, limit=limit, closely=False)


SMALL, GROWTH = 10_000, 4


HEADINGS = ("bomb", "to", "size", "outcome", "time", "memory", "time x", "memory x", "")
LINE = "{:<38} {:<20} {:>8} {:<20} {:>10} {:>9} {:>8} {:>8} {}"


def cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    return (
        row.name,
        row.to,
        f"{row.size / 1000:,.0f} kB",
        row.hostile.outcome,
        f"{row.hostile.seconds * 1000:,.1f} ms",
        f"{row.hostile.memory / 2**20:,.0f} MiB",
        f"{row.slower:,.1f}",
        f"{row.larger:,.1f}",
        "OVER" if row.over else "",
    )


def markdown(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def measured(bombs: list[int], sizes: tuple[int, ...], limit: float, processes: int) -> Iterator[list[Row]]:
    """The rows of some bombs, each as soon as it is there, in the order of the table."""
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        try:
            yield from pool.map(partial(rows_of, sizes=sizes, limit=limit), bombs)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def wanted(bomb: Bomb, only: str | None, to: str | None) -> bool:
    """Whether a bomb was asked for."""
    return (only is None or only in bomb.name) and (to is None or to == bomb.to)


def main() -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="bombs", description=__doc__)
    parser.add_argument("--only", help="bombs with this text in their name")
    parser.add_argument("--to", help="bombs for this reader")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="bytes, with commas between")
    parser.add_argument("--limit", type=float, default=60, help="seconds for each size (60)")
    parser.add_argument("--processes", type=int, default=2, help="at once (2)")
    parser.add_argument(
        "--growth", action="store_true", help=f"only what {SMALL} bytes cost, and {GROWTH} times as many"
    )
    parser.add_argument("--over", action="store_true", help="print only what costs too much")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--json", type=Path, help="write the rows there")
    options = parser.parse_args()
    sizes = tuple(map(int, options.sizes.split(",")))
    chosen = [number for number, bomb in enumerate(TABLE) if wanted(bomb, options.only, options.to)]

    if options.growth:
        chosen = [number for number in chosen if not TABLE[number].variant]
        with ProcessPoolExecutor(options.processes, mp_context=get_context("fork")) as pool:
            for name, to, costs in pool.map(partial(grown, limit=options.limit), chosen, chunksize=8):
                print(json.dumps([name, to, [attrs.asdict(cost) for cost in costs]]))
        return 0
    rows: list[Row] = []
    print(LINE.format(*HEADINGS))
    try:
        for found in measured(chosen, sizes, options.limit, options.processes):
            rows += found
            for row in found:
                if row.over or not options.over:
                    print(LINE.format(*cells(row)), flush=True)
    except KeyboardInterrupt:
        print("stopped")
    if options.markdown is not None:
        options.markdown.write_text(markdown(rows), encoding="utf-8")
    if options.json is not None:
        options.json.write_text(json.dumps([row.to_plain() for row in rows], indent=1) + "\n", encoding="utf-8")
    over = sum(row.over for row in rows)
    print(f"\n{len(rows)} rows of {len(chosen)} bombs; {over} over {RATIO} times what a good input of the size costs")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
