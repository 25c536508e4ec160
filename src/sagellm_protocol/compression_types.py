"""Making a model smaller or faster: quantisation, sparsity, speculative decoding, kernel fusion."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from sagellm_protocol.model import EMPTY, field, message, rule
from sagellm_protocol.model.units import (
    Bits,
    CompressionRatio,
    DraftTokens,
    Percent,
    PositiveCount,
    Ratio,
    Size,
    Tokens,
)


class QuantizationScheme(str, Enum):
    """Number format or method by which weights, and in some schemes activations, are quantised."""

    NONE = "none"
    """Not quantised: the model's own data type."""
    INT8 = "int8"
    """8-bit integers for weights and activations, by rounding."""
    FP8 = "fp8"
    """8-bit floating point; ``QuantizationConfig.fp8_format`` says which."""
    INT4 = "int4"
    """4-bit integer weights, by rounding."""
    NF4 = "nf4"
    """4-bit NormalFloat weights: levels spaced for normally distributed values (QLoRA)."""
    AWQ = "awq"
    """Activation-aware weight quantisation: scales protect the weights that matter to the activations."""
    GPTQ = "gptq"
    """Layer by layer, rounding errors made up for by second-order information from calibration data."""
    SMOOTH_QUANT = "smooth_quant"
    """8-bit weights and activations, with outliers of the activations shifted into the weights beforehand."""
    BITSANDBYTES = "bitsandbytes"
    """Quantised on loading by the bitsandbytes library (8 or 4 bits)."""
    GGUF = "gguf"
    """Weights already quantised in a GGUF file, in one of llama.cpp's block formats."""


class QuantizationGranularity(str, Enum):
    """Which values share one quantisation scale."""

    PER_TENSOR = "per_tensor"
    """The whole tensor."""
    PER_CHANNEL = "per_channel"
    """Each output channel of a weight."""
    PER_TOKEN = "per_token"
    """Each token of an activation."""
    PER_GROUP = "per_group"
    """Each run of ``QuantizationConfig.group_size`` values within a channel."""


class SparseFormat(str, Enum):
    """How a sparse weight is laid out in memory."""

    DENSE = "dense"
    """Zeros are stored like any value."""
    CSR = "csr"
    """Compressed sparse rows."""
    CSC = "csc"
    """Compressed sparse columns."""
    BSR = "bsr"
    """Compressed sparse rows of dense blocks."""
    COO = "coo"
    """Coordinates and value of each non-zero."""
    N_M = "n_m"
    """The n non-zeros of each m values, and their positions, as sparse tensor cores read them."""


class SparsityPattern(str, Enum):
    """Where the zeros of a sparse weight may be."""

    UNSTRUCTURED = "unstructured"
    """Anywhere: keeps most accuracy, and is the hardest to make fast."""
    STRUCTURED = "structured"
    """Whole rows, columns, heads or channels, so that smaller dense tensors remain."""
    SEMI_STRUCTURED = "semi_structured"
    """At most ``n`` non-zeros in every ``m`` consecutive values, such as 2 in 4."""
    BLOCK = "block"
    """Whole square blocks of ``SparseConfig.block_size``."""


class SpeculativeStrategy(str, Enum):
    """Who drafts the tokens that the target model then verifies."""

    DRAFT_MODEL = "draft_model"
    """A smaller model with the same vocabulary."""
    LOOKAHEAD = "lookahead"
    """The target model itself, by n-grams from parallel Jacobi iterations; needs no other weights."""
    MEDUSA = "medusa"
    """Extra heads on the target model, each predicting one position further ahead."""
    EAGLE = "eagle"
    """A light autoregressive head that works on the target model's hidden states."""


class FusionLevel(str, Enum):
    """How far kernels are fused; each level includes those before it."""

    NONE = "none"
    """Every operator is a kernel of its own."""
    POINTWISE = "pointwise"
    """Neighbouring element-wise operators."""
    ATTENTION = "attention"
    """The attention of a layer as one kernel."""
    LAYER = "layer"
    """Across the operators of a whole transformer layer."""
    FULL = "full"
    """Across layers, as far as the backend can."""


_BITS = {
    QuantizationScheme.INT8: 8,
    QuantizationScheme.FP8: 8,
    QuantizationScheme.SMOOTH_QUANT: 8,
    QuantizationScheme.INT4: 4,
    QuantizationScheme.NF4: 4,
}


@message(
    rules=(
        rule(
            "bits-of-the-scheme",
            ("bits", "scheme"),
            "8 where scheme is int8, fp8 or smooth_quant, 4 where it is int4 or nf4",
            lambda it: it.bits in (None, _BITS.get(it.scheme, it.bits)),
            why="These schemes have one width.",
        ),
        rule(
            "fp8-format-of-fp8",
            ("fp8_format", "scheme"),
            "None where scheme is not fp8",
            lambda it: it.fp8_format is None or it.scheme is QuantizationScheme.FP8,
            why="No other scheme stores 8-bit floats.",
        ),
        rule(
            "samples-of-a-dataset",
            ("calibration_dataset", "calibration_samples"),
            "given where calibration_samples is",
            lambda it: it.calibration_dataset is not None or it.calibration_samples is None,
            why="Samples are of a dataset.",
        ),
    )
)
class QuantizationConfig:
    """How to quantise a model; part of the ``CompressionConfig`` given to an engine when it loads the model."""

    scheme: QuantizationScheme = QuantizationScheme.NONE
    """Method; with ``none`` the other fields have no effect."""
    weight_granularity: QuantizationGranularity = QuantizationGranularity.PER_CHANNEL
    """Which weights share a scale."""
    activation_granularity: QuantizationGranularity = QuantizationGranularity.PER_TENSOR
    """Which activations share a scale; has no effect where only weights are quantised."""
    group_size: Size | None = None
    """Values that share a scale with ``per_group``, at least 1, often 128; None takes the scheme's own."""
    bits: Bits | None = None
    """Bits to a weight, 2 to 32; None takes the scheme's own."""
    fp8_format: str | None = None
    """Layout of 8-bit floats, "e4m3" or "e5m2"; None takes the backend's own or where the scheme is not ``fp8``."""
    calibration_dataset: str | None = None
    """Name or path of the data that scales are computed from; None for schemes that need none."""
    calibration_samples: Size | None = None
    """Samples of it to use, at least 1; None takes the engine's own number."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the quantisation, such as options of the method."""


@message(
    rules=(
        rule(
            "n-of-m",
            ("n", "m"),
            "at most m, where both are given",
            lambda it: it.n is None or it.m is None or it.n <= it.m,
            why="Of m values, no more than m are not zero.",
        ),
        rule(
            "n-with-m",
            ("m", "n"),
            "given where n is, and None where n is",
            lambda it: (it.m is None) == (it.n is None),
            why="Neither says anything without the other.",
        ),
        rule(
            "n-m-of-semi-structured",
            ("n", "pattern"),
            "None where pattern is not semi_structured",
            lambda it: it.n is None or it.pattern is SparsityPattern.SEMI_STRUCTURED,
            why="No other pattern counts in runs.",
        ),
        rule(
            "block-size-of-blocks",
            ("block_size", "pattern"),
            "None where pattern is not block",
            lambda it: it.block_size is None or it.pattern is SparsityPattern.BLOCK,
            why="No other pattern has blocks.",
        ),
    )
)
class SparseConfig:
    """How a model's weights are pruned and stored; part of the ``CompressionConfig``."""

    enabled: bool = False
    """Whether to use sparsity; if false the other fields have no effect."""
    pattern: SparsityPattern = SparsityPattern.UNSTRUCTURED
    """Where zeros may be."""
    sparse_format: SparseFormat = SparseFormat.DENSE
    """How the weights are laid out in memory."""
    sparsity_ratio: Ratio = 0.0
    """Share of the weights that are to be zero, 0 to 1."""
    n: PositiveCount | None = None
    """Non-zeros in every ``m`` values, at least 1; None where the pattern is not ``semi_structured``."""
    m: PositiveCount | None = None
    """Length of the runs that ``n`` counts in, at least 1; None where the pattern is not ``semi_structured``."""
    block_size: Size | None = None
    """Side of a block, in values, at least 1; None where the pattern is not ``block``."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the sparsity."""


@message(
    rules=(
        rule(
            "model-that-drafts",
            ("draft_model", "enabled", "strategy"),
            "given where enabled is true and strategy is draft_model",
            lambda it: (
                it.draft_model is not None or not it.enabled or it.strategy is not SpeculativeStrategy.DRAFT_MODEL
            ),
            why="Something has to draft.",
        ),
    )
)
class SpeculativeDecodingConfig:
    """How an engine speculates: draft several tokens cheaply, verify them in one pass of the target model.

    Part of the ``CompressionConfig``. ``SamplingParams.n_speculative_tokens`` is the number for a single request.
    """

    enabled: bool = False
    """Whether to speculate; if false the other fields have no effect."""
    strategy: SpeculativeStrategy = SpeculativeStrategy.DRAFT_MODEL
    """Who drafts."""
    draft_model: str | None = None
    """Name or path of the drafting model or head; None for strategies that need none."""
    num_speculative_tokens: DraftTokens = 4
    """Tokens to draft before each verification, 1 to 64."""
    num_heads: PositiveCount | None = None
    """Number of drafting heads, at least 1; None where the strategy has none or the model says how many."""
    acceptance_threshold: Ratio = 0.0
    """Least probability under the target model for a draft token to be accepted, 0 to 1; 0 adds no such limit."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the speculation."""


@message
class FusionConfig:
    """Which operators run as one kernel; part of the ``CompressionConfig``."""

    level: FusionLevel = FusionLevel.NONE
    """How far to fuse in general; the switches below ask for single kernels on top of it."""
    use_flash_attention: bool = False
    """Compute attention tile by tile, without the full score matrix in memory."""
    use_fused_rope: bool = False
    """Apply rotary position embedding to queries and keys in one kernel."""
    use_fused_layernorm: bool = False
    """Compute normalisation, and the residual addition before it, in one kernel."""
    use_fused_swiglu: bool = False
    """Compute the gate of a SwiGLU feed-forward layer in one kernel."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the fusion."""


@message
class CompressionConfig:
    """All that makes a model smaller or faster; given to an engine when it loads the model. Off by default."""

    quantization: QuantizationConfig = field(factory=QuantizationConfig)
    """Fewer bits to a value."""
    sparsity: SparseConfig = field(factory=SparseConfig)
    """Fewer values."""
    speculative_decoding: SpeculativeDecodingConfig = field(factory=SpeculativeDecodingConfig)
    """Fewer passes of the target model."""
    fusion: FusionConfig = field(factory=FusionConfig)
    """Fewer kernels."""


@message(
    rules=(
        rule(
            "accepted-of-proposed",
            ("spec_tokens_accepted", "spec_tokens_proposed"),
            "at most spec_tokens_proposed",
            lambda it: it.spec_tokens_accepted <= it.spec_tokens_proposed,
            why="What is accepted was proposed.",
        ),
        rule(
            "no-error-unquantised",
            ("quant_error_pct", "quant_scheme"),
            "0 where quant_scheme is none",
            lambda it: it.quant_error_pct == 0 or it.quant_scheme is not QuantizationScheme.NONE,
            why="It is the error that quantisation introduced.",
        ),
    )
)
class CompressionMetrics:
    """What compression achieved; sent by the engine to monitoring."""

    quant_scheme: QuantizationScheme = QuantizationScheme.NONE
    """Quantisation in use."""
    compress_ratio: CompressionRatio = 1.0
    """Size of the original weights over that of the compressed ones, at least 1."""
    quant_error_pct: Percent = 0.0
    """Mean relative error that quantisation introduced, in per cent, at least 0."""
    actual_sparsity_ratio: Ratio = 0.0
    """Share of the weights that are zero, 0 to 1."""
    spec_tokens_proposed: Tokens = 0
    """Draft tokens that were proposed, at least 0."""
    spec_tokens_accepted: Tokens = 0
    """Draft tokens that the target model accepted, at least 0 and no more than were proposed (not checked)."""
    fusion_level: FusionLevel = FusionLevel.NONE
    """Kernel fusion in use."""
