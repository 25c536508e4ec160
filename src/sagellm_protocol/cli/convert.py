"""``sagellm-protocol convert``: archives in another form."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sagellm_protocol.archive import Limits, Writing, convert_archive, convert_stream
from sagellm_protocol.cli.archives import (
    Hands,
    at_work,
    dry_run_option,
    force_option,
    hands_options,
    limits_options,
    output_option,
    print_outcome,
    rejected_option,
    sources_argument,
    status,
    writing_options,
)
from sagellm_protocol.cli.parameters import json_option
from sagellm_protocol.cli.pipes import is_stream, piped, stream_status
from sagellm_protocol.cli.tables import Words

_WORDS = Words("written anew", types=False)


@click.command(
    "convert",
    short_help="Write archives in another form, records as they are.",
    epilog="""\b
Examples:
  sagellm-protocol convert examples/archive --output small --format msgpack --compress gzip
  sagellm-protocol convert small --output plain --format jsonl --compress none
  sagellm-protocol convert - --format json < examples/archive/0.1.0.jsonl > array.json
""",
)
@sources_argument
@output_option
@writing_options
@limits_options
@hands_options
@dry_run_option
@force_option
@rejected_option
@json_option
@click.pass_context
def convert_command(
    context: click.Context,
    sources: Sequence[str],
    output: str | None,
    writing: Writing,
    limits: Limits,
    hands: Hands,
    dry_run: bool,
    force: bool,
    rejected: Path | None,
    as_json: bool,
) -> None:
    """Write archives in another form; records keep their revision, and say what they said.

    SOURCE and DIR are as for "upgrade". Between JSON and MessagePack a record is written anew; it is set aside where
    that would lose something, as MessagePack has no room for a number with more digits than a float has. Otherwise it
    stays to the byte.

    Exit status: 0 all records went through, 1 some were set aside, 2 it could not run or was stopped by --strict or
    --max-rejected, or a SOURCE could not be read, 3 it is done, but standard output could not be written.
    """
    if is_stream(context, sources) or output is None:
        with piped(rejected, force=force) as streams:
            file = convert_stream(*streams, writing, limits=limits)
        sys.exit(stream_status(file, rejected, _WORDS))
    with at_work(hands, f"The same command again goes on after what is done in {output}.") as means:
        report = convert_archive(
            sources,
            output,
            writing,
            limits=limits,
            sample=means.sample,
            dry_run=dry_run,
            force=force,
            executor=means.executor,
            workers=means.workers,
            shard_size=means.shard_size,
            watch=means.watch,
        )
    print_outcome(report, output, _WORDS, as_json=as_json, dry_run=dry_run)
    sys.exit(status(report))
