"""What changes from one message of a stream to the next, as a table."""

from __future__ import annotations

from typing import Any

import attrs

from sagellm_protocol.model import evolve
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.openai_types import ChatCompletionStreamResponse, CompletionResponse
from sagellm_protocol.types import StreamEventDelta


@attrs.frozen
class Places:
    """Where a message holds what changes."""

    text: str
    """The field of the text."""
    tokens: str | None = None
    """The field of the token ids, beside it; None where there is none."""
    way: tuple[str, ...] = ()
    """The fields on the way to the message that has them; of a sequence among them its only item."""


PLACES: dict[type, Places] = {
    StreamEventDelta: Places("content", tokens="content_tokens"),
    ChatCompletionStreamResponse: Places("content", way=("choices", "delta")),
    CompletionResponse: Places("text", way=("choices",)),
}


def places_in(message: Any) -> Places:
    """Where a message holds what changes.

    Raises:
        OptionError: of such messages no writer is made, or it has several answers.
    """
    places = PLACES.get(type(message))
    if places is None:
        known = ", ".join(cls.__name__ for cls in PLACES)
        raise OptionError(f"first must be one of {known}, got {short(message)}")
    held = message
    for name in places.way:
        held = getattr(held, name)
        if isinstance(held, tuple):
            if len(held) != 1:
                raise OptionError(f"first must have one of {name}, as each has a writer of its own, got {len(held)}")
            held = held[0]
    return places


def put(message: Any, way: tuple[str, ...], changes: dict[str, Any]) -> Any:
    """The message with other values in the message that is found on a way.

    Raises:
        ValidationError: a value does not belong there.
    """
    if not way:
        return evolve(message, **changes)
    name, *rest = way
    held = getattr(message, name)
    if isinstance(held, tuple):
        return evolve(message, **{name: tuple(put(item, tuple(rest), changes) for item in held)})
    return evolve(message, **{name: put(held, tuple(rest), changes)})
