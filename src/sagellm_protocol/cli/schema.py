"""``sagellm-protocol schema``: the JSON Schema of a message, or of all."""

from __future__ import annotations

import json

import click

from sagellm_protocol import schema
from sagellm_protocol.cli.printing import printing
from sagellm_protocol.history import LATEST
from sagellm_protocol.model.exceptions import UnsupportedRevisionError


@click.command("schema")
@click.argument("message", required=False)
@click.option("--revision", default=LATEST, show_default=True, help="Any release or revision.")
@click.option("--all", "every", is_flag=True, help="Every message of the revision in one document.")
def schema_command(message: str | None, revision: str, every: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of MESSAGE, or with --all of every message."""
    if (message is None) != every:
        raise click.UsageError("name a MESSAGE, or ask for --all")
    try:
        document = schema.bundle(revision) if message is None else schema.json_schema(message, revision)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    with printing():
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
