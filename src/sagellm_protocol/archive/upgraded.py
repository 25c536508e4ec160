"""What became of one record."""

from __future__ import annotations

import attrs


@attrs.frozen
class Upgraded:
    """What became of one record."""

    message: str
    """What it is, by full name."""
    revisions: str
    """The revisions that may have written it: ``0.1.0.1 to 0.4.0.7``."""
    record: bytes | None
    """Today's form, without a line ending; None where the record may stay as it is, to the byte."""
    unknown: tuple[str, ...] = ()
    """Paths of the fields that the protocol does not know, each once: ``choices[].site``."""
    filled: tuple[str, ...] = ()
    """Fields that the record lacks and ``fill`` gave, once for each value."""
    made_up: tuple[str, ...] = ()
    """Fields that the record lacks and nobody gave, so that they hold what the history says: ``"unknown"``."""
