"""``sagellm-protocol validate``: whether the records of an archive keep the rules."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.console import Console

from sagellm_protocol.archive.surveys import Rules, Validation, validate_archive, validate_stream
from sagellm_protocol.cli.archives import (
    Hands,
    hands_options,
    hooks_option,
    max_record_option,
    sources_argument,
    type_option,
)
from sagellm_protocol.cli.parameters import history_option, json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.cli.surveys import (
    ROWS,
    WIDTH,
    example,
    finish,
    left_out,
    more,
    number,
    release_option,
    sampled,
    surveyed,
    table,
)
from sagellm_protocol.cli.terminal import terminal
from sagellm_protocol.display.columns import cell


@click.command(
    "validate",
    short_help="Tell which records of an archive break which rules.",
    epilog="""\b
Examples:
  sagellm-protocol validate examples/archive
  sagellm-protocol validate examples/archive/0.4.0.8.jsonl --revision latest
  sagellm-protocol validate examples/archive/0.5.4.16.jsonl --consistent --json
  zcat log.jsonl.gz | sagellm-protocol validate - --since 0.4.0.8
""",
)
@sources_argument
@type_option
@release_option("--since", "The release that wrote the records, e.g. 0.4.0.8. Found for each record, if not given.")
@release_option("--revision", "Whose rules are asked. Those of the release that a record is of, if not given.")
@click.option(
    "--consistent",
    is_flag=True,
    help="Ask the rules between fields too: today's, of the record brought to today's revision.",
)
@click.option("--allow-unknown", is_flag=True, help="Fields that the release does not know are nothing amiss.")
@hooks_option
@history_option
@max_record_option
@hands_options
@json_option
def validate_command(
    sources: Sequence[str],
    message: str | None,
    since: str | None,
    revision: str | None,
    consistent: bool,
    allow_unknown: bool,
    hooks: Sequence[str],
    history: str,
    max_record: int,
    hands: Hands,
    as_json: bool,
) -> None:
    """Tell which records of an archive break which rules: by type, field and rule, with how many, and the first.

    A SOURCE is a file, a folder, a pattern, or a URL; or "-", which is standard input. Nothing is written.

    Exit status: 0 all records keep the rules, 1 some do not, 2 it could not run or a SOURCE could not be read,
    3 standard output could not be written.
    """
    rules = Rules(message, since, revision, consistent, allow_unknown)
    found = surveyed(sources, hands, validate_archive, validate_stream, rules, max_record, hooks, history)
    with printing():
        if as_json:
            print_json(found.to_plain())
        else:
            _print(terminal(WIDTH), found)
    finish(found.unreadable, found.invalid)


def _print(console: Console, found: Validation) -> None:
    sampled(console, found.sample)
    violations = found.violations.most_first()
    if violations:
        made = table(["type"], [], "field", "must be")
        made.add_column("records", justify="right", no_wrap=True)
        made.add_column("first", overflow="fold")
        made.add_column("found", overflow="fold")
        for broken, finding in violations[:ROWS]:
            made.add_row(
                cell(broken.type or "-"),
                cell(broken.path or "-"),
                example(broken.rule),
                number(finding.records),
                cell(f"{finding.source} @ {finding.offset}"),
                example(finding.example),
            )
        console.print(made)
        more(console, len(violations))
        console.print()
    console.print(f"{found.records:,} records, {found.invalid:,} of them break a rule")
    left_out(console, found.unreadable)
