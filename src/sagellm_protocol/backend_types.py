"""What a compute backend is and can do: device names, data types, kernels, capabilities."""

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeAlias

from sagellm_protocol.model import message, rule
from sagellm_protocol.model.units import AnyBytes, AnyMegabytes, AnyTokens

DeviceStr: TypeAlias = str
"""A device as text: its type, and its index after a colon where one is meant: "cpu", "cuda:0"."""

DEVICE_TYPE_CPU: Final = "cpu"
"""Host processor."""

DEVICE_TYPE_CUDA: Final = "cuda"
"""NVIDIA GPU."""

DEVICE_TYPE_ASCEND: Final = "ascend"
"""Huawei Ascend accelerator, by the name of its product line."""

DEVICE_TYPE_NPU: Final = "npu"
"""Neural processing unit; the name that PyTorch gives to Ascend devices."""

DEVICE_TYPE_ROCM: Final = "rocm"
"""AMD GPU."""

DEVICE_TYPE_XPU: Final = "xpu"
"""Intel GPU."""


def parse_device_str(device: DeviceStr) -> tuple[str, int | None]:
    """Split a device into its type and its index: ``("cuda", 0)`` for "cuda:0", ``("cpu", None)`` for "cpu".

    The type may be any text and is taken as it stands. Raises ValueError if what follows the first colon is no integer.
    """
    device_type, colon, index = device.partition(":")
    if not colon:
        return device_type, None
    try:
        return device_type, int(index)
    except ValueError:
        raise ValueError(
            f"a device is TYPE or TYPE:INDEX such as 'cuda:0', but in {device!r} the index is {index!r}, no integer"
        ) from None


def format_device_str(device_type: str, device_id: int | None = None) -> DeviceStr:
    """Join a device's type and index, the inverse of :func:`parse_device_str`; None leaves the index out."""
    return device_type if device_id is None else f"{device_type}:{device_id}"


class DType(str, Enum):
    """Number format that a backend computes in."""

    FP32 = "fp32"
    """IEEE 754 single precision."""
    FP16 = "fp16"
    """IEEE 754 half precision."""
    BF16 = "bf16"
    """bfloat16: the exponent range of fp32 with 8 bits of precision."""
    FP8 = "fp8"
    """8-bit floating point (E4M3 or E5M2)."""
    INT8 = "int8"
    """8-bit integer, quantised."""
    INT4 = "int4"
    """4-bit integer, quantised, two to a byte."""


class KernelKind(str, Enum):
    """Family of compute kernels."""

    MATMUL = "matmul"
    """Matrix multiplication."""
    ATTENTION = "attention"
    """Attention, in any variant."""
    FUSION = "fusion"
    """Several operators fused into one kernel."""
    LAYERNORM = "layernorm"
    """Layer normalisation and its variants."""
    SOFTMAX = "softmax"
    """Softmax on its own, outside attention."""


@message(
    kw_only=False,
    rules=(
        rule(
            "available-of-total",
            ("available_memory_bytes", "total_memory_bytes"),
            "at most total_memory_bytes, where both are known",
            lambda it: (
                it.available_memory_bytes is None
                or it.total_memory_bytes is None
                or it.available_memory_bytes <= it.total_memory_bytes
            ),
            why="What is free is part of what there is.",
        ),
        rule(
            "collectives-of-a-backend-with-any",
            ("has_collective", "supported_collectives"),
            "true where supported_collectives names any",
            lambda it: it.has_collective or not it.supported_collectives,
            why="These are the operations that it has.",
        ),
    ),
)
class CapabilityDescriptor:
    """What one device and its backend can do.

    Told by a backend to the engine core when it starts, which then picks kernels, data types and parallel layouts.
    The ``require_...`` methods raise NotImplementedError where a capability is missing.
    """

    device_name: str | None = None
    """Product name as the driver reports it; None where unknown."""
    device_type: str = "unknown"
    """Type part of a device string: "cpu", "cuda", "npu" and so on; "unknown" where not determined."""
    compute_capability: str | None = None
    """The vendor's architecture version, such as "8.0" for an NVIDIA A100; None where there is none."""
    total_memory_bytes: AnyBytes | None = None
    """Memory that the device has, in bytes; None where unknown."""
    available_memory_bytes: AnyBytes | None = None
    """Memory that was free when this was written, in bytes; None where unknown."""
    supported_dtypes: Sequence[DType] = ()
    """Data types that the backend computes in; empty supports none."""
    supported_kernels: Sequence[KernelKind] = ()
    """Kernel families that the backend has; empty supports none."""
    has_stream: bool = False
    """Whether work can be queued on several independent streams."""
    has_event: bool = False
    """Whether events can be recorded on streams, to synchronise and to time."""
    has_collective: bool = False
    """Whether the backend has collective communication at all; ``supported_collectives`` says which operations."""
    has_graph_exec: bool = False
    """Whether a sequence of kernels can be captured once and replayed as a graph."""
    supported_collectives: Sequence[str] = ()
    """Collective operations by name, as in ``CollectiveOp``: "all_reduce", "all_gather"; empty supports none."""
    has_kv_block_copy: bool = False
    """Whether KV cache blocks can be copied within the device."""
    has_kv_block_migrate: bool = False
    """Whether KV cache blocks can be moved to another device."""
    max_memory_mb: AnyMegabytes | None = None
    """Memory that the engine may use, in MB; None sets no limit."""
    max_batch_size: int | None = None
    """Most sequences in one batch; None sets no limit."""
    max_sequence_length: AnyTokens | None = None
    """Longest sequence, prompt and output together, in tokens; None sets no limit."""

    def supports_dtype(self, dtype: DType) -> bool:
        """Whether the backend computes in ``dtype``."""
        return dtype in self.supported_dtypes

    def supports_kernel(self, kernel: KernelKind) -> bool:
        """Whether the backend has kernels of the family ``kernel``."""
        return kernel in self.supported_kernels

    def supports_collective(self, op: str) -> bool:
        """Whether ``op`` is among the ``supported_collectives``."""
        return op in self.supported_collectives

    def require_dtype(self, dtype: DType, operation: str = "operation") -> None:
        """Raise NotImplementedError unless the backend computes in ``dtype``; ``operation`` is named in the message."""
        if not self.supports_dtype(dtype):
            asked, supported = DType(dtype).value, _listed([each.value for each in self.supported_dtypes])
            raise NotImplementedError(
                f"{operation} in dtype {asked!r} is not supported by {self._who()}; it supports {supported}"
            )

    def require_collective(self, op: str) -> None:
        """Raise NotImplementedError unless ``op`` is among the ``supported_collectives``."""
        if not self.supports_collective(op):
            supported = _listed(self.supported_collectives)
            raise NotImplementedError(f"collective {op!r} is not supported by {self._who()}; it supports {supported}")

    def require_graph_exec(self) -> None:
        """Raise NotImplementedError unless kernels can be captured and replayed as a graph."""
        if not self.has_graph_exec:
            raise NotImplementedError(f"graph execution is not supported by {self._who()}")

    def _who(self) -> str:
        return f"device {self.device_name!r} of type {self.device_type!r}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
