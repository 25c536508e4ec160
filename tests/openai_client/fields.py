"""What becomes of each field that the ``openai`` client knows: the table that tests hold it to, and that a page shows.

A field is carried (a typed field of the message, of the same name), kept (in ``extra``, as it was sent, for a reason),
or refused (with a reason). A type of the client that stands in a kept field alone has no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from sagellm_protocol import openai_types as ours

Fate: TypeAlias = Literal["carried", "kept", "refused"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@attrs.frozen
class Known:
    """A type of the client, the message that carries it, and its fields."""

    client: str
    """Where the client has it, below ``openai.types``."""
    message: type
    """What carries it."""
    carried: tuple[str, ...] = attrs.field(converter=_names)
    kept: Mapping[str, str] = attrs.field(factory=dict)
    """Field to reason."""
    refused: Mapping[str, str] = attrs.field(factory=dict)
    """Likewise."""

    def fates(self) -> Iterator[tuple[str, Fate, str]]:
        """Each field, what becomes of it, and why."""
        yield from ((name, "carried", "") for name in self.carried)
        yield from ((name, "kept", why) for name, why in self.kept.items())
        yield from ((name, "refused", why) for name, why in self.refused.items())


_MODERATION = "asks OpenAI's own moderation models for a verdict; a server of open models has none to ask"
_VERDICT = "the verdict of OpenAI's own moderation models"
_MISALIGNMENT = "what OpenAI's own monitors say of agents; a server of open models has no such monitors"

_PART = "type prompt_cache_breakpoint"
_BREAKPOINT = "mode ttl"
_REQUEST = (
    "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens"
    " max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key"
    " prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier"
    " stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
    " web_search_options"
)
_COMPLETION = (
    "model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream"
    " stream_options suffix temperature top_p user"
)

REQUESTS = (
    *(
        Known(
            f"chat.completion_create_params.CompletionCreateParams{how}",
            ours.ChatCompletionRequest,
            _REQUEST,
            {"moderation": _MODERATION},
        )
        for how in ("NonStreaming", "Streaming")
    ),
    *(
        Known(
            f"chat.chat_completion_{role.lower()}_message_param.ChatCompletion{role}MessageParam", ours.ChatMessage, has
        )
        for role, has in {
            "Developer": "role content name",
            "System": "role content name",
            "User": "role content name",
            "Assistant": "role content name audio function_call refusal tool_calls",
            "Tool": "role content tool_call_id",
            "Function": "role content name",
        }.items()
    ),
    Known("chat.chat_completion_assistant_message_param.Audio", ours.ChatAudio, "id"),
    Known("chat.chat_completion_assistant_message_param.FunctionCall", ours.ChatFunctionCall, "name arguments"),
    Known(
        "chat.chat_completion_content_part_text_param.ChatCompletionContentPartTextParam",
        ours.ChatTextPart,
        f"text {_PART}",
    ),
    Known("chat.chat_completion_content_part_text_param.PromptCacheBreakpoint", ours.ChatCacheBreakpoint, _BREAKPOINT),
    Known(
        "chat.chat_completion_content_part_image_param.ChatCompletionContentPartImageParam",
        ours.ChatImagePart,
        f"image_url {_PART}",
    ),
    Known("chat.chat_completion_content_part_image_param.ImageURL", ours.ChatImageURL, "url detail"),
    Known("chat.chat_completion_content_part_image_param.PromptCacheBreakpoint", ours.ChatCacheBreakpoint, _BREAKPOINT),
    Known(
        "chat.chat_completion_content_part_input_audio_param.ChatCompletionContentPartInputAudioParam",
        ours.ChatAudioPart,
        f"input_audio {_PART}",
    ),
    Known("chat.chat_completion_content_part_input_audio_param.InputAudio", ours.ChatInputAudio, "data format"),
    Known(
        "chat.chat_completion_content_part_input_audio_param.PromptCacheBreakpoint",
        ours.ChatCacheBreakpoint,
        _BREAKPOINT,
    ),
    Known("chat.chat_completion_content_part_param.File", ours.ChatFilePart, f"file {_PART}"),
    Known("chat.chat_completion_content_part_param.FileFile", ours.ChatFile, "file_data file_id filename"),
    Known("chat.chat_completion_content_part_param.FilePromptCacheBreakpoint", ours.ChatCacheBreakpoint, _BREAKPOINT),
    Known(
        "chat.chat_completion_content_part_refusal_param.ChatCompletionContentPartRefusalParam",
        ours.ChatRefusalPart,
        "refusal type",
    ),
    Known(
        "chat.chat_completion_message_function_tool_call_param.ChatCompletionMessageFunctionToolCallParam",
        ours.ChatFunctionToolCall,
        "id function type",
    ),
    Known("chat.chat_completion_message_function_tool_call_param.Function", ours.ChatFunctionCall, "name arguments"),
    Known(
        "chat.chat_completion_message_custom_tool_call_param.ChatCompletionMessageCustomToolCallParam",
        ours.ChatCustomToolCall,
        "id custom type",
    ),
    Known("chat.chat_completion_message_custom_tool_call_param.Custom", ours.ChatCustomCall, "name input"),
    Known("chat.chat_completion_audio_param.ChatCompletionAudioParam", ours.ChatAudioOptions, "format voice"),
    Known("chat.chat_completion_audio_param.VoiceID", ours.ChatVoice, "id"),
    Known(
        "chat.chat_completion_function_call_option_param.ChatCompletionFunctionCallOptionParam",
        ours.ChatToolName,
        "name",
    ),
    Known("chat.completion_create_params.Function", ours.ChatFunctionDefinition, "name description parameters"),
    Known(
        "chat.chat_completion_prediction_content_param.ChatCompletionPredictionContentParam",
        ours.ChatPrediction,
        "content type",
    ),
    Known("chat.completion_create_params.PromptCacheOptions", ours.ChatPromptCacheOptions, "mode ttl"),
    Known("shared_params.response_format_text.ResponseFormatText", ours.ChatTextFormat, "type"),
    Known("shared_params.response_format_json_object.ResponseFormatJSONObject", ours.ChatJsonObjectFormat, "type"),
    Known(
        "shared_params.response_format_json_schema.ResponseFormatJSONSchema",
        ours.ChatJsonSchemaFormat,
        "json_schema type",
    ),
    Known(
        "shared_params.response_format_json_schema.JSONSchema", ours.ChatJsonSchema, "name description schema strict"
    ),
    Known(
        "chat.chat_completion_stream_options_param.ChatCompletionStreamOptionsParam",
        ours.StreamOptions,
        "include_obfuscation include_usage",
    ),
    Known(
        "chat.chat_completion_allowed_tool_choice_param.ChatCompletionAllowedToolChoiceParam",
        ours.ChatAllowedToolsChoice,
        "allowed_tools type",
    ),
    Known(
        "chat.chat_completion_allowed_tools_param.ChatCompletionAllowedToolsParam", ours.ChatAllowedTools, "mode tools"
    ),
    Known(
        "chat.chat_completion_named_tool_choice_param.ChatCompletionNamedToolChoiceParam",
        ours.ChatFunctionChoice,
        "function type",
    ),
    Known("chat.chat_completion_named_tool_choice_param.Function", ours.ChatToolName, "name"),
    Known(
        "chat.chat_completion_named_tool_choice_custom_param.ChatCompletionNamedToolChoiceCustomParam",
        ours.ChatCustomChoice,
        "custom type",
    ),
    Known("chat.chat_completion_named_tool_choice_custom_param.Custom", ours.ChatToolName, "name"),
    Known(
        "chat.chat_completion_function_tool_param.ChatCompletionFunctionToolParam",
        ours.ChatFunctionTool,
        "function type",
    ),
    Known(
        "shared_params.function_definition.FunctionDefinition",
        ours.ChatFunctionDefinition,
        "name description parameters strict",
    ),
    Known("chat.chat_completion_custom_tool_param.ChatCompletionCustomToolParam", ours.ChatCustomTool, "custom type"),
    Known("chat.chat_completion_custom_tool_param.Custom", ours.ChatCustomDefinition, "name description format"),
    Known("chat.chat_completion_custom_tool_param.CustomFormatText", ours.ChatTextInput, "type"),
    Known("chat.chat_completion_custom_tool_param.CustomFormatGrammar", ours.ChatGrammarInput, "grammar type"),
    Known("chat.chat_completion_custom_tool_param.CustomFormatGrammarGrammar", ours.ChatGrammar, "definition syntax"),
    Known(
        "chat.completion_create_params.WebSearchOptions", ours.ChatWebSearchOptions, "search_context_size user_location"
    ),
    Known("chat.completion_create_params.WebSearchOptionsUserLocation", ours.ChatUserLocation, "approximate type"),
    Known(
        "chat.completion_create_params.WebSearchOptionsUserLocationApproximate",
        ours.ChatApproximateLocation,
        "city country region timezone",
    ),
    *(
        Known(f"completion_create_params.CompletionCreateParams{how}", ours.CompletionRequest, _COMPLETION)
        for how in ("NonStreaming", "Streaming")
    ),
    Known(
        "embedding_create_params.EmbeddingCreateParams",
        ours.EmbeddingRequest,
        "input model dimensions encoding_format user",
    ),
)
"""What the client sends."""

_LOGPROB = "token bytes logprob"

ANSWERS = (
    Known(
        "chat.chat_completion.ChatCompletion",
        ours.ChatCompletionResponse,
        "id choices created model object metadata service_tier system_fingerprint usage",
        {"moderation": _VERDICT},
    ),
    Known("chat.chat_completion.Choice", ours.ChatCompletionChoice, "finish_reason index logprobs message"),
    Known("chat.chat_completion.ChoiceLogprobs", ours.ChatLogprobs, "content refusal"),
    Known(
        "chat.chat_completion_token_logprob.ChatCompletionTokenLogprob",
        ours.ChatTokenLogprob,
        f"{_LOGPROB} top_logprobs",
    ),
    Known("chat.chat_completion_token_logprob.TopLogprob", ours.ChatTopLogprob, _LOGPROB),
    Known(
        "chat.chat_completion_message.ChatCompletionMessage",
        ours.ChatMessage,
        "content refusal role annotations audio function_call tool_calls",
    ),
    Known("chat.chat_completion_message.Annotation", ours.ChatAnnotation, "type url_citation"),
    Known(
        "chat.chat_completion_message.AnnotationURLCitation", ours.ChatUrlCitation, "end_index start_index title url"
    ),
    Known("chat.chat_completion_audio.ChatCompletionAudio", ours.ChatAudio, "id data expires_at transcript"),
    Known("chat.chat_completion_message.FunctionCall", ours.ChatFunctionCall, "name arguments"),
    Known(
        "chat.chat_completion_message_function_tool_call.ChatCompletionMessageFunctionToolCall",
        ours.ChatFunctionToolCall,
        "id function type",
    ),
    Known("chat.chat_completion_message_function_tool_call.Function", ours.ChatFunctionCall, "name arguments"),
    Known(
        "chat.chat_completion_message_custom_tool_call.ChatCompletionMessageCustomToolCall",
        ours.ChatCustomToolCall,
        "id custom type",
    ),
    Known("chat.chat_completion_message_custom_tool_call.Custom", ours.ChatCustomCall, "name input"),
    Known(
        "completion_usage.CompletionUsage",
        ours.ChatCompletionUsage,
        "completion_tokens prompt_tokens total_tokens completion_tokens_details prompt_tokens_details",
    ),
    Known(
        "completion_usage.CompletionTokensDetails",
        ours.CompletionTokensDetails,
        "accepted_prediction_tokens audio_tokens reasoning_tokens rejected_prediction_tokens text_tokens",
    ),
    Known(
        "completion_usage.PromptTokensDetails",
        ours.PromptTokensDetails,
        "audio_tokens cache_write_tokens cached_tokens image_tokens text_tokens",
    ),
    Known(
        "chat.chat_completion_chunk.ChatCompletionChunk",
        ours.ChatCompletionStreamResponse,
        "id choices created model object obfuscation service_tier system_fingerprint usage",
        {"moderation": _VERDICT},
    ),
    Known("chat.chat_completion_chunk.Choice", ours.ChatCompletionStreamChoice, "delta index finish_reason logprobs"),
    Known("chat.chat_completion_chunk.ChoiceLogprobs", ours.ChatLogprobs, "content refusal"),
    Known(
        "chat.chat_completion_chunk.ChoiceDelta",
        ours.ChatCompletionStreamDelta,
        "audio content function_call refusal role tool_calls",
    ),
    Known("chat.chat_completion_chunk.ChoiceDeltaAudio", ours.ChatAudioDelta, "id data expires_at transcript"),
    Known("chat.chat_completion_chunk.ChoiceDeltaFunctionCall", ours.ChatFunctionCallDelta, "name arguments"),
    Known("chat.chat_completion_chunk.ChoiceDeltaToolCall", ours.ChatToolCallDelta, "index id function type"),
    Known("chat.chat_completion_chunk.ChoiceDeltaToolCallFunction", ours.ChatFunctionCallDelta, "name arguments"),
    Known(
        "completion.Completion",
        ours.CompletionResponse,
        "id choices created model object system_fingerprint usage",
    ),
    Known("completion_choice.CompletionChoice", ours.CompletionChoice, "finish_reason index logprobs text"),
    Known("completion_choice.Logprobs", ours.CompletionLogprobs, "text_offset token_logprobs tokens top_logprobs"),
    Known("create_embedding_response.CreateEmbeddingResponse", ours.EmbeddingResponse, "data model object usage"),
    Known("embedding.Embedding", ours.EmbeddingData, "embedding index object"),
    Known("create_embedding_response.Usage", ours.EmbeddingUsage, "prompt_tokens total_tokens"),
    Known("model.Model", ours.ModelInfo, "id created object owned_by shutdown_date"),
    Known(
        "shared.error_object.ErrorObject", ours.OpenAIError, "code message param type", {"misalignment": _MISALIGNMENT}
    ),
)
"""What the client reads."""
