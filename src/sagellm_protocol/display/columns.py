"""Tables that rich prints: the extra ``cli`` must be there."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from sagellm_protocol.model.printable import printable


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
