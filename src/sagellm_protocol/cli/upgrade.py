"""``sagellm-protocol upgrade``: archives brought to today's revision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sagellm_protocol.archive import Limits, Options, Writing, upgrade_archive, upgrade_stream
from sagellm_protocol.cli.archives import (
    Hands,
    at_work,
    dry_run_option,
    force_option,
    hands_options,
    hooks_option,
    limits_options,
    output_option,
    print_outcome,
    rejected_option,
    since_option,
    sources_argument,
    status,
    type_option,
    writing_options,
)
from sagellm_protocol.cli.filling import Given, fill_option, quoting
from sagellm_protocol.cli.parameters import history_option, json_option
from sagellm_protocol.cli.pipes import is_stream, piped, stream_status


@click.command(
    "upgrade",
    short_help="Bring archived messages to today's revision.",
    epilog="""\b
Examples:
  sagellm-protocol upgrade examples/archive/*.jsonl --output upgraded
  sagellm-protocol upgrade examples/archive --output small --format msgpack --compress gzip
  sagellm-protocol upgrade examples/archive/0.1.0.jsonl --output exact --since 0.1.0 --fill engine_id=engine-7
  sagellm-protocol upgrade - < examples/archive/0.1.0.jsonl > today.jsonl
  sagellm-protocol upgrade reports.jsonl --output today --history fleet:HISTORY --workers 4
""",
)
@sources_argument
@output_option
@type_option
@since_option
@fill_option
@click.option("--envelope", is_flag=True, help="Write records that say what they are.")
@hooks_option
@history_option
@writing_options
@limits_options
@hands_options
@dry_run_option
@force_option
@rejected_option
@json_option
@click.pass_context
def upgrade_command(
    context: click.Context,
    sources: Sequence[str],
    output: str | None,
    message: str | None,
    since: str | None,
    fill: dict[str, Given],
    envelope: bool,
    hooks: Sequence[str],
    history: str,
    writing: Writing,
    limits: Limits,
    hands: Hands,
    dry_run: bool,
    force: bool,
    rejected: Path | None,
    as_json: bool,
) -> None:
    """Bring archived messages to today's revision.

    A SOURCE is a file, a folder, a pattern, or a URL; or "-", which goes from standard input to standard output. It
    holds JSON Lines, one JSON array, or MessagePack, and may be compressed by gzip or zstd. DIR gets a file of the same
    name with the upgraded records, rejected/ with those that could not be upgraded and why, and report.json.

    Fields that today's messages require and old records do not have, such as engine_id, are made up: "unknown", or what
    --fill says. A table and report.json say of how many records; with --json, what report.json says is printed.

    A run that was stopped, however it was, goes on where it stopped when it is started again in the same way.

    Exit status: 0 all records went through, 1 some were set aside, 2 the upgrade could not run or was stopped by
    --strict or --max-rejected, or a SOURCE could not be read, 3 the upgrade is done and report.json written, but
    standard output could not be.
    """
    filled = {name: given.value for name, given in fill.items()}
    if is_stream(context, sources) or output is None:
        with piped(rejected, force=force) as streams, quoting(fill):
            options = Options(message, since, filled, envelope)
            file = upgrade_stream(*streams, options, writing=writing, limits=limits, hooks=hooks, history=history)
        sys.exit(stream_status(file, rejected))
    go_on = f"The same command again goes on after what is done in {output}."
    with at_work(hands, go_on) as means, quoting(fill):
        report = upgrade_archive(
            sources,
            output,
            Options(message, since, filled, envelope),
            writing=writing,
            limits=limits,
            hooks=hooks,
            history=history,
            sample=means.sample,
            dry_run=dry_run,
            force=force,
            executor=means.executor,
            workers=means.workers,
            shard_size=means.shard_size,
            watch=means.watch,
        )
    print_outcome(report, output, as_json=as_json, dry_run=dry_run)
    sys.exit(status(report))
