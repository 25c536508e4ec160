"""A summary as one HTML page that needs nothing else: a table, and curves of how each time is distributed."""

from __future__ import annotations

import html
from collections.abc import Iterator

from sagellm_protocol.measuring.summary import MetricsSummary
from sagellm_protocol.model.exceptions import missing_extra
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.texts import own_texts
from sagellm_protocol.types import Metrics

_SHARES = tuple(share / 200 for share in range(201))
"""Where the curves have their points."""
_COLUMNS = ("count", "mean", "least", "p50", "p90", "p95", "p99", "most")
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child { text-align: left; }
"""


def page(summary: MetricsSummary) -> str:
    """The page.

    Raises:
        MissingExtraError: the extra ``html`` is not installed.
    """
    return "\n".join(_parts(summary))


def _parts(summary: MetricsSummary) -> Iterator[str]:
    title = f"Metrics of {summary.requests:,} requests"
    yield f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
    yield f"<p>{summary.failed:,} failed; goodput {summary.goodput:.1%}.</p>"
    yield '<div class="wide"><table><thead><tr><th scope="col">field</th>'
    yield "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS) + "</tr></thead><tbody>"
    texts = own_texts(Metrics)
    for name, field in summary.fields.items():
        cells = "".join(f"<td>{getattr(field, column):,.6g}</td>" for column in _COLUMNS)
        yield f'<tr><th scope="row" title="{html.escape(texts.get(name, ""))}">{name}</th>{cells}</tr>'
    yield f"</tbody></table></div><p>Percentiles are off by at most {summary.relative_error:.0%} of themselves.</p>"
    yield _curves(summary)
    yield "</body></html>"


def _curves(summary: MetricsSummary) -> str:
    """Value by percentile, a curve for each time that was measured."""
    try:
        from plotly.graph_objects import Figure, Scatter
    except ImportError as error:
        raise missing_extra("html") from error
    times = [field.name for field in spec_of(Metrics).fields if field.name.endswith("_ms") or field.name == "itl_list"]
    figure = Figure()
    for name in times:
        sketch = summary.sketches.get(name)
        if sketch is not None and sketch.most > 0:
            values = [sketch.quantile(share) for share in _SHARES]
            figure.add_trace(Scatter(x=[100 * share for share in _SHARES], y=values, name=name, mode="lines"))
    figure.update_layout(
        title="Times by percentile",
        xaxis_title="percentile",
        yaxis_title="ms",
        yaxis_type="log",
        template="plotly_white",
    )
    drawn: str = figure.to_html(full_html=False, include_plotlyjs=True, div_id="times")
    return drawn
