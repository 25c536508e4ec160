"""Operations on a KV pool as request and response pairs: allocate, free, evict, migrate."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sagellm_protocol.errors import Error
from sagellm_protocol.kv.enums import DType, EvictionPolicy, Layout, MemoryTier, TransferDirection, TransferStatus
from sagellm_protocol.kv.types import KVHandle, KVTransferMetadata
from sagellm_protocol.model import EMPTY, message, rule
from sagellm_protocol.model.units import (
    Bytes,
    Count,
    MegabitsPerSecond,
    Milliseconds,
    PositiveBytes,
    PositiveTokens,
    Rank,
    TokenIndex,
    Tokens,
    UnixTime,
)


@message(
    rules=(
        rule(
            "token-span",
            ("token_end", "token_start", "num_tokens"),
            "token_start and num_tokens together, where it is given",
            lambda it: it.token_end is None or it.token_end == it.token_start + it.num_tokens,
            why="The end lies just past the last of num_tokens tokens.",
        ),
    )
)
class KVCacheAllocateRequest:
    """Asks a pool manager for KV cache before prefill, or for more of it during decode.

    Answered by ``KVCacheAllocateResponse``.
    """

    request_id: str
    """Inference request that needs the KV cache; the response carries the same value."""
    session_id: str | None = None
    """Conversation that the KV cache is to be kept for. None outside sessions."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    num_tokens: PositiveTokens
    """Tokens to make room for, above 0."""
    token_start: TokenIndex = 0
    """Position in the sequence of the first of them, from 0."""
    token_end: TokenIndex | None = None
    """Position just past the last of them, at least 0. None for ``token_start + num_tokens``."""
    dtype: DType = DType.FP16
    """Number format in which keys and values will be held."""
    layout: Layout = Layout.CONTIGUOUS
    """Arrangement of the tensors in memory."""
    device: str = "cpu"
    """Device to allocate on, as a device string such as ``cuda:0``."""
    memory_tier: MemoryTier = MemoryTier.CPU
    """Kind of memory to allocate."""
    allow_fallback: bool = True
    """Whether another device or tier will do when this one is full; the response says which was taken."""
    pin_on_allocate: bool = False
    """Whether the new handle is pinned from the start, so that it cannot be evicted before it is used."""
    priority: int = 0
    """Priority of the allocation, any integer. Whether higher or lower goes first is the pool manager's convention."""
    prefix_hash: str | None = None
    """Hash of the prompt's prefix, to reuse cached blocks where they exist. None to look nothing up."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything to keep with the handle; the protocol gives it no meaning."""
    rank: Rank | None = None
    """Rank of the process to allocate in, from 0. None outside distributed runs."""
    placement: str | None = None
    """Name of the place that the scheduler chose. None to leave it to the pool manager."""


_ERROR_OF_FAILURES = rule(
    "error-of-failures",
    ("error", "success"),
    "None where success is true",
    lambda it: it.error is None or not it.success,
    why="Nothing went wrong.",
)


@message(
    rules=(
        rule(
            "handle-of-success",
            ("handle", "success"),
            "given where success is true, and None where it is not",
            lambda it: (it.handle is not None) == it.success,
            why="The handle is what was allocated.",
        ),
        rule(
            "nothing-without-success",
            ("allocated_tokens", "allocated_bytes", "success"),
            "0, as allocated_bytes must be, where success is false",
            lambda it: it.success or it.allocated_tokens == it.allocated_bytes == 0,
            why="Nothing was allocated.",
        ),
        rule(
            "no-place-without-success",
            ("actual_device", "actual_memory_tier", "success"),
            "None, as actual_memory_tier must be, where success is false",
            lambda it: it.success or it.actual_device is it.actual_memory_tier is None,
            why="No place was used.",
        ),
        rule(
            "reuse-by-a-hit",
            ("prefix_hit", "prefix_hit_len", "reused_bytes"),
            "true where prefix_hit_len or reused_bytes is above 0",
            lambda it: it.prefix_hit or it.prefix_hit_len == it.reused_bytes == 0,
            why="What is reused are blocks of the prefix.",
        ),
        _ERROR_OF_FAILURES,
    )
)
class KVCacheAllocateResponse:
    """The pool manager's answer to ``KVCacheAllocateRequest``."""

    request_id: str
    """The value of the request that this answers."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    success: bool
    """Whether the KV cache was allocated."""
    handle: KVHandle | None = None
    """The new handle. None if the allocation failed."""
    allocated_tokens: Tokens = 0
    """Tokens that there is now room for, at least 0; rounding up to whole blocks may make it more than was asked."""
    allocated_bytes: Bytes = 0
    """Memory taken for them, in bytes, at least 0."""
    actual_device: str | None = None
    """Device that was used, as a device string. None if the allocation failed, or if it is the one asked for."""
    actual_memory_tier: MemoryTier | None = None
    """Tier that was used. None if the allocation failed, or if it is the one asked for."""
    prefix_hit: bool = False
    """Whether cached blocks of the prefix are reused."""
    prefix_hit_len: Tokens = 0
    """Prefix tokens reused, so prefill can skip them; at least 0. 0 without a hit."""
    reused_bytes: Bytes = 0
    """KV bytes reused with them, at least 0. 0 without a hit."""
    error: Error | None = None
    """Why the allocation failed. None if it succeeded."""
    timestamp: UnixTime = 0.0
    """When the operation ended. 0 if not set."""


@message
class KVCacheEvictRequest:
    """Asks a pool manager to give up KV cache, because memory is short or an operator wants room.

    Answered by ``KVCacheEvictResponse``. Of two targets both are to be met; without one, how much to free is the pool
    manager's choice.
    """

    request_id: str
    """Identifies this operation; the response carries the same value."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    target_tokens: PositiveTokens | None = None
    """Tokens to free, above 0. None to set no target in tokens."""
    target_bytes: PositiveBytes | None = None
    """Bytes to free, above 0. None to set no target in bytes."""
    eviction_policy: EvictionPolicy = EvictionPolicy.LRU
    """Order in which victims are chosen."""
    device: str | None = None
    """Device to evict from, as a device string. None for any."""
    memory_tier: MemoryTier | None = None
    """Tier to evict from. None for any."""
    exclude_handle_ids: Sequence[UUID] = ()
    """Handles to spare."""
    exclude_session_ids: Sequence[str] = ()
    """Sessions whose handles to spare."""
    allow_pin_override: bool = False
    """Whether pinned handles may be evicted as well."""
    prefer_cold_data: bool = True
    """Whether handles that have not been used for long go before others that the policy ranks alike."""


@message(
    rules=(
        rule(
            "evictions-counted",
            ("eviction_count", "evicted_handles"),
            "the number of evicted_handles",
            lambda it: it.eviction_count == len(it.evicted_handles),
            why="Both tell of the handles that were given up.",
        ),
        rule(
            "freed-by-evictions",
            ("evicted_handles", "evicted_tokens", "evicted_bytes"),
            "given where evicted_tokens or evicted_bytes is above 0",
            lambda it: bool(it.evicted_handles) or it.evicted_tokens == it.evicted_bytes == 0,
            why="What was freed was held by handles that are given up.",
        ),
        _ERROR_OF_FAILURES,
    )
)
class KVCacheEvictResponse:
    """The pool manager's answer to ``KVCacheEvictRequest``."""

    request_id: str
    """The value of the request that this answers."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    success: bool
    """Whether the targets were met."""
    evicted_handles: Sequence[UUID] = ()
    """Ids of the handles that were given up; they are no longer valid."""
    evicted_tokens: Tokens = 0
    """Tokens freed, at least 0."""
    evicted_bytes: Bytes = 0
    """Bytes freed, at least 0."""
    eviction_count: Count = 0
    """Handles evicted, at least 0. Not checked against ``evicted_handles``."""
    eviction_latency_ms: Milliseconds = 0.0
    """Time from request to end of eviction, in milliseconds, at least 0."""
    error: Error | None = None
    """Why the targets were not met. None on success."""
    timestamp: UnixTime = 0.0
    """When the operation ended. 0 if not set."""


@message
class KVCacheFreeRequest:
    """Gives handles back to the pool manager when a request ends or is cancelled.

    Answered by ``KVCacheFreeResponse``.
    """

    request_id: str
    """Inference request that gives the handles back; the response carries the same value."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    handle_ids: Sequence[UUID]
    """Handles to free."""
    force: bool = False
    """Whether to free them even if they are pinned or still shared."""
    decrement_ref_only: bool = False
    """Whether to give up only this request's reference, and leave the memory in place even when the count reaches 0."""
    keep_in_cache: bool = False
    """Whether to keep the contents for prefix reuse; the blocks become ``KVBlockState.CACHED`` instead of ``FREE``."""


_ERRORS_OF_FAILURES = rule(
    "errors-of-failures",
    ("errors", "failed_handles"),
    "of failed_handles alone",
    lambda it: it.errors.keys() <= set(map(str, it.failed_handles)),
    why="An error tells why a handle failed.",
)


@message(
    rules=(
        rule(
            "all-or-no-success",
            ("failed_handles", "success"),
            "empty where success is true",
            lambda it: not (it.failed_handles and it.success),
            why="Success means that every handle was freed.",
        ),
        rule(
            "done-or-failed",
            ("failed_handles", "freed_handles"),
            "none of freed_handles",
            lambda it: not set(it.failed_handles) & set(it.freed_handles),
            why="A handle meets one of the two ends.",
        ),
        _ERRORS_OF_FAILURES,
        rule(
            "freed-by-handles",
            ("freed_handles", "freed_tokens", "freed_bytes"),
            "given where freed_tokens or freed_bytes is above 0",
            lambda it: bool(it.freed_handles) or it.freed_tokens == it.freed_bytes == 0,
            why="What was freed was held by handles that were.",
        ),
    )
)
class KVCacheFreeResponse:
    """The pool manager's answer to ``KVCacheFreeRequest``."""

    request_id: str
    """The value of the request that this answers."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    success: bool
    """Whether every handle was freed."""
    freed_handles: Sequence[UUID] = ()
    """Ids of the handles that were freed."""
    failed_handles: Sequence[UUID] = ()
    """Ids of the handles that were not."""
    freed_tokens: Tokens = 0
    """Tokens freed, at least 0."""
    freed_bytes: Bytes = 0
    """Bytes freed, at least 0."""
    errors: Mapping[str, Error] = EMPTY
    """Why each failed: handle id, as text, to its error."""
    timestamp: UnixTime = 0.0
    """When the operation ended. 0 if not set."""


@message
class KVCacheMigrateRequest:
    """Asks for handles to be moved to another device, rank or memory tier, as from a prefill to a decode engine.

    The scheduler sends it to the engine that carries out the transfer; answered by ``KVCacheMigrateResponse``.
    """

    request_id: str
    """Inference request whose KV cache is moved; the response carries the same value."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    handle_ids: Sequence[UUID]
    """Handles to move."""
    source_device: str
    """Device that they are on, as a device string."""
    source_rank: Rank | None = None
    """Rank of the process that holds them, from 0. None outside distributed runs."""
    target_device: str
    """Device to move them to, as a device string."""
    target_rank: Rank | None = None
    """Rank of the process to move them to, from 0. None outside distributed runs."""
    target_memory_tier: MemoryTier | None = None
    """Tier to move them to. None to leave it to the target."""
    transfer_direction: TransferDirection = TransferDirection.SEND
    """Whether the engine that receives this request sends the data or receives it."""
    async_transfer: bool = False
    """Whether to answer as soon as the transfer is accepted, instead of when it has ended."""
    compression_enabled: bool = False
    """Whether the data may be compressed on the way."""
    pin_on_arrival: bool = False
    """Whether the handles at the target are pinned from the start."""
    keep_source: bool = False
    """Whether the source keeps its copy, so that the handles are copied and not moved."""
    priority: int = 0
    """Priority among transfers, any integer. Whether higher or lower goes first is the engine's convention."""
    enable_checksum: bool = True
    """Whether the target checks what arrives against a checksum."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything to pass along with the transfer; the protocol gives it no meaning."""


@message(
    rules=(
        rule(
            "all-or-no-success",
            ("failed_handles", "success"),
            "empty where success is true",
            lambda it: not (it.failed_handles and it.success),
            why="Success means that every handle was moved.",
        ),
        rule(
            "done-or-failed",
            ("failed_handles", "migrated_handles"),
            "none of migrated_handles",
            lambda it: not set(it.failed_handles) & set(it.migrated_handles),
            why="A handle meets one of the two ends.",
        ),
        _ERRORS_OF_FAILURES,
        rule(
            "mapping-of-migrated",
            ("handle_mapping", "migrated_handles"),
            "of migrated_handles alone",
            lambda it: it.handle_mapping.keys() <= set(map(str, it.migrated_handles)),
            why="What was not moved has no handle at the target.",
        ),
        rule(
            "success-did-not-fail",
            ("transfer_status", "success"),
            "neither failed nor cancelled where success is true",
            lambda it: not (it.success and it.transfer_status in (TransferStatus.FAILED, TransferStatus.CANCELLED)),
            why="The copy at the target of a transfer that failed is not to be used.",
        ),
    )
)
class KVCacheMigrateResponse:
    """The answer to ``KVCacheMigrateRequest``: at the end of the transfer, or at its start if it is asynchronous."""

    request_id: str
    """The value of the request that this answers."""
    trace_id: str
    """Trace that the operation belongs to, to join logs across services."""
    success: bool
    """Whether every handle was moved, or, if asynchronous, whether the transfer was accepted."""
    migrated_handles: Sequence[UUID] = ()
    """Ids, at the source, of the handles that were moved."""
    failed_handles: Sequence[UUID] = ()
    """Ids, at the source, of the handles that were not."""
    handle_mapping: Mapping[str, UUID] = EMPTY
    """Id at the source, as text, to the id of the new handle at the target."""
    transferred_tokens: Tokens = 0
    """Tokens moved, at least 0."""
    transferred_bytes: Bytes = 0
    """KV bytes moved, counted before compression, at least 0."""
    compressed_bytes: Bytes = 0
    """Bytes that went over the link after compression, at least 0. 0 if nothing was compressed."""
    transfer_metadata: Sequence[KVTransferMetadata] = ()
    """What was sent, one record a shard."""
    transfer_latency_ms: Milliseconds = 0.0
    """Time from request to end of the transfer, in milliseconds, at least 0."""
    transfer_bandwidth_mbps: MegabitsPerSecond = 0.0
    """Rate achieved, in megabits a second, at least 0. 0 if not measured."""
    transfer_status: TransferStatus = TransferStatus.COMPLETED
    """How far the transfer is; an asynchronous one is answered as ``PENDING`` or ``IN_PROGRESS``."""
    errors: Mapping[str, Error] = EMPTY
    """Why each failed: handle id at the source, as text, to its error."""
    timestamp: UnixTime = 0.0
    """When the answer was written. 0 if not set."""
