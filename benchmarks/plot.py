"""The plot of a run, as SVG: for each work the ratios against the published release, a dot a message."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import log2
from statistics import median

from benchmarks.bars import BARS
from benchmarks.measured import Measured
from benchmarks.work import COMPETITORS

_COLOURS = {"core": "#1f6feb", "msgspec": "#d9730d"}
_LEFT, _WIDTH, _TOP, _ROW, _RIGHT = 260, 560, 64, 30, 30
_TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)


def plot(measured: Measured) -> str:
    """The SVG text. Where nothing was measured against the published release, an empty plot that says so."""
    rows = [
        (work, competitor, ratios)
        for work in measured.figures
        for competitor in _COLOURS
        if (ratios := measured.ratio(work, competitor, "published"))
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
        *_legend(),
    ]
    bottom = height - 32
    for tick in _TICKS:
        if low <= tick <= high:
            colour = "#444444" if tick == 1 else "#dddddd"
            body.append(f'<line x1="{at(tick)}" x2="{at(tick)}" y1="{_TOP - 6}" y2="{bottom}" stroke="{colour}"/>')
            body.append(f'<text x="{at(tick)}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    if not rows:
        body.append(f'<text x="{_LEFT}" y="{_TOP + 16}">The published release was not measured.</text>')
    for number, (work, competitor, ratios) in enumerate(rows):
        y, colour = _TOP + _ROW * number + _ROW // 2, _COLOURS[competitor]
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
            if (bar.work, bar.competitor, bar.against) == (work, competitor, "published"):
                x = at(bar.median)
                body.append(
                    f'<path d="M{x - 5},{y - 13} h10 l-5,7 z" fill="#c62828"><title>bar {bar.median:g}</title></path>'
                )
    return "\n".join([*body, "</svg>", ""])


def _legend() -> Iterator[str]:
    x = 16
    for competitor, colour in _COLOURS.items():
        yield f'<circle cx="{x + 5}" cy="42" r="4" fill="{colour}"/>'
        yield f'<text x="{x + 15}" y="46">{COMPETITORS[competitor]}</text>'
        x += 130
    yield f'<line x1="{x + 5}" x2="{x + 5}" y1="34" y2="50" stroke="#444444" stroke-width="3"/>'
    yield f'<text x="{x + 14}" y="46">median of the messages</text>'
    yield f'<path d="M{x + 180},38 h10 l-5,7 z" fill="#c62828"/>'
    yield f'<text x="{x + 196}" y="46">the bar on it</text>'
