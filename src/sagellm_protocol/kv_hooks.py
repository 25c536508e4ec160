"""Backend hooks of the KV cache: calls that an engine makes to a backend, and the events that the backend reports."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from sagellm_protocol.model import EMPTY, message, rule
from sagellm_protocol.model.units import AnyTokens, Milliseconds, PositiveMilliseconds, PositiveTokens


class KVDType(str, Enum):
    """Number format of keys and values that a backend is asked to allocate."""

    FP16 = "fp16"
    BF16 = "bf16"
    """bfloat16: the exponent range of FP32 in 16 bits."""
    FP8 = "fp8"
    """8-bit floating point; which exponent and mantissa split is the backend's choice."""
    INT8 = "int8"
    """8-bit integers with a scale."""


class KVEvictReason(str, Enum):
    """Why KV cache is evicted."""

    MEMORY_PRESSURE = "memory_pressure"
    """Other requests need the memory."""
    TTL_EXPIRED = "ttl_expired"
    """It has outlived its time to live."""
    EXPLICIT_FREE = "explicit_free"
    """Its owner or an operator asked for it."""


class KVHookEvent(str, Enum):
    """Moments in the life of KV cache at which hooks are called.

    A ``..._BEFORE`` event comes before anything is done; its ``..._AFTER`` event comes once the operation has ended,
    well or badly.
    """

    ALLOCATE_BEFORE = "allocate_before"
    """Blocks are about to be allocated; there is no handle yet."""
    ALLOCATE_AFTER = "allocate_after"
    """Allocation has ended."""
    FREE_BEFORE = "free_before"
    """A handle is about to be given back."""
    FREE_AFTER = "free_after"
    """Giving it back has ended; on success the handle is no longer valid."""
    EVICT_BEFORE = "evict_before"
    """A victim has been chosen and is about to be evicted."""
    EVICT_AFTER = "evict_after"
    """Eviction has ended."""
    MIGRATE_BEFORE = "migrate_before"
    """A handle is about to be moved to another device."""
    MIGRATE_AFTER = "migrate_after"
    """The move has ended."""
    PREFETCH_BEFORE = "prefetch_before"
    """A handle is about to be brought to the device that will need it."""
    PREFETCH_AFTER = "prefetch_after"
    """Prefetching has ended."""


class KVLayout(str, Enum):
    """Order of the axes of dense KV tensors that a backend is asked to allocate."""

    BSHD = "bshd"
    """Batch, sequence, head, head dimension."""
    BHSD = "bhsd"
    """Batch, head, sequence, head dimension."""


class KVPriority(str, Enum):
    """Importance of KV cache by name, most important first.

    The integer ``priority`` fields of this module are separate; the protocol maps neither to the other.
    """

    CRITICAL = "critical"
    """To be kept and served at any cost to the rest."""
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    BACKGROUND = "background"
    """Work that nobody waits for; the first to give way."""


@message
class KVAllocateParams:
    """Asks a backend to allocate KV cache for a request.

    The engine passes it before prefill; the backend returns a ``KVHandle``.
    """

    request_id: str
    """Request that the KV cache is for."""
    num_tokens: PositiveTokens
    """Tokens to make room for, above 0."""
    kv_dtype: KVDType
    """Number format in which keys and values will be held."""
    layout: KVLayout
    """Order of the tensors' axes."""
    block_size: PositiveTokens
    """Tokens in one block, above 0; the allocation is rounded up to whole blocks."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    priority: int = 0
    """Priority of the allocation, any integer. Whether higher or lower goes first is the backend's convention."""
    qos_labels: Mapping[str, str] = EMPTY
    """Quality-of-service labels of the request, name to value, for the backend's own policies."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


@message
class KVHandle:
    """Names KV cache that a backend has allocated.

    The backend returns it from an allocation; the engine passes it to every later call. ``kv.types.KVHandle`` is
    another message, with all that a pool manager knows.
    """

    handle_id: str
    """Identifies the allocation within the backend."""
    request_id: str
    """Request that the KV cache is for."""
    num_tokens: AnyTokens
    """Tokens that there is room for. Its range is not checked."""
    device: str
    """Device that holds the data, as a device string such as ``cuda:0``."""


@message
class KVEvictParams:
    """Asks a backend to evict one handle. The engine's evictor passes it once it has chosen a victim."""

    kv_handle: KVHandle
    """The victim."""
    reason: KVEvictReason
    """Why it is evicted."""
    target_device: str | None = None
    """Device to offload the data to, as a device string. None to drop it."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    priority: int = 0
    """Priority of the eviction, any integer. Whether higher or lower goes first is the backend's convention."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


@message
class KVFreeParams:
    """Gives one handle back to its backend. The engine passes it when the request has ended or is cancelled."""

    kv_handle: KVHandle
    """The handle to free."""
    force: bool = False
    """Whether to free it even while it is pinned or in use."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


_BEFORE = frozenset(event for event in KVHookEvent if event.value.endswith("_before"))


def _has_no_handle(it: "KVHookPayload") -> bool:
    failed = it.event is KVHookEvent.ALLOCATE_AFTER and not it.success
    return failed or it.event is KVHookEvent.ALLOCATE_BEFORE


@message(
    rules=(
        rule(
            "handle-where-there-is-one",
            ("kv_handle", "event", "success"),
            "None for allocate_before and for an allocate_after without success, and given for all others",
            lambda it: (it.kv_handle is None) == _has_no_handle(it),
            why="All but an allocation is done to a handle; an allocation ends with one, if it succeeds.",
        ),
        rule(
            "reason-of-evictions",
            ("evict_reason", "event"),
            "None for events other than eviction",
            lambda it: it.evict_reason is None or it.event in (KVHookEvent.EVICT_BEFORE, KVHookEvent.EVICT_AFTER),
            why="Nothing else has a reason to evict.",
        ),
        rule(
            "no-time-before",
            ("elapsed_ms", "event"),
            "0 for the events before an operation",
            lambda it: it.elapsed_ms == 0 or it.event not in _BEFORE,
            why="Nothing has been done yet.",
        ),
        rule(
            "no-failure-before",
            ("success", "event"),
            "true for the events before an operation",
            lambda it: it.success or it.event not in _BEFORE,
            why="Nothing has been done yet.",
        ),
        rule(
            "error-of-failures",
            ("error_message", "success"),
            "None where success is true",
            lambda it: it.error_message is None or not it.success,
            why="Nothing went wrong.",
        ),
    )
)
class KVHookPayload:
    """Tells hooks of one event in the life of KV cache.

    The backend sends it to every hook that is registered for the event.
    """

    event: KVHookEvent
    """The moment that this is about."""
    request_id: str
    """Request that the operation serves."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    kv_handle: KVHandle | None = None
    """The handle concerned. None where there is none: before an allocation, or after one that failed."""
    evict_reason: KVEvictReason | None = None
    """Why the handle is evicted. None for events other than eviction."""
    device: str | None = None
    """Device where the operation takes place, as a device string. None if not told."""
    elapsed_ms: Milliseconds = 0.0
    """Time that the operation took, in milliseconds, at least 0. 0 for the events before it."""
    success: bool = True
    """Whether the operation succeeded. True for the events before it."""
    error_message: str | None = None
    """What went wrong, for people to read. None if nothing did."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


@message
class KVMigrateParams:
    """Asks a backend to move one handle to another device.

    The engine passes it, to balance load or to hand over from prefill to decode.
    """

    kv_handle: KVHandle
    """The handle to move; its ``device`` is the source."""
    target_device: str
    """Device to move it to, as a device string."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    priority: int = 0
    """Priority among transfers, any integer. Whether higher or lower goes first is the backend's convention."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


@message
class KVPrefetchParams:
    """Asks a backend to bring KV cache to a device before the request that needs it runs there.

    The scheduler or engine passes it ahead of time.
    """

    request_id: str
    """Request that will need the KV cache; not always the one that it was computed for."""
    kv_handle: KVHandle
    """The handle to bring."""
    target_device: str
    """Device to bring it to, as a device string."""
    priority: int = 0
    """Priority among transfers, any integer. Whether higher or lower goes first is the backend's convention."""
    trace_id: str | None = None
    """Trace that the call belongs to, to join logs across services. None outside traces."""
    prefetch_window_tokens: PositiveTokens | None = None
    """Most tokens to bring, above 0. None for no limit."""
    metadata: Mapping[str, Any] = EMPTY
    """Anything else for the backend; the protocol gives it no meaning."""


@message
class KVQoSPolicy:
    """What service a class of requests is promised from the KV cache.

    The operator sets it; schedulers and evictors honour it.
    """

    tier: str = "default"
    """Name of the class that the policy is for."""
    slo_latency_ms: PositiveMilliseconds | None = None
    """Latency to aim for, in milliseconds, above 0. None to set no aim."""
    max_wait_ms: PositiveMilliseconds | None = None
    """Longest wait for KV cache before the request is refused, in milliseconds, above 0. None for no limit."""
    evict_protected: bool = False
    """Whether KV cache of this class is spared by eviction."""
