"""How probable the tokens of an answer were."""

from collections.abc import Mapping, Sequence

from sagellm_protocol.model import KEPT, JsonObject, Rule, message, rule
from sagellm_protocol.model.units import Byte, Index, LogProbability
from sagellm_protocol.openai_types._rules import OF_A_PROBABILITY


@message(unknown="keep", rules=(OF_A_PROBABILITY,))
class ChatTopLogprob:
    """A token that the model could have chosen, and how probable it was."""

    token: str
    """The token as text."""
    logprob: LogProbability
    """Natural logarithm of its probability; -9999 stands for a probability of 0, since JSON knows no infinity."""
    bytes: Sequence[Byte] | None = None
    """The token as bytes of UTF-8, which also tell parts of a character; None where it has none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep", rules=(OF_A_PROBABILITY,))
class ChatTokenLogprob:
    """A token of an answer, how probable it was, and the most probable ones in its place."""

    token: str
    """The token as text."""
    logprob: LogProbability
    """Natural logarithm of its probability; -9999 stands for a probability of 0, since JSON knows no infinity."""
    bytes: Sequence[Byte] | None = None
    """The token as bytes of UTF-8, which also tell parts of a character; None where it has none."""
    top_logprobs: Sequence[ChatTopLogprob] = ()
    """The ``top_logprobs`` most probable tokens in its place, the most probable first."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatLogprobs:
    """How probable each token of an answer was."""

    content: Sequence[ChatTokenLogprob] | None = None
    """Of the tokens of the answer's content; None where it has none."""
    refusal: Sequence[ChatTokenLogprob] | None = None
    """Of the tokens of the answer's refusal; None where it has none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


def _one_for_each_token(field: str) -> Rule:
    return rule(
        f"{field.replace('_', '-')}-of-the-tokens",
        (field, "tokens"),
        "as many as tokens",
        lambda it: getattr(it, field) is None or it.tokens is None or len(getattr(it, field)) == len(it.tokens),
        why="Each is of one token.",
    )


@message(
    unknown="keep",
    rules=tuple(map(_one_for_each_token, ("text_offset", "token_logprobs", "top_logprobs"))),
)
class CompletionLogprobs:
    """How probable each token of a continuation was, in lists that go together; None where one is not told."""

    tokens: Sequence[str] | None = None
    """The tokens as text."""
    token_logprobs: Sequence[LogProbability | None] | None = None
    """Natural logarithm of the probability of each; None for the first token of a prompt, which
    follows none."""
    top_logprobs: Sequence[Mapping[str, LogProbability] | None] | None = None
    """The most probable tokens in the place of each, as text, with theirs; None for the first token of a prompt."""
    text_offset: Sequence[Index] | None = None
    """Where each token begins in the text, in characters."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
