"""``sagellm-protocol diff``: what changed between two releases, and whom it breaks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import attrs
import click

from sagellm_protocol.cli.printing import printing
from sagellm_protocol.history.comparing import Difference, compare
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.spec import Unknown

_COLUMNS = ("where", "change", "before", "after", "breaks")
_COLOURS = {"readers": "yellow", "writers": "yellow", "both": "red", "none": "green"}


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.argument("message", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How to show it.",
)
@click.option(
    "--unknown",
    type=click.Choice(["forbid", "ignore"]),
    help="What readers do with a field that they do not know; as each message says, where not told.",
)
def diff_command(old: str, new: str, message: str | None, form: str, unknown: Unknown | None) -> None:
    """Show what changed from release OLD to release NEW, in all messages or in MESSAGE and those that it holds.

    Each change says whom it breaks of those who stay at OLD while others move to NEW: "readers" where they can refuse
    or misread what NEW writes, "writers" where NEW can refuse or misread what they write, "both", or "none".
    """
    try:
        differences = compare(old, new, message, unknown=unknown)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    with printing():
        if form == "json":
            rows = [attrs.asdict(difference) for difference in differences]
            click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        elif form == "markdown":
            click.echo("\n".join(markdown(differences)))
        else:
            _print_table(differences)
            click.echo(_summary(differences))


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


def _print_table(differences: Sequence[Difference]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from sagellm_protocol.cli.terminal import Terminal

    console = Terminal(highlight=False)
    if not console.is_terminal:
        console.width = 200  # a file or a pipe has no width of its own
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for difference in differences:
        *cells, breaks = attrs.astuple(difference)
        table.add_row(*map(Text, cells), Text(breaks, style=_COLOURS[breaks]))
    if differences:
        console.print(table)


def _summary(differences: Sequence[Difference]) -> str:
    found = Counter(difference.breaks for difference in differences)
    readers, writers = found["readers"] + found["both"], found["writers"] + found["both"]
    changes = f"{len(differences)} change{'s' * (len(differences) != 1)}"
    return f"{changes}: {readers} of them breaking for readers, {writers} for writers, {found['none']} for neither"
