"""The messages of the sageLLM inference engine: what a request, a token, a metric, a KV block and an error look like.

Every name here is loaded from its module on first use, so that ``import sagellm_protocol`` costs next to nothing.
"""

from typing import TYPE_CHECKING

__version__ = "0.6.0"
"""The version of this package, which is written nowhere else: the build reads it here."""

if TYPE_CHECKING:
    from sagellm_protocol.backend_types import (
        DEVICE_TYPE_ASCEND as DEVICE_TYPE_ASCEND,
        DEVICE_TYPE_CPU as DEVICE_TYPE_CPU,
        DEVICE_TYPE_CUDA as DEVICE_TYPE_CUDA,
        DEVICE_TYPE_NPU as DEVICE_TYPE_NPU,
        DEVICE_TYPE_ROCM as DEVICE_TYPE_ROCM,
        DEVICE_TYPE_XPU as DEVICE_TYPE_XPU,
        CapabilityDescriptor as CapabilityDescriptor,
        DeviceStr as DeviceStr,
        DType as DType,
        KernelKind as KernelKind,
        format_device_str as format_device_str,
        parse_device_str as parse_device_str,
    )
    from sagellm_protocol.comm_types import (
        CollectiveOp as CollectiveOp,
        CollectiveRequest as CollectiveRequest,
        CollectiveResponse as CollectiveResponse,
        CommBackendType as CommBackendType,
        CommGroupInfo as CommGroupInfo,
        CommOperationMetrics as CommOperationMetrics,
        CommStatus as CommStatus,
        CommTopologyDescriptor as CommTopologyDescriptor,
        P2PRecvRequest as P2PRecvRequest,
        P2PRecvResponse as P2PRecvResponse,
        P2PSendRequest as P2PSendRequest,
        P2PSendResponse as P2PSendResponse,
        ReduceOp as ReduceOp,
        TopologyType as TopologyType,
    )
    from sagellm_protocol.compression_types import (
        CompressionConfig as CompressionConfig,
        CompressionMetrics as CompressionMetrics,
        FusionConfig as FusionConfig,
        FusionLevel as FusionLevel,
        QuantizationConfig as QuantizationConfig,
        QuantizationGranularity as QuantizationGranularity,
        QuantizationScheme as QuantizationScheme,
        SparseConfig as SparseConfig,
        SparseFormat as SparseFormat,
        SparsityPattern as SparsityPattern,
        SpeculativeDecodingConfig as SpeculativeDecodingConfig,
        SpeculativeStrategy as SpeculativeStrategy,
    )
    from sagellm_protocol.errors import (
        Error as Error,
        ErrorCode as ErrorCode,
        error_of as error_of,
    )
    from sagellm_protocol.heterogeneous_types import (
        DeviceClass as DeviceClass,
        HeteroSchedulingHint as HeteroSchedulingHint,
        KVOffloadSpec as KVOffloadSpec,
        KVOffloadStats as KVOffloadStats,
        KVOffloadTrigger as KVOffloadTrigger,
        KVRestoreTrigger as KVRestoreTrigger,
    )
    from sagellm_protocol.kv_hooks import (
        KVAllocateParams as KVAllocateParams,
        KVDType as KVDType,
        KVEvictParams as KVEvictParams,
        KVEvictReason as KVEvictReason,
        KVFreeParams as KVFreeParams,
        KVHandle as KVHandle,
        KVHookEvent as KVHookEvent,
        KVHookPayload as KVHookPayload,
        KVLayout as KVLayout,
        KVMigrateParams as KVMigrateParams,
        KVPrefetchParams as KVPrefetchParams,
        KVPriority as KVPriority,
        KVQoSPolicy as KVQoSPolicy,
    )
    from sagellm_protocol.model.consistency import (
        check_consistent as check_consistent,
        violations as violations,
    )
    from sagellm_protocol.model.declaring import evolve as evolve
    from sagellm_protocol.model.exceptions import (
        AmbiguousPayloadError as AmbiguousPayloadError,
        DecodeError as DecodeError,
        EncodeError as EncodeError,
        Loss as Loss,
        LossyDowngradeError as LossyDowngradeError,
        MissingExtraError as MissingExtraError,
        OptionError as OptionError,
        ProtocolError as ProtocolError,
        UnknownCodecError as UnknownCodecError,
        UnknownPayloadError as UnknownPayloadError,
        UnsupportedRevisionError as UnsupportedRevisionError,
        ValidationError as ValidationError,
        Violation as Violation,
    )
    from sagellm_protocol.model.mutable import Mutable as Mutable, mutable as mutable
    from sagellm_protocol.model.showing import showing as showing
    from sagellm_protocol.openai_types import (
        ChatAllowedTools as ChatAllowedTools,
        ChatAllowedToolsChoice as ChatAllowedToolsChoice,
        ChatAnnotation as ChatAnnotation,
        ChatApproximateLocation as ChatApproximateLocation,
        ChatAudio as ChatAudio,
        ChatAudioDelta as ChatAudioDelta,
        ChatAudioOptions as ChatAudioOptions,
        ChatAudioPart as ChatAudioPart,
        ChatCacheBreakpoint as ChatCacheBreakpoint,
        ChatCompletionChoice as ChatCompletionChoice,
        ChatCompletionRequest as ChatCompletionRequest,
        ChatCompletionResponse as ChatCompletionResponse,
        ChatCompletionStreamChoice as ChatCompletionStreamChoice,
        ChatCompletionStreamDelta as ChatCompletionStreamDelta,
        ChatCompletionStreamResponse as ChatCompletionStreamResponse,
        ChatCompletionUsage as ChatCompletionUsage,
        ChatContentPart as ChatContentPart,
        ChatCustomCall as ChatCustomCall,
        ChatCustomChoice as ChatCustomChoice,
        ChatCustomDefinition as ChatCustomDefinition,
        ChatCustomTool as ChatCustomTool,
        ChatCustomToolCall as ChatCustomToolCall,
        ChatFile as ChatFile,
        ChatFilePart as ChatFilePart,
        ChatFunctionCall as ChatFunctionCall,
        ChatFunctionCallDelta as ChatFunctionCallDelta,
        ChatFunctionChoice as ChatFunctionChoice,
        ChatFunctionDefinition as ChatFunctionDefinition,
        ChatFunctionTool as ChatFunctionTool,
        ChatFunctionToolCall as ChatFunctionToolCall,
        ChatGrammar as ChatGrammar,
        ChatGrammarInput as ChatGrammarInput,
        ChatImagePart as ChatImagePart,
        ChatImageURL as ChatImageURL,
        ChatInputAudio as ChatInputAudio,
        ChatJsonObjectFormat as ChatJsonObjectFormat,
        ChatJsonSchema as ChatJsonSchema,
        ChatJsonSchemaFormat as ChatJsonSchemaFormat,
        ChatLogprobs as ChatLogprobs,
        ChatMessage as ChatMessage,
        ChatPrediction as ChatPrediction,
        ChatPromptCacheOptions as ChatPromptCacheOptions,
        ChatRefusalPart as ChatRefusalPart,
        ChatResponseFormat as ChatResponseFormat,
        ChatTextFormat as ChatTextFormat,
        ChatTextInput as ChatTextInput,
        ChatTextPart as ChatTextPart,
        ChatTokenLogprob as ChatTokenLogprob,
        ChatTool as ChatTool,
        ChatToolCall as ChatToolCall,
        ChatToolCallDelta as ChatToolCallDelta,
        ChatToolChoice as ChatToolChoice,
        ChatToolName as ChatToolName,
        ChatTopLogprob as ChatTopLogprob,
        ChatUrlCitation as ChatUrlCitation,
        ChatUserLocation as ChatUserLocation,
        ChatVoice as ChatVoice,
        ChatWebSearchOptions as ChatWebSearchOptions,
        CompletionChoice as CompletionChoice,
        CompletionLogprobs as CompletionLogprobs,
        CompletionRequest as CompletionRequest,
        CompletionResponse as CompletionResponse,
        CompletionTokensDetails as CompletionTokensDetails,
        CompletionUsage as CompletionUsage,
        EmbeddingData as EmbeddingData,
        EmbeddingRequest as EmbeddingRequest,
        EmbeddingResponse as EmbeddingResponse,
        EmbeddingUsage as EmbeddingUsage,
        ModelInfo as ModelInfo,
        ModelListResponse as ModelListResponse,
        OpenAIError as OpenAIError,
        OpenAIErrorResponse as OpenAIErrorResponse,
        PromptTokensDetails as PromptTokensDetails,
        StreamOptions as StreamOptions,
    )
    from sagellm_protocol.operator_mapping import (
        LogicalOperator as LogicalOperator,
        OperatorConstraint as OperatorConstraint,
        OperatorMapping as OperatorMapping,
        OperatorRegistryEntry as OperatorRegistryEntry,
        OperatorRegistryQuery as OperatorRegistryQuery,
        OperatorRegistrySnapshot as OperatorRegistrySnapshot,
        OperatorType as OperatorType,
        PhysicalOperator as PhysicalOperator,
    )
    from sagellm_protocol.pd_sep_types import (
        EngineRole as EngineRole,
        KVTransferRequest as KVTransferRequest,
        KVTransferResult as KVTransferResult,
        KVTransferState as KVTransferState,
        PDDispatchPlan as PDDispatchPlan,
    )
    from sagellm_protocol.ports import (
        SAGELLM_EMBEDDING_PORT as SAGELLM_EMBEDDING_PORT,
        SAGELLM_ENGINE_PORT as SAGELLM_ENGINE_PORT,
        SAGELLM_GATEWAY_PORT as SAGELLM_GATEWAY_PORT,
        SAGELLM_SERVE_PORT as SAGELLM_SERVE_PORT,
        SageLLMPorts as SageLLMPorts,
    )
    from sagellm_protocol.protocol_version import (
        BACKWARD_COMPATIBLE_SINCE as BACKWARD_COMPATIBLE_SINCE,
        CURRENT_VERSION as CURRENT_VERSION,
        FROZEN_INTERFACES as FROZEN_INTERFACES,
        PROTOCOL_VERSION as PROTOCOL_VERSION,
        ProtocolVersion as ProtocolVersion,
        get_interface_since_version as get_interface_since_version,
        is_interface_frozen as is_interface_frozen,
        negotiate_version as negotiate_version,
    )
    from sagellm_protocol.sampling import (
        DEFAULT_SAMPLING_PARAMS as DEFAULT_SAMPLING_PARAMS,
        DecodingStrategy as DecodingStrategy,
        SamplingParams as SamplingParams,
        SamplingPreset as SamplingPreset,
    )
    from sagellm_protocol.timestamps import (
        Timestamps as Timestamps,
    )
    from sagellm_protocol.types import (
        DeltaEvent as DeltaEvent,
        EndEvent as EndEvent,
        Metrics as Metrics,
        Request as Request,
        Response as Response,
        StartEvent as StartEvent,
        StreamEvent as StreamEvent,
        StreamEventDelta as StreamEventDelta,
        StreamEventEnd as StreamEventEnd,
        StreamEventStart as StreamEventStart,
        TokenLogprob as TokenLogprob,
        TokenLogprobs as TokenLogprobs,
    )

else:
    # Out of sight of type checkers: to them, a module-level __getattr__ would make every misspelt name valid.
    from sagellm_protocol import _lazy

    _load, __dir__, __all__ = _lazy.attach(
        __name__,
        {
            "backend_types": """
                DEVICE_TYPE_ASCEND DEVICE_TYPE_CPU DEVICE_TYPE_CUDA DEVICE_TYPE_NPU DEVICE_TYPE_ROCM
                DEVICE_TYPE_XPU CapabilityDescriptor DeviceStr DType KernelKind format_device_str
                parse_device_str
            """,
            "comm_types": """
                CollectiveOp CollectiveRequest CollectiveResponse CommBackendType CommGroupInfo
                CommOperationMetrics CommStatus CommTopologyDescriptor P2PRecvRequest P2PRecvResponse
                P2PSendRequest P2PSendResponse ReduceOp TopologyType
            """,
            "compression_types": """
                CompressionConfig CompressionMetrics FusionConfig FusionLevel QuantizationConfig
                QuantizationGranularity QuantizationScheme SparseConfig SparseFormat SparsityPattern
                SpeculativeDecodingConfig SpeculativeStrategy
            """,
            "errors": "Error ErrorCode error_of",
            "heterogeneous_types": """
                DeviceClass HeteroSchedulingHint KVOffloadSpec KVOffloadStats KVOffloadTrigger
                KVRestoreTrigger
            """,
            "kv_hooks": """
                KVAllocateParams KVDType KVEvictParams KVEvictReason KVFreeParams KVHandle KVHookEvent
                KVHookPayload KVLayout KVMigrateParams KVPrefetchParams KVPriority KVQoSPolicy
            """,
            "model.consistency": "check_consistent violations",
            "model.declaring": "evolve",
            "model.exceptions": """
                AmbiguousPayloadError DecodeError EncodeError Loss LossyDowngradeError MissingExtraError
                OptionError ProtocolError UnknownCodecError UnknownPayloadError UnsupportedRevisionError
                ValidationError Violation
            """,
            "model.mutable": "Mutable mutable",
            "model.showing": "showing",
            "openai_types": """
                ChatAllowedTools ChatAllowedToolsChoice ChatAnnotation ChatApproximateLocation
                ChatAudio ChatAudioDelta ChatAudioOptions ChatAudioPart ChatCacheBreakpoint
                ChatCompletionChoice ChatCompletionRequest ChatCompletionResponse
                ChatCompletionStreamChoice ChatCompletionStreamDelta ChatCompletionStreamResponse
                ChatCompletionUsage ChatContentPart ChatCustomCall ChatCustomChoice
                ChatCustomDefinition ChatCustomTool ChatCustomToolCall ChatFile ChatFilePart
                ChatFunctionCall ChatFunctionCallDelta ChatFunctionChoice ChatFunctionDefinition
                ChatFunctionTool ChatFunctionToolCall ChatGrammar ChatGrammarInput ChatImagePart
                ChatImageURL ChatInputAudio ChatJsonObjectFormat ChatJsonSchema ChatJsonSchemaFormat
                ChatLogprobs ChatMessage ChatPrediction ChatPromptCacheOptions ChatRefusalPart
                ChatResponseFormat ChatTextFormat ChatTextInput ChatTextPart ChatTokenLogprob ChatTool
                ChatToolCall ChatToolCallDelta ChatToolChoice ChatToolName ChatTopLogprob
                ChatUrlCitation ChatUserLocation ChatVoice ChatWebSearchOptions CompletionChoice
                CompletionLogprobs CompletionRequest CompletionResponse CompletionTokensDetails
                CompletionUsage EmbeddingData EmbeddingRequest EmbeddingResponse EmbeddingUsage
                ModelInfo ModelListResponse OpenAIError OpenAIErrorResponse PromptTokensDetails
                StreamOptions
            """,
            "operator_mapping": """
                LogicalOperator OperatorConstraint OperatorMapping OperatorRegistryEntry
                OperatorRegistryQuery OperatorRegistrySnapshot OperatorType PhysicalOperator
            """,
            "pd_sep_types": "EngineRole KVTransferRequest KVTransferResult KVTransferState PDDispatchPlan",
            "ports": "SAGELLM_EMBEDDING_PORT SAGELLM_ENGINE_PORT SAGELLM_GATEWAY_PORT SAGELLM_SERVE_PORT SageLLMPorts",
            "protocol_version": """
                BACKWARD_COMPATIBLE_SINCE CURRENT_VERSION FROZEN_INTERFACES PROTOCOL_VERSION
                ProtocolVersion get_interface_since_version is_interface_frozen negotiate_version
            """,
            "sampling": "DEFAULT_SAMPLING_PARAMS DecodingStrategy SamplingParams SamplingPreset",
            "timestamps": "Timestamps",
            "types": """
                DeltaEvent EndEvent Metrics Request Response StartEvent StreamEvent StreamEventDelta
                StreamEventEnd StreamEventStart TokenLogprob TokenLogprobs
            """,
        },
    )

    def __getattr__(name):
        return _load(name)
