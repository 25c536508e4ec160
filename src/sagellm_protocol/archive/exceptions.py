"""What stops the upgrade of a file or of all files. What is wrong with one record is a ``ProtocolError``."""

from __future__ import annotations

from collections.abc import Iterable


class ArchiveError(Exception):
    """Root of the errors about files."""


class RefusedError(ArchiveError):
    """The upgrade was not begun, since it would overwrite something or could not tell its outputs apart."""

    reasons: tuple[str, ...]

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))

    def __reduce__(self) -> tuple[type[RefusedError], tuple[tuple[str, ...]]]:
        return type(self), (self.reasons,)


class UnreadableError(ArchiveError):
    """A source could not be read to its end, as a damaged ``.gz`` file cannot."""


class StrictError(ArchiveError):
    """A record would have been set aside, and the run was told to stop at the first."""

    def __init__(self, source: str, offset: int, reason: str) -> None:
        self.source, self.offset, self.reason = source, offset, reason
        super().__init__(f"{source}, at byte {offset}: {reason}")

    def __reduce__(self) -> tuple[type[StrictError], tuple[str, int, str]]:
        return type(self), (self.source, self.offset, self.reason)


class WorkersError(ArchiveError):
    """The workers of a run are gone, or cannot begin. What was written is kept: the same call goes on with the rest."""


class TooManyRejectedError(ArchiveError):
    """More of the records were set aside than the run was told to put up with."""
