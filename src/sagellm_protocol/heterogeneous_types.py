"""Scheduling over devices of different kinds, and offloading KV cache from accelerators to host memory and NVMe."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from sagellm_protocol.model import EMPTY, from_plain, message, rule, to_plain
from sagellm_protocol.model.units import AnyRatio, AnyTokens


class DeviceClass(str, Enum):
    """Kind of device that a scheduler chooses between."""

    CPU = "cpu"
    NPU = "npu"
    """Neural processing unit, such as Ascend."""
    CUDA = "cuda"
    """GPU driven through CUDA."""
    AUTO = "auto"
    """Whichever the scheduler finds best."""


class KVOffloadTrigger(str, Enum):
    """What made KV cache leave its device."""

    MEMORY_PRESSURE = "memory_pressure"
    """The accelerator's memory is filling up."""
    IDLE_SEQUENCE = "idle_sequence"
    """The sequence has not been decoded for a while."""
    EXPLICIT = "explicit"
    """Somebody asked for it."""
    BATCH_EVICTION = "batch_eviction"
    """Its batch was evicted as a whole."""
    NVME_PRESSURE = "nvme_pressure"
    """Host memory is filling up, so that data moves on to NVMe."""


class KVRestoreTrigger(str, Enum):
    """What made offloaded KV cache come back."""

    SCHEDULE = "schedule"
    """Its sequence is about to run."""
    PREFETCH = "prefetch"
    """Its sequence is expected to run soon."""
    EXPLICIT = "explicit"
    """Somebody asked for it."""


@message(kw_only=False)
class HeteroSchedulingHint:
    """What a request would like of a scheduler that has several kinds of device.

    The client or gateway attaches it; the scheduler may disregard it.
    """

    preferred_device: DeviceClass = DeviceClass.AUTO
    """Kind of device to run on."""
    allow_cpu_fallback: bool = True
    """Whether the CPU will do when the preferred device is not to be had."""
    kv_offload_on_idle: bool = False
    """Whether to offload the KV cache of the sequence while it is idle, as between turns of a chat."""
    kv_offload_threshold: AnyRatio = 0.85
    """Share of the device's KV memory in use from which offloading begins; meant to be 0 to 1, and not checked."""
    affinity_engine_id: str | None = None
    """Engine to run on if possible, say for KV cache held there. None for any."""
    extra: Mapping[str, Any] = EMPTY
    """Further hints for particular schedulers; the protocol gives them no meaning."""

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain data: the enum as its value, ``extra`` as a mutable ``dict``."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "HeteroSchedulingHint":
        """Build a hint from plain data, as :meth:`to_dict` gives it.

        Missing keys take their defaults, unknown ones are ignored. Raises ``ValidationError``, a ``ValueError``, for a
        value that a field does not take.
        """
        return from_plain(cls, data, unknown="ignore")


@message(kw_only=False)
class KVOffloadSpec:
    """Orders one handle to be moved to another device or tier.

    The scheduler sends it to the engine that holds the handle.
    """

    handle_id: str
    """The handle to move."""
    src_device: str
    """Device that the data is on, as a device string such as ``cuda:0``."""
    dst_device: str
    """Device to move it to, as a device string such as ``cpu``."""
    trigger: KVOffloadTrigger = KVOffloadTrigger.EXPLICIT
    """What made it necessary."""
    priority: int = 10
    """Priority among offloads, any integer. Whether higher or lower goes first is the engine's convention."""
    num_tokens: AnyTokens = 0
    """Tokens in the handle. 0 if not told. Its range is not checked."""
    request_id: str = ""
    """Request that the handle belongs to. Empty if not told."""

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain data: the enum as its value."""
        return to_plain(self)


@message(
    kw_only=False,
    rules=(
        rule(
            "offload-failures-of-started",
            ("offload_failures", "offloads_triggered"),
            "at most offloads_triggered",
            lambda it: it.offload_failures <= it.offloads_triggered,
            why="What failed was started.",
        ),
        rule(
            "offload-tokens-of-started",
            ("offloads_triggered", "offload_tokens"),
            "above 0 where offload_tokens is",
            lambda it: it.offloads_triggered > 0 or it.offload_tokens <= 0,
            why="What moved tokens was started.",
        ),
        rule(
            "restore-failures-of-started",
            ("restore_failures", "restores_triggered"),
            "at most restores_triggered",
            lambda it: it.restore_failures <= it.restores_triggered,
            why="What failed was started.",
        ),
        rule(
            "restore-tokens-of-started",
            ("restores_triggered", "restore_tokens"),
            "above 0 where restore_tokens is",
            lambda it: it.restores_triggered > 0 or it.restore_tokens <= 0,
            why="What moved tokens was started.",
        ),
        rule(
            "nvme-offload-failures-of-started",
            ("nvme_offload_failures", "nvme_offloads_triggered"),
            "at most nvme_offloads_triggered",
            lambda it: it.nvme_offload_failures <= it.nvme_offloads_triggered,
            why="What failed was started.",
        ),
        rule(
            "nvme-offload-tokens-of-started",
            ("nvme_offloads_triggered", "nvme_offload_tokens"),
            "above 0 where nvme_offload_tokens is",
            lambda it: it.nvme_offloads_triggered > 0 or it.nvme_offload_tokens <= 0,
            why="What moved tokens was started.",
        ),
        rule(
            "nvme-restore-failures-of-started",
            ("nvme_restore_failures", "nvme_restores_triggered"),
            "at most nvme_restores_triggered",
            lambda it: it.nvme_restore_failures <= it.nvme_restores_triggered,
            why="What failed was started.",
        ),
        rule(
            "nvme-restore-tokens-of-started",
            ("nvme_restores_triggered", "nvme_restore_tokens"),
            "above 0 where nvme_restore_tokens is",
            lambda it: it.nvme_restores_triggered > 0 or it.nvme_restore_tokens <= 0,
            why="What moved tokens was started.",
        ),
    ),
)
class KVOffloadStats:
    """What an engine has offloaded and restored since it was started.

    The engine reports it to the scheduler and monitoring. Ranges are not checked; whether the plain counters include
    those of NVMe is the engine's choice.
    """

    offloads_triggered: int = 0
    """Offloads started."""
    restores_triggered: int = 0
    """Restores started."""
    offload_tokens: AnyTokens = 0
    """Tokens offloaded."""
    restore_tokens: AnyTokens = 0
    """Tokens restored."""
    offload_failures: int = 0
    """Offloads that failed; the data stayed where it was."""
    restore_failures: int = 0
    """Restores that failed; the KV cache has to be computed anew."""
    nvme_offloads_triggered: int = 0
    """Offloads to NVMe started."""
    nvme_restores_triggered: int = 0
    """Restores from NVMe started."""
    nvme_offload_tokens: AnyTokens = 0
    """Tokens offloaded to NVMe."""
    nvme_restore_tokens: AnyTokens = 0
    """Tokens restored from NVMe."""
    nvme_offload_failures: int = 0
    """Offloads to NVMe that failed; the data stayed where it was."""
    nvme_restore_failures: int = 0
    """Restores from NVMe that failed; the KV cache has to be computed anew."""

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain data."""
        return to_plain(self)
