"""The HTTP interface for OpenAI clients: chat, completions, embeddings, models, errors.

Field names and fixed values are those of the OpenAI API. Unknown fields are let pass, since clients send many.
"""

import time
from collections.abc import Sequence
from typing import Literal

from sagellm_protocol.model import field, message, rule
from sagellm_protocol.model.units import AnyTokens, Penalty, Temperature, TopP, WholeUnixTime


def unix_time_seconds() -> int:
    """Now, in whole seconds since 1970-01-01T00:00Z."""
    return int(time.time())


@message(unknown="ignore")
class ChatMessage:
    """One turn of a conversation; sent by the client as input and by the gateway as the answer."""

    role: Literal["system", "user", "assistant", "function", "tool"]
    """Who speaks: "system" sets the rules, "function" and "tool" give the result of a call."""
    content: str
    """What is said."""
    name: str | None = None
    """Tells apart several speakers of one role, or names the function; None where that is not needed."""


@message(unknown="ignore")
class ChatCompletionRequest:
    """Body of ``POST /v1/chat/completions``: a conversation that the client wants continued."""

    model: str
    """Id of the model to run, as ``ModelInfo.id``."""
    messages: Sequence[ChatMessage]
    """Conversation so far, oldest turn first."""
    temperature: Temperature = 1.0
    """Sampling temperature, 0 to 2; 0 is greedy."""
    max_tokens: AnyTokens | None = None
    """Most tokens to generate; None leaves it to the gateway."""
    stream: bool = False
    """Answer with server-sent events of ``ChatCompletionStreamResponse``; false asks for one response."""
    top_p: TopP | None = None
    """Nucleus sampling mass, above 0 and up to 1; None leaves it to the gateway."""
    n: int = 1
    """Number of answers to generate."""
    stop: str | Sequence[str] | None = None
    """Text, or texts, that end generation; None for no such texts."""
    presence_penalty: Penalty = 0.0
    """Subtracted once from the logit of every token already in the output, -2 to 2."""
    frequency_penalty: Penalty = 0.0
    """Subtracted from a token's logit for each time it is already in the output, -2 to 2."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""
    session_id: str | None = None
    """Conversation that the request belongs to, so that its KV cache can be found again; None if not told."""
    trace_id: str | None = None
    """Trace that the request belongs to; None lets the gateway begin one."""


@message(unknown="ignore")
class ChatCompletionChoice:
    """One of the answers in a ``ChatCompletionResponse``."""

    index: int
    """Place among the ``n`` answers, from 0."""
    message: ChatMessage
    """The answer, as a turn of role "assistant"."""
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | None
    """Why generation ended: at its natural end or a stop text, at ``max_tokens``, withheld by a filter, or to call
    tools. Must be given; None where it is not known."""


_TOTAL_IS_THE_SUM = rule(
    "total-is-the-sum",
    ("total_tokens", "prompt_tokens", "completion_tokens"),
    "prompt_tokens and completion_tokens together",
    lambda it: it.total_tokens == it.prompt_tokens + it.completion_tokens,
    why="Every token is either of the prompt or generated.",
)


@message(
    unknown="ignore",
    rules=(_TOTAL_IS_THE_SUM,),
)
class ChatCompletionUsage:
    """What a chat completion is billed for."""

    prompt_tokens: AnyTokens
    """Tokens in the conversation sent, after the chat template."""
    completion_tokens: AnyTokens
    """Tokens generated, over all answers."""
    total_tokens: AnyTokens
    """Sum of the two (not checked)."""


_ONE_OF_EACH_INDEX = rule(
    "one-of-each-index",
    ("choices",),
    "of different index each",
    lambda it: len({found.index for found in it.choices}) == len(it.choices),
    why="An index is the place of one of them, and of no other.",
)


@message(
    unknown="ignore",
    rules=(_ONE_OF_EACH_INDEX,),
)
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
    usage: ChatCompletionUsage
    """Tokens used."""
    trace_id: str | None = None
    """Trace that the request belonged to; None if not traced."""


@message(unknown="ignore")
class ChatCompletionStreamDelta:
    """What a chunk adds to an answer."""

    role: str | None = None
    """Who speaks, in the first chunk of an answer; None in the others."""
    content: str | None = None
    """Text to append; None in a chunk that adds no text."""


@message(unknown="ignore")
class ChatCompletionStreamChoice:
    """One answer's part of a chunk."""

    index: int
    """The answer that it belongs to, from 0."""
    delta: ChatCompletionStreamDelta
    """What it adds."""
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | None = None
    """Why generation ended, in the last chunk of an answer; None in the others."""


@message(unknown="ignore")
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
    """The answers that this chunk adds to."""


@message(unknown="ignore")
class CompletionRequest:
    """Body of ``POST /v1/completions``: a text that the client wants continued."""

    model: str
    """Id of the model to run, as ``ModelInfo.id``."""
    prompt: str
    """Text to continue; no chat template is applied."""
    temperature: Temperature = 1.0
    """Sampling temperature, 0 to 2; 0 is greedy."""
    max_tokens: AnyTokens | None = None
    """Most tokens to generate; None leaves it to the gateway."""
    stream: bool = False
    """Answer with server-sent events; false asks for one response."""
    top_p: TopP | None = None
    """Nucleus sampling mass, above 0 and up to 1; None leaves it to the gateway."""
    n: int = 1
    """Number of continuations to generate."""
    stop: str | Sequence[str] | None = None
    """Text, or texts, that end generation; None for no such texts."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""
    trace_id: str | None = None
    """Trace that the request belongs to; None lets the gateway begin one."""


@message(unknown="ignore")
class CompletionChoice:
    """One of the continuations in a ``CompletionResponse``."""

    index: int
    """Place among the ``n`` continuations, from 0."""
    text: str
    """The continuation, without the prompt."""
    finish_reason: Literal["stop", "length", "content_filter"] | None
    """Why generation ended: at its natural end or a stop text, at ``max_tokens``, or withheld by a filter. Must be
    given; None where it is not known."""


@message(
    unknown="ignore",
    rules=(_TOTAL_IS_THE_SUM,),
)
class CompletionUsage:
    """What a completion is billed for."""

    prompt_tokens: AnyTokens
    """Tokens in the prompt."""
    completion_tokens: AnyTokens
    """Tokens generated, over all continuations."""
    total_tokens: AnyTokens
    """Sum of the two (not checked)."""


@message(
    unknown="ignore",
    rules=(_ONE_OF_EACH_INDEX,),
)
class CompletionResponse:
    """Answer to a ``CompletionRequest``; sent by the gateway to the client."""

    id: str
    """Identifies the completion."""
    object: Literal["text_completion"] = "text_completion"
    """Kind of object, as OpenAI clients expect it."""
    created: WholeUnixTime = field(factory=unix_time_seconds)
    """When it was created, in whole seconds since 1970-01-01T00:00Z; now where not given."""
    model: str
    """Id of the model that answered."""
    choices: Sequence[CompletionChoice]
    """The ``n`` continuations."""
    usage: CompletionUsage
    """Tokens used."""
    trace_id: str | None = None
    """Trace that the request belonged to; None if not traced."""


@message(unknown="ignore")
class EmbeddingRequest:
    """Body of ``POST /v1/embeddings``: texts that the client wants as vectors."""

    input: str | Sequence[str]
    """Text, or texts, to embed."""
    model: str
    """Id of the embedding model, as ``ModelInfo.id``."""
    encoding_format: Literal["float", "base64"] = "float"
    """How the vectors are to be written: as numbers, or as base64 of little-endian 32-bit floats."""
    dimensions: int | None = None
    """Length of the vectors, for models that can shorten them; None takes the model's own."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""


@message(unknown="ignore")
class EmbeddingData:
    """The vector of one text."""

    object: Literal["embedding"] = "embedding"
    """Kind of object, as OpenAI clients expect it."""
    embedding: Sequence[float]
    """The vector."""
    index: int
    """Place of the text in ``EmbeddingRequest.input``, from 0."""


@message(
    unknown="ignore",
    rules=(
        rule(
            "total-is-the-prompt",
            ("total_tokens", "prompt_tokens"),
            "equal to prompt_tokens",
            lambda it: it.total_tokens == it.prompt_tokens,
            why="Embedding generates nothing.",
        ),
    ),
)
class EmbeddingUsage:
    """What an embedding is billed for."""

    prompt_tokens: AnyTokens
    """Tokens in all texts."""
    total_tokens: AnyTokens
    """The same number, as nothing is generated (not checked)."""


@message(
    unknown="ignore",
    rules=(
        rule(
            "one-of-each-index",
            ("data",),
            "of different index each",
            lambda it: len({found.index for found in it.data}) == len(it.data),
            why="An index is the place of one of them, and of no other.",
        ),
    ),
)
class EmbeddingResponse:
    """Answer to an ``EmbeddingRequest``; sent by the embedding service to the client."""

    object: Literal["list"] = "list"
    """Kind of object, as OpenAI clients expect it."""
    data: Sequence[EmbeddingData]
    """One vector for each text."""
    model: str
    """Id of the model that made the vectors."""
    usage: EmbeddingUsage
    """Tokens used."""


@message(unknown="ignore")
class ModelInfo:
    """One model that the gateway serves."""

    id: str
    """Name by which requests ask for the model."""
    object: Literal["model"] = "model"
    """Kind of object, as OpenAI clients expect it."""
    created: WholeUnixTime = field(factory=unix_time_seconds)
    """When the model was made available, in whole seconds since 1970-01-01T00:00Z; now where not given."""
    owned_by: str = "sagellm"
    """Who provides the model."""


@message(unknown="ignore")
class ModelListResponse:
    """Answer to ``GET /v1/models``; sent by the gateway to the client."""

    object: Literal["list"] = "list"
    """Kind of object, as OpenAI clients expect it."""
    data: Sequence[ModelInfo]
    """All models that may be asked for."""


@message(unknown="ignore")
class OpenAIError:
    """One failure, in the form that OpenAI clients turn into their exceptions."""

    message: str
    """What happened, for people."""
    type: str
    """Class of failure, such as "invalid_request_error" or "server_error"."""
    param: str | None = None
    """Name of the request field at fault; None where it is no single field."""
    code: str | None = None
    """Finer code of the failure, such as "model_not_found"; None where there is none."""


@message(unknown="ignore")
class OpenAIErrorResponse:
    """Body of every answer with an HTTP status of 400 or above; sent by the gateway to the client."""

    error: OpenAIError
    """What went wrong."""
