"""The tables of what may follow what: whole, and obeyed."""

from __future__ import annotations

import itertools
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import lifecycle
from sagellm_protocol.comm_types import CommStatus
from sagellm_protocol.kv.enums import KVBlockState, Layout, SchedulerState, TransferStatus
from sagellm_protocol.kv.errors import KV_ERROR_CATEGORIES, KVErrorCode
from sagellm_protocol.lifecycle import BLOCK, LIFECYCLES, REFUSED, WHILE_MOVING, Lifecycle, LifecycleError
from sagellm_protocol.pd_sep_types import KVTransferState

EVERY = list(LIFECYCLES.values())
PAIRS = [(state, event) for state in KVBlockState for event in BLOCK.events]


def name(value: Any) -> str:
    return value.states.__name__ if isinstance(value, Lifecycle) else str(getattr(value, "value", value))


def test_each_enumeration_has_its_lifecycle() -> None:
    assert set(LIFECYCLES) == {KVBlockState, TransferStatus, KVTransferState, SchedulerState, CommStatus}


@pytest.mark.parametrize("table", EVERY, ids=name)
def test_every_state_is_reached_and_no_transition_is_said_twice(table: Lifecycle[Any]) -> None:
    reached, before = {table.initial}, set[Any]()
    while reached != before:
        before = set(reached)
        reached |= {transition.to for transition in table.transitions if transition.state in reached}
    assert reached == set(table.states)
    said = [(transition.state, transition.event, transition.to) for transition in table.transitions]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("table", EVERY, ids=name)
def test_after_what_always_holds_no_condition_is_asked(table: Lifecycle[Any]) -> None:
    for state, event in itertools.product(table.states, table.events):
        assert all(way.when is not None for way in table.ways(state, event)[:-1])


FINAL: dict[type[Enum], tuple[Enum, ...]] = {
    KVBlockState: (KVBlockState.FREE,),
    TransferStatus: (TransferStatus.COMPLETED, TransferStatus.FAILED, TransferStatus.CANCELLED),
    KVTransferState: (KVTransferState.DONE, KVTransferState.FAILED),
    SchedulerState: (SchedulerState.COMPLETED, SchedulerState.FAILED, SchedulerState.CANCELLED),
    CommStatus: (CommStatus.COMPLETED, CommStatus.FAILED, CommStatus.TIMEOUT, CommStatus.CANCELLED),
}
"""As the texts of the enumerations say."""


@pytest.mark.parametrize("table", EVERY, ids=name)
def test_where_it_ends(table: Lifecycle[Any]) -> None:
    assert table.final == FINAL[table.states]
    ended = [state for state in table.final if state is not table.initial]
    assert all(lifecycle.allowed(state) == () for state in ended)


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=name)
def test_every_pair_has_one_answer(state: KVBlockState, event: Any) -> None:
    """A way on in any case, or a code where none is left."""
    always = any(way.when is None for way in BLOCK.ways(state, event))
    assert always != (event in REFUSED[state])


def test_codes_are_those_of_what_is_refused() -> None:
    codes = {code for refused in REFUSED.values() for code in refused.values()}
    known = {code for name in ("budget", "handle", "evict", "transfer") for code in KV_ERROR_CATEGORIES[name]}
    assert codes <= known
    for event, code in (("free", KVErrorCode.HANDLE_PINNED), ("begin_eviction", KVErrorCode.HANDLE_PINNED)):
        assert REFUSED[KVBlockState.PINNED][event] is code  # type: ignore[index]
    assert REFUSED[KVBlockState.PINNED]["begin_transfer"] is KVErrorCode.HANDLE_PINNED
    assert REFUSED[KVBlockState.FREE]["free"] is KVErrorCode.DOUBLE_FREE
    assert {refused["release"] for refused in REFUSED.values()} == {KVErrorCode.REF_COUNT_UNDERFLOW}
    assert {refused["unpin"] for refused in REFUSED.values()} == {KVErrorCode.REF_COUNT_UNDERFLOW}
    assert set(BLOCK.events) >= WHILE_MOVING


def test_what_is_asked_of_the_module() -> None:
    assert lifecycle.next(KVBlockState.FREE, "allocate") == (KVBlockState.ALLOCATED,)
    assert lifecycle.next(KVBlockState.FREE, "free") == ()
    assert lifecycle.next(KVBlockState.ALLOCATED, "release") == (
        KVBlockState.ALLOCATED,
        KVBlockState.CACHED,
        KVBlockState.FREE,
    )
    assert lifecycle.allowed(SchedulerState.EXECUTING) == ("complete", "requeue", "fail", "cancel")
    assert lifecycle.of(TransferStatus) is LIFECYCLES[TransferStatus]


def test_a_path() -> None:
    went = lifecycle.path([CommStatus.PENDING, CommStatus.IN_PROGRESS, CommStatus.IN_PROGRESS, CommStatus.TIMEOUT])
    assert went
    assert went.events == (("start",), (), ("time_out",))
    assert went.broken_at is None
    broken = lifecycle.path([KVBlockState.FREE, KVBlockState.ALLOCATED, KVBlockState.EVICTING, KVBlockState.FREE])
    assert not broken
    assert (broken.broken_at, broken.events) == (2, (("allocate",),))
    assert lifecycle.path([KVBlockState.CACHED])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: lifecycle.next(KVBlockState.FREE, "fly"), "KVBlockState has no event 'fly'; it has allocate, retain,"),
        (lambda: lifecycle.allowed(Layout.BSHD), "has no lifecycle; there is one of KVBlockState, TransferStatus,"),
        (lambda: lifecycle.allowed("free"), "<class 'str'> has no lifecycle"),
        (lambda: BLOCK.allowed(TransferStatus.PENDING), "KVBlockState has no state <TransferStatus.PENDING"),
        (lambda: BLOCK.next("free", "allocate"), "KVBlockState has no state 'free'"),  # type: ignore[arg-type]
        (lambda: lifecycle.path([KVBlockState.FREE, TransferStatus.PENDING]), "KVBlockState has no state"),
        (lambda: lifecycle.path([]), "a path has at least one state"),
    ],
)
def test_what_is_none_of_its_own(ask: Any, words: str) -> None:
    with pytest.raises(LifecycleError) as caught:
        ask()
    assert words in str(caught.value)
    assert caught.value.fault == "local"


@given(st.data(), st.sampled_from(EVERY))
def test_what_was_walked_was_possible(data: st.DataObject, table: Lifecycle[Any]) -> None:
    states = [data.draw(st.sampled_from(list(table.states)))]
    walked = []
    for _ in range(data.draw(st.integers(0, 8))):
        events = table.allowed(states[-1])
        if not events:
            break
        walked.append(data.draw(st.sampled_from(events)))
        states.append(data.draw(st.sampled_from(table.next(states[-1], walked[-1]))))
    went = lifecycle.path(states)
    assert went
    assert all(event in events for event, events in zip(walked, went.events, strict=True))
