"""``sagellm-protocol completion``: what a shell needs to complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sagellm_protocol.cli import SCRIPT
from sagellm_protocol.cli.app import app
from sagellm_protocol.cli.printing import printing

_VARIABLE = "_SAGELLM_PROTOCOL_COMPLETE"
"""Set by the shell when it asks; click makes it of the name of the script."""


@click.command(
    "completion",
    short_help="Print the script that lets a shell complete names.",
    epilog="""\b
Examples:
  eval "$(sagellm-protocol completion bash)"      # in ~/.bashrc
  eval "$(sagellm-protocol completion zsh)"       # in ~/.zshrc
  sagellm-protocol completion fish > ~/.config/fish/completions/sagellm-protocol.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script that lets a shell complete commands, options, messages and releases.

    The script asks sagellm-protocol itself, each time; bash must be 4.4 or newer.
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    with printing():
        click.echo(kind(app, {}, SCRIPT, _VARIABLE).source())
