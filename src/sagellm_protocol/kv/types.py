"""The KV cache's own records: handles, blocks, pools, prefixes, transfers, and what the scheduler plans with."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sagellm_protocol.kv.enums import (
    CompressionType,
    DType,
    EvictionPolicy,
    KVBlockState,
    Layout,
    MemoryTier,
    RequestType,
    SchedulerState,
    TransferDirection,
    TransferStatus,
)
from sagellm_protocol.model import EMPTY, message
from sagellm_protocol.model.units import (
    AnyUnixTime,
    Bytes,
    Count,
    FractionalMegabytes,
    Index,
    PositiveTokens,
    Rank,
    Ratio,
    Seconds,
    Size,
    TokenIndex,
    Tokens,
    UnixTime,
)


@message
class KVHandle:
    """A span of one sequence's KV cache, and everything the pool manager knows of it.

    The pool manager issues it when KV cache is allocated; engines and schedulers pass it around in place of the memory
    itself. ``kv_hooks.KVHandle`` is another, shorter message, for backend hooks. Sharing and span fields are not
    checked against each other.
    """

    handle_id: UUID
    """Identifies the handle for as long as it lives."""
    request_id: str | None = None
    """Request that the KV cache was computed for. None for cache that belongs to no single request."""
    session_id: str | None = None
    """Conversation that the KV cache belongs to, for reuse between its turns. None outside sessions."""
    num_tokens: Tokens
    """Tokens whose keys and values the handle holds, at least 0."""
    token_start: TokenIndex = 0
    """Position in the sequence of the first token held, from 0."""
    token_end: TokenIndex = 0
    """Position just past the last token held, at least 0. 0, with ``token_start`` 0, if the span is not told."""
    dtype: DType = DType.FP16
    """Number format in which keys and values are held."""
    layout: Layout = Layout.CONTIGUOUS
    """Arrangement of the tensors in memory."""
    device: str = "cpu"
    """Device that holds the data, as a device string such as ``cuda:0``."""
    memory_tier: MemoryTier = MemoryTier.CPU
    """Kind of memory on or beside that device that holds the data."""
    state: KVBlockState = KVBlockState.ALLOCATED
    """Where the handle stands between allocation and release."""
    pin_count: Count = 0
    """Pins held at present, at least 0. While it is above 0 the handle is not evicted."""
    ref_count: Count = 1
    """Requests that share the handle, at least 0. At 0 it may be freed, or kept for its prefix."""
    last_access: UnixTime = 0.0
    """When the data was last read or written. 0 if not set."""
    access_count: Count = 0
    """Reads and writes so far, at least 0."""
    created_at: UnixTime = 0.0
    """When the handle was allocated. 0 if not set."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else its owner wants to keep with it; the protocol gives it no meaning."""
    is_compressed: bool = False
    """Whether the data is compressed at present and must be restored before attention reads it."""
    compression_type: CompressionType = CompressionType.NONE
    """Method of compression; it counts only while ``is_compressed`` is true."""
    prefix_hash: str | None = None
    """Hash under which the prefix cache finds this handle. None if it is not shared as a prefix."""
    rank: Rank | None = None
    """Rank of the process that holds the data, from 0. None outside distributed runs."""
    placement: str | None = None
    """Name that the scheduler gave to the place where the data lives. None if it gave none."""
    source_rank: Rank | None = None
    """Rank that the data was transferred from, from 0. None if it was computed where it is."""
    transfer_id: UUID | None = None
    """Transfer that moves or last moved the handle. None if there was none."""
    is_transferring: bool = False
    """Whether a transfer is under way; until it ends the data must not be changed."""


@message
class EvictionCandidate:
    """A handle that might be evicted, with the figures it is judged by. The evictor ranks a list of these."""

    handle: KVHandle
    """The handle that would be given up."""
    score: float
    """How strongly the policy is for evicting it; the highest score goes first. Any number, comparable only within one
    policy."""
    eviction_policy: EvictionPolicy
    """Policy that computed the score."""
    last_access: AnyUnixTime
    """When the data was last used, as of scoring. Its range is not checked."""
    access_count: Count = 0
    """Uses up to scoring, at least 0."""
    size_bytes: Bytes
    """Memory that evicting it would free, in bytes, at least 0."""
    reuse_prob: Ratio | None = None
    """Predicted probability that it is used again, 0 to 1. None without a prediction."""
    remaining_lifetime: Seconds | None = None
    """Predicted time until it is no longer needed, in seconds, at least 0. None without a prediction."""


@message
class KVBlock:
    """One block of a paged pool: the unit in which memory is handed out.

    Pool managers and attention backends exchange it.
    """

    block_id: Index
    """Number of the block in its pool, from 0."""
    handle: KVHandle
    """The handle whose tokens the block holds."""
    block_size: PositiveTokens
    """Capacity of the block in tokens, above 0."""
    size_bytes: Bytes
    """Memory that the block takes, in bytes, at least 0."""
    offset: Bytes = 0
    """Where the block begins, in bytes from the start of the pool's memory."""
    layer_idx: Index = 0
    """Transformer layer whose keys and values it holds, from 0."""
    head_idx: Index = 0
    """KV head that it holds, or the first one if it holds several, from 0."""


@message
class KVPoolStats:
    """The state of one KV pool at a moment, and its counters since it was started.

    The pool manager reports it to schedulers and monitoring. The figures are not checked against each other.
    """

    total_tokens: Tokens
    """Capacity of the pool in tokens, at least 0."""
    allocated_tokens: Tokens
    """Tokens' worth of memory handed out, at least 0."""
    available_tokens: Tokens
    """Tokens that can still be allocated without eviction, at least 0."""
    total_bytes: Bytes
    """Capacity of the pool in bytes, at least 0."""
    allocated_bytes: Bytes
    """Bytes handed out, at least 0."""
    available_bytes: Bytes
    """Bytes that can still be allocated without eviction, at least 0."""
    total_blocks: Count
    """Blocks in the pool, at least 0."""
    allocated_blocks: Count
    """Blocks handed out, at least 0."""
    free_blocks: Count
    """Blocks that hold nothing, at least 0."""
    pinned_blocks: Count
    """Blocks that may not be evicted, at least 0."""
    alloc_count: Count = 0
    """Allocations that succeeded, at least 0."""
    free_count: Count = 0
    """Frees carried out, at least 0."""
    alloc_fail_count: Count = 0
    """Allocations that failed, at least 0."""
    pin_count: Count = 0
    """Times that a handle was pinned, at least 0."""
    unpin_count: Count = 0
    """Times that a handle was unpinned, at least 0."""
    timestamp: UnixTime = 0.0
    """When the figures were read. 0 if not set."""


@message
class KVTransferMetadata:
    """What one shard of a KV transfer holds and how far it is.

    The sender announces it before the bytes, so that the receiver can allocate, place and check them; both update their
    copies as the transfer goes on. Spans are half-open: the end lies just past the last element.
    """

    transfer_id: UUID
    """Identifies the transfer; all of its shards share it."""
    request_id: str
    """Request whose KV cache is moved."""
    trace_id: str
    """Trace that the transfer belongs to, to join the logs of both ends."""
    layer_start: Index
    """First transformer layer in the shard, from 0."""
    layer_end: Index
    """Layer just past the last one in the shard, at least 0."""
    token_start: TokenIndex
    """Position in the sequence of the first token in the shard, from 0."""
    token_end: TokenIndex
    """Position just past the last token in the shard, at least 0."""
    num_heads: Size
    """KV heads in the shard, above 0; fewer than query heads under grouped-query attention."""
    head_dim: Size
    """Elements of one head's key or value vector, above 0."""
    dtype: DType
    """Number format of the tensors once they are decompressed."""
    layout: Layout
    """Arrangement of the tensors once they are decompressed."""
    shard_id: Index = 0
    """Number of this shard in its transfer, from 0, below ``shard_count``."""
    shard_count: Size = 1
    """Shards in the transfer, above 0."""
    offset: Bytes = 0
    """Where the shard begins in the whole transfer, in bytes."""
    length: Bytes = 0
    """Bytes of this shard as sent, at least 0. 0 if not set."""
    is_compressed: bool = False
    """Whether the bytes are sent compressed."""
    compression_type: CompressionType = CompressionType.NONE
    """Method of compression; it counts only where ``is_compressed`` is true."""
    original_size: Bytes = 0
    """Bytes of the shard before compression, at least 0. 0 if it is not compressed."""
    checksum: str | None = None
    """Checksum of the bytes as sent, by the method that both ends agreed on. None if checksums are off."""
    total_bytes: Bytes
    """Bytes of the whole transfer, all shards together, at least 0."""
    direction: TransferDirection = TransferDirection.SEND
    """Whether the engine that holds this record sends the data or receives it."""
    source_device: str
    """Device that the data is read from, as a device string."""
    target_device: str
    """Device that the data is written to, as a device string."""
    status: TransferStatus = TransferStatus.PENDING
    """How far the transfer is."""
    created_at: UnixTime = 0.0
    """When the transfer was asked for. 0 if not set."""
    started_at: AnyUnixTime | None = None
    """When the first byte moved. None until then. Its range is not checked."""
    completed_at: AnyUnixTime | None = None
    """When the transfer ended, well or badly. None until then. Its range is not checked."""


@message
class LifetimePrediction:
    """How long a handle's KV cache is likely to be of use.

    The lifetime predictor sends it to the evictor, which uses it under ``EvictionPolicy.LIFETIME_AWARE``.
    """

    handle_id: UUID
    """The handle that the prediction is about."""
    request_id: str
    """Request that the handle belongs to."""
    reuse_prob: Ratio
    """Probability that the data is used again before it expires, 0 to 1."""
    remaining_lifetime: Seconds
    """Expected time until the data is no longer needed, in seconds, at least 0."""
    evict_score: float
    """How advisable it is to evict the handle; the highest goes first. Any number, comparable within one predictor."""
    confidence: Ratio = 1.0
    """How far the predictor trusts its own figures, 0 to 1."""
    features_summary: Mapping[str, Any] = EMPTY
    """Inputs that the prediction rests on, for inspection; the names are the predictor's own."""
    predicted_at: UnixTime = 0.0
    """When the prediction was made. 0 if not set."""


@message
class PrefixCacheEntry:
    """A token prefix whose KV cache is kept for requests that begin alike.

    The prefix cache keeps one for each prefix in its index.
    """

    prefix_hash: str
    """Hash of the prefix's tokens, by which the index finds it."""
    prefix_tokens: Sequence[int]
    """Token ids of the prefix in order, to rule out hash collisions."""
    handle: KVHandle
    """The handle that holds the prefix's keys and values."""
    hit_count: Count = 0
    """Requests that reused the prefix so far, at least 0."""
    reuse_bytes: Bytes = 0
    """KV bytes that those requests did not have to compute anew, summed, at least 0."""
    created_at: UnixTime = 0.0
    """When the prefix entered the cache. 0 if not set."""
    last_hit_at: UnixTime = 0.0
    """When it was last reused. 0 if never, or not set."""


@message
class SchedulerRequest:
    """A request as the scheduler sees it: what phase it is in, what it needs, where it stands.

    The gateway or engine queues it; the scheduler updates it and puts it into a ``SchedulerPlan``.
    """

    request_id: str
    """Identifies the inference request."""
    session_id: str | None = None
    """Conversation that the request continues, for reuse of its KV cache. None outside sessions."""
    trace_id: str
    """Trace that the request belongs to, to join logs across services."""
    request_type: RequestType
    """Phase to be scheduled."""
    prompt_len: Tokens
    """Tokens in the prompt, at least 0."""
    max_new_tokens: PositiveTokens
    """Most tokens to generate, above 0."""
    generated_len: Tokens = 0
    """Tokens generated so far, at least 0."""
    priority: int = 0
    """Scheduling priority, any integer. Whether higher or lower goes first is the scheduler's convention."""
    deadline: AnyUnixTime | None = None
    """Time by which the request is to be complete. None if it has no deadline. Its range is not checked."""
    kv_tokens_required: Tokens = 0
    """Tokens of KV cache to reserve before it can run, at least 0. 0 if not estimated."""
    memory_required_mb: FractionalMegabytes = 0.0
    """Memory to reserve before it can run, in MB, at least 0. 0 if not estimated."""
    prefix_fingerprint: str | None = None
    """Hash of the prompt's beginning, to group requests that share a prefix. None if not computed."""
    prefix_hit_len: Tokens = 0
    """Prompt tokens whose KV cache is already there, so prefill can skip them; at least 0."""
    state: SchedulerState = SchedulerState.QUEUED
    """How far the scheduler has brought the request."""
    queued_at: UnixTime = 0.0
    """When the request entered the queue. 0 if not set."""
    scheduled_at: AnyUnixTime | None = None
    """When the request was put into a plan. None until then. Its range is not checked."""
    device_affinity: str | None = None
    """Device that it should run on, as a device string, say for KV cache held there. None for any."""
    worker_id: str | None = None
    """Worker that it was given to. None until it is placed."""


@message
class SchedulerPlan:
    """One batch: the requests to run together and where each runs.

    The scheduler sends it to the dispatcher, which hands the requests to workers.
    """

    plan_id: UUID
    """Identifies the plan."""
    requests: Sequence[SchedulerRequest]
    """Requests in the batch, in the order in which they were chosen."""
    batch_size: Count
    """Requests in the batch, at least 0. Not checked against ``requests``."""
    total_kv_tokens: Tokens = 0
    """Tokens of KV cache that the batch needs, summed over its requests, at least 0."""
    total_memory_mb: FractionalMegabytes = 0.0
    """Memory that the batch needs, in MB, summed over its requests, at least 0."""
    placement: Mapping[str, str] = EMPTY
    """Where each request runs: request id to the name of a worker or device."""
    created_at: UnixTime = 0.0
    """When the plan was made. 0 if not set."""
