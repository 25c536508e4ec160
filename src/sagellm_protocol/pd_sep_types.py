"""Prefill/decode separation: prefill on one engine, decode on another, and the KV cache handed over between them."""

from enum import Enum
from uuid import UUID, uuid4

from sagellm_protocol.model import field, message, rule
from sagellm_protocol.model.units import Bytes, Milliseconds, PositiveTokens, Rank, Size


class EngineRole(str, Enum):
    """Which phase of inference an engine serves."""

    PREFILL = "prefill"
    """Computes KV cache from prompts and hands it over."""
    DECODE = "decode"
    """Takes KV cache over and generates from it."""
    HYBRID = "hybrid"
    """Does both, with no handover."""


class KVTransferState(str, Enum):
    """How far a handover of KV cache is; the last two are final."""

    PENDING = "pending"
    """Accepted; no byte has moved."""
    IN_PROGRESS = "in_progress"
    DONE = "done"
    """All data is in place; decode may begin."""
    FAILED = "failed"
    """Ended early; the copy at the decode engine is not to be used."""


@message(
    rules=(
        rule(
            "another-place",
            ("dst_engine_id", "src_engine_id", "dst_rank", "src_rank"),
            "another than src_engine_id where dst_rank is src_rank",
            lambda it: it.dst_engine_id != it.src_engine_id or it.dst_rank != it.src_rank,
            why="A handover goes from one process to another.",
        ),
    )
)
class KVTransferRequest:
    """Asks for the KV cache of one request to be handed over.

    The prefill engine sends it to the decode engine when prefill is done; answered by ``KVTransferResult``.
    """

    transfer_id: UUID = field(factory=uuid4)
    """Identifies the handover; a new random UUID if not given."""
    request_id: str
    """Inference request whose KV cache is handed over."""
    trace_id: str
    """Trace that the request belongs to, to join logs of all engines."""
    src_engine_id: str
    """Engine that holds the KV cache."""
    dst_engine_id: str
    """Engine that takes it over."""
    src_rank: Rank
    """Rank of the sending process, from 0."""
    dst_rank: Rank
    """Rank of the receiving process, from 0."""
    num_layers: Size
    """Transformer layers to hand over, above 0."""
    num_tokens: PositiveTokens
    """Tokens to hand over, above 0."""
    num_heads: Size
    """KV heads of each layer, above 0; fewer than query heads under grouped-query attention."""
    head_dim: Size
    """Elements of one head's key or value vector, above 0."""
    dtype: str = "float16"
    """Number format of the tensors, by the name that array libraries use, such as ``float16``. Free text, not a
    ``DType``."""


@message(
    rules=(
        rule(
            "error-of-failures",
            ("error", "state"),
            "None where state is not failed",
            lambda it: it.error is None or it.state is KVTransferState.FAILED,
            why="Nothing went wrong, or not yet.",
        ),
        rule(
            "nothing-moved-while-pending",
            ("bytes_transferred", "state"),
            "0 where state is pending",
            lambda it: it.bytes_transferred == 0 or it.state is not KVTransferState.PENDING,
            why="Pending means that no byte has moved.",
        ),
    )
)
class KVTransferResult:
    """How a handover went. The decode engine sends it to the prefill engine and the dispatcher."""

    transfer_id: UUID
    """The handover that this is about."""
    request_id: str
    """Inference request whose KV cache was handed over."""
    state: KVTransferState = KVTransferState.DONE
    """How far the handover is."""
    bytes_transferred: Bytes = 0
    """Bytes received so far, at least 0."""
    duration_ms: Milliseconds = 0.0
    """Time from request to now, or to the end of the handover, in milliseconds, at least 0."""
    error: str | None = None
    """What went wrong, for people to read. None if nothing did."""


@message
class PDDispatchPlan:
    """Where one request is prefilled and where it is decoded.

    The dispatcher sends it to both engines before prefill begins.
    """

    request_id: str
    """Inference request that the plan is for."""
    trace_id: str
    """Trace that the request belongs to, to join logs of all engines."""
    plan_id: UUID = field(factory=uuid4)
    """Identifies the plan; a new random UUID if not given."""
    prefill_engine_id: str
    """Engine that computes the KV cache of the prompt."""
    decode_engine_id: str
    """Engine that generates from it."""
    kv_channel_id: str
    """Channel between the two engines that carries the KV cache."""
    prefill_rank: Rank
    """Rank of the process that prefills, from 0."""
    decode_rank: Rank
    """Rank of the process that decodes, from 0."""
