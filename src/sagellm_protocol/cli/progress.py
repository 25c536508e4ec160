"""A progress bar on a terminal, and a clean stop when the user asks for one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from sagellm_protocol.archive import Watch
from sagellm_protocol.model.printable import printable


class Stopped(Exception):
    """The user asked to stop. Not a ``KeyboardInterrupt``: it is raised where stopping leaves nothing half-done."""

    def __init__(self, number: int) -> None:
        self.number = number
        """Of the signal."""
        super().__init__(signal.Signals(number).name)


class Bar(Watch):
    """Draws how the work goes, and stops it after a signal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)
        self._signal: int | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop at the next chance; a second signal does what it does without us."""
        self._signal = number
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)

    def begin(self, total: int) -> None:
        """Draw an empty bar."""
        self._progress.update(self._task, total=total)

    def begin_file(self, name: str) -> None:
        """Show its name."""
        self._progress.update(self._task, description=printable(name))
        self.advance(0)

    def advance(self, size: int) -> None:
        """Move the bar.

        Raises:
            Stopped: there was a signal.
        """
        if self._signal is not None:
            raise Stopped(self._signal)
        self._progress.advance(self._task, size)


@contextlib.contextmanager
def watching(console: Console) -> Iterator[Bar]:
    """A bar on ``console`` for the time of the ``with``; nothing is drawn where it is no terminal."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        expand=True,
        disable=not console.is_interactive,
    )
    # Some releases of rich end even a disabled bar with an empty line.
    with progress if console.is_interactive else contextlib.nullcontext():
        bar = Bar(progress)
        before = {number: signal.signal(number, bar.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield bar
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
