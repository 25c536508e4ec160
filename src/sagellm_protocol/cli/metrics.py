"""``sagellm-protocol metrics``: what serving cost, over the metrics in files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
import click
import orjson

from sagellm_protocol import codecs
from sagellm_protocol.cli.parameters import json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history import HISTORY
from sagellm_protocol.kv_hooks import KVQoSPolicy
from sagellm_protocol.measuring import MetricsSummary, summarize
from sagellm_protocol.measuring.page import page
from sagellm_protocol.model.exceptions import MissingExtraError, ProtocolError
from sagellm_protocol.types import Metrics

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 120
"""Columns, where the output goes to no terminal."""
_COLUMNS = ("count", "mean", "p50", "p90", "p95", "p99", "most")


@click.command(
    "metrics",
    short_help="Sum up the metrics in files.",
    epilog="""\b
Examples:
  sagellm-protocol metrics examples/archive/*.jsonl --slo-ttft-ms 200
  sagellm-protocol metrics examples/archive/0.5.4.16.jsonl --html metrics.html
""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.File("rb"))
@click.option(
    "--slo-latency-ms", type=click.FloatRange(min=0, min_open=True), help="Most that a whole answer may take."
)
@click.option("--slo-ttft-ms", type=click.FloatRange(min=0), help="Most that the first token may take.")
@click.option("--slo-tpot-ms", type=click.FloatRange(min=0), help="Most that each further token may take, on average.")
@json_option
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with charts to this file.")
def metrics_command(
    files: Sequence[BinaryIO],
    slo_latency_ms: float | None,
    slo_ttft_ms: float | None,
    slo_tpot_ms: float | None,
    as_json: bool,
    html: Path | None,
) -> None:
    """Sum up the metrics in each FILE: latencies by percentile, throughput, and how many requests met a promise.

    A FILE ("-" for standard input) has one JSON object a line, of any release since 0.1.0: Metrics, or whatever holds
    them, such as Response and StreamEventEnd; other messages are passed over.

    Exit status: 0 all lines were read, 1 some were no JSON or held metrics that cannot be read, 2 it could not run.
    """
    reading = _Reading()
    policy = None if slo_latency_ms is None else KVQoSPolicy(slo_latency_ms=slo_latency_ms)
    try:
        summary = summarize(reading.metrics(files), policy=policy, ttft_ms=slo_ttft_ms, tpot_ms=slo_tpot_ms)
        document = None if html is None else page(summary)
    except MissingExtraError as error:
        raise click.UsageError(str(error)) from None
    if html is not None and document is not None:
        html.write_text(document, encoding="utf-8")
    with printing():
        if as_json:
            print_json(_plain(summary, reading))
        else:
            _print(summary, reading)
    sys.exit(1 if reading.broken else 0)


@attrs.define
class _Reading:
    """Lines being read, and what became of them."""

    passed_over: int = 0
    broken: int = 0

    def metrics(self, files: Sequence[BinaryIO]) -> Iterator[Metrics]:
        for file in files:
            for line in file:
                if not line.strip():
                    continue
                try:
                    yield from self._of(orjson.loads(line))
                except (orjson.JSONDecodeError, ProtocolError):
                    self.broken += 1

    def _of(self, payload: Any) -> Iterator[Metrics]:
        held = payload.get("metrics", payload) if isinstance(payload, dict) else None
        if not isinstance(held, dict) or "ttft_ms" not in held:
            self.passed_over += 1
            return
        try:
            yield _DICT.decode(held, Metrics)
        except ProtocolError:
            yield _DICT.decode(HISTORY.upgrade(held, Metrics, since=HISTORY.identify(held).since), Metrics)


_DICT = codecs.get("dict")


def _plain(summary: MetricsSummary, reading: _Reading) -> dict[str, Any]:
    return {
        "requests": summary.requests,
        "failed": summary.failed,
        "goodput": summary.goodput,
        "relative_error": summary.relative_error,
        "passed_over": reading.passed_over,
        "broken": reading.broken,
        "fields": {name: attrs.asdict(field) for name, field in summary.fields.items()},
    }


def _print(summary: MetricsSummary, reading: _Reading) -> None:
    from sagellm_protocol.cli.terminal import terminal

    console = terminal(_WIDTH)
    console.print(fields_table(summary))
    console.print(
        f"{summary.requests:,} requests, {summary.failed:,} failed, goodput {summary.goodput:.1%}; "
        f"{reading.passed_over:,} lines without metrics, {reading.broken:,} that cannot be read"
    )


def fields_table(summary: MetricsSummary) -> Table:
    """A row for each figure that is not 0 throughout."""
    from sagellm_protocol.display.columns import cell, columns

    table = columns("field", numbers=_COLUMNS)
    table.columns[0].no_wrap = True
    for name, field in summary.fields.items():
        if field.most or field.least:
            table.add_row(cell(name), *(f"{getattr(field, column):,.6g}" for column in _COLUMNS))
    return table
