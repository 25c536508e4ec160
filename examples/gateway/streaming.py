"""The bytes of answers that are told as they come: an engine's events in, server-sent events of OpenAI's out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gateway.tools import CallReader, delta_of
from sagellm_protocol import (
    ChatCompletionStreamDelta,
    ChatCompletionStreamResponse,
    StreamEvent,
    StreamEventDelta,
    evolve,
    streams,
)

ENCODE = streams.encoder("sse", omit_nulls=True, done=True)


@attrs.define
class Writer:
    """Writes one answer."""

    chunks: Any
    """Makes the chunks of events: ``bridges.ChatChunks`` or ``bridges.CompletionChunks``."""
    calls: CallReader | None = None
    """Reads calls out of the text; None where there are no tools to call."""
    usage: Any = None
    """The chunk that tells what it took, once it has come: it is told after all answers."""
    _delta: Callable[[str], bytes] | None = None
    """Writes chunks that differ in their text alone."""

    def write(self, event: StreamEvent) -> bytes:
        """The bytes that one event adds."""
        if isinstance(event, StreamEventDelta) and event.logprobs is None and self.calls is None and event.content:
            write = self._delta
            if write is None:
                write = self._delta = streams.writer(self.chunks.add(event)[0], "sse", omit_nulls=True).delta
            return write(event.content)
        return b"".join(map(ENCODE, self._made(event)))

    def _made(self, event: StreamEvent) -> Iterator[Any]:
        for chunk in self.chunks.add(event):
            if not chunk.choices:
                self.usage = chunk
            elif self.calls is None:
                yield chunk
            else:
                yield from self._apart(chunk, self.calls)

    def _apart(self, chunk: ChatCompletionStreamResponse, calls: CallReader) -> Iterator[ChatCompletionStreamResponse]:
        choice = chunk.choices[0]
        ended, said = choice.finish_reason is not None, choice.delta
        pieces = list(calls.feed(said.content or ""))
        if ended and (rest := calls.finish()):
            pieces.append(rest)
        for piece in pieces:
            delta = ChatCompletionStreamDelta(content=piece) if isinstance(piece, str) else delta_of(piece)
            yield evolve(chunk, choices=[evolve(choice, delta=delta, finish_reason=None)])
            choice = evolve(choice, logprobs=None)
        if ended:
            reason = "tool_calls" if calls.calls and choice.finish_reason == "stop" else choice.finish_reason
            yield evolve(chunk, choices=[evolve(choice, delta=ChatCompletionStreamDelta(), finish_reason=reason)])
        elif said.role is not None or choice.logprobs is not None:
            yield evolve(chunk, choices=[evolve(choice, delta=evolve(said, content=""))])
