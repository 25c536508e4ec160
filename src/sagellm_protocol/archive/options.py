"""What the user decided about an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sagellm_protocol.history import HISTORY, History

AUTO = "auto"
"""As ``since``: only the releases that could have written the whole file come into question for its records."""


@attrs.frozen
class Options:
    """How records are read and written."""

    message: str | None = None
    """What every record is, by full or short name; where it is None, each record is looked at."""
    since: str | None = None
    """The release that wrote the records, or ``"auto"``; where it is None, each record is looked at by itself."""
    fill: Mapping[str, Any] = attrs.field(factory=dict)
    """Values for required fields that an older revision does not have, by field name."""
    envelope: bool = False
    """Write records that say what they are: protocol revision, message, payload."""

    def resolved(self, history: History = HISTORY) -> Options:
        """The same with the full name of the message and the revision of the release.

        Raises:
            UnsupportedRevisionError: no such message or release, or the release has no such message.
        """
        message = None if self.message is None else history.catalog.name(self.message)
        if self.since is None or self.since == AUTO:
            return attrs.evolve(self, message=message)
        if message is not None:
            history.spec(message, self.since)
        return attrs.evolve(self, message=message, since=history.resolve(self.since))

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"type": self.message, "since": self.since, "fill": dict(self.fill), "envelope": self.envelope}
