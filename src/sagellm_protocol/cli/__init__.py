"""The command line, ``sagellm-protocol``. It needs the extra ``cli``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

SCRIPT = "sagellm-protocol"
"""What the installed script is called."""

MISSING = """\
sagellm-protocol: {name} is not installed; the command line needs the extra "cli":
    pip install 'isagellm-protocol[cli]'
"""


def main(arguments: Sequence[str] | None = None, *, prog_name: str = SCRIPT) -> None:
    """Run the command line and exit.

    0 if all went well, 1 if something was found amiss, 2 if it could not run, 3 if what it found could not be printed.

    Args:
        arguments: those of the process, where it is None.
        prog_name: what help and errors call the program.
    """
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.stderr.write(MISSING.format(name=error.name))
        sys.exit(2)
    from sagellm_protocol.cli.app import app
    from sagellm_protocol.cli.printing import Unprintable, printing

    try:
        with printing():
            app(args=arguments, prog_name=prog_name)
    except Unprintable as error:
        error.show()
        sys.exit(error.exit_code)
