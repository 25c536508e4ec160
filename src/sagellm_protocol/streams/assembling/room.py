"""How much of unfinished streams is held: characters and tokens, counted as they come."""

from __future__ import annotations

from typing import Any

import attrs

from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short

MOST_HELD = 16 * 1024 * 1024
"""How many characters and tokens are held, unless told."""


def _at_least_one(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    positive(attribute.name, value)


def positive(name: str, value: Any) -> int:
    """A limit, which is a whole number above 0.

    Raises:
        OptionError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} must be a whole number above 0, got {short(value)}")
    return value


@attrs.define
class Room:
    """What one stream, or several together, may take up."""

    limit: int = attrs.field(default=MOST_HELD, validator=_at_least_one)
    used: int = attrs.field(default=0, init=False)

    def has(self, size: int) -> bool:
        """Whether so much more is allowed."""
        return self.used + size <= self.limit
