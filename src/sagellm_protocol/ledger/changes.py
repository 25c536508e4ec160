"""What each event of the lifecycle changes in what a ledger keeps of a handle, where it is told of by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.ledger.records import Held
from sagellm_protocol.lifecycle.blocks import Event


def _more_references(held: Held) -> None:
    held.ref_count += 1


def _fewer_references(held: Held) -> None:
    held.ref_count -= 1
    if held.state is KVBlockState.FREE:
        # Nobody refers to it and nobody finds it, but it is held until the pool says that it is free.
        held.state = KVBlockState.CACHED


def _more_pins(held: Held) -> None:
    held.pin_count += 1


def _fewer_pins(held: Held) -> None:
    held.pin_count -= 1


def _moving(held: Held) -> None:
    held.is_transferring = True


def _moved(held: Held) -> None:
    held.is_transferring = False


def _nothing(held: Held) -> None:
    """The state says all."""


CHANGES: Mapping[Event, Callable[[Held], None]] = {
    "retain": _more_references,
    "release": _fewer_references,
    "pin": _more_pins,
    "unpin": _fewer_pins,
    "begin_eviction": _nothing,
    "abort_eviction": _nothing,
    "end_eviction": _nothing,
    "free": _nothing,
    "begin_transfer": _moving,
    "end_transfer": _moved,
    "touch": _nothing,
}
"""What the ledger is told of by itself, and what it counts then."""
