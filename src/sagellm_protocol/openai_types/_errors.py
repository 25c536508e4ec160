"""Failures, as OpenAI clients turn them into their exceptions."""

from sagellm_protocol.model import KEPT, JsonObject, message


@message(unknown="keep")
class OpenAIError:
    """One failure, in the form that OpenAI clients turn into their exceptions."""

    message: str
    """What happened, for people."""
    type: str
    """Class of failure, such as "invalid_request_error" or "server_error"."""
    param: str | None = None
    """Name of the request field at fault; None where it is no single field."""
    code: str | None = None
    """Finer code of the failure, such as "model_not_found"; None where there is none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class OpenAIErrorResponse:
    """Body of every answer with an HTTP status of 400 or above; sent by the gateway to the client."""

    error: OpenAIError
    """What went wrong."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
