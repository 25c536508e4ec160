"""Standard output, as rich writes to it."""

from __future__ import annotations

import sys

from rich.console import Console

UNBOUNDED = 10_000
"""Columns for tables of which each row is to stay on one line, so that ``grep`` finds it whole."""


class Terminal(Console):
    """A console that leaves it to its caller what becomes of output that nobody reads."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled; newer releases of rich would end the process here."""
        raise


def terminal(width: int | None) -> Terminal:
    """Standard output, of so many columns where it is no terminal; None asks the environment (``COLUMNS``)."""
    sized = sys.stdout is not None and sys.stdout.isatty()
    return Terminal(width=None if sized else width, highlight=False)
