"""The lifecycle of KV cache: what may be done with a handle in which state, and the error where it may not.

Three tables say all: :data:`BLOCK` what follows, :data:`REFUSED` the code where nothing does, and :data:`WHILE_MOVING`
what a transfer lets happen meanwhile. :func:`follow` obeys them; the methods of ``kv.types.KVHandle`` call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.lifecycle.table import Condition, Lifecycle, LifecycleError, Transition

_FREE, _ALLOCATED, _CACHED = KVBlockState.FREE, KVBlockState.ALLOCATED, KVBlockState.CACHED
_PINNED, _EVICTING = KVBlockState.PINNED, KVBlockState.EVICTING

Event: TypeAlias = Literal[
    "allocate",
    "retain",
    "release",
    "pin",
    "unpin",
    "begin_eviction",
    "abort_eviction",
    "end_eviction",
    "free",
    "begin_transfer",
    "end_transfer",
    "touch",
]
"""What can happen to KV cache."""


class Counted(Protocol):
    """What the conditions ask of a handle, or of whatever stands for one."""

    @property
    def state(self) -> KVBlockState: ...
    @property
    def ref_count(self) -> int: ...
    @property
    def pin_count(self) -> int: ...
    @property
    def prefix_hash(self) -> str | None: ...
    @property
    def is_transferring(self) -> bool: ...


_SHARED = Condition("references are left", lambda handle: handle.ref_count > 1)
_LAST_FOUND = Condition(
    "it is the last reference, and there is a prefix hash",
    lambda handle: handle.ref_count == 1 and handle.prefix_hash is not None,
)
_LAST = Condition("it is the last reference", lambda handle: handle.ref_count == 1)
_REFERENCED = Condition("there is a reference", lambda handle: handle.ref_count > 0)
_NOT_SHARED = Condition("no more than one reference is left", lambda handle: handle.ref_count <= 1)
_PINNED_AGAIN = Condition("pins are left", lambda handle: handle.pin_count > 1)
_LAST_PIN_REFERENCED = Condition(
    "it is the last pin, and there are references", lambda handle: handle.pin_count == 1 and handle.ref_count > 0
)
_LAST_PIN = Condition("it is the last pin", lambda handle: handle.pin_count == 1)

BLOCK = Lifecycle(
    KVBlockState,
    _FREE,
    (
        Transition(_FREE, "allocate", _ALLOCATED),
        Transition(_ALLOCATED, "retain", _ALLOCATED),
        Transition(_CACHED, "retain", _ALLOCATED),
        Transition(_PINNED, "retain", _PINNED),
        Transition(_ALLOCATED, "release", _ALLOCATED, _SHARED),
        Transition(_ALLOCATED, "release", _CACHED, _LAST_FOUND),
        Transition(_ALLOCATED, "release", _FREE, _LAST),
        Transition(_PINNED, "release", _PINNED, _REFERENCED),
        Transition(_ALLOCATED, "pin", _PINNED),
        Transition(_CACHED, "pin", _PINNED),
        Transition(_PINNED, "pin", _PINNED),
        Transition(_PINNED, "unpin", _PINNED, _PINNED_AGAIN),
        Transition(_PINNED, "unpin", _ALLOCATED, _LAST_PIN_REFERENCED),
        Transition(_PINNED, "unpin", _CACHED, _LAST_PIN),
        Transition(_CACHED, "begin_eviction", _EVICTING),
        Transition(_EVICTING, "abort_eviction", _CACHED),
        Transition(_EVICTING, "end_eviction", _FREE),
        Transition(_ALLOCATED, "free", _FREE, _NOT_SHARED),
        Transition(_CACHED, "free", _FREE),
        Transition(_ALLOCATED, "begin_transfer", _ALLOCATED),
        Transition(_CACHED, "begin_transfer", _CACHED),
        Transition(_ALLOCATED, "end_transfer", _ALLOCATED),
        Transition(_CACHED, "end_transfer", _CACHED),
        Transition(_ALLOCATED, "touch", _ALLOCATED),
        Transition(_CACHED, "touch", _CACHED),
        Transition(_PINNED, "touch", _PINNED),
    ),
)
"""KV cache: a block, or the blocks of a handle."""

_Codes: TypeAlias = Mapping[Event, KVErrorCode]

REFUSED: Mapping[KVBlockState, _Codes] = {
    _FREE: {
        "retain": KVErrorCode.HANDLE_NOT_FOUND,
        "release": KVErrorCode.REF_COUNT_UNDERFLOW,
        "pin": KVErrorCode.HANDLE_NOT_FOUND,
        "unpin": KVErrorCode.REF_COUNT_UNDERFLOW,
        "begin_eviction": KVErrorCode.HANDLE_NOT_FOUND,
        "abort_eviction": KVErrorCode.HANDLE_NOT_FOUND,
        "end_eviction": KVErrorCode.HANDLE_NOT_FOUND,
        "free": KVErrorCode.DOUBLE_FREE,
        "begin_transfer": KVErrorCode.HANDLE_NOT_FOUND,
        "end_transfer": KVErrorCode.HANDLE_NOT_FOUND,
        "touch": KVErrorCode.HANDLE_NOT_FOUND,
    },
    _ALLOCATED: {
        "allocate": KVErrorCode.ALLOCATION_FAILED,
        "release": KVErrorCode.REF_COUNT_UNDERFLOW,
        "unpin": KVErrorCode.REF_COUNT_UNDERFLOW,
        "begin_eviction": KVErrorCode.EVICTION_FAILED,
        "abort_eviction": KVErrorCode.EVICTION_FAILED,
        "end_eviction": KVErrorCode.EVICTION_FAILED,
        # It would give back references that others hold, and theirs would be too many.
        "free": KVErrorCode.REF_COUNT_UNDERFLOW,
    },
    _CACHED: {
        "allocate": KVErrorCode.ALLOCATION_FAILED,
        "release": KVErrorCode.REF_COUNT_UNDERFLOW,
        "unpin": KVErrorCode.REF_COUNT_UNDERFLOW,
        "abort_eviction": KVErrorCode.EVICTION_FAILED,
        "end_eviction": KVErrorCode.EVICTION_FAILED,
    },
    _PINNED: {
        "allocate": KVErrorCode.ALLOCATION_FAILED,
        "release": KVErrorCode.REF_COUNT_UNDERFLOW,
        "unpin": KVErrorCode.REF_COUNT_UNDERFLOW,
        "begin_eviction": KVErrorCode.HANDLE_PINNED,
        "abort_eviction": KVErrorCode.EVICTION_FAILED,
        "end_eviction": KVErrorCode.HANDLE_PINNED,
        "free": KVErrorCode.HANDLE_PINNED,
        "begin_transfer": KVErrorCode.HANDLE_PINNED,
        "end_transfer": KVErrorCode.HANDLE_PINNED,
    },
    _EVICTING: {
        "allocate": KVErrorCode.ALLOCATION_FAILED,
        "retain": KVErrorCode.HANDLE_NOT_FOUND,
        "release": KVErrorCode.REF_COUNT_UNDERFLOW,
        "pin": KVErrorCode.HANDLE_NOT_FOUND,
        "unpin": KVErrorCode.REF_COUNT_UNDERFLOW,
        "begin_eviction": KVErrorCode.EVICTION_FAILED,
        "free": KVErrorCode.DOUBLE_FREE,
        "begin_transfer": KVErrorCode.TRANSFER_FAILED,
        "end_transfer": KVErrorCode.TRANSFER_FAILED,
        "touch": KVErrorCode.HANDLE_NOT_FOUND,
    },
}
"""The code for every pair of state and event that is not allowed, or under conditions that do not hold."""

WHILE_MOVING: frozenset[Event] = frozenset({"end_transfer", "touch"})
"""What may happen to a handle while it is moved. All else is ``TRANSFER_FAILED``; so is an end without a beginning."""

FORCED: frozenset[KVBlockState] = frozenset({_ALLOCATED, _PINNED})
"""The states in which ``force`` frees although there are pins, or references of others (``KVFreeParams.force``)."""


class KVLifecycleError(LifecycleError):
    """Something is done to KV cache that its state, its counts or a transfer forbids."""

    handle: Counted
    """What it was done to, as it was."""
    event: Event
    """What was done."""
    allowed_in: tuple[KVBlockState, ...]
    """The states in which it would do."""

    def __init__(self, kv_code: KVErrorCode, handle: Counted, event: Event) -> None:
        self._kv_code = kv_code
        self.handle = handle
        self.event = event
        self.allowed_in = tuple(state for state in KVBlockState if BLOCK.ways(state, event))
        states = " or ".join(state.value for state in self.allowed_in)
        super().__init__(
            f"{kv_code.value}: {event} of KV cache that is {_told(handle)}; it would do where it is {states}"
        )

    @property
    def code(self) -> KVErrorCode:
        """What is wrong, by the KV cache's own codes."""
        return self._kv_code

    def __reduce__(self) -> tuple[type[KVLifecycleError], tuple[KVErrorCode, Counted, Event], dict[str, Any]]:
        return type(self), (self._kv_code, self.handle, self.event), vars(self)


def _told(handle: Counted) -> str:
    moved = "on the move, " if handle.is_transferring else ""
    return f"{moved}{handle.state.value} (references {handle.ref_count}, pins {handle.pin_count})"


def following(handle: Counted, event: Event, *, force: bool = False) -> KVBlockState:
    """The state that an event leads to.

    Args:
        handle: what it happens to.
        event: what happens.
        force: free it although it is pinned, or others hold references; other events are none that can be forced.

    Raises:
        KVLifecycleError: it may not happen to that handle.
        LifecycleError: there is no such event.
    """
    state = handle.state
    ways = BLOCK.ways(state, event)
    if handle.is_transferring:
        if event not in WHILE_MOVING:
            raise KVLifecycleError(KVErrorCode.TRANSFER_FAILED, handle, event)
    elif ways and event == "end_transfer":
        raise KVLifecycleError(KVErrorCode.TRANSFER_FAILED, handle, event)
    for way in ways:
        if way.when is None or way.when.holds(handle):
            return way.to
    if force and event == "free" and state in FORCED:
        return _FREE
    raise KVLifecycleError(REFUSED[state][event], handle, event)
