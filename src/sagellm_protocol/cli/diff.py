"""``sagellm-protocol diff``: what changed between two releases, and whom it breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
import click

from sagellm_protocol.cli.parameters import check_release, complete_release, json_option, message_argument
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history.comparing import Difference, compare
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.spec import Unknown

_COLUMNS = ("where", "change", "before", "after", "breaks")
_WIDTH = 200
"""Columns, where the output goes to no terminal."""
_COLOURS = {"readers": "yellow", "writers": "yellow", "both": "red", "none": "green"}


@click.command(
    "diff",
    short_help="Show what changed between two releases, and whom it breaks.",
    epilog="""\b
Examples:
  sagellm-protocol diff 0.4.0.8 0.5.4.16 StreamEventDelta
  sagellm-protocol diff 0.5.4.13 latest --unknown ignore
  sagellm-protocol diff 0.1.0 latest --format markdown > changes.md
""",
)
@click.argument("old", callback=check_release, shell_complete=complete_release)
@click.argument("new", callback=check_release, shell_complete=complete_release)
@message_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    help="How to show it.  [default: table]",
)
@click.option(
    "--unknown",
    type=click.Choice(["forbid", "ignore"]),
    help="What readers do with a field that they do not know; as each message says, where not told.",
)
@json_option
def diff_command(
    old: str, new: str, message: str | None, form: str | None, unknown: Unknown | None, as_json: bool
) -> None:
    """Show what changed from release OLD to release NEW, in all messages or in MESSAGE and those that it holds.

    Each change says whom it breaks of those who stay at OLD while others move to NEW: "readers" where they can refuse
    or misread what NEW writes, "writers" where NEW can refuse or misread what they write, "both", or "none".
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and not --format {form}")
    try:
        differences = compare(old, new, message, unknown=unknown)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    with printing():
        if as_json or form == "json":
            print_json([attrs.asdict(difference) for difference in differences])
        elif form == "markdown":
            click.echo("\n".join(markdown(differences)))
        else:
            print_differences(differences)


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
    changes = f"{len(differences)} change{'s' * (len(differences) != 1)}"
    return f"{changes}: {readers} of them breaking for readers, {writers} for writers, {found['none']} for neither"
