"""The models that a gateway serves."""

from collections.abc import Sequence
from typing import Literal

from sagellm_protocol.model import KEPT, JsonObject, field, message
from sagellm_protocol.model.units import WholeUnixTime
from sagellm_protocol.openai_types._clock import unix_time_seconds


@message(unknown="keep")
class ModelInfo:
    """One model that the gateway serves."""

    id: str
    """Name by which requests ask for the model."""
    object: Literal["model"] = "model"
    """Kind of object, as OpenAI clients expect it."""
    created: WholeUnixTime = field(factory=unix_time_seconds)
    """When the model was made available, in whole seconds since 1970-01-01T00:00Z; now where not given."""
    owned_by: str = "sagellm"
    """Who provides the model."""
    shutdown_date: str | None = None
    """Day from which on the model is served no longer, as ISO 8601 has it; None where there is none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ModelListResponse:
    """Answer to ``GET /v1/models``; sent by the gateway to the client."""

    object: Literal["list"] = "list"
    """Kind of object, as OpenAI clients expect it."""
    data: Sequence[ModelInfo]
    """All models that may be asked for."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
