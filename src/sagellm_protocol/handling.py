"""What to do about each error code: the HTTP and gRPC status to answer with, and whether trying again may help.

One table for each enumeration of codes; ``Error.http_status``, ``Error.from_exception`` and the documentation come from
them. ``ErrorCode`` is named by its values, since its own module asks this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from sagellm_protocol.kv.errors import RETRYABLE_KV_ERRORS, KVErrorCode

GrpcStatus: TypeAlias = Literal[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
]
"""Names of gRPC's status codes."""


@attrs.frozen
class Handling:
    """What to do about an error code."""

    http: int
    """HTTP status (RFC 9110; 429 of RFC 6585)."""
    grpc: GrpcStatus
    """gRPC status."""
    retryable: bool
    """Whether the same request may succeed if it is sent again later."""
    code: str
    """The value of the ``ErrorCode`` that it is told as outside of the KV cache; of an ``ErrorCode``, its own."""
    why: str
    """The reason for all that."""


_STATUS: Mapping[GrpcStatus, int] = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
}
"""The HTTP status for each, as gRPC's own mapping has it (google/rpc/code.proto)."""

_ERRORS: Mapping[str, tuple[GrpcStatus, bool, str]] = {
    "invalid_argument": ("INVALID_ARGUMENT", False, "The request itself is wrong, and will be again."),
    "resource_exhausted": ("RESOURCE_EXHAUSTED", True, "Others give back what they hold."),
    "unavailable": ("UNAVAILABLE", True, "Services come back."),
    "deadline_exceeded": ("DEADLINE_EXCEEDED", True, "A less busy engine may be in time."),
    "not_implemented": ("UNIMPLEMENTED", False, "This version will never do it."),
    "kv_transfer_failed": ("UNAVAILABLE", True, "Another path, or another decode engine, may do."),
    "comm_timeout": ("DEADLINE_EXCEEDED", True, "A rank was late; it need not be again."),
    "comm_group_invalid": ("INTERNAL", False, "The deployment contradicts itself until somebody mends it."),
    "distributed_runtime_error": ("UNAVAILABLE", True, "The request can run on other workers."),
    "operator_not_found": ("UNIMPLEMENTED", False, "This build has no such kernel."),
    "invalid_operator_mapping": ("INTERNAL", False, "The registry contradicts itself until it is mended."),
    "operator_registration_failed": ("INTERNAL", False, "What the engine started with stays as it is."),
    "comm_backend_not_supported": ("UNIMPLEMENTED", False, "This build or device has no such library."),
    "comm_rank_mismatch": ("INTERNAL", False, "The ranks will disagree again."),
    "comm_group_not_found": ("INTERNAL", False, "Groups are made at the start; what is missing stays so."),
    "comm_collective_failed": ("UNAVAILABLE", True, "Links fail and come back."),
    "comm_p2p_failed": ("UNAVAILABLE", True, "Links fail and come back."),
    "kv_prefetch_failed": ("UNAVAILABLE", True, "What is not there in time can be computed, or brought again."),
    "kv_qos_constraint_violated": ("RESOURCE_EXHAUSTED", True, "A less busy cache may keep the policy."),
    "kv_priority_queue_full": ("RESOURCE_EXHAUSTED", True, "Queues drain."),
    "compression_not_supported": ("UNIMPLEMENTED", False, "This model or device never will."),
    "quantization_calibration_failed": ("INTERNAL", False, "The same data calibrates no better."),
    "speculative_decoding_failed": ("INTERNAL", False, "The same pair of models fails again."),
}
_KV_ERRORS: Mapping[KVErrorCode, tuple[str, GrpcStatus, str]] = {
    KVErrorCode.BUDGET_EXCEEDED: ("invalid_argument", "INVALID_ARGUMENT", "The request set the budget."),
    KVErrorCode.MEMORY_EXHAUSTED: ("resource_exhausted", "RESOURCE_EXHAUSTED", "Too many at once."),
    KVErrorCode.POOL_FULL: ("resource_exhausted", "RESOURCE_EXHAUSTED", "Too many at once."),
    KVErrorCode.ALLOCATION_FAILED: ("unavailable", "INTERNAL", "The allocator's own failure."),
    KVErrorCode.NOT_FOUND: ("invalid_argument", "NOT_FOUND", "The session named is not here, or no more."),
    KVErrorCode.INVALID_HANDLE: ("unavailable", "INTERNAL", "Handles are the engine's own business."),
    KVErrorCode.DOUBLE_FREE: ("unavailable", "INTERNAL", "A mistake of the engine."),
    KVErrorCode.HANDLE_PINNED: ("unavailable", "INTERNAL", "A mistake of the engine."),
    KVErrorCode.HANDLE_NOT_FOUND: ("unavailable", "INTERNAL", "A mistake of the engine."),
    KVErrorCode.REF_COUNT_UNDERFLOW: ("unavailable", "INTERNAL", "A mistake of the engine."),
    KVErrorCode.CACHE_MISS: ("unavailable", "NOT_FOUND", "Nothing failed: prefill computes what is missing."),
    KVErrorCode.PREFIX_TOO_LONG: ("invalid_argument", "INVALID_ARGUMENT", "The prompt decides its length."),
    KVErrorCode.INVALID_PREFIX: ("invalid_argument", "INVALID_ARGUMENT", "Hash and tokens came together."),
    KVErrorCode.INDEX_CORRUPTED: ("unavailable", "INTERNAL", "The index has to be rebuilt first."),
    KVErrorCode.NO_VICTIM: ("resource_exhausted", "RESOURCE_EXHAUSTED", "All is in use."),
    KVErrorCode.EVICTION_FAILED: ("unavailable", "INTERNAL", "The engine's own failure."),
    KVErrorCode.ALL_PINNED: ("resource_exhausted", "RESOURCE_EXHAUSTED", "All is in use."),
    KVErrorCode.EVICTION_TIMEOUT: ("deadline_exceeded", "DEADLINE_EXCEEDED", "It goes on meanwhile."),
    KVErrorCode.TRANSFER_FAILED: ("kv_transfer_failed", "UNAVAILABLE", "The cause is not told."),
    KVErrorCode.TRANSFER_TIMEOUT: ("kv_transfer_failed", "DEADLINE_EXCEEDED", "Links are slow at times."),
    KVErrorCode.SHARD_MISSING: ("kv_transfer_failed", "UNAVAILABLE", "The whole has to be sent again."),
    KVErrorCode.SHARD_DUPLICATE: ("kv_transfer_failed", "INTERNAL", "A mistake of the sender."),
    KVErrorCode.CHECKSUM_MISMATCH: ("kv_transfer_failed", "UNAVAILABLE", "The whole has to be sent again."),
    KVErrorCode.METADATA_MISMATCH: ("kv_transfer_failed", "INTERNAL", "The ends are set up differently."),
    KVErrorCode.COMPRESSION_FAILED: ("kv_transfer_failed", "INTERNAL", "The same data fails again."),
    KVErrorCode.DECOMPRESSION_FAILED: ("kv_transfer_failed", "INTERNAL", "The same data fails again."),
    KVErrorCode.BACKEND_UNAVAILABLE: ("unavailable", "UNAVAILABLE", "Backends come back."),
    KVErrorCode.ADMISSION_DENIED: ("resource_exhausted", "RESOURCE_EXHAUSTED", "The policy's answer to load."),
    KVErrorCode.QUEUE_FULL: ("kv_priority_queue_full", "RESOURCE_EXHAUSTED", "The queue's answer to load."),
    KVErrorCode.DISPATCH_FAILED: ("unavailable", "UNAVAILABLE", "The worker may be gone; the plan is void."),
    KVErrorCode.PLAN_INVALID: ("unavailable", "INTERNAL", "A mistake of the scheduler."),
    KVErrorCode.PREDICTOR_NOT_READY: ("unavailable", "UNAVAILABLE", "It warms up."),
    KVErrorCode.PREDICTION_FAILED: ("unavailable", "INTERNAL", "The predictor's own failure."),
    KVErrorCode.FEATURE_MISSING: ("unavailable", "INTERNAL", "A mistake of whoever asked the predictor."),
    KVErrorCode.CONFIG_MISSING: ("unavailable", "INTERNAL", "The deployment has to be mended."),
    KVErrorCode.CONFIG_INVALID: ("unavailable", "INTERNAL", "The deployment has to be mended."),
    KVErrorCode.NOT_IMPLEMENTED: ("not_implemented", "UNIMPLEMENTED", "This engine will never do it."),
}

HANDLING: Mapping[str, Handling] = {
    **{code: Handling(_STATUS[grpc], grpc, retryable, code, why) for code, (grpc, retryable, why) in _ERRORS.items()},
    **{
        code: Handling(_STATUS[grpc], grpc, code in RETRYABLE_KV_ERRORS, outside, why)
        for code, (outside, grpc, why) in _KV_ERRORS.items()
    },
}
"""Every error code by its value, the KV cache's too; members find theirs, since they are equal to their value."""

_EXCEPTIONS: Mapping[str, str] = {
    "TimeoutError": "deadline_exceeded",
    "ConnectionError": "unavailable",
    "MemoryError": "resource_exhausted",
    "NotImplementedError": "not_implemented",
}
"""What Python's own exceptions tell, by name, since the Python of 3.10 has three that are called TimeoutError."""


def code_of(exception: BaseException) -> str:
    """The code of an exception that is not this library's: ``unavailable`` where it tells nothing but a failure."""
    names = (kind.__name__ for kind in type(exception).__mro__)
    return next((_EXCEPTIONS[name] for name in names if name in _EXCEPTIONS), "unavailable")
