"""The lifecycle of a request in the scheduler."""

from __future__ import annotations

from sagellm_protocol.kv.enums import SchedulerState
from sagellm_protocol.lifecycle.table import Lifecycle, Transition

_ON_THE_WAY = (
    SchedulerState.QUEUED,
    SchedulerState.SCHEDULED,
    SchedulerState.DISPATCHED,
    SchedulerState.EXECUTING,
)

SCHEDULED_REQUEST = Lifecycle(
    SchedulerState,
    SchedulerState.QUEUED,
    (
        Transition(SchedulerState.QUEUED, "schedule", SchedulerState.SCHEDULED),
        Transition(SchedulerState.SCHEDULED, "dispatch", SchedulerState.DISPATCHED),
        Transition(SchedulerState.DISPATCHED, "execute", SchedulerState.EXECUTING),
        Transition(SchedulerState.EXECUTING, "complete", SchedulerState.COMPLETED),
        # Preempted for want of KV cache, dropped from its plan, or lost with its worker: it waits again.
        *(Transition(state, "requeue", SchedulerState.QUEUED) for state in _ON_THE_WAY[1:]),
        *(Transition(state, "fail", SchedulerState.FAILED) for state in _ON_THE_WAY),
        *(Transition(state, "cancel", SchedulerState.CANCELLED) for state in _ON_THE_WAY),
    ),
)
"""A request on its way through the scheduler, as ``SchedulerRequest.state`` tells."""
