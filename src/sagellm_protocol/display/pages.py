"""HTML pages that need nothing else: tables, and charts that plotly draws (extra ``html``)."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from sagellm_protocol.model.exceptions import missing_extra
from sagellm_protocol.model.printable import printable

_SHARES = tuple(share / 200 for share in range(201))
"""Where curves by percentile have their points."""
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #8884; vertical-align: top; }
th:first-child, .text { text-align: left; }
.text { min-width: 8rem; }
"""


class Page:
    """A page, from its title down.

    Raises:
        MissingExtraError: the extra ``html`` is not installed.
    """

    def __init__(self, title: str) -> None:
        self._plotly = plotly()
        self._charts = 0
        told = text(title)
        self._parts = [
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{told}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head><body><h1>{told}</h1>",
        ]

    def heading(self, said: str) -> None:
        """The title of what follows."""
        self._parts.append(f"<h2>{text(said)}</h2>")

    def paragraph(self, said: str) -> None:
        """Some sentences."""
        self._parts.append(f"<p>{text(said)}</p>")

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        texts: Iterable[str] = (),
        hints: Mapping[str, str] | None = None,
    ) -> None:
        """A table, whose first column names the rows.

        Args:
            columns: their names.
            rows: what stands in them.
            texts: the other columns that hold no numbers.
            hints: what is told of a row when the mouse rests on its name.
        """
        left = set(texts)
        marks = [' class="text"' if column in left else "" for column in columns]
        heads = [f'<th scope="col"{mark}>{text(name)}</th>' for name, mark in zip(columns, marks, strict=True)]
        self._parts.append(f'<div class="wide"><table><thead><tr>{"".join(heads)}</tr></thead><tbody>')
        for name, *cells in rows:
            hint = f' title="{text(hints[name])}"' if hints and name in hints else ""
            told = "".join(f"<td{mark}>{text(cell)}</td>" for cell, mark in zip(cells, marks[1:], strict=True))
            self._parts.append(f'<tr><th scope="row"{hint}>{text(name)}</th>{told}</tr>')
        self._parts.append("</tbody></table></div>")

    def curves(self, name: str, title: str, unit: str, quantiles: Mapping[str, Callable[[float], float]]) -> None:
        """Values by percentile, a curve for each figure.

        Args:
            name: of the chart, for links.
            title: above it.
            unit: of the values.
            quantiles: for each figure what gives the value below which a share of all lies.
        """
        percents = [100 * share for share in _SHARES]
        traces = [
            self._plotly.Scatter(x=percents, y=[quantile(share) for share in _SHARES], name=figure, mode="lines")
            for figure, quantile in quantiles.items()
        ]
        layout = {"xaxis_title": "percentile", "yaxis_title": unit, "yaxis_type": "log"}
        self._chart(name, traces, title=title, **layout)

    def bars(self, name: str, title: str, unit: str, stacks: Mapping[str, Mapping[str, float]]) -> None:
        """Horizontal bars, a row for each name, stacked.

        Args:
            name: of the chart, for links.
            title: above it.
            unit: of the values.
            stacks: for each part of the stacks the value in each row.
        """
        traces = [
            self._plotly.Bar(
                x=list(rows.values()), y=[printable(row) for row in rows], name=printable(part), orientation="h"
            )
            for part, rows in stacks.items()
        ]
        count = len({row for rows in stacks.values() for row in rows})
        self._chart(
            name,
            traces,
            title=title,
            xaxis_title=unit,
            barmode="stack",
            height=200 + 28 * count,
            yaxis={"autorange": "reversed", "automargin": True},
            showlegend=True,
        )

    def _chart(self, name: str, traces: list[Any], **layout: Any) -> None:
        figure = self._plotly.Figure(traces)
        figure.update_layout(template="plotly_white", **layout)
        drawn: str = figure.to_html(full_html=False, include_plotlyjs=not self._charts, div_id=name)
        self._charts += 1
        self._parts.append(drawn)

    def whole(self) -> str:
        """The page."""
        return "\n".join([*self._parts, "</body></html>"])


def text(value: str) -> str:
    """Text as HTML that any page can hold; control characters in it are escaped."""
    return html.escape(printable(value))


def plotly() -> ModuleType:
    """The figures of plotly.

    Raises:
        MissingExtraError: the extra ``html`` is not installed.
    """
    try:
        from plotly import graph_objects
    except ImportError as error:
        raise missing_extra("html") from error
    found: ModuleType = graph_objects
    return found
