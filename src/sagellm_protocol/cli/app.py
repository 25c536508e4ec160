"""The group of commands. Each is imported when it is asked for, so that one does not wait for the others."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from sagellm_protocol.cli.printing import printable_lines

COMMANDS = {
    "diff": "sagellm_protocol.cli.diff:diff_command",
    "schema": "sagellm_protocol.cli.schema:schema_command",
    "upgrade": "sagellm_protocol.cli.upgrade:upgrade_command",
}
"""Name of a command to where it is."""


class Commands(click.Group):
    """A group whose commands are found in :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What its errors quote does not get to the terminal as it is."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            vars(error).update(message=printable_lines(error.message))
            raise


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="isagellm-protocol", prog_name="sagellm-protocol")
def app() -> None:
    """Upgrade archives of sageLLM messages, and see what each release speaks."""
