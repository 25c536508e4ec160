"""The messages of the sageLLM inference engine: what a request, a token, a metric, a KV block and an error look like.

Every name here is loaded from its module on first use, so that ``import sagellm_protocol`` costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_ASCEND as DEVICE_TYPE_ASCEND,
    )
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_CPU as DEVICE_TYPE_CPU,
    )
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_CUDA as DEVICE_TYPE_CUDA,
    )
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_NPU as DEVICE_TYPE_NPU,
    )
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_ROCM as DEVICE_TYPE_ROCM,
    )
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_XPU as DEVICE_TYPE_XPU,
    )
    from sagellm_protocol.backend_types import (
        CapabilityDescriptor as CapabilityDescriptor,
    )
    from sagellm_protocol.backend_types import (
        DeviceStr as DeviceStr,
    )
    from sagellm_protocol.backend_types import (
        DType as DType,
    )
    from sagellm_protocol.backend_types import (
        KernelKind as KernelKind,
    )
    from sagellm_protocol.backend_types import (
        format_device_str as format_device_str,
    )
    from sagellm_protocol.backend_types import (
        parse_device_str as parse_device_str,
    )
    from sagellm_protocol.comm_types import (
        CollectiveOp as CollectiveOp,
    )
    from sagellm_protocol.comm_types import (
        CollectiveRequest as CollectiveRequest,
    )
    from sagellm_protocol.comm_types import (
        CollectiveResponse as CollectiveResponse,
    )
    from sagellm_protocol.comm_types import (
        CommBackendType as CommBackendType,
    )
    from sagellm_protocol.comm_types import (
        CommGroupInfo as CommGroupInfo,
    )
    from sagellm_protocol.comm_types import (
        CommOperationMetrics as CommOperationMetrics,
    )
    from sagellm_protocol.comm_types import (
        CommStatus as CommStatus,
    )
    from sagellm_protocol.comm_types import (
        CommTopologyDescriptor as CommTopologyDescriptor,
    )
    from sagellm_protocol.comm_types import (
        P2PRecvRequest as P2PRecvRequest,
    )
    from sagellm_protocol.comm_types import (
        P2PRecvResponse as P2PRecvResponse,
    )
    from sagellm_protocol.comm_types import (
        P2PSendRequest as P2PSendRequest,
    )
    from sagellm_protocol.comm_types import (
        P2PSendResponse as P2PSendResponse,
    )
    from sagellm_protocol.comm_types import (
        ReduceOp as ReduceOp,
    )
    from sagellm_protocol.comm_types import (
        TopologyType as TopologyType,
    )
    from sagellm_protocol.compression_types import (
        CompressionConfig as CompressionConfig,
    )
    from sagellm_protocol.compression_types import (
        CompressionMetrics as CompressionMetrics,
    )
    from sagellm_protocol.compression_types import (
        FusionConfig as FusionConfig,
    )
    from sagellm_protocol.compression_types import (
        FusionLevel as FusionLevel,
    )
    from sagellm_protocol.compression_types import (
        QuantizationConfig as QuantizationConfig,
    )
    from sagellm_protocol.compression_types import (
        QuantizationGranularity as QuantizationGranularity,
    )
    from sagellm_protocol.compression_types import (
        QuantizationScheme as QuantizationScheme,
    )
    from sagellm_protocol.compression_types import (
        SparseConfig as SparseConfig,
    )
    from sagellm_protocol.compression_types import (
        SparseFormat as SparseFormat,
    )
    from sagellm_protocol.compression_types import (
        SparsityPattern as SparsityPattern,
    )
    from sagellm_protocol.compression_types import (
        SpeculativeDecodingConfig as SpeculativeDecodingConfig,
    )
    from sagellm_protocol.compression_types import (
        SpeculativeStrategy as SpeculativeStrategy,
    )
    from sagellm_protocol.errors import (
        Error as Error,
    )
    from sagellm_protocol.errors import (
        ErrorCode as ErrorCode,
    )
    from sagellm_protocol.heterogeneous_types import (
        DeviceClass as DeviceClass,
    )
    from sagellm_protocol.heterogeneous_types import (
        HeteroSchedulingHint as HeteroSchedulingHint,
    )
    from sagellm_protocol.heterogeneous_types import (
        KVOffloadSpec as KVOffloadSpec,
    )
    from sagellm_protocol.heterogeneous_types import (
        KVOffloadStats as KVOffloadStats,
    )
    from sagellm_protocol.heterogeneous_types import (
        KVOffloadTrigger as KVOffloadTrigger,
    )
    from sagellm_protocol.heterogeneous_types import (
        KVRestoreTrigger as KVRestoreTrigger,
    )
    from sagellm_protocol.kv_hooks import (
        KVAllocateParams as KVAllocateParams,
    )
    from sagellm_protocol.kv_hooks import (
        KVDType as KVDType,
    )
    from sagellm_protocol.kv_hooks import (
        KVEvictParams as KVEvictParams,
    )
    from sagellm_protocol.kv_hooks import (
        KVEvictReason as KVEvictReason,
    )
    from sagellm_protocol.kv_hooks import (
        KVFreeParams as KVFreeParams,
    )
    from sagellm_protocol.kv_hooks import (
        KVHandle as KVHandle,
    )
    from sagellm_protocol.kv_hooks import (
        KVHookEvent as KVHookEvent,
    )
    from sagellm_protocol.kv_hooks import (
        KVHookPayload as KVHookPayload,
    )
    from sagellm_protocol.kv_hooks import (
        KVLayout as KVLayout,
    )
    from sagellm_protocol.kv_hooks import (
        KVMigrateParams as KVMigrateParams,
    )
    from sagellm_protocol.kv_hooks import (
        KVPrefetchParams as KVPrefetchParams,
    )
    from sagellm_protocol.kv_hooks import (
        KVPriority as KVPriority,
    )
    from sagellm_protocol.kv_hooks import (
        KVQoSPolicy as KVQoSPolicy,
    )
    from sagellm_protocol.model.declaring import evolve as evolve
    from sagellm_protocol.model.exceptions import (
        AmbiguousPayloadError as AmbiguousPayloadError,
    )
    from sagellm_protocol.model.exceptions import (
        DecodeError as DecodeError,
    )
    from sagellm_protocol.model.exceptions import (
        EncodeError as EncodeError,
    )
    from sagellm_protocol.model.exceptions import (
        LossyDowngradeError as LossyDowngradeError,
    )
    from sagellm_protocol.model.exceptions import (
        MissingExtraError as MissingExtraError,
    )
    from sagellm_protocol.model.exceptions import (
        ProtocolError as ProtocolError,
    )
    from sagellm_protocol.model.exceptions import (
        UnknownCodecError as UnknownCodecError,
    )
    from sagellm_protocol.model.exceptions import (
        UnknownPayloadError as UnknownPayloadError,
    )
    from sagellm_protocol.model.exceptions import (
        UnsupportedRevisionError as UnsupportedRevisionError,
    )
    from sagellm_protocol.model.exceptions import (
        ValidationError as ValidationError,
    )
    from sagellm_protocol.model.exceptions import (
        Violation as Violation,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionChoice as ChatCompletionChoice,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionRequest as ChatCompletionRequest,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionResponse as ChatCompletionResponse,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionStreamChoice as ChatCompletionStreamChoice,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionStreamDelta as ChatCompletionStreamDelta,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionStreamResponse as ChatCompletionStreamResponse,
    )
    from sagellm_protocol.openai_types import (
        ChatCompletionUsage as ChatCompletionUsage,
    )
    from sagellm_protocol.openai_types import (
        ChatMessage as ChatMessage,
    )
    from sagellm_protocol.openai_types import (
        CompletionChoice as CompletionChoice,
    )
    from sagellm_protocol.openai_types import (
        CompletionRequest as CompletionRequest,
    )
    from sagellm_protocol.openai_types import (
        CompletionResponse as CompletionResponse,
    )
    from sagellm_protocol.openai_types import (
        CompletionUsage as CompletionUsage,
    )
    from sagellm_protocol.openai_types import (
        EmbeddingData as EmbeddingData,
    )
    from sagellm_protocol.openai_types import (
        EmbeddingRequest as EmbeddingRequest,
    )
    from sagellm_protocol.openai_types import (
        EmbeddingResponse as EmbeddingResponse,
    )
    from sagellm_protocol.openai_types import (
        EmbeddingUsage as EmbeddingUsage,
    )
    from sagellm_protocol.openai_types import (
        ModelInfo as ModelInfo,
    )
    from sagellm_protocol.openai_types import (
        ModelListResponse as ModelListResponse,
    )
    from sagellm_protocol.openai_types import (
        OpenAIError as OpenAIError,
    )
    from sagellm_protocol.openai_types import (
        OpenAIErrorResponse as OpenAIErrorResponse,
    )
    from sagellm_protocol.operator_mapping import (
        LogicalOperator as LogicalOperator,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorConstraint as OperatorConstraint,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorMapping as OperatorMapping,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorRegistryEntry as OperatorRegistryEntry,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorRegistryQuery as OperatorRegistryQuery,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorRegistrySnapshot as OperatorRegistrySnapshot,
    )
    from sagellm_protocol.operator_mapping import (
        OperatorType as OperatorType,
    )
    from sagellm_protocol.operator_mapping import (
        PhysicalOperator as PhysicalOperator,
    )
    from sagellm_protocol.pd_sep_types import (
        EngineRole as EngineRole,
    )
    from sagellm_protocol.pd_sep_types import (
        KVTransferRequest as KVTransferRequest,
    )
    from sagellm_protocol.pd_sep_types import (
        KVTransferResult as KVTransferResult,
    )
    from sagellm_protocol.pd_sep_types import (
        KVTransferState as KVTransferState,
    )
    from sagellm_protocol.pd_sep_types import (
        PDDispatchPlan as PDDispatchPlan,
    )
    from sagellm_protocol.ports import (
        SAGELLM_EMBEDDING_PORT as SAGELLM_EMBEDDING_PORT,
    )
    from sagellm_protocol.ports import (
        SAGELLM_ENGINE_PORT as SAGELLM_ENGINE_PORT,
    )
    from sagellm_protocol.ports import (
        SAGELLM_GATEWAY_PORT as SAGELLM_GATEWAY_PORT,
    )
    from sagellm_protocol.ports import (
        SAGELLM_SERVE_PORT as SAGELLM_SERVE_PORT,
    )
    from sagellm_protocol.ports import (
        SageLLMPorts as SageLLMPorts,
    )
    from sagellm_protocol.protocol_version import (
        BACKWARD_COMPATIBLE_SINCE as BACKWARD_COMPATIBLE_SINCE,
    )
    from sagellm_protocol.protocol_version import (
        CURRENT_VERSION as CURRENT_VERSION,
    )
    from sagellm_protocol.protocol_version import (
        FROZEN_INTERFACES as FROZEN_INTERFACES,
    )
    from sagellm_protocol.protocol_version import (
        PROTOCOL_VERSION as PROTOCOL_VERSION,
    )
    from sagellm_protocol.protocol_version import (
        ProtocolVersion as ProtocolVersion,
    )
    from sagellm_protocol.protocol_version import (
        get_interface_since_version as get_interface_since_version,
    )
    from sagellm_protocol.protocol_version import (
        is_interface_frozen as is_interface_frozen,
    )
    from sagellm_protocol.protocol_version import (
        negotiate_version as negotiate_version,
    )
    from sagellm_protocol.sampling import (
        DEFAULT_SAMPLING_PARAMS as DEFAULT_SAMPLING_PARAMS,
    )
    from sagellm_protocol.sampling import (
        DecodingStrategy as DecodingStrategy,
    )
    from sagellm_protocol.sampling import (
        SamplingParams as SamplingParams,
    )
    from sagellm_protocol.sampling import (
        SamplingPreset as SamplingPreset,
    )
    from sagellm_protocol.timestamps import (
        Timestamps as Timestamps,
    )
    from sagellm_protocol.types import (
        DeltaEvent as DeltaEvent,
    )
    from sagellm_protocol.types import (
        EndEvent as EndEvent,
    )
    from sagellm_protocol.types import (
        Metrics as Metrics,
    )
    from sagellm_protocol.types import (
        Request as Request,
    )
    from sagellm_protocol.types import (
        Response as Response,
    )
    from sagellm_protocol.types import (
        StartEvent as StartEvent,
    )
    from sagellm_protocol.types import (
        StreamEvent as StreamEvent,
    )
    from sagellm_protocol.types import (
        StreamEventDelta as StreamEventDelta,
    )
    from sagellm_protocol.types import (
        StreamEventEnd as StreamEventEnd,
    )
    from sagellm_protocol.types import (
        StreamEventStart as StreamEventStart,
    )

    __version__: str
else:
    # Out of sight of type checkers: to them, a module-level __getattr__ would make every misspelt name valid.
    from sagellm_protocol import _lazy

    def __getattr__(name):
        if name == "__version__":
            from importlib.metadata import version

            value = version("isagellm-protocol")
        else:
            value = _lazy.load(__name__, name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *_lazy.homes(__name__)})
