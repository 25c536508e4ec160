"""``sagellm-protocol kv-audit``: what an engine recorded of its KV cache, held against the rules."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO

import click

from sagellm_protocol.cli.parameters import json_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.ledger import KVLedger
from sagellm_protocol.ledger.recorded import feed
from sagellm_protocol.ledger.telling import Report
from sagellm_protocol.model.exceptions import ProtocolError

_UNREADABLE_SHOWN = 20
"""So many lines that are no events are shown; of all it is told how many there are."""
_WIDTH = 120
"""Columns, where the output goes to no terminal."""


@click.command(
    "kv-audit",
    short_help="Check a recording of KV cache events.",
    epilog="""\b
Examples:
  sagellm-protocol kv-audit events.jsonl --pool-tokens 4096 --block-size 16
  zcat events.jsonl.gz | sagellm-protocol kv-audit - --json
""",
)
@click.argument("recording", type=click.File("rb"))
@click.option(
    "--pool-tokens", type=click.IntRange(min=1), help="What the pool has room for; not checked, if not given."
)
@click.option("--block-size", type=click.IntRange(min=1), default=1, show_default=True, help="Tokens in a block.")
@json_option
def kv_audit_command(recording: BinaryIO, pool_tokens: int | None, block_size: int, as_json: bool) -> None:
    """Check a RECORDING of KV cache events: double frees, leaks, evictions of what is read, and the like.

    A RECORDING ("-" for standard input) has one JSON object a line: a KVHookPayload, or what hooks are not told of,
    such as {"tell": "pin", "handle_id": "h-1"} or {"tell": "end_request", "request_id": "r-1"}.

    Exit status: 0 all is well, 1 something happened that must not have, or a line is no event, 2 it could not run.
    """
    ledger = KVLedger(pool_tokens=pool_tokens, block_size=block_size)
    unreadable: list[tuple[int, str]] = []
    count = 0
    for number, line in enumerate(recording, 1):
        if not line.strip():
            continue
        try:
            feed(ledger, line)
        except ProtocolError as error:
            count += 1
            if count <= _UNREADABLE_SHOWN:
                unreadable.append((number, str(error).replace("\n", "")))
    ledger.close()
    report = ledger.report()
    with printing():
        if as_json:
            first = [{"line": line, "reason": reason} for line, reason in unreadable]
            print_json({**report, "unreadable": {"count": count, "first": first}})
        else:
            _print(report, unreadable, count)
    sys.exit(0 if ledger.is_clean and not count else 1)


def _print(report: Report, unreadable: Sequence[tuple[int, str]], count: int) -> None:
    from sagellm_protocol.cli.terminal import terminal
    from sagellm_protocol.display.columns import cell, columns

    console = terminal(_WIDTH)
    console.print(report)
    if count:
        table = columns("line", f"why it is no event ({count:,} in all)")
        for line, reason in unreadable:
            table.add_row(cell(str(line)), cell(reason))
        console.print()
        console.print(table)
