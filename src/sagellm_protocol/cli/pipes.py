"""Standard input as the source of a command: what becomes of it goes to standard output, and nothing is kept."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

import click
from click.core import ParameterSource

from sagellm_protocol.archive import FileReport
from sagellm_protocol.cli.archives import Failure, telling
from sagellm_protocol.cli.tables import UPGRADING, Words

STREAM = "-"
"""The source that is standard input."""
_FILES_ONLY = ("output", "rotate", "workers", "dask", "shard_size", "sample", "dry_run", "as_json")
_STREAM_ONLY = ("rejected",)


def is_stream(context: click.Context, sources: Sequence[str]) -> bool:
    """Whether the source is standard input.

    Raises:
        click.UsageError: there are others beside it, an option means nothing with it or without it, or the folder of
            the outputs is missing.
    """
    if STREAM not in sources:
        _refuse(context, _STREAM_ONLY, "{} is for standard input (-) as the source")
        if context.params["output"] is None:
            raise click.UsageError("--output is missing: the folder of the outputs")
        return False
    if len(sources) > 1:
        raise click.UsageError("standard input (-) is a source by itself")
    _refuse(context, _FILES_ONLY, "{} means nothing where standard input (-) is the source")
    return True


def _refuse(context: click.Context, names: Sequence[str], told: str) -> None:
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if parameter.name in names and given:
            raise click.UsageError(told.format(parameter.opts[0]))


@contextlib.contextmanager
def piped(rejected: Path | None, *, force: bool) -> Iterator[tuple[BinaryIO, BinaryIO, BinaryIO]]:
    """Standard input, standard output, and where records set aside go: a file, or standard error.

    Args:
        rejected: the file.
        force: overwrite it.

    Raises:
        click.UsageError, Failure, SystemExit: as ``telling`` says; a file of that name is there already.
        BrokenPipeError: nobody reads standard output any more.
    """
    with telling("What was written stays."), contextlib.ExitStack() as stack:
        aside = _bytes_of(sys.stderr)
        if rejected is not None:
            try:
                aside = stack.enter_context(rejected.open("wb" if force else "xb"))
            except FileExistsError:
                raise Failure(f"{rejected} is there already; nothing is overwritten without --force") from None
        yield _bytes_of(sys.stdin), _bytes_of(sys.stdout), aside


def _bytes_of(stream: TextIO | None) -> BinaryIO:
    if stream is None:
        raise Failure("standard input, output or error is closed")
    return stream.buffer


def stream_status(report: FileReport, rejected: Path | None, words: Words = UPGRADING) -> int:
    """The exit status; one line on standard error says what became of the records, where it has nothing else."""
    counts = report.counts
    if rejected is not None:
        said = f"{counts.records:,} records: {counts.upgraded:,} {words.written}, {counts.unchanged:,} as they were"
        click.echo(f"{said}, {counts.rejected:,} set aside", err=True)
    return 1 if counts.rejected else 0
