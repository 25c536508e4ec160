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
