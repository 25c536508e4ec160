"""The KV cache in full: handles, blocks, pools, operations on them, scheduling, metrics and error codes.

Every name here is loaded from its module on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.kv.enums import (
        CompressionType as CompressionType,
    )
    from sagellm_protocol.kv.enums import (
        DType as DType,
    )
    from sagellm_protocol.kv.enums import (
        EvictionPolicy as EvictionPolicy,
    )
    from sagellm_protocol.kv.enums import (
        KVBlockState as KVBlockState,
    )
    from sagellm_protocol.kv.enums import (
        Layout as Layout,
    )
    from sagellm_protocol.kv.enums import (
        MemoryTier as MemoryTier,
    )
    from sagellm_protocol.kv.enums import (
        RequestType as RequestType,
    )
    from sagellm_protocol.kv.enums import (
        SchedulerState as SchedulerState,
    )
    from sagellm_protocol.kv.enums import (
        TransferDirection as TransferDirection,
    )
    from sagellm_protocol.kv.enums import (
        TransferStatus as TransferStatus,
    )
    from sagellm_protocol.kv.errors import (
        KV_ERROR_CATEGORIES as KV_ERROR_CATEGORIES,
    )
    from sagellm_protocol.kv.errors import (
        RETRYABLE_KV_ERRORS as RETRYABLE_KV_ERRORS,
    )
    from sagellm_protocol.kv.errors import (
        KVErrorCode as KVErrorCode,
    )
    from sagellm_protocol.kv.errors import (
        is_retryable as is_retryable,
    )
    from sagellm_protocol.kv.metrics import (
        EvictionMetrics as EvictionMetrics,
    )
    from sagellm_protocol.kv.metrics import (
        KVMetricsFields as KVMetricsFields,
    )
    from sagellm_protocol.kv.metrics import (
        KVPoolMetrics as KVPoolMetrics,
    )
    from sagellm_protocol.kv.metrics import (
        OperationMetrics as OperationMetrics,
    )
    from sagellm_protocol.kv.metrics import (
        PrefixCacheMetrics as PrefixCacheMetrics,
    )
    from sagellm_protocol.kv.metrics import (
        SchedulerMetrics as SchedulerMetrics,
    )
    from sagellm_protocol.kv.metrics import (
        TransferMetrics as TransferMetrics,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheAllocateRequest as KVCacheAllocateRequest,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheAllocateResponse as KVCacheAllocateResponse,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheEvictRequest as KVCacheEvictRequest,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheEvictResponse as KVCacheEvictResponse,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheFreeRequest as KVCacheFreeRequest,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheFreeResponse as KVCacheFreeResponse,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheMigrateRequest as KVCacheMigrateRequest,
    )
    from sagellm_protocol.kv.operations import (
        KVCacheMigrateResponse as KVCacheMigrateResponse,
    )
    from sagellm_protocol.kv.types import (
        EvictionCandidate as EvictionCandidate,
    )
    from sagellm_protocol.kv.types import (
        KVBlock as KVBlock,
    )
    from sagellm_protocol.kv.types import (
        KVHandle as KVHandle,
    )
    from sagellm_protocol.kv.types import (
        KVPoolStats as KVPoolStats,
    )
    from sagellm_protocol.kv.types import (
        KVTransferMetadata as KVTransferMetadata,
    )
    from sagellm_protocol.kv.types import (
        LifetimePrediction as LifetimePrediction,
    )
    from sagellm_protocol.kv.types import (
        PrefixCacheEntry as PrefixCacheEntry,
    )
    from sagellm_protocol.kv.types import (
        SchedulerPlan as SchedulerPlan,
    )
    from sagellm_protocol.kv.types import (
        SchedulerRequest as SchedulerRequest,
    )
else:
    # Out of sight of type checkers: to them, a module-level __getattr__ would make every misspelt name valid.
    from sagellm_protocol import _lazy

    def __getattr__(name):
        value = globals()[name] = _lazy.load(__name__, name)
        return value

    def __dir__():
        return sorted({*globals(), *_lazy.homes(__name__)})
