"""``sagellm-protocol schema``: JSON Schema or TypeScript of a message, or of all."""

from __future__ import annotations

import click

from sagellm_protocol import schema
from sagellm_protocol.cli.parameters import history_option, message_argument, revision_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history.named import named
from sagellm_protocol.model.exceptions import UnsupportedRevisionError


@click.command(
    "schema",
    short_help="Print JSON Schema, or declarations for TypeScript.",
    epilog="""\b
Examples:
  sagellm-protocol schema Request
  sagellm-protocol schema --all --revision 0.4.0.8
  sagellm-protocol schema --all --format typescript > messages.d.ts
  sagellm-protocol schema NodeReport --revision 1.0 --history fleet:HISTORY
""",
)
@message_argument
@revision_option
@history_option
@click.option("--all", "every", is_flag=True, help="Every message of the revision in one document.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "typescript"]),
    default="json",
    show_default=True,
    help="JSON Schema of draft 2020-12, or declarations for TypeScript.",
)
def schema_command(message: str | None, revision: str, history: str, every: bool, form: str) -> None:
    """Print the JSON Schema or TypeScript declarations of MESSAGE and what it holds, or with --all of every message.

    Both take what a release of that revision takes, with units, bounds and texts.
    """
    if (message is None) != every:
        raise click.UsageError("name a MESSAGE, or ask for --all")
    ours = named(history)
    try:
        if form == "typescript":
            with printing():
                click.echo(schema.typescript(message, revision, ours), nl=False)
        else:
            if message is None:
                document = schema.bundle(revision, ours)
            else:
                document = schema.json_schema(message, revision, ours)
            with printing():
                print_json(document)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
