"""When a request passed through each stage of its life."""

from sagellm_protocol.model import message, rule
from sagellm_protocol.model.units import AnyUnixTime


@message(
    rules=(
        rule(
            "scheduled-after-queued",
            ("scheduled_at", "queued_at"),
            "no earlier than queued_at",
            lambda it: it.scheduled_at >= it.queued_at,
            why="What is scheduled waits in the queue.",
        ),
        rule(
            "executed-after-scheduled",
            ("executed_at", "scheduled_at"),
            "no earlier than scheduled_at",
            lambda it: it.executed_at >= it.scheduled_at,
            why="The model computes what is in a batch.",
        ),
        rule(
            "completed-after-executed",
            ("completed_at", "executed_at"),
            "no earlier than executed_at",
            lambda it: it.completed_at >= it.executed_at,
            why="What is completed has begun.",
        ),
    )
)
class Timestamps:
    """The four moments of a request's life, by the engine's wall clock; part of ``Metrics``.

    Each is expected to be no earlier than the one before, which is not checked: clocks of different hosts may differ.
    Differences give the waiting time (``scheduled_at - queued_at``) and the service time.
    """

    queued_at: AnyUnixTime
    """When the request entered the waiting queue, in seconds since 1970-01-01T00:00Z."""
    scheduled_at: AnyUnixTime
    """When the scheduler picked it for a batch, in seconds since 1970-01-01T00:00Z."""
    executed_at: AnyUnixTime
    """When the model began to compute it (start of prefill), in seconds since 1970-01-01T00:00Z."""
    completed_at: AnyUnixTime
    """When its last output token was ready or it failed, in seconds since 1970-01-01T00:00Z."""

    @property
    def queue_s(self) -> float:
        """Seconds from the waiting queue to the scheduler's pick. Below 0 where clocks differ, as are the others."""
        return self.scheduled_at - self.queued_at

    @property
    def service_s(self) -> float:
        """Seconds from the scheduler's pick to the last token."""
        return self.completed_at - self.scheduled_at

    @property
    def total_s(self) -> float:
        """Seconds from the waiting queue to the last token."""
        return self.completed_at - self.queued_at
