"""``sagellm-protocol detect``: what a payload is, or each line of a file."""

from __future__ import annotations

import contextlib
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sagellm_protocol.archive.exceptions import UnreadableError
from sagellm_protocol.archive.naming import to_text
from sagellm_protocol.archive.records import Source, opened, reading
from sagellm_protocol.archive.sorting import Sorted, Sorter, records
from sagellm_protocol.cli.parameters import check_message, complete_message, history_option, json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history.named import named
from sagellm_protocol.model.printable import printable

STDIN = "-"


@click.command(
    "detect",
    short_help="Tell what a payload is, or each line of a file.",
    epilog="""\b
Examples:
  sagellm-protocol detect examples/archive/0.1.0.jsonl
  sagellm-protocol detect --summary examples/archive/*.jsonl
  echo '{"temperature": 0.5}' | sagellm-protocol detect --type SamplingParams
  zcat log.jsonl.gz | sagellm-protocol detect --json | jq .message
  sagellm-protocol detect reports.jsonl --history fleet:HISTORY
""",
)
@click.argument("files", metavar="[FILE|-]...", nargs=-1, type=click.Path(allow_dash=True))
@click.option(
    "--type",
    "message",
    metavar="MESSAGE",
    callback=check_message,
    shell_complete=complete_message,
    help="What every record is, where that is known; only the revisions are found.",
)
@click.option("--summary", is_flag=True, help="Count the records of each kind instead of listing them.")
@history_option
@json_option
def detect_command(files: Sequence[str], message: str | None, summary: bool, history: str, as_json: bool) -> None:
    """Tell what a payload is: which message, and the revisions that may have written it.

    A FILE holds one payload, or JSON Lines, a payload a line, and may be compressed by gzip; standard input is read
    where there is none. Records are told line by line, as they are read. With --json each is a JSON object on a line of
    its own.

    A record that may be several messages, or mean several things, is "ambiguous"; one that is none is "unknown", and
    what it comes nearest to is told; one that is no JSON is "broken".

    Exit status: 0 every record is one message, 1 some are not, 2 a FILE could not be read, 3 standard output could not
    be written.
    """
    sorter = Sorter(message, history=named(history))
    seen: Counter[Sorted] = Counter()
    unread = False
    with printing():
        for file in files or (STDIN,):
            prefix = f"{printable(file)}:" if len(files) > 1 else ""
            try:
                for line, found in _sorted(file, sorter):
                    seen[found.kind] += 1
                    if as_json and not summary:
                        print_json({"source": to_text(file), "line": line, **found.to_plain()}, indent=None)
                    elif not summary:
                        click.echo(f"{prefix}{line}: {found}")
            except UnreadableError as error:
                unread = True
                click.echo(f"Error: {printable(_called(file))} {printable(str(error))}", err=True)
        if summary:
            _print_summary(seen, as_json)
    amiss = any(found.verdict != "message" for found in seen)
    sys.exit(2 if unread else 1 if amiss else 0)


def _sorted(file: str, sorter: Sorter) -> Iterator[tuple[int, Sorted]]:
    with _standard_input() if file == STDIN else opened(Path(file)) as source:
        for line, record in records(source.lines):
            yield line, sorter.sort(record)


@contextlib.contextmanager
def _standard_input() -> Iterator[Source]:
    if sys.stdin is None:
        raise UnreadableError("is closed")
    stream = sys.stdin.buffer
    with reading(stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)) as source:
        yield source


def _called(file: str) -> str:
    return "standard input" if file == STDIN else file


def _print_summary(seen: Counter[Sorted], as_json: bool) -> None:
    if as_json:
        print_json([{**found.to_plain(), "records": count} for found, count in seen.most_common()])
        return
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns("what", numbers=("records",))
    for found, count in seen.most_common():
        table.add_row(cell(str(found)), cell(f"{count:,}"))
    terminal(UNBOUNDED).print(table)
