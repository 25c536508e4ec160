"""A conversation that a client wants continued, and the answer in one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from annotated_types import MaxLen

from sagellm_protocol.model import KEPT, JsonObject, field, message, rule
from sagellm_protocol.model.units import LogitBias, Penalty, PositiveTokens, Ratio, Temperature, WholeUnixTime
from sagellm_protocol.openai_types._asking import Alternatives, Answers, StreamOptions
from sagellm_protocol.openai_types._clock import unix_time_seconds
from sagellm_protocol.openai_types._formats import ChatResponseFormat
from sagellm_protocol.openai_types._logprobs import ChatLogprobs
from sagellm_protocol.openai_types._messages import ChatMessage
from sagellm_protocol.openai_types._parts import ChatTextPart
from sagellm_protocol.openai_types._rules import BIAS_OF_TOKENS, ONE_OF_EACH_INDEX, OPTIONS_OF_A_STREAM
from sagellm_protocol.openai_types._tools import ChatFunctionDefinition, ChatTool, ChatToolChoice, ChatToolName
from sagellm_protocol.openai_types._usage import ChatCompletionUsage

ChatMetadata = Annotated[Mapping[str, Annotated[str, MaxLen(512)]], MaxLen(16)]
"""What a client notes about a request."""

ServiceTier: TypeAlias = Literal["auto", "default", "flex", "scale", "priority", "fast"]
"""How soon a request is served, and at what price."""

FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "tool_calls", "function_call"]
"""Why an answer ended."""


@message(unknown="keep")
class ChatVoice:
    """A voice that a server knows by its id."""

    id: str
    """The id."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatAudioOptions:
    """How an answer is to be spoken."""

    voice: str | ChatVoice
    """Name of the voice, or the id of one that the client made."""
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]
    """How the recording is to be encoded."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatPrediction:
    """What most of the answer will be, as when a file is written again with a few changes."""

    type: Literal["content"] = "content"
    """Kind of prediction."""
    content: str | Sequence[ChatTextPart]
    """The text, whole or in parts."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatPromptCacheOptions:
    """What is to be kept in the prefix cache."""

    mode: Literal["implicit", "explicit"] | None = None
    """Whether the server finds places to cache up to itself, or takes only those marked; None means that it does."""
    ttl: Literal["30m"] | None = None
    """How long to keep it at the least; None leaves it to the gateway."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatApproximateLocation:
    """Roughly where someone is; None where a part is not told."""

    city: str | None = None
    """City, in words."""
    country: str | None = None
    """Country, by the two letters of ISO 3166-1."""
    region: str | None = None
    """Region, in words."""
    timezone: str | None = None
    """Time zone, by its IANA name."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatUserLocation:
    """Where the user is, for search results that fit."""

    type: Literal["approximate"] = "approximate"
    """Kind of location."""
    approximate: ChatApproximateLocation
    """Where that is."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatWebSearchOptions:
    """A search of the web, for an answer that rests on what it finds."""

    search_context_size: Literal["low", "medium", "high"] | None = None
    """How much of what is found goes into the prompt; None means "medium"."""
    user_location: ChatUserLocation | None = None
    """Where the user is; None where that is not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(
    unknown="keep",
    rules=(
        rule(
            "top-logprobs-of-logprobs",
            ("logprobs", "top_logprobs"),
            "true where top_logprobs is given",
            lambda it: it.top_logprobs is None or it.logprobs is True,
            why="The alternatives of a token are told beside it.",
        ),
        OPTIONS_OF_A_STREAM,
        rule(
            "choice-among-tools",
            ("tools", "tool_choice"),
            "given where tool_choice asks for a call",
            lambda it: it.tools is not None or it.tool_choice in (None, "none", "auto"),
            why="There is nothing to call.",
        ),
        BIAS_OF_TOKENS,
        rule(
            "audio-as-it-is-asked-for",
            ("audio", "modalities"),
            'given where modalities has "audio"',
            lambda it: it.audio is not None or not it.modalities or "audio" not in it.modalities,
            why="It says which voice, and in which format.",
        ),
    ),
)
class ChatCompletionRequest:
    """Body of ``POST /v1/chat/completions``: a conversation that the client wants continued."""

    model: str
    """Id of the model to run, as ``ModelInfo.id``."""
    messages: Sequence[ChatMessage]
    """Conversation so far, oldest turn first."""
    temperature: Temperature | None = 1.0
    """Sampling temperature, 0 to 2; 0 is greedy. None means 1."""
    max_tokens: PositiveTokens | None = None
    """Most tokens to generate, at least 1, in the form that ``max_completion_tokens`` replaced; None leaves it to the
    gateway."""
    stream: bool | None = False
    """Answer with server-sent events of ``ChatCompletionStreamResponse``; false or None asks for one response."""
    top_p: Ratio | None = None
    """Nucleus sampling mass, 0 to 1, where 0 keeps the most probable token alone; None leaves it to the gateway."""
    n: Answers | None = 1
    """Number of answers to generate, 1 to 128. None means 1."""
    stop: str | Sequence[str] | None = None
    """Text, or texts, that end generation; None for no such texts."""
    presence_penalty: Penalty | None = 0.0
    """Subtracted once from the logit of every token already in the output, -2 to 2. None means 0."""
    frequency_penalty: Penalty | None = 0.0
    """Subtracted from a token's logit for each time it is already in the output, -2 to 2. None means 0."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""
    session_id: str | None = None
    """Conversation that the request belongs to, so that its KV cache can be found again; None if not told."""
    trace_id: str | None = None
    """Trace that the request belongs to; None lets the gateway begin one."""
    max_completion_tokens: PositiveTokens | None = None
    """Most tokens to generate, those that the model reasons with among them, at least 1; None leaves it to the
    gateway."""
    tools: Sequence[ChatTool] | None = None
    """What the model may call; None for nothing."""
    tool_choice: ChatToolChoice | None = None
    """Which of the tools are called; None means "auto" where there are tools."""
    parallel_tool_calls: bool | None = None
    """Whether the model may ask for several calls at once; None means yes."""
    functions: Sequence[ChatFunctionDefinition] | None = None
    """Functions that the model may call, in the form that ``tools`` replaced; None for none."""
    function_call: Literal["none", "auto"] | ChatToolName | None = None
    """Which of ``functions`` is called, in the form that ``tool_choice`` replaced; None means "auto" where there are
    functions."""
    response_format: ChatResponseFormat | None = None
    """Form that the answer must have; None for any text."""
    stream_options: StreamOptions | None = None
    """How a stream is to be written; None leaves it to the gateway."""
    logprobs: bool | None = None
    """Whether to tell how probable each token of the answer was; None means no."""
    top_logprobs: Alternatives | None = None
    """How many of the most probable tokens to tell beside each, up to 20; None for none."""
    logit_bias: Mapping[str, LogitBias] | None = None
    """Added to the logits of tokens, -100 (never) to 100 (always), by token id in digits; None adds nothing."""
    seed: int | None = None
    """Seed of the random generator, so that sampling can be repeated as far as possible; None leaves it to chance."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    """How long a model that can reason does so before it answers; None leaves it to the model."""
    verbosity: Literal["low", "medium", "high"] | None = None
    """How many words the model makes; None leaves it to the model."""
    modalities: Sequence[Literal["text", "audio"]] | None = None
    """As what the model answers; None means as text."""
    audio: ChatAudioOptions | None = None
    """How the answer is to be spoken; None where it is not."""
    prediction: ChatPrediction | None = None
    """What most of the answer will be, to be checked faster than it is generated; None where that is not known."""
    web_search_options: ChatWebSearchOptions | None = None
    """Search the web first; None does not."""
    metadata: ChatMetadata | None = None
    """What the client notes about the request: at most 16 texts of at most 512 characters; None for nothing."""
    store: bool | None = None
    """Whether the server may keep the answer, for the client to find again; None means no."""
    service_tier: ServiceTier | None = None
    """How soon the request is served, and at what price; None means "auto"."""
    prompt_cache_key: str | None = None
    """What requests that share a prefix have in common, so that they get to where it is cached; None if not told."""
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    """How long the prefix cache may keep the prompt; None leaves it to the gateway."""
    prompt_cache_options: ChatPromptCacheOptions | None = None
    """What is to be kept in the prefix cache; None leaves it to the gateway."""
    safety_identifier: str | None = None
    """The client's own id of its end user, for those who look for abuse; None if not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCompletionChoice:
    """One of the answers in a ``ChatCompletionResponse``."""

    index: int
    """Place among the ``n`` answers, from 0."""
    message: ChatMessage
    """The answer, as a turn of role "assistant"."""
    finish_reason: FinishReason | None
    """Why generation ended: at its natural end or a stop text, at the most tokens allowed, withheld by a filter, or to
    call tools or a function. Must be given; None where it is not known."""
    logprobs: ChatLogprobs | None = None
    """How probable its tokens were; None where the request did not ask."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep", rules=(ONE_OF_EACH_INDEX,))
class ChatCompletionResponse:
    """Answer to a ``ChatCompletionRequest`` with ``stream=False``; sent once, by the gateway to the client."""

    id: str
    """Identifies the completion."""
    object: Literal["chat.completion"] = "chat.completion"
    """Kind of object, as OpenAI clients expect it."""
    created: WholeUnixTime = field(factory=unix_time_seconds)
    """When it was created, in whole seconds since 1970-01-01T00:00Z; now where not given."""
    model: str
    """Id of the model that answered."""
    choices: Sequence[ChatCompletionChoice]
    """The ``n`` answers."""
    usage: ChatCompletionUsage | None = None
    """Tokens used; None where they were not counted, as in a stream that was not asked to tell them."""
    trace_id: str | None = None
    """Trace that the request belonged to; None if not traced."""
    system_fingerprint: str | None = None
    """What served the request: with it and the same ``seed`` comes the same answer; None if not told."""
    service_tier: ServiceTier | None = None
    """How the request was served; None if not told."""
    metadata: ChatMetadata | None = None
    """What the client noted about the request; None for nothing."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
