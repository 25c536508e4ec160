"""Error codes of the KV cache, the part of it that each comes from, and which are worth another attempt."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from sagellm_protocol.model import FrozenDict


class KVErrorCode(str, Enum):
    """What went wrong in the KV cache, more finely than ``ErrorCode`` says it."""

    BUDGET_EXCEEDED = "KV_BUDGET_EXCEEDED"
    """The request asks for more KV tokens than its budget allows."""
    MEMORY_EXHAUSTED = "KV_MEMORY_EXHAUSTED"
    """The device or memory tier has too little memory left."""
    POOL_FULL = "KV_POOL_FULL"
    """The pool has no free block left, whatever the device may still have."""
    ALLOCATION_FAILED = "KV_CACHE_ALLOCATION_FAILED"
    """The allocator failed for a reason other than budget, memory or pool size."""
    NOT_FOUND = "KV_CACHE_NOT_FOUND"
    """No KV cache is held for the request or session."""
    INVALID_HANDLE = "KV_INVALID_HANDLE"
    """The handle is malformed, or was issued by another pool."""
    DOUBLE_FREE = "KV_DOUBLE_FREE"
    """The handle has been freed before."""
    HANDLE_PINNED = "KV_HANDLE_PINNED"
    """The operation would free, evict or move a handle that is pinned."""
    HANDLE_NOT_FOUND = "KV_HANDLE_NOT_FOUND"
    """The pool holds no handle with this id."""
    REF_COUNT_UNDERFLOW = "KV_REF_COUNT_UNDERFLOW"
    """A reference was given back that was never taken; the count would fall below 0."""
    CACHE_MISS = "KV_CACHE_MISS"
    """No cached prefix matches."""
    PREFIX_TOO_LONG = "KV_PREFIX_TOO_LONG"
    """The prefix has more tokens than the prefix cache indexes."""
    INVALID_PREFIX = "KV_INVALID_PREFIX"
    """The prefix is empty, or its hash does not fit its tokens."""
    INDEX_CORRUPTED = "KV_INDEX_CORRUPTED"
    """The prefix index contradicts itself or the pool, and has to be rebuilt."""
    NO_VICTIM = "KV_NO_VICTIM"
    """Nothing that may be evicted was found."""
    EVICTION_FAILED = "KV_EVICTION_FAILED"
    """Victims were chosen, and evicting them failed."""
    ALL_PINNED = "KV_ALL_PINNED"
    """Nothing can be evicted because everything that fits the request is pinned."""
    EVICTION_TIMEOUT = "KV_EVICTION_TIMEOUT"
    """Eviction did not free enough in time. Retryable."""
    TRANSFER_FAILED = "KV_TRANSFER_FAILED"
    """Moving KV data between devices or engines failed."""
    TRANSFER_TIMEOUT = "KV_TRANSFER_TIMEOUT"
    """The transfer did not end in time. Retryable."""
    SHARD_MISSING = "KV_SHARD_MISSING"
    """At least one shard of the transfer never arrived."""
    SHARD_DUPLICATE = "KV_SHARD_DUPLICATE"
    """The same shard arrived more than once."""
    CHECKSUM_MISMATCH = "KV_CHECKSUM_MISMATCH"
    """What arrived has another checksum than what was sent."""
    METADATA_MISMATCH = "KV_METADATA_MISMATCH"
    """The two ends disagree on shape, number format, layout or span."""
    COMPRESSION_FAILED = "KV_COMPRESSION_FAILED"
    """The sender could not compress the KV data."""
    DECOMPRESSION_FAILED = "KV_DECOMPRESSION_FAILED"
    """The receiver could not restore the compressed KV data."""
    BACKEND_UNAVAILABLE = "KV_BACKEND_UNAVAILABLE"
    """The transfer backend cannot be reached just now. Retryable."""
    ADMISSION_DENIED = "KV_ADMISSION_DENIED"
    """The scheduler's admission control turned the request away."""
    QUEUE_FULL = "KV_QUEUE_FULL"
    """The scheduler's queue takes no more requests."""
    DISPATCH_FAILED = "KV_DISPATCH_FAILED"
    """A planned request could not be handed to its worker."""
    PLAN_INVALID = "KV_PLAN_INVALID"
    """The plan contradicts itself, or the resources that there are."""
    PREDICTOR_NOT_READY = "KV_PREDICTOR_NOT_READY"
    """The lifetime predictor is still loading or warming up. Retryable."""
    PREDICTION_FAILED = "KV_PREDICTION_FAILED"
    """The lifetime predictor ran and gave no usable answer."""
    FEATURE_MISSING = "KV_FEATURE_MISSING"
    """An input that the lifetime predictor needs was not given."""
    CONFIG_MISSING = "KV_CONFIG_MISSING"
    """A required setting of the KV cache is not set."""
    CONFIG_INVALID = "KV_CONFIG_INVALID"
    """A setting of the KV cache has a value that cannot be used."""
    NOT_IMPLEMENTED = "KV_NOT_IMPLEMENTED"
    """This engine does not offer the operation."""


KV_ERROR_CATEGORIES: Final[Mapping[str, tuple[KVErrorCode, ...]]] = FrozenDict(
    {
        "budget": (
            KVErrorCode.BUDGET_EXCEEDED,
            KVErrorCode.MEMORY_EXHAUSTED,
            KVErrorCode.POOL_FULL,
            KVErrorCode.ALLOCATION_FAILED,
        ),
        "handle": (
            KVErrorCode.INVALID_HANDLE,
            KVErrorCode.DOUBLE_FREE,
            KVErrorCode.HANDLE_PINNED,
            KVErrorCode.HANDLE_NOT_FOUND,
            KVErrorCode.REF_COUNT_UNDERFLOW,
            KVErrorCode.NOT_FOUND,
        ),
        "cache": (
            KVErrorCode.CACHE_MISS,
            KVErrorCode.PREFIX_TOO_LONG,
            KVErrorCode.INVALID_PREFIX,
            KVErrorCode.INDEX_CORRUPTED,
        ),
        "evict": (
            KVErrorCode.NO_VICTIM,
            KVErrorCode.EVICTION_FAILED,
            KVErrorCode.ALL_PINNED,
            KVErrorCode.EVICTION_TIMEOUT,
        ),
        "transfer": (
            KVErrorCode.TRANSFER_FAILED,
            KVErrorCode.TRANSFER_TIMEOUT,
            KVErrorCode.SHARD_MISSING,
            KVErrorCode.SHARD_DUPLICATE,
            KVErrorCode.CHECKSUM_MISMATCH,
            KVErrorCode.METADATA_MISMATCH,
            KVErrorCode.COMPRESSION_FAILED,
            KVErrorCode.DECOMPRESSION_FAILED,
            KVErrorCode.BACKEND_UNAVAILABLE,
        ),
        "scheduler": (
            KVErrorCode.ADMISSION_DENIED,
            KVErrorCode.QUEUE_FULL,
            KVErrorCode.DISPATCH_FAILED,
            KVErrorCode.PLAN_INVALID,
        ),
        "predictor": (
            KVErrorCode.PREDICTOR_NOT_READY,
            KVErrorCode.PREDICTION_FAILED,
            KVErrorCode.FEATURE_MISSING,
        ),
        "config": (
            KVErrorCode.CONFIG_MISSING,
            KVErrorCode.CONFIG_INVALID,
            KVErrorCode.NOT_IMPLEMENTED,
        ),
    }
)
"""The part of the KV cache that each code comes from: category name to its codes. Every code is in exactly one."""

RETRYABLE_KV_ERRORS: Final[frozenset[KVErrorCode]] = frozenset(
    {
        KVErrorCode.EVICTION_TIMEOUT,
        KVErrorCode.TRANSFER_TIMEOUT,
        KVErrorCode.BACKEND_UNAVAILABLE,
        KVErrorCode.PREDICTOR_NOT_READY,
    }
)
"""Codes after which the same operation may succeed if it is simply tried again."""


def is_retryable(code: KVErrorCode | str) -> bool:
    """Whether the operation that failed with ``code`` is worth trying again unchanged.

    ``code`` is a member or its text as it stands on the wire (``"KV_TRANSFER_TIMEOUT"``). A text that is no code of
    this release, such as one from a newer peer, is not retryable.
    """
    # Members are equal to their text and hash alike, so one lookup serves both.
    return code in RETRYABLE_KV_ERRORS
