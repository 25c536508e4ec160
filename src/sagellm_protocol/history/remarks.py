"""What a revision says of itself beside its changes: checked, and in one form, when it is written down."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.model.shortening import short

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""What ``date.fromisoformat`` takes on every Python."""


def day(said: datetime.date | str | None) -> datetime.date | None:
    """A day; None where none was said.

    Raises:
        ValueError: it is neither a ``datetime.date`` nor such a day as ``2025-11-30``.
    """
    if said is None or type(said) is datetime.date:
        return said
    if isinstance(said, str) and _ISO.fullmatch(said):
        try:
            return datetime.date.fromisoformat(said)
        except ValueError:
            pass  # A month has no such day.
    raise ValueError(f"date must be a datetime.date or a day like '2025-11-30', got {short(said)}")


def paragraph(said: object, what: str) -> str:
    """A text without its line breaks.

    Raises:
        ValueError: it is no text, or of more than one paragraph.
    """
    if not isinstance(said, str) or re.search(r"\n[ \t]*\n", said.strip()):
        raise ValueError(f"{what} must be a text of one paragraph, got {short(said)}")
    return " ".join(said.split())


def reasons(said: object) -> FrozenDict[str, str]:
    """What is deprecated, each with a text.

    Raises:
        ValueError: it is no mapping of texts to texts.
    """
    if not isinstance(said, Mapping) or not all(isinstance(path, str) for path in said):
        raise ValueError(f"deprecates must be a mapping of paths to what to use instead, got {short(said)}")
    return FrozenDict({path: paragraph(text, f"the text for {path}") for path, text in said.items()})
