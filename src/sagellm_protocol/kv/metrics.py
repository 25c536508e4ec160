"""What the KV cache measures, as typed dicts for metrics pipelines.

Every key is optional, and nothing is checked when a dict is made: ranges say what a well-behaved reporter writes.
Counts and sums cover the reporter's window, commonly the time since it was started; ``timestamp`` says when the window
was read.
"""

from typing import TypedDict


class EvictionMetrics(TypedDict, total=False):
    """What eviction did. The evictor reports it."""

    evict_count: int
    """Handles evicted."""
    evict_bytes: int
    """Bytes freed by eviction."""
    evict_tokens: int
    """Tokens freed by eviction."""
    evict_latency_ms: float
    """Time that evicting took, in milliseconds; whether mean, latest or sum is the reporter's choice."""
    evict_fail_count: int
    """Evictions that failed."""
    evict_trigger_count: int
    """Times that eviction was set off, whether or not it freed anything."""
    policy_used: str
    """The ``EvictionPolicy`` in force, by its value, such as ``lru``."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class KVMetricsFields(TypedDict, total=False):
    """Every figure that any part of the KV cache reports, in one flat dict, for a metrics store.

    Its keys come from the other dicts of this module, with those of prefix grouping, load balance and lifetime
    prediction added.
    """

    hit_rate: float
    """Share of prefix lookups that found something: hits / (hits + misses), 0 to 1."""
    hit_count: int
    """Prefix lookups that found at least one cached token."""
    miss_count: int
    """Prefix lookups that found none."""
    hit_len: int
    """Prompt tokens that the latest hit found in the cache."""
    avg_hit_len: float
    """Prompt tokens that a hit found in the cache, on average over the hits."""
    reuse_bytes: int
    """KV bytes reused from the prefix cache instead of computed, summed."""
    prefill_saved_ms: float
    """Prefill time that reuse saved, estimated, in milliseconds, summed."""
    allocated_tokens: int
    """Tokens' worth of pool memory handed out at present."""
    allocated_bytes: int
    """Bytes of pool memory handed out at present."""
    available_tokens: int
    """Tokens that can still be allocated without eviction."""
    available_bytes: int
    """Bytes that can still be allocated without eviction."""
    alloc_count: int
    """Allocations that succeeded."""
    free_count: int
    """Frees carried out."""
    alloc_fail_count: int
    """Allocations that failed."""
    pin_count: int
    """Times that a handle was pinned."""
    unpin_count: int
    """Times that a handle was unpinned."""
    pinned_tokens: int
    """Tokens in handles that are pinned at present."""
    fragmentation_ratio: float
    """Share of the free memory that is too scattered to be allocated, 0 to 1."""
    evict_count: int
    """Handles evicted."""
    evict_bytes: int
    """Bytes freed by eviction."""
    evict_tokens: int
    """Tokens freed by eviction."""
    evict_latency_ms: float
    """Time that evicting took, in milliseconds; whether mean, latest or sum is the reporter's choice."""
    evict_fail_count: int
    """Evictions that failed."""
    evict_trigger_count: int
    """Times that eviction was set off, whether or not it freed anything."""
    transfer_count: int
    """KV transfers that ended well."""
    transfer_bytes: int
    """Bytes that they moved."""
    transfer_bw: float
    """Transfer bandwidth. The protocol fixes no unit for it: reporter and reader agree on one."""
    transfer_latency_ms: float
    """Time that transfers took, in milliseconds; whether mean, latest or sum is the reporter's choice."""
    transfer_fail_count: int
    """KV transfers that failed."""
    shard_count: int
    """Shards that the transfers were cut into."""
    compression_ratio: float
    """Original size / compressed size; 1 without compression."""
    compression_latency_ms: float
    """Time that compressing took at the sender, in milliseconds."""
    decompression_latency_ms: float
    """Time that decompressing took at the receiver, in milliseconds."""
    queue_length: int
    """Requests waiting at present."""
    wait_time_ms: float
    """Time that requests waited before they were scheduled, in milliseconds."""
    batch_size: int
    """Requests in the latest batch."""
    avg_batch_size: float
    """Requests in a batch, on average over the batches."""
    dispatch_latency_ms: float
    """Time from plan to the worker's acceptance, in milliseconds."""
    admission_count: int
    """Requests admitted to the queue."""
    admission_reject_count: int
    """Requests that admission control turned away."""
    prefix_group_size: int
    """Requests in the latest group that was scheduled together for a shared prefix."""
    prefix_group_hit_rate: float
    """Share of prefix lookups that found something, among requests so grouped, 0 to 1."""
    extra_queue_delay_ms: float
    """Waiting that grouping added on top of ordinary queueing, in milliseconds."""
    load_imbalance_ratio: float
    """How unevenly load is spread over the devices. The formula is the reporter's."""
    device_kv_usage: dict[str, int]
    """KV cache in use on each device, by device string. Reporter and reader agree whether in tokens or bytes."""
    device_queue_length: dict[str, int]
    """Requests waiting for each device, by device string."""
    prediction_count: int
    """Lifetime predictions made."""
    prediction_accuracy: float
    """Share of lifetime predictions that proved right, 0 to 1."""
    prediction_latency_ms: float
    """Time that a lifetime prediction took, in milliseconds."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class KVPoolMetrics(TypedDict, total=False):
    """How full a KV pool is, and what was asked of it.

    The pool manager reports it; ``KVPoolStats`` is its checked counterpart.
    """

    total_tokens: int
    """Capacity of the pool in tokens."""
    allocated_tokens: int
    """Tokens' worth of pool memory handed out at present."""
    available_tokens: int
    """Tokens that can still be allocated without eviction."""
    total_bytes: int
    """Capacity of the pool in bytes."""
    allocated_bytes: int
    """Bytes of pool memory handed out at present."""
    available_bytes: int
    """Bytes that can still be allocated without eviction."""
    alloc_count: int
    """Allocations that succeeded."""
    free_count: int
    """Frees carried out."""
    alloc_fail_count: int
    """Allocations that failed."""
    pin_count: int
    """Times that a handle was pinned."""
    unpin_count: int
    """Times that a handle was unpinned."""
    pinned_tokens: int
    """Tokens in handles that are pinned at present."""
    fragmentation_ratio: float
    """Share of the free memory that is too scattered to be allocated, 0 to 1."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class OperationMetrics(TypedDict, total=False):
    """How often the operations of ``kv.operations`` were asked for, how they ended and how long they took.

    The pool manager reports it. Whether a latency is mean, latest or sum is its choice.
    """

    allocate_count: int
    """Allocate requests received."""
    allocate_success_count: int
    """Allocate requests answered with success."""
    allocate_fail_count: int
    """Allocate requests answered with an error."""
    allocate_latency_ms: float
    """Time that allocate requests took, in milliseconds."""
    allocate_prefix_hit_count: int
    """Allocate requests that reused a cached prefix."""
    free_count: int
    """Free requests received."""
    free_success_count: int
    """Free requests answered with success."""
    free_fail_count: int
    """Free requests answered with an error."""
    free_latency_ms: float
    """Time that free requests took, in milliseconds."""
    free_kept_in_cache_count: int
    """Free requests after which the contents stayed in the prefix cache."""
    evict_request_count: int
    """Evict requests received."""
    evict_success_count: int
    """Evict requests answered with success."""
    evict_fail_count: int
    """Evict requests answered with an error."""
    evict_latency_ms: float
    """Time that evict requests took, in milliseconds."""
    evict_target_bytes: int
    """Bytes that evict requests asked to free, summed."""
    evict_actual_bytes: int
    """Bytes that they did free, summed."""
    migrate_count: int
    """Migrate requests received."""
    migrate_success_count: int
    """Migrate requests answered with success."""
    migrate_fail_count: int
    """Migrate requests answered with an error."""
    migrate_latency_ms: float
    """Time that migrate requests took, in milliseconds."""
    migrate_bandwidth_mbps: float
    """Rate that migrations achieved, in megabits a second."""
    migrate_compressed_count: int
    """Migrate requests whose data was compressed on the way."""
    migrate_async_count: int
    """Migrate requests answered before the transfer had ended."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class PrefixCacheMetrics(TypedDict, total=False):
    """How well the prefix cache serves prefill. The prefix cache reports it."""

    hit_rate: float
    """Share of prefix lookups that found something: hits / (hits + misses), 0 to 1."""
    hit_count: int
    """Prefix lookups that found at least one cached token."""
    miss_count: int
    """Prefix lookups that found none."""
    hit_len: int
    """Prompt tokens that the latest hit found in the cache."""
    avg_hit_len: float
    """Prompt tokens that a hit found in the cache, on average over the hits."""
    reuse_bytes: int
    """KV bytes reused from the prefix cache instead of computed, summed."""
    prefill_saved_ms: float
    """Prefill time that reuse saved, estimated, in milliseconds, summed."""
    index_size: int
    """Prefixes in the index at present."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class SchedulerMetrics(TypedDict, total=False):
    """How requests pass through the scheduler. The scheduler reports it."""

    queue_length: int
    """Requests waiting at present."""
    wait_time_ms: float
    """Time that requests waited before they were scheduled, in milliseconds."""
    batch_size: int
    """Requests in the latest batch."""
    avg_batch_size: float
    """Requests in a batch, on average over the batches."""
    dispatch_latency_ms: float
    """Time from plan to the worker's acceptance, in milliseconds."""
    admission_count: int
    """Requests admitted to the queue."""
    admission_reject_count: int
    """Requests that admission control turned away."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""


class TransferMetrics(TypedDict, total=False):
    """What KV transfers between devices or engines moved, and how fast. The transfer backend reports it."""

    transfer_count: int
    """KV transfers that ended well."""
    transfer_bytes: int
    """Bytes that they moved."""
    transfer_bw: float
    """Transfer bandwidth. The protocol fixes no unit for it: reporter and reader agree on one."""
    transfer_latency_ms: float
    """Time that transfers took, in milliseconds; whether mean, latest or sum is the reporter's choice."""
    transfer_fail_count: int
    """KV transfers that failed."""
    shard_count: int
    """Shards that the transfers were cut into."""
    compression_ratio: float
    """Original size / compressed size; 1 without compression."""
    compression_latency_ms: float
    """Time that compressing took at the sender, in milliseconds."""
    decompression_latency_ms: float
    """Time that decompressing took at the receiver, in milliseconds."""
    backend_kind: str
    """Kind of transfer backend that moved the data, by the name that the backend goes by."""
    topology_source: str
    """Where the backend has its picture of the links between devices from, by the backend's own name for it."""
    timestamp: float
    """When the figures were read, in seconds since 1970-01-01T00:00Z."""
