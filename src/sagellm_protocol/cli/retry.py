"""``sagellm-protocol retry``: records set aside fed back."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from sagellm_protocol.archive import AUTO, Options, Writing, retry
from sagellm_protocol.archive.formats import Compression, Layout
from sagellm_protocol.archive.running import Limits, history_of, options_of
from sagellm_protocol.cli.archives import (
    Hands,
    at_work,
    compress_option,
    dask_option,
    format_option,
    hooks_option,
    max_record_option,
    print_outcome,
    telling,
    type_option,
    workers_option,
)
from sagellm_protocol.cli.filling import Given, fill_option, quoting
from sagellm_protocol.cli.parameters import (
    check_history,
    check_release,
    complete_history,
    complete_release,
    history_in,
    json_option,
)
from sagellm_protocol.history import History


def _as_kept(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """What is given, or else what the upgrade had."""
    if value is None:
        with telling(""):
            value = history_of(context.params["folder"])
    return check_history(context, parameter, value)


@click.command(
    "retry",
    short_help="Feed back what an upgrade set aside.",
    epilog="""\b
Examples:
  sagellm-protocol retry upgraded --since 0.4.0.8
  sagellm-protocol retry upgraded --hooks repairs:register
""",
)
@click.argument("folder", metavar="FOLDER", is_eager=True, type=click.Path(readable=False, path_type=str))
@click.option(
    "--history",
    metavar="MODULE:NAME",
    is_eager=True,
    callback=_as_kept,
    shell_complete=complete_history,
    help="A history of your own. That of the upgrade, if not given.",
)
@type_option
@click.option(
    "--since",
    metavar="RELEASE",
    callback=check_release,
    shell_complete=complete_release,
    help="The release that wrote the records, e.g. 0.4.0.8.",
)
@fill_option
@click.option("--envelope", is_flag=True, help="Write records that say what they are.")
@hooks_option
@format_option
@compress_option
@max_record_option
@workers_option
@dask_option
@json_option
@click.pass_context
def retry_command(
    context: click.Context,
    folder: str,
    history: str,
    message: str | None,
    since: str | None,
    fill: dict[str, Given],
    envelope: bool,
    hooks: Sequence[str],
    layout: Layout | None,
    compression: Compression | None,
    max_record: int,
    workers: int | None,
    dask: str | None,
    as_json: bool,
) -> None:
    """Feed back what an upgrade set aside.

    FOLDER, or its URL, is that of the outputs. What goes through now goes to FOLDER/retried, what does not stays in
    FOLDER/rejected with its reason. Records are read as the upgrade read them; what is given here goes over that.

    Exit status: 0 nothing is set aside any more, 1 some records still are, 2 it could not run, 3 it is done, but
    standard output could not be written.
    """
    with (
        at_work(Hands(workers, dask), f"Feed back the rest with the same command: {folder} keeps it.") as means,
        quoting(fill),
    ):
        options = _over(options_of(folder), message, since, fill, history_in(context), envelope=envelope)
        report = retry(
            folder,
            options,
            hooks=hooks or None,
            history=history,
            writing=Writing(layout, compression),
            limits=Limits(max_record),
            executor=means.executor,
            workers=means.workers,
            watch=means.watch,
        )
    print_outcome(report, folder, as_json=as_json)
    sys.exit(1 if report.set_aside else 0)


def _over(
    before: Options,
    message: str | None,
    since: str | None,
    fill: Mapping[str, Given],
    history: History,
    *,
    envelope: bool,
) -> Options:
    """What is given over what the upgrade was asked."""
    message, since = message or before.message, since or before.since
    # What the upgrade filled in may be nothing that these records lack.
    fillable = history.fillable(message, None if since == AUTO else since)
    kept = {name: value for name, value in before.fill.items() if name in fillable}
    given = {name: it.value for name, it in fill.items()}
    return Options(message, since, kept | given, envelope or before.envelope)
