"""From the operators of a model to the kernels of a backend: what is asked for, what is registered, what was chosen."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from sagellm_protocol.backend_types import DType, KernelKind
from sagellm_protocol.model import EMPTY, message, rule
from sagellm_protocol.model.units import PositiveCount


class OperatorType(str, Enum):
    """What an operator computes, independently of any backend."""

    LINEAR = "linear"
    """Matrix product with a weight, and a bias if there is one."""
    EMBEDDING = "embedding"
    """Lookup of token vectors."""
    ATTENTION = "attention"
    """Attention of no particular variant."""
    SELF_ATTENTION = "self_attention"
    """Attention of a sequence to itself."""
    CROSS_ATTENTION = "cross_attention"
    """Attention of one sequence to another, as from decoder to encoder."""
    PAGED_ATTENTION = "paged_attention"
    """Attention over a KV cache kept in blocks that need not be adjacent."""
    FLASH_ATTENTION = "flash_attention"
    """Exact attention computed tile by tile, without the full score matrix in memory."""
    LAYERNORM = "layernorm"
    """Layer normalisation."""
    RMSNORM = "rmsnorm"
    """Root mean square normalisation."""
    GROUPNORM = "groupnorm"
    """Group normalisation."""
    RELU = "relu"
    """Rectified linear activation."""
    GELU = "gelu"
    """Gaussian error linear activation."""
    SILU = "silu"
    """Sigmoid linear activation (swish)."""
    SOFTMAX = "softmax"
    """Normalised exponential."""
    FUSED_QKV_PROJECTION = "fused_qkv_projection"
    """Query, key and value projections as one matrix product."""
    FUSED_SILU_MUL = "fused_silu_mul"
    """SiLU of one half times the other half: the gate of a SwiGLU feed-forward layer."""
    FUSED_RMSNORM = "fused_rmsnorm"
    """RMS normalisation fused with its neighbours, such as the residual addition."""
    FUSED_LINEAR_GELU = "fused_linear_gelu"
    """Matrix product followed by GELU."""
    SAMPLE = "sample"
    """Choice of the next token, of no particular variant."""
    GREEDY_SAMPLE = "greedy_sample"
    """Choice of the most probable token."""
    TOP_K_SAMPLE = "top_k_sample"
    """Random choice among the k most probable tokens."""
    TOP_P_SAMPLE = "top_p_sample"
    """Random choice within the nucleus of probability mass p."""
    CUSTOM = "custom"
    """Anything else; ``LogicalOperator.name`` and ``params`` say what."""


@message(
    rules=(
        rule(
            "batch-sizes-in-order",
            ("max_batch_size", "min_batch_size"),
            "at least min_batch_size, where both are given",
            lambda it: it.max_batch_size is None or it.min_batch_size is None or it.max_batch_size >= it.min_batch_size,
            why="No batch is larger than the largest.",
        ),
    )
)
class OperatorConstraint:
    """Conditions under which a kernel may be used. All that are given must hold; None asks for nothing."""

    device_type: str | None = None
    """Type part of the device, such as "cuda"; None allows any device."""
    dtype: DType | None = None
    """Data type of the computation; None allows any."""
    min_compute_capability: str | None = None
    """Oldest architecture version, in the form of ``CapabilityDescriptor.compute_capability``; None allows any."""
    kernel_kind: KernelKind | None = None
    """Kernel family; None allows any."""
    min_batch_size: PositiveCount | None = None
    """Smallest batch, in sequences, at least 1; None sets no lower limit."""
    max_batch_size: PositiveCount | None = None
    """Largest batch, in sequences, at least 1; None sets no upper limit."""
    custom_constraints: Mapping[str, Any] | None = None
    """Conditions that only the backend understands, as free JSON; None for no such conditions."""


@message
class LogicalOperator:
    """One operator of a model's graph, before a kernel is chosen; sent by the model to the operator registry."""

    op_type: OperatorType
    """What it computes."""
    name: str
    """Its name within the model, such as "layers.0.mlp.up_proj"."""
    input_shapes: Sequence[tuple[int, ...]]
    """Shape of each input tensor, in the order of the operator's arguments, outermost dimension first."""
    output_shape: tuple[int, ...]
    """Shape of the output tensor, outermost dimension first."""
    params: Mapping[str, Any] = EMPTY
    """Constants of the operator, such as an epsilon or a number of heads, as free JSON."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON that does not affect the result."""


def _can_hold(it: Any) -> bool:
    asked = it.constraints
    device_type, _, _ = it.device.partition(":")
    return asked is None or (asked.dtype in (None, it.dtype) and asked.device_type in (None, device_type))


_CONSTRAINTS_THAT_CAN_HOLD = rule(
    "constraints-that-can-hold",
    ("constraints", "dtype", "device"),
    "None, or ask for the dtype and type of device of the message, if they ask for any",
    _can_hold,
    why="A kernel with conditions that it cannot meet is never chosen.",
)


@message(
    rules=(
        _CONSTRAINTS_THAT_CAN_HOLD,
        rule(
            "constraints-of-its-family",
            ("constraints", "kernel_kind"),
            "None, or ask for the kernel_kind of the message, if they ask for any",
            lambda it: it.constraints is None or it.constraints.kernel_kind in (None, it.kernel_kind),
            why="A kernel is of one family.",
        ),
    )
)
class PhysicalOperator:
    """One kernel that a backend offers: what it is, where it runs and when it may be chosen."""

    kernel_name: str
    """The backend's name of the kernel."""
    backend: str
    """Name of the backend that provides it."""
    device: str
    """Device that it runs on, as a device string."""
    dtype: DType
    """Data type that it computes in."""
    kernel_kind: KernelKind
    """Family that it belongs to."""
    priority: int = 0
    """Where several kernels fit, the largest priority is chosen; may be negative."""
    constraints: OperatorConstraint | None = None
    """Further conditions for its use; None for no such conditions."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the kernel."""


@message(rules=(_CONSTRAINTS_THAT_CAN_HOLD,))
class OperatorMapping:
    """A choice: this type of operator runs as that kernel, on that device, in that data type."""

    logical_op_type: OperatorType
    """The operators that it applies to."""
    physical_kernel: str
    """``PhysicalOperator.kernel_name`` of the kernel to run."""
    backend: str
    """Name of the backend that provides the kernel."""
    device: str
    """Device to run on, as a device string."""
    dtype: DType
    """Data type to compute in."""
    constraints: OperatorConstraint | None = None
    """Conditions under which the mapping applies; None applies it always."""
    priority: int = 0
    """Where several mappings apply, the largest priority wins; may be negative."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the mapping."""


@attrs.define
class OperatorRegistryEntry:
    """A registered kernel together with the function that runs it.

    A record within one process, not a message: a function cannot travel. It is therefore mutable.
    """

    physical_op: PhysicalOperator
    """The kernel as other processes know it."""
    kernel_callable: Callable[..., Any] | None = None
    """The function that launches the kernel; None while it is not loaded."""
    registration_metadata: dict[str, Any] = attrs.Factory(dict)
    """Whatever the one who registered it wants to keep beside it."""


@message
class OperatorRegistryQuery:
    """A question to the operator registry: which kernels fit? None in a field asks for nothing there."""

    op_type: OperatorType
    """The operator to be computed."""
    device: str | None = None
    """Device to run on, as a device string; None accepts any."""
    dtype: DType | None = None
    """Data type to compute in; None accepts any."""
    backend: str | None = None
    """Name of the backend; None accepts any."""
    constraints: OperatorConstraint | None = None
    """Further conditions that a kernel must meet; None for no such conditions."""


@message(
    rules=(
        rule(
            "total-of-the-operators",
            ("total_operators", "registered_operators"),
            "the number of registered_operators, where these are told",
            lambda it: it.total_operators == len(it.registered_operators) or not it.registered_operators,
            why="They are the kernels that it counts.",
        ),
        rule(
            "total-of-all-types",
            ("total_operators", "operators_by_type"),
            "what operators_by_type comes to, where that is told",
            lambda it: it.total_operators == sum(it.operators_by_type.values()) or not it.operators_by_type,
            why="A kernel is of one type of operator.",
        ),
        rule(
            "total-of-all-backends",
            ("total_operators", "operators_by_backend"),
            "what operators_by_backend comes to, where that is told",
            lambda it: it.total_operators == sum(it.operators_by_backend.values()) or not it.operators_by_backend,
            why="A kernel is of one backend.",
        ),
    )
)
class OperatorRegistrySnapshot:
    """The content of an operator registry at one moment, for monitoring and for debugging a choice of kernel."""

    total_operators: int
    """Number of registered kernels."""
    operators_by_type: Mapping[str, int] = EMPTY
    """Number of kernels for each ``OperatorType``, by its value."""
    operators_by_backend: Mapping[str, int] = EMPTY
    """Number of kernels of each backend, by its name."""
    registered_operators: Sequence[PhysicalOperator] = ()
    """The kernels themselves; empty where only the counts were asked for."""
    active_mappings: Sequence[OperatorMapping] = ()
    """The mappings in force."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the snapshot, such as when and where it was taken."""
