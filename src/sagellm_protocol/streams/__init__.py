"""Streams: the bytes of events and of OpenAI's chunks, and whole answers made of them. Nothing here does I/O.

Every name here is loaded from its module on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagellm_protocol.streams.assembling.chunks import (
        ChatAssembler as ChatAssembler,
        CompletionAssembler as CompletionAssembler,
        assemble_chat as assemble_chat,
        assemble_chat_async as assemble_chat_async,
        assemble_completion as assemble_completion,
        assemble_completion_async as assemble_completion_async,
    )
    from sagellm_protocol.streams.assembling.events import (
        Assembler as Assembler,
        assemble as assemble,
        assemble_async as assemble_async,
    )
    from sagellm_protocol.streams.assembling.gathered import Partial as Partial
    from sagellm_protocol.streams.assembling.interleaved import Interleaved as Interleaved
    from sagellm_protocol.streams.assembling.rules import StreamState as StreamState
    from sagellm_protocol.streams.assembling.table import StreamRule as StreamRule
    from sagellm_protocol.streams.exceptions import (
        BrokenOffError as BrokenOffError,
        StreamError as StreamError,
    )
    from sagellm_protocol.streams.framing.damage import DamagedStreamError as DamagedStreamError
    from sagellm_protocol.streams.framing.decoding import (
        SSEDecoder as SSEDecoder,
        StreamDecoder as StreamDecoder,
        decoder as decoder,
    )
    from sagellm_protocol.streams.framing.encoding import StreamEncoder as StreamEncoder, encoder as encoder
    from sagellm_protocol.streams.framing.events import ServerSentEvent as ServerSentEvent
    from sagellm_protocol.streams.writing.deltas import (
        DeltaWriter as DeltaWriter,
        TextWriter as TextWriter,
        writer as writer,
    )
else:
    from sagellm_protocol import _lazy

    __getattr__, __dir__, __all__ = _lazy.attach(
        __name__,
        {
            "assembling.chunks": """
                ChatAssembler CompletionAssembler assemble_chat assemble_chat_async assemble_completion
                assemble_completion_async
            """,
            "assembling.events": "Assembler assemble assemble_async",
            "assembling.gathered": "Partial",
            "assembling.interleaved": "Interleaved",
            "assembling.rules": "StreamState",
            "assembling.table": "StreamRule",
            "exceptions": "BrokenOffError StreamError",
            "framing.damage": "DamagedStreamError",
            "framing.decoding": "SSEDecoder StreamDecoder decoder",
            "framing.encoding": "StreamEncoder encoder",
            "framing.events": "ServerSentEvent",
            "writing.deltas": "DeltaWriter TextWriter writer",
        },
    )
