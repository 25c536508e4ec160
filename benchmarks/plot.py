"""The plot of a run, as SVG: for each work the ratios against the published release, a dot a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import log2
from statistics import median

from benchmarks.bars import BARS
from benchmarks.measured import Column, Measured
from benchmarks.ways import NATIVE, OURS, PURE
from benchmarks.work import COMPETITORS

_COLOURS = {
    Column("core", NATIVE): "#1f6feb",
    Column("core", PURE): "#8b98a9",
    Column("msgspec", NATIVE): "#d9730d",
    Column("msgspec", PURE): "#bfa98f",
}
_LEFT, _WIDTH, _TOP, _ROW, _RIGHT = 260, 560, 64, 30, 30
_TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)


def plot(measured: Measured) -> str:
    """The SVG text. Where nothing was measured against the published release, an empty plot that says so."""
    rows = [
        (work, column, ratios)
        for work in measured.works()
        for column in measured.columns(list(OURS))
        if (ratios := measured.ratio(work, column, "published"))
    ]
    height = _TOP + _ROW * max(len(rows), 1) + 40
    values = [ratio for _, _, ratios in rows for ratio in ratios.values()] or [1.0]
    low = max((tick for tick in _TICKS if tick <= min(*values, 1)), default=_TICKS[0])
    high = min((tick for tick in _TICKS if tick >= max(*values, 2)), default=_TICKS[-1])

    def at(ratio: float) -> float:
        share = (log2(min(max(ratio, low), high)) - log2(low)) / (log2(high) - log2(low))
        return round(_LEFT + _WIDTH * share, 1)

    width = _LEFT + _WIDTH + _RIGHT
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="24" font-size="15" font-weight="bold">Times as good as the published release</text>',
        *_legend(list(measured.columns(list(OURS)))),
    ]
    bottom = height - 32
    for tick in _TICKS:
        if low <= tick <= high:
            colour = "#444444" if tick == 1 else "#dddddd"
            body.append(f'<line x1="{at(tick)}" x2="{at(tick)}" y1="{_TOP - 6}" y2="{bottom}" stroke="{colour}"/>')
            body.append(f'<text x="{at(tick)}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    if not rows:
        body.append(f'<text x="{_LEFT}" y="{_TOP + 16}">The published release was not measured.</text>')
    for number, (work, column, ratios) in enumerate(rows):
        y, colour = _TOP + _ROW * number + _ROW // 2, _COLOURS[column]
        found = sorted(ratios.values())
        body.append(f'<text x="{_LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(work)}</text>')
        body.append(
            f'<line x1="{at(found[0])}" x2="{at(found[-1])}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2" '
            'stroke-opacity="0.35"/>'
        )
        for message, ratio in ratios.items():
            body.append(
                f'<circle cx="{at(ratio)}" cy="{y}" r="3.5" fill="{colour}" fill-opacity="0.55">'
                f"<title>{escape(message)}: {ratio:.2f}</title></circle>"
            )
        middle = at(median(found))
        body.append(f'<line x1="{middle}" x2="{middle}" y1="{y - 9}" y2="{y + 9}" stroke="{colour}" stroke-width="3"/>')
        for bar in BARS:
            if (bar.work, Column(bar.competitor, bar.way), bar.against) == (work, column, "published"):
                x = at(bar.median)
                body.append(
                    f'<path d="M{x - 5},{y - 13} h10 l-5,7 z" fill="#c62828"><title>bar {bar.median:g}</title></path>'
                )
    return "\n".join([*body, "</svg>", ""])


def _legend(columns: Sequence[Column]) -> Iterator[str]:
    x = 16
    for column in columns:
        name = COMPETITORS[column.competitor] + (", pure" if column.way == PURE else "")
        yield f'<circle cx="{x + 5}" cy="42" r="4" fill="{_COLOURS[column]}"/>'
        yield f'<text x="{x + 15}" y="46">{name}</text>'
        x += 40 + 7 * len(name)
    yield f'<line x1="{x + 5}" x2="{x + 5}" y1="34" y2="50" stroke="#444444" stroke-width="3"/>'
    yield f'<text x="{x + 14}" y="46">median of the messages</text>'
    yield f'<path d="M{x + 180},38 h10 l-5,7 z" fill="#c62828"/>'
    yield f'<text x="{x + 196}" y="46">the bar on it</text>'
