"""Every bridge there is, and what a message loses on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagellm_protocol.bridges.carrying import Bridge
from sagellm_protocol.bridges.from_requests import REQUEST_TO_CHAT, REQUEST_TO_COMPLETION
from sagellm_protocol.bridges.from_responses import RESPONSE_TO_CHAT, RESPONSE_TO_COMPLETION
from sagellm_protocol.bridges.to_requests import CHAT_TO_REQUEST, COMPLETION_TO_REQUEST
from sagellm_protocol.bridges.to_responses import CHAT_TO_RESPONSE, COMPLETION_TO_RESPONSE
from sagellm_protocol.model.exceptions import Loss, OptionError
from sagellm_protocol.model.shortening import short

BRIDGES: Mapping[tuple[type, type], Bridge[Any]] = {
    (bridge.source, bridge.target): bridge
    for bridge in (
        CHAT_TO_REQUEST,
        COMPLETION_TO_REQUEST,
        REQUEST_TO_CHAT,
        REQUEST_TO_COMPLETION,
        RESPONSE_TO_CHAT,
        RESPONSE_TO_COMPLETION,
        CHAT_TO_RESPONSE,
        COMPLETION_TO_RESPONSE,
    )
}
"""Every bridge, by the class that it leads from and the one that it leads to."""


def losses(message: Any, to: type) -> tuple[Loss, ...]:
    """What a message says that another cannot, droppable values among it: those nobody there need know of.

    Args:
        message: a request or response, of OpenAI's or of an engine's.
        to: the class that it would become.

    Raises:
        OptionError: there is no bridge between the two.
    """
    bridge = BRIDGES.get((type(message), to))
    if bridge is None:
        raise OptionError(f"there is no bridge from {short(type(message))} to {short(to)}")
    return bridge.losses(message)
