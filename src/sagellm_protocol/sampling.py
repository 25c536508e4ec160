"""How the next token is chosen: decoding strategies, their parameters, and presets."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final

from sagellm_protocol.model import derived, message, rule
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.rules import rules_of
from sagellm_protocol.model.units import (
    AtLeastOne,
    NonNegative,
    Penalty,
    PositiveCount,
    PositiveTokens,
    Ratio,
    Size,
    Temperature,
    TopK,
    TopP,
)


class DecodingStrategy(str, Enum):
    """The algorithm that turns the model's logits into output tokens."""

    GREEDY = "greedy"
    """Take the most probable token at every step; temperature, ``top_k`` and ``top_p`` have no effect."""
    SAMPLING = "sampling"
    """Draw at random from the distribution shaped by ``temperature``, ``top_k`` and ``top_p``."""
    BEAM_SEARCH = "beam_search"
    """Keep the ``beam_size`` most probable partial outputs, and answer with the best finished one."""
    CONTRASTIVE = "contrastive"
    """Contrastive search: weigh a token's probability against its similarity to the context, to avoid repetition."""
    SPECULATIVE = "speculative"
    """Let a cheap drafter propose ``n_speculative_tokens``, and the model verify them in one forward pass."""


class SamplingPreset(str, Enum):
    """Named sets of sampling parameters for common purposes; :meth:`get_params` gives the parameters."""

    DETERMINISTIC = "deterministic"
    """Greedy decoding: the same prompt gives the same output."""
    BALANCED = "balanced"
    """Sampling at moderate temperature with a light nucleus cut: some variety, still focused."""
    CREATIVE = "creative"
    """Sampling at high temperature with a wide nucleus: much variety."""
    PRECISE = "precise"
    """Beam search that leans towards longer outputs: the most probable answer as a whole, at a higher cost."""

    @classmethod
    def get_params(cls, preset: "SamplingPreset") -> "SamplingParams":
        """Return what ``preset`` stands for (a member or its value). ValueError if there is no such preset."""
        return _PRESETS[cls(preset)]


def _derive_strategy(params: "SamplingParams") -> DecodingStrategy:
    return DecodingStrategy.GREEDY if params.temperature == 0 else DecodingStrategy.SAMPLING


@message(
    rules=(
        rule(
            "temperature-to-sample-at",
            ("temperature", "strategy"),
            "> 0 for strategy 'sampling'",
            lambda it: it.temperature > 0 or it.strategy is not DecodingStrategy.SAMPLING,
            why="At temperature 0 there is nothing to draw.",
        ),
        rule(
            "beams-to-search",
            ("beam_size", "strategy"),
            "> 1 for strategy 'beam_search'",
            lambda it: it.beam_size > 1 or it.strategy is not DecodingStrategy.BEAM_SEARCH,
            why="With one beam it is greedy decoding.",
        ),
    )
)
class SamplingParams:
    """How to choose each next token and when to stop; sent to an engine as part of a ``Request``.

    A parameter that the strategy does not use is allowed and has no effect. :meth:`validate_strategy_params` checks
    what the strategy needs.
    """

    strategy: DecodingStrategy = derived(_derive_strategy, default=DecodingStrategy.GREEDY)
    """Decoding algorithm; where not given, greedy at temperature 0 and sampling otherwise. Always written."""
    temperature: Temperature = 1.0
    """Divides the logits before the softmax, 0 to 2: below 1 sharpens, above 1 flattens, 0 means greedy."""
    top_p: TopP = 1.0
    """Sample from the smallest set of tokens whose probabilities sum to this, above 0 and up to 1; 1 keeps all."""
    top_k: TopK = 0
    """Sample from this many most probable tokens; 0 and -1 keep all."""
    beam_size: Size = 4
    """Beam search: number of beams kept at each step, at least 1; beam search needs more than 1."""
    length_penalty: float = 1.0
    """Beam search: a beam's log-probability is divided by its length to this power; larger favours longer outputs."""
    early_stopping: bool = True
    """Beam search: stop as soon as ``beam_size`` outputs are finished; false goes on while a better one is possible."""
    alpha: Ratio = 0.6
    """Contrastive search: balance between probability (0) and dissimilarity from the context (1), 0 to 1."""
    penalty_alpha: NonNegative = 0.6
    """Contrastive search: strength of the penalty for similarity to the context, at least 0; 0 switches it off."""
    repetition_penalty: AtLeastOne = 1.0
    """Factor that lowers the logits of tokens already in the prompt or output, at least 1; 1 switches it off."""
    presence_penalty: Penalty = 0.0
    """Subtracted once from the logit of every token already in the output, -2 to 2; negative rewards repetition."""
    frequency_penalty: Penalty = 0.0
    """Subtracted from a token's logit for each time it is already in the output, -2 to 2; negative rewards it."""
    max_tokens: PositiveTokens | None = None
    """Most output tokens to generate, at least 1; None leaves it to ``Request.max_tokens``."""
    stop_sequences: Sequence[str] | None = None
    """Texts that end generation as soon as the output contains one of them; None for no such texts."""
    n_speculative_tokens: PositiveCount = 5
    """Speculative decoding: tokens to draft before each verification, at least 1."""
    seed: int | None = None
    """Seed of the random generator, so that sampling can be repeated; None lets the engine choose one."""
    skip_special_tokens: bool = True
    """Leave special tokens, such as the end-of-sequence token, out of the output text; token ids keep them."""

    def validate_strategy_params(self) -> None:
        """Check that the parameters allow the strategy to work: a temperature to sample at, beams to search.

        Raises :class:`~sagellm_protocol.model.exceptions.ValidationError`, a ValueError, if they do not. Construction
        does not call it: such parameters are valid on the wire.
        """
        broken = [rule for rule in rules_of(SamplingParams) if not rule.predicate(self)]
        violations = [Violation(rule.fields[0], rule.text, getattr(self, rule.fields[0])) for rule in broken]
        if violations:
            raise ValidationError("sampling.SamplingParams", violations)


_PRESETS: Final[Mapping[SamplingPreset, SamplingParams]] = MappingProxyType(
    {
        SamplingPreset.DETERMINISTIC: SamplingParams(temperature=0.0),
        SamplingPreset.BALANCED: SamplingParams(temperature=0.7, top_p=0.9),
        SamplingPreset.CREATIVE: SamplingParams(temperature=1.2, top_p=0.95),
        SamplingPreset.PRECISE: SamplingParams(strategy=DecodingStrategy.BEAM_SEARCH, length_penalty=1.2),
    }
)

DEFAULT_SAMPLING_PARAMS: Final = SamplingParams(strategy=DecodingStrategy.GREEDY)
"""Every default, with greedy decoding said explicitly: ``SamplingParams()`` would derive sampling."""
