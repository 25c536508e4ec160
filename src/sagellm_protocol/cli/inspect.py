"""``sagellm-protocol inspect``: what is in an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from sagellm_protocol.archive import Options
from sagellm_protocol.archive.surveys import Inspection, Seen, inspect_archive, inspect_stream
from sagellm_protocol.archive.surveys.inspection import sizes_of
from sagellm_protocol.archive.surveys.page import page, writers
from sagellm_protocol.cli.archives import (
    Hands,
    hands_options,
    hooks_option,
    max_record_option,
    sources_argument,
    telling,
    type_option,
)
from sagellm_protocol.cli.metrics import fields_table
from sagellm_protocol.cli.parameters import history_option, json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.cli.surveys import (
    ROWS,
    WIDTH,
    example,
    finish,
    left_out,
    more,
    number,
    release_option,
    sampled,
    section,
    surveyed,
    table,
)
from sagellm_protocol.cli.terminal import terminal
from sagellm_protocol.display.columns import cell
from sagellm_protocol.display.pages import plotly


@click.command(
    "inspect",
    short_help="Tell what is in an archive.",
    epilog="""\b
Examples:
  sagellm-protocol inspect examples/archive
  sagellm-protocol inspect examples/archive/*.jsonl --html archive.html
  sagellm-protocol inspect examples/archive --sample 10% --json
  zcat log.jsonl.gz | sagellm-protocol inspect -
""",
)
@sources_argument
@type_option
@release_option("--since", "The release that wrote the records, e.g. 0.4.0.8. Found for each record, if not given.")
@hooks_option
@history_option
@max_record_option
@hands_options
@json_option
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with charts to this file.")
def inspect_command(
    sources: Sequence[str],
    message: str | None,
    since: str | None,
    hooks: Sequence[str],
    history: str,
    max_record: int,
    hands: Hands,
    as_json: bool,
    html: Path | None,
) -> None:
    """Tell what is in an archive: types, releases, sizes, latencies, and what an upgrade would set aside.

    A SOURCE is a file, a folder, a pattern, or a URL; or "-", which is standard input. It is read as "upgrade" would
    read it, and nothing is written but the page.

    Exit status: 0 all went well, 1 some records would be set aside, 2 it could not run or a SOURCE could not be read,
    3 standard output could not be written.
    """
    with telling(""):
        options = Options(message, since)
        if html is not None:
            plotly()  # told before all is read
    found = surveyed(sources, hands, inspect_archive, inspect_stream, options, max_record, hooks, history)
    with printing():
        if as_json:
            print_json(found.to_plain())
        else:
            _print(terminal(WIDTH), found)
    if html is not None:
        with telling(""):
            html.write_text(page(found), encoding="utf-8")
    finish(found.unreadable, found.total.counts.rejected)


def _print(console: Console, found: Inspection) -> None:
    sampled(console, found.sample)
    _print_sources(console, found)
    _print_types(console, found.total)
    sizes = sizes_of(found)
    if sizes is not None:
        told = ", ".join(f"{name} {value:,.0f}" for name, value in sizes.items())
        section(console, "Bytes of a record", Text(told))
    if found.metrics.requests:
        section(console, f"Metrics of {found.metrics.requests:,} requests", fields_table(found.metrics))
    _print_reasons(console, found)
    left_out(console, found.unreadable)


def _print_sources(console: Console, found: Inspection) -> None:
    made = table(["file", "form"], ["bytes", "records", "set aside", "mean", "largest"], "could be of")
    largest = sorted(found.sources.items(), key=lambda item: -item[1].seen.bytes)
    for name, source in largest[:ROWS]:
        made.add_row(cell(name), source.form.suffix, *_figures(source.seen), cell(writers(source)))
    made.add_section()
    made.add_row(Text("in all", "bold"), "", *_figures(found.total), "")
    console.print(made)
    more(console, len(largest))


def _figures(seen: Seen) -> list[Text]:
    return [
        number(seen.bytes),
        number(seen.records),
        number(seen.counts.rejected, "red"),
        number(seen.mean),
        number(seen.largest),
    ]


def _print_types(console: Console, total: Seen) -> None:
    types = sorted(total.counts.types.items())
    if types:
        made = table(["type"], ["records", "of today's form"], "written by")
        for name, counts in types:
            written = "\n".join(f"{told}: {times:,}" for told, times in sorted(counts.revisions.items()))
            made.add_row(cell(name), number(counts.records), number(counts.unchanged), Text(written))
        section(console, "What was found", made)
    unknown = [(times, name, path) for name, counts in types for path, times in counts.unknown_fields.items()]
    if unknown:
        made = table(["type", "field"], ["records"])
        for times, name, path in sorted(unknown, key=lambda row: (-row[0], row[1:]))[:ROWS]:
            made.add_row(cell(name), cell(path), number(times))
        section(console, "Fields that the protocol does not know", made)
        more(console, len(unknown))


def _print_reasons(console: Console, found: Inspection) -> None:
    reasons = found.reasons.most_first()
    if reasons:
        made = table(["reason"], ["records"], "first", "example")
        for reason, finding in reasons[:ROWS]:
            first = f"{finding.source} @ {finding.offset}"
            made.add_row(example(reason), number(finding.records), cell(first), example(finding.example))
        section(console, "What an upgrade would set aside", made)
        more(console, len(reasons))
