"""``sagellm-protocol upgrade``: archives brought to today's revision."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem
from rich.console import Console

from sagellm_protocol.archive import AUTO, ArchiveError, Options, RefusedError, Report, upgrade_archive
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.cli.parameters import (
    check_message,
    check_release,
    complete_message,
    complete_release,
    json_option,
)
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.cli.progress import Stopped, watching
from sagellm_protocol.cli.tables import print_report
from sagellm_protocol.cli.terminal import terminal
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.printable import printable

_WIDTH = 100
"""Columns, where the output goes to no terminal."""


class Failure(click.ClickException):
    """The upgrade could not run."""

    exit_code = 2


class Given(NamedTuple):
    """What one ``--fill`` says of its field."""

    value: Any
    text: str
    """As it was typed."""


def parse_fill(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, Given]:
    """``FIELD=VALUE`` as a field and its value: JSON where it parses, else text."""
    fill = {}
    for value in values:
        name, given, text = value.partition("=")
        if not name or not given:
            raise click.BadParameter(f"{value!r} is not FIELD=VALUE", context, parameter)
        if name in fill:
            raise click.BadParameter(f"{name} is given twice", context, parameter)
        try:
            fill[name] = Given(json.loads(text, parse_constant=_no_json, parse_int=_integer), text)
        except RecursionError:
            raise click.BadParameter(f"the value of {name} nests too deep", context, parameter) from None
        except ValueError:
            fill[name] = Given(text, text)
    return fill


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    # Python refuses to convert thousands of digits. The first hundred are as much past 64 bits, and refused as that.
    return int(digits[:100])


def _hint(error: Exception, fill: Mapping[str, Given]) -> str:
    """How to quote what was to be text and is JSON of another type."""
    violations = error.violations if isinstance(error, ValidationError) else ()
    for name, given in fill.items():
        if any(it.path == f"fill.{name}" and it.rule == "str" for it in violations):
            return f"; text is --fill {shlex.quote(f'{name}={json.dumps(given.text)}')}"
    return ""


def check_since(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The revision of a release, or ``auto``."""
    return value if value == AUTO else check_release(context, parameter, value)


def complete_since(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The releases, and ``auto``."""
    auto = [CompletionItem(AUTO, help="looks at each file as a whole")] if AUTO.startswith(incomplete) else []
    return [*auto, *complete_release(context, parameter, incomplete)]


@click.command(
    "upgrade",
    short_help="Bring archived messages to today's revision.",
    epilog="""\b
Examples:
  sagellm-protocol upgrade examples/archive/*.jsonl --output upgraded
  sagellm-protocol upgrade examples/archive/0.1.0.jsonl --output filled --fill engine_id=engine-7
  sagellm-protocol upgrade examples/archive/0.1.0.jsonl --output exact --since 0.1.0 --json
""",
)
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
    callback=check_message,
    shell_complete=complete_message,
    help="What every record is, e.g. Request or kv.types.KVHandle. Found for each record, if not given.",
)
@click.option(
    "--since",
    metavar="RELEASE",
    callback=check_since,
    shell_complete=complete_since,
    help='The release that wrote the records, e.g. 0.4.0.8; "auto" looks at each file as a whole first. '
    "Found for each record, if not given.",
)
@click.option(
    "--fill",
    metavar="FIELD=VALUE",
    multiple=True,
    callback=parse_fill,
    help="What a field is where an old record does not say, e.g. engine_id=engine-7; the value is JSON, or else text "
    """('engine_id="7"' where the text looks like JSON). """
    'Where nobody says, such a field becomes "unknown". May be repeated.',
)
@click.option("--envelope", is_flag=True, help="Write records that say what they are.")
@click.option("--force", is_flag=True, help="Overwrite outputs that are there.")
@json_option
def upgrade_command(
    sources: Sequence[Path],
    output: Path,
    message: str | None,
    since: str | None,
    fill: dict[str, Given],
    envelope: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Bring archived messages to today's revision.

    A SOURCE holds JSON Lines, one message a line, and may be compressed by gzip. DIR gets a file of the same name with
    the upgraded records, rejected/ with those that could not be upgraded and why, and report.json.

    Fields that today's messages require and old records do not have, such as engine_id, are made up: "unknown", or what
    --fill says. A table and report.json say of how many records; with --json, what report.json says is printed.

    A run that was stopped goes on where it stopped when it is started again in the same way.

    Exit status: 0 all records went through, 1 some were set aside, 2 the upgrade could not run or a SOURCE could not be
    read, 3 the upgrade is done and report.json written, but standard output could not be.
    """
    errors = Console(stderr=True)
    try:
        options = Options(message, since, {name: given.value for name, given in fill.items()}, envelope)
        with watching(errors) as bar:
            report = upgrade_archive(sources, output, options, force=force, watch=bar)
    except (UnsupportedRevisionError, ValidationError) as error:
        raise click.UsageError(one_line(error) + _hint(error, fill)) from None
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
        if as_json:
            print_json(report.to_plain())
        else:
            print_report(terminal(None if "COLUMNS" in os.environ else _WIDTH), report, output)
    sys.exit(_status(report, [source.name for source in sources]))


def _status(report: Report, names: Sequence[str]) -> int:
    files = [report.files[name] for name in names]
    if any(file.error is not None for file in files):
        return 2
    return 1 if any(file.counts.rejected for file in files) else 0
