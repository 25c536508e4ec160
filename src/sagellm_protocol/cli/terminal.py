"""Tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagellm_protocol.model.printable import printable

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


def columns(*names: str, numbers: Iterable[str] = ()) -> Table:
    """An empty table; its ``numbers`` stand right of the other columns. What a record is is not broken up."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name == "type")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table


def cell(value: str, style: str = "") -> Text:
    """What stands in a table; no control character and no markup in it has a meaning."""
    return Text(printable(value), style)
