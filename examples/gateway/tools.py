"""Calls of tools, read out of the text in which models write them, for clients that want them apart from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import attrs

from sagellm_protocol import ChatCompletionStreamDelta, ChatMessage
from sagellm_protocol.openai_types import (
    ChatFunctionCall,
    ChatFunctionCallDelta,
    ChatFunctionToolCall,
    ChatToolCallDelta,
)

BEGIN, END = "<tool_call>", "</tool_call>"


@attrs.define
class CallReader:
    """Takes the text of an answer as it comes, and gives its text and its calls one after the other.

    What may be the beginning of a call is kept back until it is known; what only looks like one is text.
    """

    calls: int = 0
    """So many were given."""
    _held: str = ""

    def feed(self, text: str) -> Iterator[str | tuple[int, ChatFunctionCall]]:
        """What is certain with this text; calls with their numbers."""
        self._held += text
        while BEGIN in self._held:
            before, _, rest = self._held.partition(BEGIN)
            written, end, after = rest.partition(END)
            if before:
                yield before
            if not end:
                self._held = BEGIN + rest
                return
            self._held = after
            call = _call(written)
            self.calls += call is not None
            yield f"{BEGIN}{written}{END}" if call is None else (self.calls - 1, call)
        sizes = range(min(len(BEGIN) - 1, len(self._held)), 0, -1)
        certain = len(self._held) - next((size for size in sizes if self._held.endswith(BEGIN[:size])), 0)
        text, self._held = self._held[:certain], self._held[certain:]
        if text:
            yield text

    def finish(self) -> str:
        """What was kept back and is no call, as the text has ended."""
        text, self._held = self._held, ""
        return text


def _call(written: str) -> ChatFunctionCall | None:
    try:
        call = json.loads(written)
        return ChatFunctionCall(name=call["name"], arguments=json.dumps(call["arguments"]))
    except (ValueError, TypeError, KeyError):
        return None


def read(text: str) -> ChatMessage:
    """The assistant's turn that a whole text is."""
    reader = CallReader()
    found = [*reader.feed(text), reader.finish()]
    calls = [ChatFunctionToolCall(id=new_id(), function=it[1]) for it in found if not isinstance(it, str)]
    said = "".join(it for it in found if isinstance(it, str))
    if not calls:
        return ChatMessage(role="assistant", content=said)
    return ChatMessage(role="assistant", content=said.strip() or None, tool_calls=calls)


def delta_of(piece: tuple[int, ChatFunctionCall]) -> ChatCompletionStreamDelta:
    """A call as what a chunk adds."""
    index, call = piece
    function = ChatFunctionCallDelta(name=call.name, arguments=call.arguments)
    return ChatCompletionStreamDelta(
        tool_calls=[ChatToolCallDelta(index=index, id=new_id(), type="function", function=function)]
    )


def new_id() -> str:
    """An id for a call."""
    return f"call-{uuid4().hex}"
