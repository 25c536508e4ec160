"""What ``inspect`` and ``validate`` share: options, and how an archive is looked through."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sagellm_protocol.archive import Limits
from sagellm_protocol.cli.archives import Failure, Hands, at_work
from sagellm_protocol.cli.parameters import check_release, complete_release
from sagellm_protocol.cli.pipes import STREAM
from sagellm_protocol.display.columns import cell, columns
from sagellm_protocol.model.paths import cut

F = TypeVar("F")

ROWS = 20
"""Rows that a table shows; ``--json`` has them all."""
WIDTH = 120
"""Columns, where the output goes to no terminal."""
_LONGEST = 200
"""Characters of an example."""


def release_option(flag: str, text: str) -> Callable[[Any], Any]:
    """An option for a release."""
    return click.option(flag, metavar="RELEASE", callback=check_release, shell_complete=complete_release, help=text)


def surveyed(
    sources: Sequence[str],
    hands: Hands,
    archive: Callable[..., F],
    stream: Callable[..., F],
    asked: Any,
    max_record: int,
    hooks: Sequence[str],
    history: str,
) -> F:
    """What a survey tells.

    Args:
        sources: as the user names them; "-" is standard input.
        hands: who does it.
        archive: surveys sources.
        stream: surveys a stream.
        asked: what of them.
        max_record: bytes of a record.
        hooks: a site's own.
        history: the name of one.
    """
    if STREAM in sources and (len(sources) > 1 or hands.dask is not None):
        raise click.UsageError("standard input (-) is a source by itself, and no cluster's")
    limits = Limits(max_record)
    with at_work(hands, "Nothing was written; the same command begins anew.") as means:
        if STREAM in sources:
            if sys.stdin is None:
                raise Failure("standard input is closed")
            read: BinaryIO = sys.stdin.buffer
            return stream(
                read, asked, limits=limits, hooks=hooks, history=history, sample=means.sample, watch=means.watch
            )
        return archive(
            sources,
            asked,
            limits=limits,
            hooks=hooks,
            history=history,
            sample=means.sample,
            executor=means.executor,
            workers=means.workers,
            shard_size=means.shard_size,
            watch=means.watch,
        )


def finish(unreadable: Mapping[str, str], amiss: int) -> None:
    """End with the status: 2 where a source could not be read, 1 where something is amiss."""
    sys.exit(2 if unreadable else 1 if amiss else 0)


def section(console: Console, title: str, *below: RenderableType) -> None:
    """Something under a title."""
    console.print()
    console.print(Text(title, "bold"))
    for item in below:
        console.print(item)


def more(console: Console, count: int) -> None:
    """Say how many rows are not shown."""
    if count > ROWS:
        console.print(f"and {count - ROWS:,} more: --json has them all", style="dim")


def number(count: float, style: str = "") -> Text:
    """A number; nothing is a dash."""
    return Text(f"{count:,.0f}" if count else "-", style if count else "dim")


def example(text: str) -> Text:
    """What was found, not long."""
    return cell(cut(text, _LONGEST))


def left_out(console: Console, unreadable: Mapping[str, str]) -> None:
    """The sources that could not be read, and why."""
    if unreadable:
        told = [cell(f"{name} {reason}", "red") for name, reason in list(unreadable.items())[:ROWS]]
        section(console, "Left out", *told)
        more(console, len(unreadable))


def sampled(console: Console, sample: float | None) -> None:
    """Say so, where not all was read."""
    if sample is not None:
        console.print(f"A sample: {sample:.4%} of the records.", style="yellow")


def table(names: Sequence[str], numbers: Sequence[str], *texts: str) -> Table:
    """An empty table: names, then numbers, then texts that may be long."""
    made = columns(*names, numbers=numbers)
    for text in texts:
        made.add_column(text, overflow="fold")
    return made
