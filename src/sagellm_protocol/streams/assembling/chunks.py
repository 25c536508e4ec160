"""Streams of OpenAI's chunks put together to the response that would have been sent in their place."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from sagellm_protocol.model.exceptions import stranger
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.openai_types import (
    ChatCompletionResponse,
    ChatCompletionStreamResponse,
    CompletionResponse,
)
from sagellm_protocol.streams.assembling.answers import ChatAnswer, Continuation
from sagellm_protocol.streams.assembling.chunk_rules import ANSWERS, CHUNKS, CONTINUATIONS, kind_of, step_of
from sagellm_protocol.streams.assembling.kept import HELD, Kept
from sagellm_protocol.streams.assembling.room import MOST_HELD, Room
from sagellm_protocol.streams.assembling.rules import StreamState
from sagellm_protocol.streams.assembling.sources import gather, gather_async
from sagellm_protocol.streams.assembling.table import StreamTable
from sagellm_protocol.streams.exceptions import BrokenOffError

C = TypeVar("C")
R = TypeVar("R")

Answer: TypeAlias = "ChatAnswer | Continuation"
Part: TypeAlias = "tuple[Answer, Any, StreamState]"
"""An answer, what a chunk adds to it, and the state that follows."""

_MADE = ("id", "object", "created", "model", "choices")
"""Fields of a response that are those of the first chunk, or made of all."""


@attrs.define
class Chunks(Generic[C, R]):
    """What has come of a stream of chunks so far."""

    room: Room
    answer: type[ChatAnswer] | type[Continuation]
    response: type[R]
    first: Any = None
    """The first chunk that has choices; None before it came."""
    answers: dict[int, Answer] = attrs.field(factory=dict)
    told: dict[str, Any] = attrs.field(factory=dict)
    """Values of the fields that the last chunk decides on."""
    kept: Kept = attrs.field(factory=Kept)

    @property
    def all_finished(self) -> bool:
        """Whether every answer that was begun is finished."""
        return all(answer.state is StreamState.ENDED for answer in self.answers.values())

    def size_of(self, chunk: Any) -> int:
        """What a chunk adds to what is held."""
        size = self.kept.growth(chunk.extra)
        for choice in chunk.choices:
            known = self.answers.get(choice.index)
            size += HELD + self.answer(choice.index).size_of(choice) if known is None else known.size_of(choice)
        return size if self.first is not None else size + len(chunk.id) + len(chunk.model)


def _told_last(chunk: type, response: type) -> tuple[str, ...]:
    """The other fields of a response that chunks have as well: the last that says one decides on it."""
    known = spec_of(chunk).names.difference(_MADE)
    return tuple(field.argument for field in spec_of(response).fields if field.name in known)


class _ChunkAssembler(Generic[C, R]):
    """Puts one stream of chunks together. Not for several threads at once.

    A chunk that breaks a rule is not taken: all stays as it was. Nothing says how many answers there are to be, and
    the chunk that tells the usage is sent on request only: so no chunk is known to be the last, and :meth:`finish` says
    that the stream has stopped.
    """

    _chunk: type[C]
    _response: type[R]
    _answer: type[ChatAnswer] | type[Continuation]
    _table: StreamTable[StreamState]

    def __init__(self, *, limit: int = MOST_HELD) -> None:
        """Begin with nothing.

        Args:
            limit: how many characters and tokens may be held.

        Raises:
            OptionError: the limit is no whole number above 0.
        """
        self._held: Chunks[C, R] = Chunks(Room(limit), self._answer, self._response)
        self._last = _told_last(self._chunk, self._response)
        self._state = CHUNKS.initial
        self._index = 0
        self._taken = 0

    @property
    def state(self) -> StreamState:
        """How far the stream has come; it ends with the chunk that tells the usage alone, where that was asked for."""
        return self._state

    @property
    def partial(self) -> R | None:
        """The response as far as it has come; None where nothing of any answer has.

        An answer that is not finished has the ``finish_reason`` None.
        """
        held = self._held
        if held.first is None:
            return None
        fields: dict[str, Any] = {
            "id": held.first.id,
            "created": held.first.created,
            "model": held.first.model,
            "choices": [held.answers[index].choice() for index in sorted(held.answers)],
            **held.kept.told(self._response, self._chunk),
        }
        return self._response(**fields, **held.told)

    def add(self, chunk: C) -> None:
        """Take the next chunk.

        Raises:
            StreamError: the chunk breaks a rule.
            ValidationError: it is no such chunk.
        """
        if not isinstance(chunk, self._chunk):
            raise stranger(spec_of(self._chunk).name, self._chunk.__name__, chunk)
        found: Any = chunk
        index, held = self._index, self._held
        self._index += 1
        name = None if held.first is None else held.first.id
        step = CHUNKS.by_state[self._state][kind_of(chunk)]
        for rule in step.rules:
            if not rule.holds(held, chunk):
                raise rule.broken(chunk, index=index, request_id=name)
        parts: list[Part] = []
        for place, choice in enumerate(found.choices):
            answer = held.answers.get(choice.index) or self._answer(choice.index)
            follows = self._table.by_state[answer.state][step_of(choice)]
            for rule in follows.rules:
                if not rule.holds(answer, choice):
                    raise rule.broken(chunk, index=index, request_id=name, part=choice, at=f"choices[{place}]")
            parts.append((answer, choice, follows.to))
        self._take(chunk, step.to, parts)

    def _take(self, chunk: Any, state: StreamState, parts: Iterable[Part]) -> None:
        held = self._held
        held.room.used += held.size_of(chunk)
        self._state = state
        self._taken += 1
        if held.first is None and chunk.choices:
            held.first = chunk
        for answer, choice, follows in parts:
            held.answers[choice.index] = answer
            answer.state = follows
            answer.take(choice)
        held.kept.take(chunk.extra)
        for field in self._last:
            value = getattr(chunk, field)
            if value is not None:
                held.told[field] = value

    def finish(self) -> R:
        """The whole response, of a stream that has stopped.

        Raises:
            BrokenOffError: an answer is not finished, or none was begun.
        """
        partial = self.partial
        if partial is None:
            raise self.broken_off("no answer was begun")
        open_ones = [
            str(index) for index, answer in self._held.answers.items() if answer.state is not StreamState.ENDED
        ]
        if open_ones:
            raise self.broken_off(f"of its answers these were not finished: {', '.join(open_ones[:10])}")
        return partial

    def broken_off(self, reason: str) -> BrokenOffError:
        """The error that says why nothing more comes, with what did."""
        first = self._held.first
        return BrokenOffError(
            reason, index=self._taken, request_id=None if first is None else first.id, partial=self.partial
        )


class ChatAssembler(_ChunkAssembler[ChatCompletionStreamResponse, ChatCompletionResponse]):
    """Puts one stream of chat chunks together."""

    _chunk = ChatCompletionStreamResponse
    _response = ChatCompletionResponse
    _answer = ChatAnswer
    _table = ANSWERS


class CompletionAssembler(_ChunkAssembler[CompletionResponse, CompletionResponse]):
    """Puts one stream of chunks of a completion together."""

    _chunk = CompletionResponse
    _response = CompletionResponse
    _answer = Continuation
    _table = CONTINUATIONS


def assemble_chat(chunks: Iterable[ChatCompletionStreamResponse], *, limit: int = MOST_HELD) -> ChatCompletionResponse:
    """The whole response of a stream of chat chunks, which is read to its last.

    Args:
        chunks: the stream.
        limit: how many characters and tokens may be held.

    Raises:
        BrokenOffError: it stops before every answer is finished, or its source fails.
        StreamError: a chunk breaks a rule.
        ValidationError: something in it is no such chunk.
        OptionError: the limit is no whole number above 0.
    """
    return gather(ChatAssembler(limit=limit), chunks)


async def assemble_chat_async(
    chunks: AsyncIterable[ChatCompletionStreamResponse], *, limit: int = MOST_HELD
) -> ChatCompletionResponse:
    """As :func:`assemble_chat`, of a stream that is waited for."""
    return await gather_async(ChatAssembler(limit=limit), chunks)


def assemble_completion(chunks: Iterable[CompletionResponse], *, limit: int = MOST_HELD) -> CompletionResponse:
    """As :func:`assemble_chat`, of a stream of chunks of a completion."""
    return gather(CompletionAssembler(limit=limit), chunks)


async def assemble_completion_async(
    chunks: AsyncIterable[CompletionResponse], *, limit: int = MOST_HELD
) -> CompletionResponse:
    """As :func:`assemble_completion`, of a stream that is waited for."""
    return await gather_async(CompletionAssembler(limit=limit), chunks)
