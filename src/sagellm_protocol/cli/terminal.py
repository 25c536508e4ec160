"""Tables on standard output."""

from __future__ import annotations

from rich.console import Console


class Terminal(Console):
    """A console that leaves it to its caller what becomes of output that nobody reads."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled; newer releases of rich would end the process here."""
        raise
