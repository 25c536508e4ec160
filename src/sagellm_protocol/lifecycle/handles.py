"""What each event changes in a handle: the counts, and where it is. The methods of ``kv.types.KVHandle`` call this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.lifecycle.blocks import Counted, Event, following

H = TypeVar("H", bound=Counted)

_CHANGES: Mapping[Event, Callable[[Any], dict[str, Any]]] = {
    "allocate": lambda handle: {"ref_count": 1, "pin_count": 0},
    "retain": lambda handle: {"ref_count": handle.ref_count + 1},
    "release": lambda handle: {"ref_count": handle.ref_count - 1},
    "pin": lambda handle: {"pin_count": handle.pin_count + 1},
    "unpin": lambda handle: {"pin_count": handle.pin_count - 1},
    "begin_transfer": lambda handle: {"is_transferring": True},
    "end_transfer": lambda handle: {"is_transferring": False},
    "touch": lambda handle: {"access_count": handle.access_count + 1},
}
"""What an event changes besides the state; the others change that alone."""

_EMPTIED = {"ref_count": 0, "pin_count": 0, "prefix_hash": None}
"""What holds nothing is held by nobody, and found by nobody."""


def after(handle: H, event: Event, *, force: bool = False, **told: Any) -> H:
    """The handle after an event.

    Args:
        handle: as it was.
        event: what happened to it.
        force: as in :func:`.following`.
        told: fields that whoever tells of the event gives.

    Raises:
        KVLifecycleError: that may not happen to it.
        ValidationError: what is told is no value of its field.
    """
    state = following(handle, event, force=force)
    change = _CHANGES.get(event)
    changes = {} if change is None else change(handle)
    if state is KVBlockState.FREE:
        changes |= _EMPTIED
    evolved: H = attrs.evolve(handle, state=state, **changes, **told)  # type: ignore[misc]
    return evolved
