"""What a ledger tells: in the protocol's own words, for whoever reads metrics, and as a report."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.metrics import EvictionMetrics, KVPoolMetrics, OperationMetrics, TransferMetrics
from sagellm_protocol.kv.types import KVPoolStats
from sagellm_protocol.ledger.records import Facts


@attrs.frozen
class Snapshot:
    """What the protocol's own messages and typed dicts say of a pool at a moment."""

    stats: KVPoolStats
    pool: KVPoolMetrics
    eviction: EvictionMetrics
    transfer: TransferMetrics
    operations: OperationMetrics


def snapshot(facts: Facts, timestamp: float) -> Snapshot:
    """The facts in the protocol's own words. Latencies are sums."""
    # Of a pool whose size was not told, as much is known as was ever handed out.
    total = max(facts.most_room if facts.pool_tokens is None else facts.pool_tokens, facts.room)
    available, per_token, size = total - facts.room, facts.bytes_per_token, facts.block_size
    pinned = [held for held in facts.held if held.state is KVBlockState.PINNED]
    allocate, free, evict = (facts.operations[name] for name in ("allocate", "free", "evict"))
    moves = facts.operations["migrate"], facts.operations["prefetch"]
    pins, unpins = facts.told.get("pin", 0), facts.told.get("unpin", 0)
    return Snapshot(
        KVPoolStats(
            total_tokens=total,
            allocated_tokens=facts.room,
            available_tokens=available,
            total_bytes=total * per_token,
            allocated_bytes=facts.room * per_token,
            available_bytes=available * per_token,
            total_blocks=total // size,
            allocated_blocks=facts.room // size,
            free_blocks=total // size - facts.room // size,
            pinned_blocks=sum(held.room // size for held in pinned),
            alloc_count=allocate.succeeded,
            free_count=free.succeeded,
            alloc_fail_count=allocate.failed,
            pin_count=pins,
            unpin_count=unpins,
            timestamp=timestamp,
        ),
        KVPoolMetrics(
            total_tokens=total,
            allocated_tokens=facts.room,
            available_tokens=available,
            total_bytes=total * per_token,
            allocated_bytes=facts.room * per_token,
            available_bytes=available * per_token,
            alloc_count=allocate.succeeded,
            free_count=free.succeeded,
            alloc_fail_count=allocate.failed,
            pin_count=pins,
            unpin_count=unpins,
            pinned_tokens=sum(held.num_tokens for held in pinned),
            timestamp=timestamp,
        ),
        EvictionMetrics(
            evict_count=evict.succeeded,
            evict_bytes=evict.tokens * per_token,
            evict_tokens=evict.tokens,
            evict_latency_ms=evict.elapsed_ms,
            evict_fail_count=evict.failed,
            evict_trigger_count=evict.count,
            timestamp=timestamp,
        ),
        TransferMetrics(
            transfer_count=sum(done.succeeded for done in moves),
            transfer_bytes=sum(done.tokens for done in moves) * per_token,
            transfer_latency_ms=sum(done.elapsed_ms for done in moves),
            transfer_fail_count=sum(done.failed for done in moves),
            timestamp=timestamp,
        ),
        OperationMetrics(
            allocate_count=allocate.count,
            allocate_success_count=allocate.succeeded,
            allocate_fail_count=allocate.failed,
            allocate_latency_ms=allocate.elapsed_ms,
            free_count=free.count,
            free_success_count=free.succeeded,
            free_fail_count=free.failed,
            free_latency_ms=free.elapsed_ms,
            evict_request_count=evict.count,
            evict_success_count=evict.succeeded,
            evict_fail_count=evict.failed,
            evict_latency_ms=evict.elapsed_ms,
            migrate_count=moves[0].count,
            migrate_success_count=moves[0].succeeded,
            migrate_fail_count=moves[0].failed,
            migrate_latency_ms=moves[0].elapsed_ms,
            timestamp=timestamp,
        ),
    )


def report(facts: Facts) -> dict[str, Any]:
    """The facts as plain data, fit for JSON."""
    states = Counter(held.state.value for held in facts.held)
    return {
        "events": facts.events,
        "handles": {state.value: states[state.value] for state in KVBlockState if states[state.value]},
        "tokens": {"held": facts.room, "most": facts.most_room, "pool": facts.pool_tokens},
        "most_handles": facts.most_handles,
        "operations": {
            name: attrs.asdict(done) for name, done in facts.operations.items() if done.count or done.succeeded
        },
        "violations": [
            {"rule": rule, "code": code.value, "count": count}
            for (rule, code), count in sorted(facts.broken.items(), key=lambda entry: -entry[1])
        ],
        "first": [violation.as_dict() for violation in facts.violations],
    }
