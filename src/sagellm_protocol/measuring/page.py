"""A summary as one HTML page that needs nothing else: a table, and curves of how each time is distributed."""

from __future__ import annotations

from sagellm_protocol.display.pages import Page
from sagellm_protocol.measuring.summary import MetricsSummary
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.texts import own_texts
from sagellm_protocol.types import Metrics

_COLUMNS = ("count", "mean", "least", "p50", "p90", "p95", "p99", "most")


def page(summary: MetricsSummary) -> str:
    """The page.

    Raises:
        MissingExtraError: the extra ``html`` is not installed.
    """
    made = Page(f"Metrics of {summary.requests:,} requests")
    made.paragraph(f"{summary.failed:,} failed; goodput {summary.goodput:.1%}.")
    tell(made, summary)
    return made.whole()


def tell(page: Page, summary: MetricsSummary) -> None:
    """Put a summary on a page: its table, and the curves."""
    rows = (
        [name, *(f"{getattr(field, column):,.6g}" for column in _COLUMNS)] for name, field in summary.fields.items()
    )
    page.table(["field", *_COLUMNS], rows, hints=own_texts(Metrics))
    page.paragraph(f"Percentiles are off by at most {summary.relative_error:.0%} of themselves.")
    times = [field.name for field in spec_of(Metrics).fields if field.name.endswith("_ms") or field.name == "itl_list"]
    found = {name: summary.sketches[name] for name in times if name in summary.sketches}
    curves = {name: sketch.quantile for name, sketch in found.items() if sketch.most > 0}
    page.curves("times", "Times by percentile", "ms", curves)
