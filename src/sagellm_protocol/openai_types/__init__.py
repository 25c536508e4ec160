"""The HTTP interface for OpenAI clients: chat, completions, embeddings, models, errors.

Field names and fixed values are those of the OpenAI API. Unknown fields are let pass, since clients send many.
Every name here is loaded from its module on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.openai_types._asking import (
        StreamOptions as StreamOptions,
    )
    from sagellm_protocol.openai_types._calls import (
        ChatCustomCall as ChatCustomCall,
        ChatCustomToolCall as ChatCustomToolCall,
        ChatFunctionCall as ChatFunctionCall,
        ChatFunctionCallDelta as ChatFunctionCallDelta,
        ChatFunctionToolCall as ChatFunctionToolCall,
        ChatToolCall as ChatToolCall,
        ChatToolCallDelta as ChatToolCallDelta,
    )
    from sagellm_protocol.openai_types._chat import (
        ChatApproximateLocation as ChatApproximateLocation,
        ChatAudioOptions as ChatAudioOptions,
        ChatCompletionChoice as ChatCompletionChoice,
        ChatCompletionRequest as ChatCompletionRequest,
        ChatCompletionResponse as ChatCompletionResponse,
        ChatPrediction as ChatPrediction,
        ChatPromptCacheOptions as ChatPromptCacheOptions,
        ChatUserLocation as ChatUserLocation,
        ChatVoice as ChatVoice,
        ChatWebSearchOptions as ChatWebSearchOptions,
        FinishReason as FinishReason,
        ServiceTier as ServiceTier,
    )
    from sagellm_protocol.openai_types._chunks import (
        ChatAudioDelta as ChatAudioDelta,
        ChatCompletionStreamChoice as ChatCompletionStreamChoice,
        ChatCompletionStreamDelta as ChatCompletionStreamDelta,
        ChatCompletionStreamResponse as ChatCompletionStreamResponse,
    )
    from sagellm_protocol.openai_types._clock import (
        unix_time_seconds as unix_time_seconds,
    )
    from sagellm_protocol.openai_types._completions import (
        CompletionChoice as CompletionChoice,
        CompletionRequest as CompletionRequest,
        CompletionResponse as CompletionResponse,
    )
    from sagellm_protocol.openai_types._embeddings import (
        EmbeddingData as EmbeddingData,
        EmbeddingRequest as EmbeddingRequest,
        EmbeddingResponse as EmbeddingResponse,
        EmbeddingUsage as EmbeddingUsage,
    )
    from sagellm_protocol.openai_types._errors import (
        OpenAIError as OpenAIError,
        OpenAIErrorResponse as OpenAIErrorResponse,
    )
    from sagellm_protocol.openai_types._formats import (
        ChatJsonObjectFormat as ChatJsonObjectFormat,
        ChatJsonSchema as ChatJsonSchema,
        ChatJsonSchemaFormat as ChatJsonSchemaFormat,
        ChatResponseFormat as ChatResponseFormat,
        ChatTextFormat as ChatTextFormat,
    )
    from sagellm_protocol.openai_types._logprobs import (
        ChatLogprobs as ChatLogprobs,
        ChatTokenLogprob as ChatTokenLogprob,
        ChatTopLogprob as ChatTopLogprob,
        CompletionLogprobs as CompletionLogprobs,
    )
    from sagellm_protocol.openai_types._messages import (
        ChatAnnotation as ChatAnnotation,
        ChatAudio as ChatAudio,
        ChatMessage as ChatMessage,
        ChatUrlCitation as ChatUrlCitation,
    )
    from sagellm_protocol.openai_types._models import (
        ModelInfo as ModelInfo,
        ModelListResponse as ModelListResponse,
    )
    from sagellm_protocol.openai_types._parts import (
        ChatAudioPart as ChatAudioPart,
        ChatCacheBreakpoint as ChatCacheBreakpoint,
        ChatContentPart as ChatContentPart,
        ChatFile as ChatFile,
        ChatFilePart as ChatFilePart,
        ChatImagePart as ChatImagePart,
        ChatImageURL as ChatImageURL,
        ChatInputAudio as ChatInputAudio,
        ChatRefusalPart as ChatRefusalPart,
        ChatTextPart as ChatTextPart,
    )
    from sagellm_protocol.openai_types._tools import (
        ChatAllowedTools as ChatAllowedTools,
        ChatAllowedToolsChoice as ChatAllowedToolsChoice,
        ChatCustomChoice as ChatCustomChoice,
        ChatCustomDefinition as ChatCustomDefinition,
        ChatCustomTool as ChatCustomTool,
        ChatFunctionChoice as ChatFunctionChoice,
        ChatFunctionDefinition as ChatFunctionDefinition,
        ChatFunctionTool as ChatFunctionTool,
        ChatGrammar as ChatGrammar,
        ChatGrammarInput as ChatGrammarInput,
        ChatTextInput as ChatTextInput,
        ChatTool as ChatTool,
        ChatToolChoice as ChatToolChoice,
        ChatToolName as ChatToolName,
    )
    from sagellm_protocol.openai_types._usage import (
        ChatCompletionUsage as ChatCompletionUsage,
        CompletionTokensDetails as CompletionTokensDetails,
        CompletionUsage as CompletionUsage,
        PromptTokensDetails as PromptTokensDetails,
    )
else:
    # Out of sight of type checkers: to them, a module-level __getattr__ would make every misspelt name valid.
    from sagellm_protocol import _lazy

    __getattr__, __dir__, __all__ = _lazy.attach(
        __name__,
        {
            "_asking": "StreamOptions",
            "_calls": """
                ChatCustomCall ChatCustomToolCall ChatFunctionCall ChatFunctionCallDelta
                ChatFunctionToolCall ChatToolCall ChatToolCallDelta
            """,
            "_chat": """
                ChatApproximateLocation ChatAudioOptions ChatCompletionChoice ChatCompletionRequest
                ChatCompletionResponse ChatPrediction ChatPromptCacheOptions ChatUserLocation
                ChatVoice ChatWebSearchOptions FinishReason ServiceTier
            """,
            "_chunks": """
                ChatAudioDelta ChatCompletionStreamChoice ChatCompletionStreamDelta
                ChatCompletionStreamResponse
            """,
            "_clock": "unix_time_seconds",
            "_completions": "CompletionChoice CompletionRequest CompletionResponse",
            "_embeddings": "EmbeddingData EmbeddingRequest EmbeddingResponse EmbeddingUsage",
            "_errors": "OpenAIError OpenAIErrorResponse",
            "_formats": """
                ChatJsonObjectFormat ChatJsonSchema ChatJsonSchemaFormat ChatResponseFormat
                ChatTextFormat
            """,
            "_logprobs": "ChatLogprobs ChatTokenLogprob ChatTopLogprob CompletionLogprobs",
            "_messages": "ChatAnnotation ChatAudio ChatMessage ChatUrlCitation",
            "_models": "ModelInfo ModelListResponse",
            "_parts": """
                ChatAudioPart ChatCacheBreakpoint ChatContentPart ChatFile ChatFilePart ChatImagePart
                ChatImageURL ChatInputAudio ChatRefusalPart ChatTextPart
            """,
            "_tools": """
                ChatAllowedTools ChatAllowedToolsChoice ChatCustomChoice ChatCustomDefinition
                ChatCustomTool ChatFunctionChoice ChatFunctionDefinition ChatFunctionTool ChatGrammar
                ChatGrammarInput ChatTextInput ChatTool ChatToolChoice ChatToolName
            """,
            "_usage": "ChatCompletionUsage CompletionTokensDetails CompletionUsage PromptTokensDetails",
        },
    )
