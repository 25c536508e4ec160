"""``sagellm-protocol revisions``: all revisions, or what one of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import click

from sagellm_protocol.cli.diff import print_differences
from sagellm_protocol.cli.parameters import check_release, complete_release, history_option, json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history import Deprecation, History
from sagellm_protocol.history.comparing import Difference, compare
from sagellm_protocol.history.named import named

COUNTS = ("messages", "fields", "enums", "changes", "breaking readers", "breaking writers")
"""What is counted of a revision, in the order of :func:`counts`."""


@click.command(
    "revisions",
    short_help="List the revisions, or what one of them changed.",
    epilog="""\b
Examples:
  sagellm-protocol revisions
  sagellm-protocol revisions 0.4.1.0
  sagellm-protocol revisions latest --json
  sagellm-protocol revisions --history fleet:HISTORY
""",
)
@click.argument("release", required=False, metavar="[RELEASE]", callback=check_release, shell_complete=complete_release)
@history_option
@json_option
def revisions_command(release: str | None, history: str, as_json: bool) -> None:
    """List the revisions of the protocol, or show what RELEASE changed.

    A revision is named after the first release that spoke it. Of its changes, the table counts those that break readers
    or writers who stay behind; "sagellm-protocol diff --help" says what that means.
    """
    ours = named(history)
    with printing():
        if release is None:
            if as_json:
                print_json([listed_revision(name, ours) for name in ours.revisions])
            else:
                _print_revisions(ours)
        else:
            before, found = before_and_changes(release, ours)
            if as_json:
                changes = [attrs.asdict(difference) for difference in found]
                print_json({**listed_revision(release, ours), "before": before, "changed": changes})
            else:
                _print_revision(release, before, found, ours)


def before_and_changes(revision: str, history: History) -> tuple[str | None, Sequence[Difference]]:
    """The revision before one, and what differs; none and nothing for the first."""
    before = {new: old for old, new in pairwise(history.revisions)}.get(revision)
    return before, () if before is None else compare(before, revision, history=history)


def counts(revision: str, history: History) -> tuple[int, ...]:
    """What a revision has, and of what it changed how much breaks whom: see :data:`COUNTS`."""
    table = history.table(revision)
    _, found = before_and_changes(revision, history)
    return (
        len(table["messages"]),
        sum(len(message["fields"]) for message in table["messages"].values()),
        len(table["enums"]),
        len(found),
        sum(difference.breaks in ("readers", "both") for difference in found),
        sum(difference.breaks in ("writers", "both") for difference in found),
    )


def span(releases: Sequence[str]) -> str:
    """All of a few releases; the first and the last of many."""
    return ", ".join(releases) if len(releases) < 3 else f"{releases[0]} to {releases[-1]}, {len(releases)} releases"


def listed_revision(revision: str, history: History) -> dict[str, Any]:
    """A revision as plain data."""
    names = (name.replace(" ", "_") for name in COUNTS)
    said = history.changed_in(revision)
    return {
        "revision": revision,
        "releases": list(said.releases),
        "date": said.date and said.date.isoformat(),
        "note": said.note,
        "deprecates": {path: it.text for path, it in deprecated_by(revision, history).items()},
        **dict(zip(names, counts(revision, history), strict=True)),
    }


def deprecated_by(revision: str, history: History) -> dict[str, Deprecation]:
    """What a revision deprecates, by the names that it has there."""
    return {path: found for path, found in history.deprecated(revision).items() if found.since == revision}


def dates(history: History) -> tuple[str, ...]:
    """The heads of the column of days: none where no revision is dated."""
    return ("date",) if any(history.changed_in(revision).date for revision in history.revisions) else ()


def _print_revisions(history: History) -> None:
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns("revision", *dates(history), "also spoken by", numbers=COUNTS)
    for revision in history.revisions:
        said = history.changed_in(revision)
        told = (*(str(said.date or "") for _ in dates(history)), span(said.releases[1:]))
        counted = (cell(str(count or "-")) for count in counts(revision, history))
        table.add_row(cell(revision, "bold"), *map(cell, told), *counted)
    terminal(UNBOUNDED).print(table)


def _print_revision(revision: str, before: str | None, found: Sequence[Difference], history: History) -> None:
    said = history.changed_in(revision)
    place = "the first revision" if before is None else f"after {before}"
    day = "" if said.date is None else f", of {said.date}"
    click.echo(f"{revision}, {place}, spoken by {span(said.releases)}{day}")
    if said.note:
        click.echo(said.note)
    for path, deprecation in deprecated_by(revision, history).items():
        click.echo(f"Deprecates {path}: {deprecation.text}")
    if before is not None:
        click.echo()
        print_differences(found)
