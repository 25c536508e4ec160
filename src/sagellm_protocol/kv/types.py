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
from sagellm_protocol.lifecycle.handles import after
from sagellm_protocol.model import EMPTY, message, rule
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

_COMPRESSED_BY_SOMETHING = rule(
    "compressed-by-something",
    ("compression_type", "is_compressed"),
    "other than none where is_compressed is true",
    lambda it: it.compression_type is not CompressionType.NONE or not it.is_compressed,
    why="What is compressed was compressed in some way.",
)


@message(
    rules=(
        rule(
            "token-span",
            ("token_end", "token_start"),
            "at least token_start",
            lambda it: it.token_end >= it.token_start,
            why="The end lies just past the last token held.",
        ),
        rule(
            "span-of-its-tokens",
            ("num_tokens", "token_start", "token_end"),
            "token_end less token_start, where they tell a span",
            lambda it: it.token_end <= it.token_start or it.num_tokens == it.token_end - it.token_start,
            why="The handle holds the tokens of its span.",
        ),
        rule(
            "allocated-has-references",
            ("ref_count", "state"),
            "above 0 where state is allocated",
            lambda it: it.ref_count > 0 or it.state is not KVBlockState.ALLOCATED,
            why="Allocated is what at least one running request holds.",
        ),
        rule(
            "cached-has-no-references",
            ("ref_count", "state"),
            "0 where state is cached",
            lambda it: it.ref_count == 0 or it.state is not KVBlockState.CACHED,
            why="Cached is what no request holds.",
        ),
        rule(
            "pinned-has-pins",
            ("pin_count", "state"),
            "above 0 where state is pinned",
            lambda it: it.pin_count > 0 or it.state is not KVBlockState.PINNED,
            why="Something keeps it in place until it is unpinned.",
        ),
        rule(
            "free-is-held-by-nobody",
            ("state", "ref_count", "pin_count"),
            "other than free where ref_count or pin_count is above 0",
            lambda it: it.state is not KVBlockState.FREE or it.ref_count == it.pin_count == 0,
            why="Free memory can be allocated to others.",
        ),
        rule(
            "free-is-at-rest",
            ("is_transferring", "state"),
            "false where state is free",
            lambda it: not (it.is_transferring and it.state is KVBlockState.FREE),
            why="Until a transfer ends, its data must not be changed, and free memory may be.",
        ),
        _COMPRESSED_BY_SOMETHING,
        rule(
            "transferring-by-a-transfer",
            ("transfer_id", "is_transferring"),
            "given where is_transferring is true",
            lambda it: it.transfer_id is not None or not it.is_transferring,
            why="It is a transfer that is under way.",
        ),
        rule(
            "used-after-created",
            ("last_access", "created_at"),
            "no earlier than created_at, where both are set",
            lambda it: not (it.last_access and it.created_at) or it.last_access >= it.created_at,
            why="What is not allocated yet cannot be read or written.",
        ),
    )
)
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

    def allocate(self, request_id: str | None = None, session_id: str | None = None) -> "KVHandle":
        """Memory that was free, handed out to a request, which holds the one reference.

        Raises, as all these methods do:
            KVLifecycleError: its state, its counts or a transfer forbids it; nothing is changed.
        """
        return after(self, "allocate", request_id=request_id, session_id=session_id)

    def retain(self) -> "KVHandle":
        """One reference more: another request shares it, or finds it in the prefix cache."""
        return after(self, "retain")

    def release(self) -> "KVHandle":
        """One reference less. With the last it is kept for its prefix where it has a ``prefix_hash``, else free."""
        return after(self, "release")

    def pin(self) -> "KVHandle":
        """One pin more: it stays where it is until all are taken back."""
        return after(self, "pin")

    def unpin(self) -> "KVHandle":
        """One pin less. With the last it goes back to being allocated, or cached where no request refers to it."""
        return after(self, "unpin")

    def begin_eviction(self) -> "KVHandle":
        """A victim: what is cached is about to be dropped or offloaded, and takes no new readers."""
        return after(self, "begin_eviction")

    def abort_eviction(self) -> "KVHandle":
        """Spared: it is cached again."""
        return after(self, "abort_eviction")

    def end_eviction(self) -> "KVHandle":
        """Evicted: it holds nothing any more."""
        return after(self, "end_eviction")

    def free(self, *, force: bool = False) -> "KVHandle":
        """Given back, by the one request that held it or out of the cache.

        Args:
            force: even while it is pinned or others refer to it (``KVFreeParams.force``); never while it is moved or
                evicted.
        """
        return after(self, "free", force=force)

    def begin_transfer(self, transfer_id: UUID) -> "KVHandle":
        """On the move: until the transfer ends nothing but reading is allowed."""
        return after(self, "begin_transfer", transfer_id=transfer_id)

    def end_transfer(self, *, device: str | None = None) -> "KVHandle":
        """Moved, or not: ``device`` is where it is now, None where it stayed."""
        return after(self, "end_transfer", device=self.device if device is None else device)

    def touch(self, now: float) -> "KVHandle":
        """Read or written once more.

        Args:
            now: seconds since 1970-01-01T00:00Z. What is earlier than ``last_access`` leaves that as it is, since
                threads need not tell in order.
        """
        return after(self, "touch", last_access=now if now >= self.last_access else self.last_access)


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


@message(
    rules=(
        rule(
            "tokens-add-up",
            ("total_tokens", "allocated_tokens", "available_tokens"),
            "at least allocated_tokens and available_tokens together",
            lambda it: it.total_tokens >= it.allocated_tokens + it.available_tokens,
            why="What is handed out cannot be allocated as well; what is cached may be neither.",
        ),
        rule(
            "bytes-add-up",
            ("total_bytes", "allocated_bytes", "available_bytes"),
            "at least allocated_bytes and available_bytes together",
            lambda it: it.total_bytes >= it.allocated_bytes + it.available_bytes,
            why="What is handed out cannot be allocated as well; what is cached may be neither.",
        ),
        rule(
            "blocks-add-up",
            ("total_blocks", "allocated_blocks", "free_blocks"),
            "at least allocated_blocks and free_blocks together",
            lambda it: it.total_blocks >= it.allocated_blocks + it.free_blocks,
            why="What is handed out holds something; what is cached may be neither.",
        ),
        rule(
            "pinned-blocks-hold-something",
            ("pinned_blocks", "total_blocks", "free_blocks"),
            "at most total_blocks less free_blocks",
            lambda it: it.pinned_blocks <= max(it.total_blocks - it.free_blocks, 0),
            why="A free block holds nothing to be kept.",
        ),
        rule(
            "frees-of-allocations",
            ("free_count", "alloc_count"),
            "at most alloc_count",
            lambda it: it.free_count <= it.alloc_count,
            why="What is freed was allocated, and is freed once.",
        ),
        rule(
            "unpins-of-pins",
            ("unpin_count", "pin_count"),
            "at most pin_count",
            lambda it: it.unpin_count <= it.pin_count,
            why="What is unpinned was pinned.",
        ),
    )
)
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


@message(
    rules=(
        rule(
            "layer-span",
            ("layer_end", "layer_start"),
            "above layer_start",
            lambda it: it.layer_end > it.layer_start,
            why="The end lies just past the last layer in the shard.",
        ),
        rule(
            "token-span",
            ("token_end", "token_start"),
            "above token_start",
            lambda it: it.token_end > it.token_start,
            why="The end lies just past the last token in the shard.",
        ),
        rule(
            "shard-below-count",
            ("shard_id", "shard_count"),
            "below shard_count",
            lambda it: it.shard_id < it.shard_count,
            why="Shards count from 0.",
        ),
        rule(
            "shard-within-transfer",
            ("total_bytes", "offset", "length"),
            "at least offset and length together",
            lambda it: it.total_bytes >= it.offset + it.length,
            why="The shard is a part of the whole transfer.",
        ),
        _COMPRESSED_BY_SOMETHING,
        rule(
            "original-size-of-compressed",
            ("original_size", "is_compressed"),
            "0 where is_compressed is false",
            lambda it: it.original_size == 0 or it.is_compressed,
            why="Without compression the length is the size.",
        ),
        rule(
            "started-after-created",
            ("started_at", "created_at"),
            "no earlier than created_at, where both are set",
            lambda it: it.started_at is None or it.started_at >= it.created_at,
            why="Bytes move once the transfer was asked for.",
        ),
        rule(
            "completed-after-started",
            ("completed_at", "started_at"),
            "no earlier than started_at, where both are set",
            lambda it: it.completed_at is None or it.started_at is None or it.completed_at >= it.started_at,
            why="A transfer ends after its first byte, if any moved.",
        ),
        rule(
            "pending-is-not-started",
            ("started_at", "status"),
            "None where status is pending",
            lambda it: it.started_at is None or it.status is not TransferStatus.PENDING,
            why="Pending means that no byte has moved.",
        ),
        rule(
            "completed-at-the-end",
            ("completed_at", "status"),
            "None where status is pending or in_progress",
            lambda it: it.completed_at is None or it.status not in (TransferStatus.PENDING, TransferStatus.IN_PROGRESS),
            why="It tells when the transfer ended, and it has not.",
        ),
    )
)
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


@message(
    rules=(
        rule(
            "hash-of-the-handle",
            ("prefix_hash", "handle"),
            "that of the handle, where it has one",
            lambda it: it.handle.prefix_hash in (None, it.prefix_hash),
            why="The index finds the handle by it.",
        ),
        rule(
            "handle-holds-the-prefix",
            ("handle", "prefix_tokens"),
            "of as many num_tokens as there are prefix_tokens, or more",
            lambda it: it.handle.num_tokens >= len(it.prefix_tokens),
            why="It holds the prefix's keys and values.",
        ),
        rule(
            "reuse-by-hits",
            ("hit_count", "reuse_bytes", "last_hit_at"),
            "above 0 where reuse_bytes or last_hit_at is",
            lambda it: it.hit_count > 0 or it.reuse_bytes == it.last_hit_at == 0,
            why="What was reused was hit.",
        ),
        rule(
            "hit-after-created",
            ("last_hit_at", "created_at"),
            "no earlier than created_at, where both are set",
            lambda it: not it.last_hit_at or it.last_hit_at >= it.created_at,
            why="What is not in the cache yet cannot be hit.",
        ),
    )
)
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


@message(
    rules=(
        rule(
            "within-max-new-tokens",
            ("generated_len", "max_new_tokens"),
            "at most max_new_tokens",
            lambda it: it.generated_len <= it.max_new_tokens,
            why="Reaching the most ends the answer.",
        ),
        rule(
            "hit-within-prompt",
            ("prefix_hit_len", "prompt_len"),
            "at most prompt_len",
            lambda it: it.prefix_hit_len <= it.prompt_len,
            why="What is hit are tokens of the prompt.",
        ),
        rule(
            "scheduled-after-queued",
            ("scheduled_at", "queued_at"),
            "no earlier than queued_at, where both are set",
            lambda it: it.scheduled_at is None or it.scheduled_at >= it.queued_at,
            why="What is scheduled waits in the queue.",
        ),
    )
)
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


@message(
    rules=(
        rule(
            "size-of-the-batch",
            ("batch_size", "requests"),
            "the number of requests",
            lambda it: it.batch_size == len(it.requests),
            why="It is what the field counts.",
        ),
        rule(
            "tokens-of-the-batch",
            ("total_kv_tokens", "requests"),
            "0, or what the kv_tokens_required of the requests come to, or more",
            lambda it: (
                it.total_kv_tokens == 0 or it.total_kv_tokens >= sum(each.kv_tokens_required for each in it.requests)
            ),
            why="It is their sum; 0 is not told, by the plan or by a request.",
        ),
        rule(
            "memory-of-the-batch",
            ("total_memory_mb", "requests"),
            "0, or what the memory_required_mb of the requests come to, less a millionth, or more",
            lambda it: (
                it.total_memory_mb == 0
                or it.total_memory_mb >= 0.999_999 * sum(each.memory_required_mb for each in it.requests)
            ),
            why="It is their sum, up to rounding; 0 is not told, by the plan or by a request.",
        ),
        rule(
            "places-of-the-batch",
            ("placement", "requests"),
            "of requests of the batch alone",
            lambda it: it.placement.keys() <= {each.request_id for each in it.requests},
            why="It tells where these run.",
        ),
    )
)
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
