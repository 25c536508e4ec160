"""What watching KV cache costs, and what a step in the life of a handle does."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from benchmarks.case import Case
from sagellm_protocol import Metrics
from sagellm_protocol.kv.types import KVHandle
from sagellm_protocol.kv_hooks import KVHandle as HookHandle, KVHookEvent, KVHookPayload
from sagellm_protocol.ledger import KVLedger
from sagellm_protocol.measuring import MetricsSummary

WORKS = {
    "ledger: four events": "before and after an allocation and a free, told to a `KVLedger` that checks each",
    "handle: pin": "`handle.pin()`: a new handle, checked against the table of states",
    "metrics from token times": "`Metrics.from_token_times` of 32 tokens",
    "metrics summed up": "a message with all its figures added to a `MetricsSummary`",
}


def cases() -> Iterator[Case]:
    """A case for each work; nobody competes."""
    held = HookHandle(handle_id="h", request_id="r", num_tokens=100, device="cuda:0")
    before = KVHookPayload(event=KVHookEvent.ALLOCATE_BEFORE, request_id="r")
    allocated, freeing, freed = (
        KVHookPayload(event=event, request_id="r", kv_handle=held)
        for event in (KVHookEvent.ALLOCATE_AFTER, KVHookEvent.FREE_BEFORE, KVHookEvent.FREE_AFTER)
    )
    ledger = KVLedger(pool_tokens=1_000_000, block_size=16, budgets={"r": 1000})
    names = {"see": ledger, "a": before, "b": allocated, "c": freeing, "d": freed}
    yield Case("ledger: four events", "kv_hooks.KVHookPayload", "core", "see(a); see(b); see(c); see(d)", names)
    handle = KVHandle(handle_id=UUID(int=1), num_tokens=100)
    yield Case("handle: pin", "kv.types.KVHandle", "core", "handle.pin()", {"handle": handle})
    times = [index / 50 for index in range(1, 33)]
    timing = {"measure": Metrics.from_token_times, "times": times}
    statement = "measure(0.0, times, prompt_tokens=100)"
    yield Case("metrics from token times", "types.Metrics", "core", statement, timing)
    summing = {"add": MetricsSummary().add, "metrics": Metrics.from_token_times(0.0, times, prompt_tokens=100)}
    yield Case("metrics summed up", "types.Metrics", "core", "add(metrics)", summing)
