"""A live view on a terminal, and a clean stop when the user asks for one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from sagellm_protocol.archive.running import Progress as SoFar, Watch
from sagellm_protocol.model.printable import printable

_NAME = 32
"""Characters of a source's name that are shown: its last."""


class Stopped(Exception):
    """The user asked to stop. Not a ``KeyboardInterrupt``: it is raised where stopping leaves nothing half-done."""

    def __init__(self, number: int) -> None:
        self.number = number
        """Of the signal."""
        super().__init__(signal.Signals(number).name)


class _Records(ProgressColumn):
    """Records a second, and how many were set aside."""

    def render(self, task: Task) -> Text:
        """Of a task that has both."""
        elapsed = task.elapsed
        speed = task.fields["records"] / elapsed if elapsed else 0
        rejected = task.fields["rejected"]
        return Text.assemble(
            (f"{speed:,.0f} records/s", "progress.data.speed"),
            (f", {rejected:,} set aside" if rejected else "", "red"),
        )


class View(Watch):
    """Draws how the work goes, and stops it after a signal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, records=0, rejected=0)
        self._signal: int | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop at the next chance; a second signal does what it does without us."""
        self._signal = number
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)

    def begin(self, total: int | None) -> None:
        """Draw an empty bar; one that only moves, where nobody knows how much there is."""
        self._progress.reset(self._task, total=total, records=0, rejected=0)

    def advance(self, progress: SoFar) -> None:
        """Draw how far it is.

        Raises:
            Stopped: there was a signal.
        """
        if self._signal is not None:
            raise Stopped(self._signal)
        self._progress.update(
            self._task,
            completed=progress.bytes,
            description=printable(progress.source[-_NAME:]),
            records=progress.records,
            rejected=progress.rejected,
        )


@contextlib.contextmanager
def watching(console: Console) -> Iterator[View]:
    """A live view on ``console`` for the time of the ``with``; nothing is drawn where it is no terminal."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        _Records(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        expand=True,
        disable=not console.is_interactive,
    )
    # Some releases of rich end even a disabled bar with an empty line.
    with progress if console.is_interactive else contextlib.nullcontext():
        view = View(progress)
        before = {number: signal.signal(number, view.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield view
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
