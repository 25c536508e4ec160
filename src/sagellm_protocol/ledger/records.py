"""What a ledger keeps: of each handle, of each kind of operation, and of each violation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.ledger.rules import Operation


@attrs.define
class Held:
    """One handle, as far as the ledger was told. It can be asked what :mod:`sagellm_protocol.lifecycle` asks."""

    handle_id: str
    request_id: str
    num_tokens: int
    """As its handle says."""
    room: int
    """Tokens that it takes of the pool: whole blocks."""
    device: str
    state: KVBlockState = KVBlockState.ALLOCATED
    ref_count: int = 1
    pin_count: int = 0
    prefix_hash: str | None = None
    is_transferring: bool = False
    holders: dict[str, int] = attrs.field(factory=dict)
    """References by request; those that were told without one stand under the empty text."""


@attrs.define
class Done:
    """How often an operation was asked for, and how it ended."""

    count: int = 0
    succeeded: int = 0
    failed: int = 0
    elapsed_ms: float = 0.0
    """Summed over those that ended."""
    tokens: int = 0
    """Of the handles, summed over those that succeeded."""


@attrs.frozen
class Seen:
    """One event, as a report shows it."""

    number: int
    """Place among all events of the ledger, from 1."""
    event: str
    handle_id: str | None
    request_id: str | None


@attrs.frozen
class LedgerViolation:
    """Something that the engine did and must not do."""

    rule: str
    """Name of the rule."""
    code: KVErrorCode
    text: str
    """What is wrong, as people read it."""
    at: Seen
    """The event that told."""
    before: tuple[Seen, ...]
    """The events before it, the oldest first."""
    after: tuple[Seen, ...] = ()
    """The events after it, as far as they had come when it was asked for."""

    def __str__(self) -> str:
        return f"event {self.at.number} ({self.at.event}): {self.code.value}: {self.text}"

    def as_dict(self) -> Mapping[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "rule": self.rule,
            "code": self.code.value,
            "text": self.text,
            "at": attrs.asdict(self.at),
            "before": [attrs.asdict(seen) for seen in self.before],
            "after": [attrs.asdict(seen) for seen in self.after],
        }


@attrs.frozen
class Facts:
    """All that a ledger knows at a moment."""

    pool_tokens: int | None
    block_size: int
    bytes_per_token: int
    events: int
    """Events that it was told of."""
    held: tuple[Held, ...]
    """Every handle that is held."""
    room: int
    """Tokens handed out, in whole blocks."""
    most_room: int
    most_handles: int
    operations: Mapping[Operation, Done]
    told: Mapping[str, int]
    """How often an event of the lifecycle was told of by itself."""
    broken: Mapping[tuple[str, KVErrorCode], int]
    """Violations by rule and code."""
    violations: tuple[LedgerViolation, ...]
    """The first of them."""
