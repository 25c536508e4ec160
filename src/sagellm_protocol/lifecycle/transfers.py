"""The lifecycles of what moves data: KV transfers, handovers from prefill to decode, and collective operations."""

from __future__ import annotations

from sagellm_protocol.comm_types import CommStatus
from sagellm_protocol.kv.enums import TransferStatus
from sagellm_protocol.lifecycle.table import Lifecycle, Transition
from sagellm_protocol.pd_sep_types import KVTransferState

TRANSFER = Lifecycle(
    TransferStatus,
    TransferStatus.PENDING,
    (
        Transition(TransferStatus.PENDING, "start", TransferStatus.IN_PROGRESS),
        Transition(TransferStatus.IN_PROGRESS, "complete", TransferStatus.COMPLETED),
        Transition(TransferStatus.PENDING, "fail", TransferStatus.FAILED),
        Transition(TransferStatus.IN_PROGRESS, "fail", TransferStatus.FAILED),
        Transition(TransferStatus.PENDING, "cancel", TransferStatus.CANCELLED),
        Transition(TransferStatus.IN_PROGRESS, "cancel", TransferStatus.CANCELLED),
    ),
)
"""A KV transfer, as ``KVTransferMetadata.status`` tells."""

HANDOVER = Lifecycle(
    KVTransferState,
    KVTransferState.PENDING,
    (
        Transition(KVTransferState.PENDING, "start", KVTransferState.IN_PROGRESS),
        Transition(KVTransferState.IN_PROGRESS, "complete", KVTransferState.DONE),
        Transition(KVTransferState.PENDING, "fail", KVTransferState.FAILED),
        Transition(KVTransferState.IN_PROGRESS, "fail", KVTransferState.FAILED),
    ),
)
"""A handover of KV cache from prefill to decode, as ``KVTransferResult.state`` tells."""

OPERATION = Lifecycle(
    CommStatus,
    CommStatus.PENDING,
    (
        Transition(CommStatus.PENDING, "start", CommStatus.IN_PROGRESS),
        Transition(CommStatus.IN_PROGRESS, "complete", CommStatus.COMPLETED),
        Transition(CommStatus.PENDING, "fail", CommStatus.FAILED),
        Transition(CommStatus.IN_PROGRESS, "fail", CommStatus.FAILED),
        Transition(CommStatus.PENDING, "time_out", CommStatus.TIMEOUT),
        Transition(CommStatus.IN_PROGRESS, "time_out", CommStatus.TIMEOUT),
        Transition(CommStatus.PENDING, "cancel", CommStatus.CANCELLED),
        Transition(CommStatus.IN_PROGRESS, "cancel", CommStatus.CANCELLED),
    ),
)
"""A collective or point-to-point operation; it can time out before it starts, while other ranks are waited for."""
