"""When a request passed through each stage of its life."""

from sagellm_protocol.model import message
from sagellm_protocol.model.units import AnyUnixTime


@message
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
