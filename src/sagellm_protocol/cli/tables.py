"""The report of an upgrade as tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sagellm_protocol.archive import REJECTED, Counts, Report
from sagellm_protocol.display.columns import cell, columns
from sagellm_protocol.model.printable import printable

_ROWS = 20
"""How many unknown fields, and how many records set aside, are shown; the files have them all."""


def print_report(console: Console, report: Report, output: Path) -> None:
    """What was found, what was changed and what was set aside: by file and by type, and in all."""
    total = report.total
    console.print(_files(report, total))
    if total.types:
        _print(console, "What was found", _types(total))
    if any(counts.filled or counts.made_up for counts in total.types.values()):
        _print(console, "Written where old records do not say: made up, or as --fill says", _additions(total))
    if any(counts.unknown_fields for counts in total.types.values()):
        _print(console, "Fields that the protocol does not know, kept as they are", _unknown_fields(total))
    if any(file.rejections for file in report.files.values()):
        _print(console, printable(f"Set aside, in {output / REJECTED}"), _set_aside(report))
    unreadable = [cell(f"{name} {file.error}", "red") for name, file in report.files.items() if file.error is not None]
    if unreadable:
        _print(console, "Left out", *unreadable)


def _print(console: Console, title: str, *below: RenderableType) -> None:
    console.print()
    console.print(Text(title, "bold"))
    for item in below:
        console.print(item)


def _number(count: int, style: str = "") -> Text:
    return Text(f"{count:,}" if count else "-", style if count else "dim")


def _row(counts: Counts) -> list[Text]:
    return [
        _number(counts.records),
        _number(counts.upgraded, "green"),
        _number(counts.unchanged),
        _number(counts.rejected, "red"),
    ]


def _files(report: Report, total: Counts) -> Table:
    table = columns("file", numbers=("found", "upgraded", "as they were", "set aside"))
    for name, file in report.files.items():
        if file.finished:
            table.add_row(cell(name), *_row(file.counts))
    table.add_section()
    table.add_row(Text("in all", "bold"), *_row(total))
    return table


def _types(total: Counts) -> Table:
    table = columns("type", numbers=("found", "upgraded", "as they were"))
    table.add_column("written by", overflow="fold")
    for name, counts in sorted(total.types.items()):
        table.add_row(
            cell(name),
            _number(counts.records),
            _number(counts.upgraded, "green"),
            _number(counts.unchanged),
            Text(_revisions(counts.revisions)),
        )
    return table


def _revisions(counts: Mapping[str, int]) -> str:
    return "\n".join(f"{printable(revision)}: {count:,}" for revision, count in sorted(counts.items()))


def _additions(total: Counts) -> Table:
    table = columns("type", "field", numbers=("made up", "by --fill"))
    for name, counts in sorted(total.types.items()):
        for field in sorted(counts.made_up.keys() | counts.filled.keys()):
            made_up, filled = counts.made_up.get(field, 0), counts.filled.get(field, 0)
            table.add_row(cell(name), cell(field), _number(made_up, "yellow"), _number(filled))
    return table


def _unknown_fields(total: Counts) -> Table:
    table = columns("type", "field", numbers=("records",))
    rows = [(name, path, n) for name, counts in total.types.items() for path, n in counts.unknown_fields.items()]
    for name, path, count in sorted(rows, key=lambda row: (-row[2], row[:2]))[:_ROWS]:
        table.add_row(cell(name), cell(path), _number(count))
    return table


def _set_aside(report: Report) -> Table:
    table = columns("file", "line", "reason")
    rows = [(name, it) for name, file in report.files.items() for it in file.rejections]
    for name, rejection in rows[:_ROWS]:
        table.add_row(cell(name), Text(str(rejection.line)), cell(rejection.reason))
    return table
