"""``sagellm-protocol diff``: what changed between two releases, and whom it breaks."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import attrs
import click

from sagellm_protocol.cli.parameters import (
    check_release,
    complete_release,
    history_option,
    json_option,
    message_argument,
)
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history.comparing import Breaks, Difference, compare
from sagellm_protocol.history.named import named
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.printable import printable
from sagellm_protocol.model.spec import Unknown

Whom = Literal["readers", "writers", "any"]

_COLUMNS = ("where", "change", "before", "after", "breaks")
_WIDTH = 200
"""Columns, where the output goes to no terminal."""
_COLOURS = {"readers": "yellow", "writers": "yellow", "both": "red", "none": "green"}
_FAILING: Mapping[Whom, frozenset[Breaks]] = {
    "readers": frozenset({"readers", "both"}),
    "writers": frozenset({"writers", "both"}),
    "any": frozenset({"readers", "writers", "both"}),
}
"""What a difference may break, by what ``--fail-on`` asks for."""


@click.command(
    "diff",
    short_help="Show what changed between two releases, and whom it breaks.",
    epilog="""\b
Examples:
  sagellm-protocol diff 0.4.0.8 0.5.4.16 StreamEventDelta
  sagellm-protocol diff 0.5.4.13 latest --unknown ignore
  sagellm-protocol diff 0.1.0 latest --format markdown > changes.md
  sagellm-protocol diff 1.1 latest --history fleet:HISTORY --fail-on writers
""",
)
@click.argument("old", callback=check_release, shell_complete=complete_release)
@click.argument("new", callback=check_release, shell_complete=complete_release)
@message_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json", "github"]),
    help="How to show it; github is for its actions: annotations of what breaks somebody.  [default: table]",
)
@click.option(
    "--unknown",
    type=click.Choice(["forbid", "ignore"]),
    help="What readers do with a field that they do not know; as each message says, where not told.",
)
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    help="End with status 1 where something breaks these, and tell what.",
)
@history_option
@json_option
def diff_command(
    old: str,
    new: str,
    message: str | None,
    form: str | None,
    unknown: Unknown | None,
    fail_on: Whom | None,
    history: str,
    as_json: bool,
) -> None:
    """Show what changed from release OLD to release NEW, in all messages or in MESSAGE and those that it holds.

    Each change says whom it breaks of those who stay at OLD while others move to NEW: "readers" where they can refuse
    or misread what NEW writes, "writers" where NEW can refuse or misread what they write, "both", or "none".

    Exit status: 0 all went well, 1 something breaks those of --fail-on, 2 it could not run, 3 standard output could not
    be written.
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and not --format {form}")
    try:
        differences = compare(old, new, message, unknown=unknown, history=named(history))
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    breaking = [it for it in differences if fail_on is not None and it.breaks in _FAILING[fail_on]]
    with printing():
        if as_json or form == "json":
            print_json([attrs.asdict(difference) for difference in differences])
        elif form is None or form == "table":
            print_differences(differences)
        else:
            lines = markdown(differences) if form == "markdown" else github(differences, breaking)
            click.echo("\n".join(lines))
    if breaking:
        told = [
            f"Error: {_changes(len(breaking))} that --fail-on {fail_on} does not allow:",
            *(f"{it.path}: {_told(it)}" for it in breaking),
        ]
        click.echo("\n  ".join(told), err=True)
        sys.exit(1)


def markdown(differences: Sequence[Difference]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for difference in differences:
        cells = (
            f"`{difference.path}`",
            difference.kind,
            _code(difference.before),
            _code(difference.after),
            difference.breaks,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def github(differences: Sequence[Difference], breaking: Collection[Difference]) -> list[str]:
    """The lines that make a GitHub action mark what breaks somebody: as an error, or a warning; and their number."""
    return [
        *(
            f"::{'error' if it in breaking else 'warning'} title={it.path}::{_told(it)}".replace("%", "%25")
            for it in differences
            if it.breaks != "none"
        ),
        _summary(differences),
    ]


def _told(difference: Difference) -> str:
    sides = " to ".join(filter(None, (difference.before, difference.after)))
    return printable(f"{difference.kind}, {sides} (breaks {difference.breaks})")


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def print_differences(differences: Sequence[Difference]) -> None:
    """As a table, and their number."""
    from sagellm_protocol.cli.terminal import terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns(*_COLUMNS)
    for difference in differences:
        *cells, breaks = attrs.astuple(difference)
        table.add_row(*map(cell, cells), cell(breaks, _COLOURS[breaks]))
    if differences:
        terminal(_WIDTH).print(table)
    click.echo(_summary(differences))


def _summary(differences: Sequence[Difference]) -> str:
    found = Counter(difference.breaks for difference in differences)
    readers, writers = found["readers"] + found["both"], found["writers"] + found["both"]
    counted = f"{readers} of them breaking for readers, {writers} for writers, {found['none']} for neither"
    return f"{_changes(len(differences))}: {counted}"


def _changes(count: int) -> str:
    return f"{count} change{'s' * (count != 1)}"
