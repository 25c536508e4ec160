"""The group of commands. Each is imported when it is asked for, so that one does not wait for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from click.shell_completion import add_completion_class

from sagellm_protocol import __version__
from sagellm_protocol.cli.bash import WholeWords
from sagellm_protocol.cli.printing import give_up, printable_lines
from sagellm_protocol.model.wording import did_you_mean

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Payloads": {
        "detect": "sagellm_protocol.cli.detect:detect_command",
        "inspect": "sagellm_protocol.cli.inspect:inspect_command",
        "validate": "sagellm_protocol.cli.validate:validate_command",
        "upgrade": "sagellm_protocol.cli.upgrade:upgrade_command",
        "retry": "sagellm_protocol.cli.retry:retry_command",
        "convert": "sagellm_protocol.cli.convert:convert_command",
    },
    "Engines": {
        "kv-audit": "sagellm_protocol.cli.kv_audit:kv_audit_command",
        "metrics": "sagellm_protocol.cli.metrics:metrics_command",
    },
    "The protocol": {
        "messages": "sagellm_protocol.cli.messages:messages_command",
        "revisions": "sagellm_protocol.cli.revisions:revisions_command",
        "diff": "sagellm_protocol.cli.diff:diff_command",
        "schema": "sagellm_protocol.cli.schema:schema_command",
    },
    "Your code": {
        "lint": "sagellm_protocol.cli.lint:lint_command",
        "new": "sagellm_protocol.cli.new:new_command",
    },
    "Your shell": {
        "completion": "sagellm_protocol.cli.completion:completion_command",
    },
}
"""Name of a command to where it is, in the order and under the headings of ``--help``."""

COMMANDS = {name: where for section in SECTIONS.values() for name, where in section.items()}
"""The same without the headings."""


class Commands(click.Group):
    """A group whose commands are found in :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the sections."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what was perhaps meant, where there is no such command."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(args[0], COMMANDS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Under their headings, in columns that line up."""
        longest = max(map(len, COMMANDS))
        limit = formatter.width - 6 - longest
        for heading, section in SECTIONS.items():
            rows = [(name, command) for name in section if (command := self.get_command(ctx, name)) is not None]
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(longest), command.get_short_help_str(limit)) for name, command in rows])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Options such as ``--help`` print here, and their reader may have had enough."""
        with _while_read():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What its errors quote does not get to the terminal as it is."""
        try:
            with _while_read():
                return super().invoke(ctx)
        except click.ClickException as error:
            vars(error).update(message=printable_lines(error.message))
            raise


add_completion_class(WholeWords)


@contextmanager
def _while_read() -> Iterator[None]:
    """To click a reader who has had enough is an error; here nothing is amiss."""
    try:
        yield
    except BrokenPipeError:
        give_up()
        raise click.exceptions.Exit(0) from None


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  sagellm-protocol detect examples/archive/0.1.0.jsonl --summary
  sagellm-protocol upgrade examples/archive/*.jsonl --output upgraded
  sagellm-protocol messages Request
  sagellm-protocol diff 0.4.0.8 latest StreamEventDelta

Exit status: 0 all went well, 1 something was found amiss, 2 the command could not run, 3 what it found could not be
printed. "sagellm-protocol COMMAND --help" tells more.
""",
)
@click.version_option(__version__, prog_name="sagellm-protocol")
def app() -> None:
    """The messages of sageLLM: what a payload is, what each release speaks, and archives brought up to date."""
