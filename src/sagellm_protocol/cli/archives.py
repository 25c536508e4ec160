"""What the commands about archives share: their options, who does the work, and how a run that stops ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import attrs
import click
from click.shell_completion import CompletionItem
from rich.console import Console

from sagellm_protocol.archive import AUTO, ArchiveError, RefusedError, Report
from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.archive.formats import MAX_RECORD, Compression, Layout
from sagellm_protocol.archive.running import SHARD_SIZE, Limits, Means, Writing, dask
from sagellm_protocol.cli.parameters import (
    check_message,
    check_release,
    complete_message,
    complete_release,
    find_in_current_folder,
)
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.cli.progress import Stopped, watching
from sagellm_protocol.cli.sizes import share, size
from sagellm_protocol.cli.tables import UPGRADING, Words, print_report
from sagellm_protocol.cli.terminal import terminal
from sagellm_protocol.model.exceptions import (
    MissingExtraError,
    OptionError,
    UnsupportedRevisionError,
    ValidationError,
)
from sagellm_protocol.model.printable import printable

T = TypeVar("T", bound=Callable[..., Any])

_WIDTH = 100
"""Columns, where the output goes to no terminal."""


class Failure(click.ClickException):
    """The work could not be done, or not to its end."""

    exit_code = 2


# Arguments and options


def sources_argument(function: T) -> T:
    """``SOURCE...``: as ``sources``."""
    # Whether they are there, and can be read, is told for all of them together.
    path = click.Path(readable=False, path_type=str)
    return click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=path)(function)


def output_option(function: T) -> T:
    """``--output``: a folder or its URL, as ``output``; None where it is not given."""
    return click.option(
        "--output",
        "-o",
        metavar="DIR",
        type=click.Path(readable=False, path_type=str),
        help="Where the outputs go, each under the name of its source: a folder, or its URL.",
    )(function)


def rejected_option(function: T) -> T:
    """``--rejected``: a file, as ``rejected``; None where it is not given."""
    return click.option(
        "--rejected",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Where records go that are set aside, if SOURCE is -. Standard error, if not given.",
    )(function)


def dry_run_option(function: T) -> T:
    """``--dry-run``: as ``dry_run``."""
    return click.option(
        "--dry-run", is_flag=True, help="Write nothing, and only tell what would become of the records."
    )(function)


def force_option(function: T) -> T:
    """``--force``: as ``force``."""
    return click.option(
        "--force", is_flag=True, help="Overwrite outputs that are there, and do sources again that are finished."
    )(function)


def type_option(function: T) -> T:
    """``--type``: as ``message``."""
    return click.option(
        "--type",
        "message",
        metavar="MESSAGE",
        callback=check_message,
        shell_complete=complete_message,
        help="What every record is, e.g. Request or kv.types.KVHandle. Found for each record, if not given.",
    )(function)


def since_option(function: T) -> T:
    """``--since``: as ``since``."""
    return click.option(
        "--since",
        metavar="RELEASE",
        callback=_check_since,
        shell_complete=_complete_since,
        help='The release that wrote the records, e.g. 0.4.0.8; "auto" looks at each source as a whole first. '
        "Found for each record, if not given.",
    )(function)


def _check_since(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    return value if value == AUTO else check_release(context, parameter, value)


def _complete_since(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    auto = [CompletionItem(AUTO, help="looks at each source as a whole")] if AUTO.startswith(incomplete) else []
    return [*auto, *complete_release(context, parameter, incomplete)]


def hooks_option(function: T) -> T:
    """``--hooks``: as ``hooks``, importable from the current folder too."""
    return click.option(
        "--hooks",
        metavar="MODULE:FUNCTION",
        multiple=True,
        callback=_importable,
        help="Your own repairs: a function that takes a history and registers hooks on it. Modules of the current "
        "folder are found. May be repeated.",
    )(function)


def _importable(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if value:
        find_in_current_folder()
    return value


def max_record_option(function: T) -> T:
    """``--max-record``: as ``max_record``."""
    return click.option(
        "--max-record",
        metavar="SIZE",
        type=size,
        default=f"{MAX_RECORD >> 20}MiB",
        show_default=True,
        help="What is longer is no record: it is set aside unread.",
    )(function)


def _gathered(name: str, kind: type[Any], *options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Any]:
    """Options whose values come as one object."""
    fields = [field.name for field in attrs.fields(kind)]

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def gathering(**given: Any) -> Any:
            made = kind(**{field: given.pop(field) for field in fields})
            return function(**given, **{name: made})

        for option in reversed(options):
            gathering = option(gathering)
        return gathering

    return decorate


limits_options = _gathered(
    "limits",
    Limits,
    max_record_option,
    click.option(
        "--max-rejected",
        metavar="SHARE",
        type=share,
        help="Stop where more of the records than that are set aside, e.g. 0.1%.",
    ),
    click.option("--strict", is_flag=True, help="Stop at the first record that would be set aside."),
)
"""``--max-record``, ``--max-rejected``, ``--strict``: as ``limits``, which is ``Limits``."""


def format_option(function: T) -> T:
    """``--format``: as ``layout``."""
    return click.option(
        "--format",
        "layout",
        type=click.Choice(get_args(Layout)),
        help="How records stand in the outputs. As in the source, if not given.",
    )(function)


def compress_option(function: T) -> T:
    """``--compress``: as ``compression``."""
    return click.option(
        "--compress",
        "compression",
        type=click.Choice(get_args(Compression)),
        help="Compression of the outputs. As that of the source, if not given.",
    )(function)


writing_options = _gathered(
    "writing",
    Writing,
    format_option,
    compress_option,
    click.option(
        "--rotate", metavar="SIZE", type=size, help="Begin another output when one has so many bytes, e.g. 1GiB."
    ),
)
"""``--format``, ``--compress``, ``--rotate``: as ``writing``, which is ``Writing``."""


def workers_option(function: T) -> T:
    """``--workers``: as ``workers``."""
    return click.option(
        "--workers",
        metavar="N",
        type=click.IntRange(min=1),
        help="Processes that work side by side. As many as there are cores, or fewer where that is faster.",
    )(function)


def dask_option(function: T) -> T:
    """``--dask``: as ``dask``."""
    return click.option(
        "--dask",
        metavar="ADDRESS",
        help="Have a Dask cluster do it, e.g. tcp://scheduler:8786. Its workers read and write the storage themselves.",
    )(function)


@attrs.frozen
class Hands:
    """Who does the work, as the user says it."""

    workers: int | None = None
    dask: str | None = None
    """The address of a scheduler."""
    shard_size: int = SHARD_SIZE
    sample: float | None = None


hands_options = _gathered(
    "hands",
    Hands,
    workers_option,
    dask_option,
    click.option(
        "--shard-size",
        metavar="SIZE",
        type=size,
        default=f"{SHARD_SIZE >> 20}MiB",
        show_default=True,
        help="What one worker takes of a large source at a time.",
    ),
    click.option("--sample", metavar="SHARE", type=share, help="Take only so much of each source, e.g. 1%."),
)
"""``--workers``, ``--dask``, ``--shard-size``, ``--sample``: as ``hands``, which is :class:`Hands`."""


# A run


@contextlib.contextmanager
def at_work(hands: Hands, go_on: str) -> Iterator[Means]:
    """Workers and a live view, for the time of the ``with``; whatever stops the work becomes an exit status.

    Args:
        hands: who does it.
        go_on: what the user is told after a signal: how to go on.

    Raises:
        click.UsageError, Failure, SystemExit: as :func:`telling` says.
    """
    if hands.dask is not None and hands.workers is not None:
        raise click.UsageError("--workers are processes of this machine; a cluster (--dask) has its own")
    with telling(go_on), contextlib.ExitStack() as stack:
        executor = None if hands.dask is None else stack.enter_context(dask(hands.dask))
        view = stack.enter_context(watching(Console(stderr=True)))
        yield Means(executor, hands.workers, hands.shard_size, hands.sample, view)


@contextlib.contextmanager
def telling(go_on: str) -> Iterator[None]:
    """What stops the work becomes an exit status, and is told.

    Args:
        go_on: what the user is told after a signal.

    Raises:
        click.UsageError: choices are none, or contradict each other.
        Failure: the work could not be done, or not to its end.
        SystemExit: there was a signal.
        BrokenPipeError: nobody reads standard output any more.
    """
    try:
        yield
    except (UnsupportedRevisionError, ValidationError) as error:
        raise click.UsageError(one_line(error)) from None
    except (OptionError, MissingExtraError) as error:
        raise click.UsageError(str(error)) from None
    except RefusedError as error:
        raise Failure("\n".join(error.reasons)) from None
    except BrokenPipeError:
        raise
    except (ArchiveError, OSError) as error:
        raise Failure(str(error)) from None
    except Stopped as error:
        click.echo(printable(f"Stopped. {go_on}"), err=True)
        sys.exit(128 + error.number)
    except KeyboardInterrupt:  # the second signal, or no view: what was being written is gone all the same
        sys.exit(128 + signal.SIGINT)


def status(report: Report) -> int:
    """The exit status of a run: 2 where a source could not be read, 1 where records are set aside, else 0."""
    files = [report.files[name] for name in report.asked]
    if any(file.error is not None for file in files):
        return 2
    return 1 if any(file.set_aside for file in files) else 0


def print_outcome(
    report: Report, output: str, words: Words = UPGRADING, *, as_json: bool = False, dry_run: bool = False
) -> None:
    """The report of a run on standard output: as tables, or as it stands in ``report.json``."""
    with printing():
        if as_json:
            print_json(report.to_plain())
        else:
            console = terminal(None if "COLUMNS" in os.environ else _WIDTH)
            print_report(console, report, output, words, dry_run=dry_run)
