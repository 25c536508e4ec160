"""The methods of a handle: each gives a new one, or says what forbids it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import Error, ErrorCode, ValidationError, evolve
from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.kv.types import KVHandle
from sagellm_protocol.lifecycle import BLOCK, FORCED, REFUSED, WHILE_MOVING, KVLifecycleError

ID, TRANSFER = UUID(int=1), UUID(int=2)
FREE, ALLOCATED, CACHED, PINNED, EVICTING = (
    KVBlockState.FREE,
    KVBlockState.ALLOCATED,
    KVBlockState.CACHED,
    KVBlockState.PINNED,
    KVBlockState.EVICTING,
)


def handle(state: KVBlockState = ALLOCATED, refs: int = 1, pins: int = 0, **fields: Any) -> KVHandle:
    return KVHandle(handle_id=ID, num_tokens=16, state=state, ref_count=refs, pin_count=pins, **fields)


def stands(held: KVHandle) -> tuple[KVBlockState, int, int]:
    return held.state, held.ref_count, held.pin_count


CALLS: dict[str, Callable[[KVHandle], KVHandle]] = {
    "begin_transfer": lambda held: held.begin_transfer(TRANSFER),
    "touch": lambda held: held.touch(5.0),
}
"""Events that are told more."""


def happen(held: KVHandle, event: str) -> KVHandle:
    after: KVHandle = CALLS.get(event, lambda it: getattr(it, event)())(held)
    return after


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (handle(FREE, 0), "allocate", (ALLOCATED, 1, 0)),
        (handle(), "retain", (ALLOCATED, 2, 0)),
        (handle(CACHED, 0, prefix_hash="p"), "retain", (ALLOCATED, 1, 0)),
        (handle(PINNED, 0, 1), "retain", (PINNED, 1, 1)),
        (handle(refs=2), "release", (ALLOCATED, 1, 0)),
        (handle(prefix_hash="p"), "release", (CACHED, 0, 0)),
        (handle(), "release", (FREE, 0, 0)),
        (handle(PINNED, 1, 1), "release", (PINNED, 0, 1)),
        (handle(), "pin", (PINNED, 1, 1)),
        (handle(CACHED, 0), "pin", (PINNED, 0, 1)),
        (handle(PINNED, 1, 1), "pin", (PINNED, 1, 2)),
        (handle(PINNED, 1, 2), "unpin", (PINNED, 1, 1)),
        (handle(PINNED, 1, 1), "unpin", (ALLOCATED, 1, 0)),
        (handle(PINNED, 0, 1), "unpin", (CACHED, 0, 0)),
        (handle(CACHED, 0), "begin_eviction", (EVICTING, 0, 0)),
        (handle(EVICTING, 0), "abort_eviction", (CACHED, 0, 0)),
        (handle(EVICTING, 0), "end_eviction", (FREE, 0, 0)),
        (handle(), "free", (FREE, 0, 0)),
        (handle(CACHED, 0), "free", (FREE, 0, 0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_follows(before: KVHandle, event: str, after: tuple[KVBlockState, int, int]) -> None:
    was = pickle.dumps(before)
    assert stands(happen(before, event)) == after
    assert pickle.dumps(before) == was


def test_what_is_free_is_found_by_nobody() -> None:
    assert handle(CACHED, 0, prefix_hash="p").free().prefix_hash is None
    assert handle(EVICTING, 0, prefix_hash="p").end_eviction().prefix_hash is None


def test_an_allocation_is_for_a_request() -> None:
    fresh = handle(FREE, 0, request_id="old", session_id="old").allocate("r", "s")
    assert (fresh.request_id, fresh.session_id) == ("r", "s")


def test_a_transfer() -> None:
    moving = handle(device="cuda:0").begin_transfer(TRANSFER)
    assert (moving.is_transferring, moving.transfer_id, moving.device) == (True, TRANSFER, "cuda:0")
    for event in BLOCK.events:
        if event in WHILE_MOVING:
            happen(moving, event)
        else:
            with pytest.raises(KVLifecycleError) as caught:
                happen(moving, event)
            assert caught.value.code is KVErrorCode.TRANSFER_FAILED
    moved = moving.end_transfer(device="cuda:1")
    assert (moved.is_transferring, moved.transfer_id, moved.device) == (False, TRANSFER, "cuda:1")
    assert moving.end_transfer().device == "cuda:0"
    with pytest.raises(KVLifecycleError, match="KV_TRANSFER_FAILED: end_transfer"):
        moved.end_transfer()


def test_touch_keeps_the_later_time() -> None:
    read = handle().touch(20.0).touch(10.0)
    assert (read.last_access, read.access_count) == (20.0, 2)
    with pytest.raises(ValidationError, match="last_access"):
        handle().touch(float("inf"))


@pytest.mark.parametrize("state", KVBlockState, ids=lambda state: state.value)
@pytest.mark.parametrize("event", BLOCK.events)
def test_every_refusal_of_the_table(state: KVBlockState, event: Any) -> None:
    code = REFUSED[state].get(event)
    if code is None:
        return
    # Counts that no condition holds for: nothing is held, or, to free, too much is.
    held = handle(state, 2 if event == "free" else 0, 0)
    if event == "end_transfer":
        held = evolve(held, is_transferring=True)
    with pytest.raises(KVLifecycleError) as caught:
        happen(held, event)
    error = caught.value
    assert (error.code, error.handle, error.event) == (code, held, event)
    assert error.allowed_in == tuple(found for found in KVBlockState if BLOCK.next(found, event))
    assert all(allowed.value in str(error) for allowed in error.allowed_in)


@pytest.mark.parametrize("state", KVBlockState, ids=lambda state: state.value)
def test_force_frees_what_is_pinned_or_in_use(state: KVBlockState) -> None:
    held = handle(state, 2, 1)
    if state in FORCED | {CACHED}:
        assert stands(held.free(force=True)) == (FREE, 0, 0)
    else:
        with pytest.raises(KVLifecycleError, match="KV_DOUBLE_FREE"):
            held.free(force=True)
    with pytest.raises(KVLifecycleError, match="KV_TRANSFER_FAILED"):
        evolve(held, is_transferring=True).free(force=True)


def test_the_error_is_one_of_the_protocols() -> None:
    with pytest.raises(KVLifecycleError) as caught:
        handle(PINNED, 1, 1).free()
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == (
        "KV_HANDLE_PINNED: free of KV cache that is pinned (references 1, pins 1);"
        " it would do where it is allocated or cached"
    )
    assert (error.code, error.handle) == (KVErrorCode.HANDLE_PINNED, caught.value.handle)
    assert error.to_error() == Error(code=ErrorCode.UNAVAILABLE, message=str(error), retryable=False)
    assert copy.copy(error).event == "free"


@given(st.data())
def test_counts_and_state_always_fit(data: st.DataObject) -> None:
    """Whatever happens, and is not refused: what is free holds nothing, what is pinned has pins, and so on."""
    held = handle(FREE, 0, prefix_hash=None)
    for _ in range(data.draw(st.integers(1, 30))):
        event = data.draw(st.sampled_from(BLOCK.events))
        try:
            held = happen(held, event)
        except KVLifecycleError:
            continue
        if data.draw(st.booleans()) and held.state is not FREE:
            held = evolve(held, prefix_hash="p")
        assert (held.state is PINNED) == (held.pin_count > 0)
        assert held.state is not FREE or (held.ref_count, held.pin_count, held.prefix_hash) == (0, 0, None)
        assert held.state not in (CACHED, EVICTING) or held.ref_count == 0
        assert held.state is not ALLOCATED or held.ref_count > 0
        assert attrs.evolve(held) == held
