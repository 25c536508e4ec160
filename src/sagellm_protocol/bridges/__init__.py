"""Bridges between OpenAI's messages and an engine's, both ways, by tables of fields. Nothing here does I/O."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.bridges.all import BRIDGES as BRIDGES, losses as losses
    from sagellm_protocol.bridges.carrying import (
        Bridge as Bridge,
        LossyBridgeError as LossyBridgeError,
        Row as Row,
    )
    from sagellm_protocol.bridges.chunks import (
        ChatChunks as ChatChunks,
        ChatEvents as ChatEvents,
        CompletionChunks as CompletionChunks,
        CompletionEvents as CompletionEvents,
    )
    from sagellm_protocol.bridges.failures import (
        Failure as Failure,
        error as error,
        error_from as error_from,
    )
    from sagellm_protocol.bridges.from_requests import from_request as from_request
    from sagellm_protocol.bridges.from_responses import to_chat as to_chat, to_completion as to_completion
    from sagellm_protocol.bridges.to_requests import to_request as to_request
    from sagellm_protocol.bridges.to_responses import from_chat as from_chat, from_completion as from_completion

else:
    from sagellm_protocol import _lazy

    __getattr__, __dir__, __all__ = _lazy.attach(
        __name__,
        {
            "all": "BRIDGES losses",
            "carrying": "Bridge LossyBridgeError Row",
            "chunks": "ChatChunks ChatEvents CompletionChunks CompletionEvents",
            "failures": "Failure error error_from",
            "from_requests": "from_request",
            "from_responses": "to_chat to_completion",
            "to_requests": "to_request",
            "to_responses": "from_chat from_completion",
        },
    )
