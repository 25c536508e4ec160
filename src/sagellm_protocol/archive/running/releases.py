"""The revisions that could have written whole sources."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sagellm_protocol.archive.formats import Batch, Form
from sagellm_protocol.archive.running.choices import Limits
from sagellm_protocol.archive.running.looking import look_through
from sagellm_protocol.archive.running.means import Means
from sagellm_protocol.archive.running.shards import Releases, Shard
from sagellm_protocol.archive.running.works import Upgrading
from sagellm_protocol.archive.storage import Source
from sagellm_protocol.archive.wires import PARSE
from sagellm_protocol.codecs.envelope import is_envelope
from sagellm_protocol.model.exceptions import ProtocolError


def releases_of(
    shards: Sequence[Shard], work: Upgrading, limits: Limits, means: Means
) -> tuple[dict[str, Releases], dict[str, str]]:
    """The revisions that could have written every record of a source, oldest first, by name of the source.

    Records that say it themselves, and what is no record at all, do not count.

    Returns:
        Those of the sources that could be read, and why the others cannot be.
    """
    looks = look_through(shards, partial(ReleasesSurvey, work), means, limits)
    names = dict.fromkeys(shard.source.name for shard in shards)
    order = work.history.revisions
    releases = {
        name: tuple(revision for revision in order if revision in looks.survey.possible[name])
        for name in names
        if name not in looks.unreadable
    }
    return releases, looks.unreadable


class ReleasesSurvey:
    """Notes, for each source, the revisions that could have written all that was seen of it."""

    def __init__(self, work: Upgrading) -> None:
        self._work = work
        self._name, self._wire = "", PARSE["json"]
        self.possible: dict[str, set[str]] = {}

    def begin(self, source: Source, form: Form) -> None:
        """What follows is from this source."""
        self._name, self._wire = source.name, PARSE[form.wire]
        self.possible.setdefault(source.name, set(self._work.history.revisions))

    def see(self, batch: Batch) -> int:
        """Note a batch."""
        possible = self.possible[self._name]
        if possible:
            found = self._work.history.detect_all(self._payloads(batch), self._work.options.message)
            possible.intersection_update(found)
        return 0

    def _payloads(self, batch: Batch) -> Iterator[Any]:
        for record in batch.records:
            with contextlib.suppress(ProtocolError):
                payload = self._wire(record)
                if not is_envelope(payload):
                    yield payload

    def add(self, other: ReleasesSurvey) -> None:
        """Note what another has seen."""
        for name, possible in other.possible.items():
            self.possible.setdefault(name, set(possible)).intersection_update(possible)
