"""What an answer is billed for."""

from sagellm_protocol.model import KEPT, JsonObject, message, rule
from sagellm_protocol.model.units import AnyTokens, Tokens


@message(unknown="keep")
class PromptTokensDetails:
    """Which tokens the prompt is made of; None where a kind is not counted."""

    cached_tokens: Tokens | None = None
    """Those that the prefix cache held."""
    cache_write_tokens: Tokens | None = None
    """Those that were put into the prefix cache."""
    text_tokens: Tokens | None = None
    """Those of text."""
    image_tokens: Tokens | None = None
    """Those of images."""
    audio_tokens: Tokens | None = None
    """Those of sound."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class CompletionTokensDetails:
    """Which tokens an answer is made of; None where a kind is not counted."""

    reasoning_tokens: Tokens | None = None
    """Those that the model reasoned with before it answered."""
    accepted_prediction_tokens: Tokens | None = None
    """Those of the ``prediction`` that are in the answer."""
    rejected_prediction_tokens: Tokens | None = None
    """Those of the ``prediction`` that are not in the answer, and are billed for all the same."""
    text_tokens: Tokens | None = None
    """Those of text."""
    audio_tokens: Tokens | None = None
    """Those of sound."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


_TOTAL_IS_THE_SUM = rule(
    "total-is-the-sum",
    ("total_tokens", "prompt_tokens", "completion_tokens"),
    "prompt_tokens and completion_tokens together",
    lambda it: it.total_tokens == it.prompt_tokens + it.completion_tokens,
    why="Every token is either of the prompt or generated.",
)


@message(
    unknown="keep",
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
    prompt_tokens_details: PromptTokensDetails | None = None
    """Which tokens the conversation is made of; None where that is not told."""
    completion_tokens_details: CompletionTokensDetails | None = None
    """Which tokens the answers are made of; None where that is not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(
    unknown="keep",
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
    prompt_tokens_details: PromptTokensDetails | None = None
    """Which tokens the prompt is made of; None where that is not told."""
    completion_tokens_details: CompletionTokensDetails | None = None
    """Which tokens the continuations are made of; None where that is not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
