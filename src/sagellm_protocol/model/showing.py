"""How much of a message is shown: so many characters, items, levels and values, or all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import attrs


@attrs.frozen
class Limits:
    """How much of a value is shown."""

    text: int = 80
    """Characters of one value."""
    items: int = 8
    """Items of one container."""
    levels: int = 5
    """Containers within containers."""
    values: int = 400
    """Values in all, those within containers and messages included."""


CUT = Limits()
"""What errors show, and ``repr`` unless told otherwise: a prompt of a megabyte must not fill a log line."""

WHOLE = Limits(text=sys.maxsize, items=sys.maxsize, levels=100, values=sys.maxsize)
"""Everything, as deep as free JSON may nest."""

LIMITS: ContextVar[Limits] = ContextVar("LIMITS", default=CUT)
"""What is shown of messages in this thread or task."""


@contextmanager
def showing(*, whole: bool = True) -> Iterator[None]:
    """Show messages whole, in this thread or task, as long as the block lasts.

    It is for ``repr``, notebooks and rich alike. What is hidden (``repr=False``) stays so, what nests deeper than 100
    levels is cut all the same, and errors are as short as ever.

    Args:
        whole: False cuts again within a block that shows all.
    """
    token = LIMITS.set(WHOLE if whole else CUT)
    try:
        yield
    finally:
        LIMITS.reset(token)
