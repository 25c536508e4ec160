"""The report of a run over an archive as tables."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sagellm_protocol.archive import REJECTED, Counts, FileReport, Report
from sagellm_protocol.archive.reasons import gist
from sagellm_protocol.display.columns import cell, columns
from sagellm_protocol.model.printable import printable

_ROWS = 20
"""How many sources, unknown fields and reasons are shown; report.json has them all."""


@attrs.frozen
class Words:
    """What a command calls what it does."""

    written: str = "upgraded"
    """The column of records that are written anew."""
    types: bool = True
    """Whether records are told apart by their type."""


UPGRADING = Words()


def print_report(
    console: Console, report: Report, output: str, words: Words = UPGRADING, *, dry_run: bool = False
) -> None:
    """What was found, what was changed and what was set aside: by file, type, revision and reason, and in all."""
    total = report.total
    console.print(_files(report, total, words))
    if words.types and total.types:
        _print(console, "What was found", _types(total))
    if any(counts.filled or counts.made_up for counts in total.types.values()):
        _print(console, "Written where old records do not say: made up, or as --fill says", _additions(total))
    if any(counts.unknown_fields for counts in total.types.values()):
        _print(console, "Fields that the protocol does not know, kept as they are", _unknown_fields(total))
    if report.reasons:
        title = "Would be set aside" if dry_run else printable(f"Set aside, in {output}/{REJECTED}")
        _print(console, title, _set_aside(report))
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


def _files(report: Report, total: Counts, words: Words) -> Table:
    retried = any(file.retries for file in report.files.values())
    table = columns(
        "file", numbers=("found", words.written, "as they were", *(["retried"] if retried else []), "set aside")
    )
    files = {name: file for name, file in report.files.items() if file.done}
    for name, file in list(files.items())[:_ROWS]:
        table.add_row(cell(name), *_row(file.counts, [file], retried=retried))
    if len(files) > _ROWS:
        rest = list(files.values())[_ROWS:]
        counts = Counts()
        for file in rest:
            counts.add(file.counts)
        table.add_row(Text(f"{len(rest):,} more", "dim"), *_row(counts, rest, retried=retried))
    table.add_section()
    table.add_row(Text("in all", "bold"), *_row(total, list(files.values()), retried=retried))
    return table


def _row(counts: Counts, files: list[FileReport], *, retried: bool) -> list[Text]:
    aside = sum(file.set_aside for file in files)
    return [
        _number(counts.records),
        _number(counts.upgraded, "green"),
        _number(counts.unchanged),
        *([_number(counts.rejected - aside, "green")] if retried else []),
        _number(aside, "red"),
    ]


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
    examples: dict[str, tuple[str, str, int]] = {}
    for name, file in report.files.items():
        for rejection in file.rejections:
            examples.setdefault(gist(rejection.reason), (rejection.reason, name, rejection.offset))
    table = columns("file", "at byte", numbers=("records",))
    table.add_column("reason", overflow="fold")
    for reason, count in sorted(report.reasons.items(), key=lambda item: (-item[1], item[0]))[:_ROWS]:
        # Of each reason one record is shown, if it is among the first that were set aside.
        told, name, offset = examples.get(reason, (reason, "", -1))
        table.add_row(cell(name), Text(f"{offset}" if name else ""), _number(count, "red"), cell(told))
    return table
