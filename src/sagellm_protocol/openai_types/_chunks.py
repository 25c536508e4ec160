"""The answer to a conversation, chunk by chunk."""

from collections.abc import Sequence
from typing import Literal

from sagellm_protocol.model import KEPT, JsonObject, field, message
from sagellm_protocol.model.units import WholeUnixTime
from sagellm_protocol.openai_types._calls import ChatFunctionCallDelta, ChatToolCallDelta
from sagellm_protocol.openai_types._chat import FinishReason, ServiceTier
from sagellm_protocol.openai_types._clock import unix_time_seconds
from sagellm_protocol.openai_types._logprobs import ChatLogprobs
from sagellm_protocol.openai_types._rules import ONE_OF_EACH_INDEX
from sagellm_protocol.openai_types._usage import ChatCompletionUsage


@message(unknown="keep")
class ChatAudioDelta:
    """What a chunk adds to a spoken answer; None where it adds nothing."""

    id: str | None = None
    """Identifies it, in its first chunk."""
    data: str | None = None
    """More of the recording, in base64."""
    expires_at: WholeUnixTime | None = None
    """When the server forgets it, in whole seconds since 1970-01-01T00:00Z."""
    transcript: str | None = None
    """Text to append to what is said in it."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCompletionStreamDelta:
    """What a chunk adds to an answer."""

    role: str | None = None
    """Who speaks, in the first chunk of an answer; None in the others."""
    content: str | None = None
    """Text to append; None in a chunk that adds no text."""
    refusal: str | None = None
    """Text to append to the refusal; None in a chunk that adds none."""
    tool_calls: Sequence[ChatToolCallDelta] | None = None
    """What it adds to the answer's tool calls; None in a chunk that adds nothing."""
    function_call: ChatFunctionCallDelta | None = None
    """What it adds to a call in the form that ``tool_calls`` replaced; None in a chunk that adds nothing."""
    audio: ChatAudioDelta | None = None
    """What it adds to a spoken answer; None in a chunk that adds nothing."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCompletionStreamChoice:
    """One answer's part of a chunk."""

    index: int
    """The answer that it belongs to, from 0."""
    delta: ChatCompletionStreamDelta
    """What it adds."""
    finish_reason: FinishReason | None = None
    """Why generation ended, in the last chunk of an answer; None in the others."""
    logprobs: ChatLogprobs | None = None
    """How probable the tokens of this chunk were; None where the request did not ask."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep", rules=(ONE_OF_EACH_INDEX,))
class ChatCompletionStreamResponse:
    """One chunk of the answer to a ``ChatCompletionRequest`` with ``stream=True``; one server-sent event."""

    id: str
    """Identifies the completion; the same in all its chunks."""
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    """Kind of object, as OpenAI clients expect it."""
    created: WholeUnixTime = field(factory=unix_time_seconds)
    """When the completion was created, in whole seconds since 1970-01-01T00:00Z; now where not given."""
    model: str
    """Id of the model that answers."""
    choices: Sequence[ChatCompletionStreamChoice]
    """The answers that this chunk adds to; none where it only tells the usage."""
    usage: ChatCompletionUsage | None = None
    """Tokens used, in the last chunk of all where the request asked for it; None in the others."""
    system_fingerprint: str | None = None
    """What serves the request: with it and the same ``seed`` comes the same answer; None if not told."""
    service_tier: ServiceTier | None = None
    """How the request is served; None if not told."""
    obfuscation: str | None = None
    """Padding that hides the length of the text; None where there is none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
