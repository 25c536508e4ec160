"""Enumerations of the KV cache: number formats, layouts, memory tiers, block states, policies and transfer states."""

from enum import Enum


class CompressionType(str, Enum):
    """How KV data is made smaller for storage or transfer."""

    NONE = "none"
    """Stored as computed."""
    FP16_TO_FP8 = "fp16_to_fp8"
    """Each FP16 value cast to FP8: half the size, lossy."""
    QUANTIZE_INT8 = "quantize_int8"
    """Scaled to 8-bit integers: lossy."""
    QUANTIZE_INT4 = "quantize_int4"
    """Scaled to 4-bit integers: lossy."""
    LZ4 = "lz4"
    """LZ4 over the raw bytes: lossless, quick."""
    ZSTD = "zstd"
    """Zstandard over the raw bytes: lossless, smaller than LZ4 and slower."""


class DType(str, Enum):
    """Number format of the key and value tensors."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    """bfloat16: the exponent range of FP32 in 16 bits."""
    FP8 = "fp8"
    """8-bit floating point; which exponent and mantissa split is the backend's choice."""
    INT8 = "int8"
    """8-bit integers with a scale."""
    INT4 = "int4"
    """4-bit integers with a scale."""


class EvictionPolicy(str, Enum):
    """The order in which KV cache is given up when room is needed."""

    LRU = "lru"
    """Least recently used first."""
    LFU = "lfu"
    """Least frequently used first."""
    FIFO = "fifo"
    """Oldest allocation first, however recently it was used."""
    TTL = "ttl"
    """Whatever has outlived its time to live."""
    LIFETIME_AWARE = "lifetime_aware"
    """By predicted reuse and remaining lifetime; see ``LifetimePrediction``."""
    PRIORITY = "priority"
    """What belongs to the least important requests first."""


class KVBlockState(str, Enum):
    """Where a block or handle stands between allocation and reuse of its memory."""

    ALLOCATED = "allocated"
    """Held by at least one running request."""
    CACHED = "cached"
    """Held by no request; the contents are kept for prefix reuse and may be evicted."""
    PINNED = "pinned"
    """Kept in place: neither evicted nor moved until it is unpinned."""
    EVICTING = "evicting"
    """Being dropped or offloaded; it takes no new readers."""
    FREE = "free"
    """Holds nothing; the memory can be allocated."""


class Layout(str, Enum):
    """How KV tensors are arranged in memory."""

    BSHD = "bshd"
    """Dense, axes in the order batch, sequence, head, head dimension."""
    BHSD = "bhsd"
    """Dense, axes in the order batch, head, sequence, head dimension."""
    PAGED = "paged"
    """Blocks of a fixed number of tokens, anywhere in the pool, found through a block table."""
    CONTIGUOUS = "contiguous"
    """One unbroken range of memory per handle."""


class MemoryTier(str, Enum):
    """Kind of memory that holds KV data, told apart by speed and capacity."""

    GPU = "gpu"
    """Memory of the accelerator, whoever makes it; attention reads it directly."""
    CPU = "cpu"
    """Main memory of the host."""
    NVME = "nvme"
    """Local solid-state storage; contents must be restored before attention reads them."""
    CXL = "cxl"
    """Memory attached over Compute Express Link, often shared between hosts."""


class RequestType(str, Enum):
    """The phase of inference that a scheduled request is in."""

    PREFILL = "prefill"
    """Computes the KV cache of the prompt and the first token."""
    DECODING = "decoding"
    """Generates further tokens, one step at a time, from existing KV cache."""
    HYBRID = "hybrid"
    """Prefill and decode on the same worker, as with chunked prefill."""


class SchedulerState(str, Enum):
    """How far the scheduler has brought a request; the last three are final."""

    QUEUED = "queued"
    """Admitted, waiting for a place in a batch."""
    SCHEDULED = "scheduled"
    """Part of a plan, not yet sent to a worker."""
    DISPATCHED = "dispatched"
    """Sent to a worker, not yet running."""
    EXECUTING = "executing"
    """Running on a worker."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TransferDirection(str, Enum):
    """Which way KV data moves, seen from the engine that carries the transfer out."""

    SEND = "send"
    """KV data leaves this engine."""
    RECV = "recv"
    """KV data arrives at this engine."""


class TransferStatus(str, Enum):
    """How far a KV transfer is; the last three are final."""

    PENDING = "pending"
    """Accepted; no byte has moved."""
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    """Ended early; the copy at the target is not to be used."""
    CANCELLED = "cancelled"
    """Stopped on request; the copy at the target is not to be used."""
