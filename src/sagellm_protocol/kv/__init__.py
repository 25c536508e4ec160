"""The KV cache in full: handles, blocks, pools, operations on them, scheduling, metrics and error codes.

Every name here is loaded from its module on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.kv.enums import (
        CompressionType as CompressionType,
        DType as DType,
        EvictionPolicy as EvictionPolicy,
        KVBlockState as KVBlockState,
        Layout as Layout,
        MemoryTier as MemoryTier,
        RequestType as RequestType,
        SchedulerState as SchedulerState,
        TransferDirection as TransferDirection,
        TransferStatus as TransferStatus,
    )
    from sagellm_protocol.kv.errors import (
        KV_ERROR_CATEGORIES as KV_ERROR_CATEGORIES,
        RETRYABLE_KV_ERRORS as RETRYABLE_KV_ERRORS,
        KVErrorCode as KVErrorCode,
        is_retryable as is_retryable,
    )
    from sagellm_protocol.kv.metrics import (
        EvictionMetrics as EvictionMetrics,
        KVMetricsFields as KVMetricsFields,
        KVPoolMetrics as KVPoolMetrics,
        OperationMetrics as OperationMetrics,
        PrefixCacheMetrics as PrefixCacheMetrics,
        SchedulerMetrics as SchedulerMetrics,
        TransferMetrics as TransferMetrics,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheAllocateRequest as KVCacheAllocateRequest,
        KVCacheAllocateResponse as KVCacheAllocateResponse,
        KVCacheEvictRequest as KVCacheEvictRequest,
        KVCacheEvictResponse as KVCacheEvictResponse,
        KVCacheFreeRequest as KVCacheFreeRequest,
        KVCacheFreeResponse as KVCacheFreeResponse,
        KVCacheMigrateRequest as KVCacheMigrateRequest,
        KVCacheMigrateResponse as KVCacheMigrateResponse,
    )
    from sagellm_protocol.kv.types import (
        EvictionCandidate as EvictionCandidate,
        KVBlock as KVBlock,
        KVHandle as KVHandle,
        KVPoolStats as KVPoolStats,
        KVTransferMetadata as KVTransferMetadata,
        LifetimePrediction as LifetimePrediction,
        PrefixCacheEntry as PrefixCacheEntry,
        SchedulerPlan as SchedulerPlan,
        SchedulerRequest as SchedulerRequest,
    )
else:
    # Out of sight of type checkers: to them, a module-level __getattr__ would make every misspelt name valid.
    from sagellm_protocol import _lazy

    __getattr__, __dir__, __all__ = _lazy.attach(
        __name__,
        {
            "enums": """
                CompressionType DType EvictionPolicy KVBlockState Layout MemoryTier RequestType
                SchedulerState TransferDirection TransferStatus
            """,
            "errors": "KV_ERROR_CATEGORIES RETRYABLE_KV_ERRORS KVErrorCode is_retryable",
            "metrics": """
                EvictionMetrics KVMetricsFields KVPoolMetrics OperationMetrics PrefixCacheMetrics
                SchedulerMetrics TransferMetrics
            """,
            "operations": """
                KVCacheAllocateRequest KVCacheAllocateResponse KVCacheEvictRequest KVCacheEvictResponse
                KVCacheFreeRequest KVCacheFreeResponse KVCacheMigrateRequest KVCacheMigrateResponse
            """,
            "types": """
                EvictionCandidate KVBlock KVHandle KVPoolStats KVTransferMetadata LifetimePrediction
                PrefixCacheEntry SchedulerPlan SchedulerRequest
            """,
        },
    )
