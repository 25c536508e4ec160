"""Self-describing records: a payload with the name of its message and the revision it is written in."""

from __future__ import annotations

from typing import Any

from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError, Violation

PROTOCOL, MESSAGE, PAYLOAD = "protocol", "message", "payload"
"""The fields of an envelope: the revision, the message's full name, the payload."""


def wrap(payload: Any, message: str, revision: str) -> dict[str, Any]:
    """A payload of a message, written in a revision, as a self-describing record."""
    return {PROTOCOL: revision, MESSAGE: message, PAYLOAD: payload}


def is_envelope(payload: Any) -> bool:
    """Whether a parsed payload is an envelope. No message has these three fields and no others."""
    return isinstance(payload, dict) and payload.keys() == {PROTOCOL, MESSAGE, PAYLOAD}


def unwrap(payload: Any, history: History = HISTORY) -> tuple[str, str, Any]:
    """The full name that the message has today, its revision and its payload.

    Raises:
        ValidationError: it is no envelope.
        UnsupportedRevisionError: the revision is unknown, newer than this library for example, or has no such message.
    """
    if not is_envelope(payload):
        rule = f"an envelope of {PROTOCOL!r}, {MESSAGE!r} and {PAYLOAD!r}"
        raise ValidationError("envelope", [Violation("", rule, payload)])
    texts = [
        Violation(name, "str", payload[name]) for name in (PROTOCOL, MESSAGE) if not isinstance(payload[name], str)
    ]
    if texts:
        raise ValidationError("envelope", texts)
    release = payload[PROTOCOL]
    try:
        if release not in history.releases:
            raise UnsupportedRevisionError(
                f"the record is written in revision {release!r}; known are {history.revisions[0]} to {history.latest}"
            )
        cls = history.spec(payload[MESSAGE], release).cls
        return history.catalog.name(cls), history.resolve(release), payload[PAYLOAD]
    except UnsupportedRevisionError as error:
        error.fault = "remote"  # It is the record that asks for it.
        raise
