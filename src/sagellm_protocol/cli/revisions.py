"""``sagellm-protocol revisions``: all revisions, or what one of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import click

from sagellm_protocol.cli.diff import print_differences
from sagellm_protocol.cli.parameters import check_release, complete_release, json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.comparing import Difference, compare

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
""",
)
@click.argument("release", required=False, metavar="[RELEASE]", callback=check_release, shell_complete=complete_release)
@json_option
def revisions_command(release: str | None, as_json: bool) -> None:
    """List the revisions of the protocol, or show what RELEASE changed.

    A revision is named after the first release that spoke it. Of its changes, the table counts those that break readers
    or writers who stay behind; "sagellm-protocol diff --help" says what that means.
    """
    with printing():
        if release is None:
            if as_json:
                print_json([listed_revision(name) for name in HISTORY.revisions])
            else:
                _print_revisions()
        else:
            before, found = before_and_changes(release)
            if as_json:
                changes = [attrs.asdict(difference) for difference in found]
                print_json({**listed_revision(release), "before": before, "changed": changes})
            else:
                _print_revision(release, before, found)


def before_and_changes(revision: str) -> tuple[str | None, Sequence[Difference]]:
    """The revision before one, and what differs; none and nothing for the first."""
    before = {new: old for old, new in pairwise(HISTORY.revisions)}.get(revision)
    return before, () if before is None else compare(before, revision)


def counts(revision: str) -> tuple[int, ...]:
    """What a revision has, and of what it changed how much breaks whom: see :data:`COUNTS`."""
    table = HISTORY.table(revision)
    _, found = before_and_changes(revision)
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


def listed_revision(revision: str) -> dict[str, Any]:
    """A revision as plain data."""
    names = (name.replace(" ", "_") for name in COUNTS)
    releases = list(HISTORY.changed_in(revision).releases)
    return {"revision": revision, "releases": releases, **dict(zip(names, counts(revision), strict=True))}


def _print_revisions() -> None:
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns("revision", "also spoken by", numbers=COUNTS)
    for revision in HISTORY.revisions:
        also = span(HISTORY.changed_in(revision).releases[1:])
        table.add_row(cell(revision, "bold"), cell(also), *(cell(str(count or "-")) for count in counts(revision)))
    terminal(UNBOUNDED).print(table)


def _print_revision(revision: str, before: str | None, found: Sequence[Difference]) -> None:
    spoken = span(HISTORY.changed_in(revision).releases)
    if before is None:
        click.echo(f"{revision}, the first revision, spoken by {spoken}")
    else:
        click.echo(f"{revision}, after {before}, spoken by {spoken}\n")
        print_differences(found)
