"""A text that a client wants continued, and its continuations, in one or chunk by chunk."""

from collections.abc import Mapping, Sequence
from typing import Literal

from sagellm_protocol.model import KEPT, JsonObject, field, message, rule
from sagellm_protocol.model.units import (
    LogitBias,
    Penalty,
    Ratio,
    Temperature,
    TokenId,
    Tokens,
    WholeUnixTime,
)
from sagellm_protocol.openai_types._asking import Alternatives, Answers, StreamOptions
from sagellm_protocol.openai_types._clock import unix_time_seconds
from sagellm_protocol.openai_types._logprobs import CompletionLogprobs
from sagellm_protocol.openai_types._rules import BIAS_OF_TOKENS, ONE_OF_EACH_INDEX, OPTIONS_OF_A_STREAM, of_one_kind
from sagellm_protocol.openai_types._usage import CompletionUsage


@message(
    unknown="keep",
    rules=(
        of_one_kind("prompt"),
        rule(
            "best-of-at-least-n",
            ("best_of", "n"),
            "at least n",
            lambda it: it.best_of is None or it.best_of >= (it.n or 1),
            why="The answers are among those that were generated.",
        ),
        OPTIONS_OF_A_STREAM,
        BIAS_OF_TOKENS,
    ),
)
class CompletionRequest:
    """Body of ``POST /v1/completions``: a text that the client wants continued."""

    model: str
    """Id of the model to run, as ``ModelInfo.id``."""
    prompt: str | Sequence[str | TokenId | Sequence[TokenId]] | None
    """Text to continue, or its token ids, or several of either; no chat template is applied. Must be given; None begins
    from nothing."""
    temperature: Temperature | None = 1.0
    """Sampling temperature, 0 to 2; 0 is greedy. None means 1."""
    max_tokens: Tokens | None = None
    """Most tokens to generate, where 0 only looks at the prompt; None leaves it to the gateway."""
    stream: bool | None = False
    """Answer with server-sent events; false or None asks for one response."""
    top_p: Ratio | None = None
    """Nucleus sampling mass, 0 to 1, where 0 keeps the most probable token alone; None leaves it to the gateway."""
    n: Answers | None = 1
    """Number of continuations to generate of each prompt, 1 to 128. None means 1."""
    stop: str | Sequence[str] | None = None
    """Text, or texts, that end generation; None for no such texts."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""
    trace_id: str | None = None
    """Trace that the request belongs to; None lets the gateway begin one."""
    best_of: Answers | None = None
    """How many to generate of each prompt, of which the ``n`` most probable are answered; None means ``n``."""
    echo: bool | None = None
    """Whether a continuation begins with its prompt; None means no."""
    suffix: str | None = None
    """Text that comes after the continuation, for models that fill in; None where there is none."""
    logprobs: Alternatives | None = None
    """How many of the most probable tokens to tell beside each, up to 20; None tells nothing of
    probabilities."""
    presence_penalty: Penalty | None = None
    """Subtracted once from the logit of every token already in the output, -2 to 2. None means 0."""
    frequency_penalty: Penalty | None = None
    """Subtracted from a token's logit for each time it is already in the output, -2 to 2. None means 0."""
    logit_bias: Mapping[str, LogitBias] | None = None
    """Added to the logits of tokens, -100 (never) to 100 (always), by token id in digits; None adds nothing."""
    seed: int | None = None
    """Seed of the random generator, so that sampling can be repeated as far as possible; None leaves it to chance."""
    stream_options: StreamOptions | None = None
    """How a stream is to be written; None leaves it to the gateway."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class CompletionChoice:
    """One of the continuations in a ``CompletionResponse``."""

    index: int
    """Place among the ``n`` continuations, from 0."""
    text: str
    """The continuation, without the prompt unless the request asked for an echo; in a stream, what to append to it."""
    finish_reason: Literal["stop", "length", "content_filter"] | None
    """Why generation ended: at its natural end or a stop text, at ``max_tokens``, or withheld by a filter. Must be
    given; None where it is not known, or not yet."""
    logprobs: CompletionLogprobs | None = None
    """How probable its tokens were; None where the request did not ask."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep", rules=(ONE_OF_EACH_INDEX,))
class CompletionResponse:
    """Answer to a ``CompletionRequest``, or one chunk of it; sent by the gateway to the client."""

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
    usage: CompletionUsage | None = None
    """Tokens used; None where they were not counted, and in a stream in all chunks but the last, if the request asked
    for it there."""
    trace_id: str | None = None
    """Trace that the request belonged to; None if not traced."""
    system_fingerprint: str | None = None
    """What served the request: with it and the same ``seed`` comes the same answer; None if not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
