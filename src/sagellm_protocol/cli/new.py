"""``sagellm-protocol new``: a package for messages of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from sagellm_protocol.cli.printing import printing
from sagellm_protocol.cli.starting import start
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.printable import printable


class NotWritten(click.ClickException):
    """There is something in its place, or the place takes nothing."""

    exit_code = 2


@click.command(
    "new",
    short_help="Begin a package for messages of your own.",
    epilog="""\b
Examples:
  sagellm-protocol new fleet_messages
  sagellm-protocol new fleet_events --path ~
""",
)
@click.argument("name")
@click.option(
    "--path",
    "folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="Where the folder NAME is made; here, if not given.",
)
def new_command(name: str, folder: Path) -> None:
    """Begin a package for messages of your own, in a new folder called NAME.

    It holds a message, a history of one revision, the lock made from them, and the test that fails where a change to a
    class lacks its step in the history. Its README.md says what to do then. Nothing is overwritten.

    Exit status: 0 it is written, 2 it is not.
    """
    try:
        place = start(name, folder)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    except OSError as error:
        raise NotWritten(str(error)) from None
    with printing():
        for file in sorted(file for file in place.rglob("*") if file.is_file()):
            click.echo(printable(str(file)))
