"""``sagellm-protocol upgrade``: archives brought to today's revision."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from sagellm_protocol.archive import AUTO, ArchiveError, Options, RefusedError, Report, upgrade_archive
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.cli.printing import printing
from sagellm_protocol.cli.progress import Stopped, watching
from sagellm_protocol.cli.tables import print_report
from sagellm_protocol.cli.terminal import Terminal
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.printable import printable

_WIDTH = 100
"""Columns, where the output goes to no terminal."""


class Failure(click.ClickException):
    """The upgrade could not run."""

    exit_code = 2


def parse_fill(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, Any]:
    """``FIELD=VALUE`` as a field and its value: JSON where it parses, else text."""
    fill = {}
    for value in values:
        name, given, text = value.partition("=")
        if not name or not given:
            raise click.BadParameter(f"{value!r} is not FIELD=VALUE", context, parameter)
        if name in fill:
            raise click.BadParameter(f"{name} is given twice", context, parameter)
        try:
            fill[name] = json.loads(text, parse_constant=_no_json, parse_int=_integer)
        except RecursionError:
            raise click.BadParameter(f"the value of {name} nests too deep", context, parameter) from None
        except ValueError:
            fill[name] = text
    return fill


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    # Python refuses to convert thousands of digits. The first hundred are as much past 64 bits, and refused as that.
    return int(digits[:100])


def check_type(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a message, in full."""
    try:
        return value and HISTORY.catalog.name(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def check_release(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The revision of a release, or ``auto``."""
    try:
        return value if value in (None, AUTO) else HISTORY.resolve(value)
    except UnsupportedRevisionError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command("upgrade")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Where the upgraded files go, each under its own name.",
)
@click.option(
    "--type",
    "message",
    metavar="MESSAGE",
    callback=check_type,
    help="What every record is, e.g. Request or kv.types.KVHandle. Found for each record, if not given.",
)
@click.option(
    "--since",
    metavar="RELEASE",
    callback=check_release,
    help='The release that wrote the records, e.g. 0.4.0.8; "auto" looks at each file as a whole first. '
    "Found for each record, if not given.",
)
@click.option(
    "--fill",
    metavar="FIELD=VALUE",
    multiple=True,
    callback=parse_fill,
    help="What a field is where an old record does not say, e.g. engine_id=engine-7; the value is JSON, or else text. "
    'Where nobody says, such a field becomes "unknown". May be repeated.',
)
@click.option("--envelope", is_flag=True, help="Write records that say what they are.")
@click.option("--force", is_flag=True, help="Overwrite outputs that are there.")
def upgrade_command(
    sources: Sequence[Path],
    output: Path,
    message: str | None,
    since: str | None,
    fill: dict[str, Any],
    envelope: bool,
    force: bool,
) -> None:
    """Bring archived messages to today's revision.

    A SOURCE holds JSON Lines, one message a line, and may be compressed by gzip. DIR gets a file of the same name with
    the upgraded records, rejected/ with those that could not be upgraded and why, and report.json.

    Fields that today's messages require and old records do not have, such as engine_id, are made up: "unknown", or what
    --fill says. A table and report.json say of how many records.

    A run that was stopped goes on where it stopped when it is started again in the same way.

    Exit status: 0 all records went through, 1 some were set aside, 2 the upgrade could not run or a SOURCE could not be
    read, 3 the upgrade is done and report.json written, but standard output could not be.
    """
    errors = Console(stderr=True)
    try:
        options = Options(message, since, fill, envelope)
        with watching(errors) as bar:
            report = upgrade_archive(sources, output, options, force=force, watch=bar)
    except (UnsupportedRevisionError, ValidationError) as error:
        raise click.UsageError(one_line(error)) from None
    except RefusedError as error:
        raise Failure("\n".join(error.reasons)) from None
    except ArchiveError as error:
        raise Failure(f"{error}; --force replaces it") from None
    except OSError as error:
        raise Failure(str(error)) from None
    except Stopped as error:
        said = f"Stopped. The same command again goes on after the finished files in {output}."
        click.echo(printable(said), err=True)
        sys.exit(128 + error.number)
    except KeyboardInterrupt:  # the second signal: what was being written is gone all the same
        sys.exit(128 + signal.SIGINT)
    with printing():
        print_report(_terminal(), report, output)
    sys.exit(_status(report, [source.name for source in sources]))


def _terminal() -> Terminal:
    sized = (sys.stdout is not None and sys.stdout.isatty()) or "COLUMNS" in os.environ
    return Terminal(width=None if sized else _WIDTH, highlight=False)


def _status(report: Report, names: Sequence[str]) -> int:
    files = [report.files[name] for name in names]
    if any(file.error is not None for file in files):
        return 2
    return 1 if any(file.counts.rejected for file in files) else 0
