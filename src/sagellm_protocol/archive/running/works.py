"""What is done with records: how a batch of them is brought to today's revision, in whatever process it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import attrs

from sagellm_protocol.archive.batching import UpgradedBatch
from sagellm_protocol.archive.formats import Wire
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.running.histories import print_of_history
from sagellm_protocol.archive.running.keeping import Kept
from sagellm_protocol.archive.running.repairs import prints, repaired
from sagellm_protocol.archive.running.shards import Releases
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.named import PROTOCOL, named

Batches: TypeAlias = Callable[[Sequence[bytes]], UpgradedBatch]
"""Takes the records of a batch, gives what is written and what is set aside."""


class Work(Protocol):
    """What is done with the records of each shard. It goes to the workers by pickle."""

    def to_plain(self) -> Any:
        """All that decides on what becomes of a record, as plain data."""
        ...

    def begin(self, reads: Wire, writes: Wire, releases: Releases) -> Batches:
        """A function for the batches of one source. It is for the thread that asks."""
        ...


@attrs.frozen
class Upgrading:
    """Records are brought to today's revision."""

    options: Options = attrs.field(factory=Options)
    hooks: tuple[str, ...] = ()
    """``module:function``, found again in each process."""
    named: str | None = PROTOCOL
    """A history as ``module:attribute``, found again in each process; None where it has no such name."""
    local: History | None = None
    """The history, where it is of this process alone; then the work cannot go elsewhere."""

    @property
    def history(self) -> History:
        """The history that records are upgraded with."""
        return self.local or _repaired(self.hooks, named(self.named or PROTOCOL))

    def to_plain(self) -> Any:
        """Options, hooks, the history, and the files that these come from."""
        unrepaired = self.local or named(self.named or PROTOCOL)
        return {
            "options": self.options.to_plain(),
            "hooks": prints(self.hooks),
            "registered": list(self.history.hooked),
            "history": None if unrepaired is HISTORY else print_of_history(unrepaired, self.named),
            "protocol": self.history.latest,
        }

    def begin(self, reads: Wire, writes: Wire, releases: Releases) -> Batches:
        """An upgrader's ``upgrade_batch``; they generate code when they are first used, and are kept."""
        history = self.history
        key = (self.options.to_json(), self.hooks, id(history), history.hooks_changed, reads, writes, releases)
        among = releases or None
        return _UPGRADERS.get(
            key, lambda: Upgrader(self.options, history=history, among=among, reads=reads, writes=writes)
        ).upgrade_batch


_UPGRADERS: Kept[Upgrader] = Kept()


@lru_cache(maxsize=8)
def _repaired(hooks: tuple[str, ...], history: History) -> History:
    return repaired(hooks, history)
