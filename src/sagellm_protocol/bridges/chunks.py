"""Streams of an engine's events as streams of OpenAI's chunks, and back, event by event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from sagellm_protocol.bridges.carrying import Bridge, OpenAIRequest
from sagellm_protocol.bridges.failures import error
from sagellm_protocol.bridges.from_responses import (
    CHAT_ID,
    COMPLETION_ID,
    chat_logprobs,
    completion_logprobs,
    finish_reason,
    model_of,
    usage_of,
)
from sagellm_protocol.bridges.to_responses import CHAT_TO_RESPONSE, COMPLETION_TO_RESPONSE
from sagellm_protocol.history.lossy import LossChoice
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.openai_types import (
    ChatCompletionStreamChoice,
    ChatCompletionStreamDelta,
    ChatCompletionStreamResponse,
    ChatCompletionUsage,
    CompletionChoice,
    CompletionResponse,
    CompletionUsage,
    OpenAIErrorResponse,
    unix_time_seconds,
)
from sagellm_protocol.streams.assembling.chunks import ChatAssembler, CompletionAssembler
from sagellm_protocol.streams.assembling.events import refuse_stranger
from sagellm_protocol.types import (
    Metrics,
    Response,
    StreamEvent,
    StreamEventDelta,
    StreamEventEnd,
    StreamEventStart,
)

C = TypeVar("C")


class _Chunks(ABC, Generic[C]):
    """Chunks of one stream of events. Not for several threads at once."""

    _prefix: str

    def __init__(
        self,
        request: OpenAIRequest | None = None,
        *,
        id: str | None = None,
        created: int | None = None,
        model: str | None = None,
        index: int = 0,
        include_usage: bool | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            request: what the client asked for, which says the model, and whether to tell the usage.
            id: identifies the completion; where it is not told, it begins as OpenAI's do, and ends with the id of the
                request.
            created: when it was created, in whole seconds since 1970-01-01T00:00Z; now, where it is not told.
            model: the model that answers, where it is not the one asked for.
            index: the place of the answer, where one completion is made of several streams.
            include_usage: whether a last chunk tells the usage; where it is not told, as the client asked.

        Raises:
            OptionError: nothing says which model it is.
        """
        if request is not None and include_usage is None:
            asked = request.stream_options
            include_usage = asked is not None and asked.include_usage is True
        model = model_of(model, request)
        if model is None:
            raise OptionError("nothing says which model answers: tell request or model")
        self._about: dict[str, Any] = {
            "id": id,
            "created": unix_time_seconds() if created is None else created,
            "model": model,
        }
        self._index = index
        self._include_usage = bool(include_usage)

    def add(self, event: StreamEvent) -> list[C | OpenAIErrorResponse]:
        """The chunks that an event becomes; of an end that tells an error, that in OpenAI's form.

        Raises:
            ValidationError: it is no event.
        """
        refuse_stranger(event)
        if self._about["id"] is None:
            self._about["id"] = self._prefix + event.request_id
        if isinstance(event, StreamEventStart):
            return list(self._start())
        if isinstance(event, StreamEventDelta):
            return list(self._delta(event))
        if event.error is not None:
            return [error(event.error).body]
        return list(self._end(event))

    @abstractmethod
    def _start(self) -> Iterator[C]: ...

    @abstractmethod
    def _delta(self, event: StreamEventDelta) -> Iterator[C]: ...

    @abstractmethod
    def _end(self, event: StreamEventEnd) -> Iterator[C]: ...

    def _usage(self, event: StreamEventEnd) -> dict[str, Any] | None:
        """What is billed for, where it is asked for, and was counted."""
        if not self._include_usage:
            return None
        return usage_of(event.prompt_tokens, event.cached_prompt_tokens, len(event.output_tokens))


class ChatChunks(_Chunks[ChatCompletionStreamResponse]):
    """The chunks of a chat: the role first, the text, the finish reason, and the usage where it is asked for."""

    _prefix = CHAT_ID

    def _start(self) -> Iterator[ChatCompletionStreamResponse]:
        yield self._chunk(ChatCompletionStreamDelta(role="assistant", content=""))

    def _delta(self, event: StreamEventDelta) -> Iterator[ChatCompletionStreamResponse]:
        if event.content or event.logprobs:
            yield self._chunk(ChatCompletionStreamDelta(content=event.content), logprobs=chat_logprobs(event.logprobs))

    def _end(self, event: StreamEventEnd) -> Iterator[ChatCompletionStreamResponse]:
        yield self._chunk(ChatCompletionStreamDelta(), finish_reason=finish_reason(event.finish_reason, event, {}))
        usage = self._usage(event)
        if usage is not None:
            yield ChatCompletionStreamResponse(**self._about, choices=(), usage=ChatCompletionUsage(**usage))

    def _chunk(self, delta: ChatCompletionStreamDelta, **fields: Any) -> ChatCompletionStreamResponse:
        choice = ChatCompletionStreamChoice(index=self._index, delta=delta, **fields)
        return ChatCompletionStreamResponse(**self._about, choices=(choice,))


class CompletionChunks(_Chunks[CompletionResponse]):
    """The chunks of a completion: the text, the finish reason, and the usage where it is asked for."""

    _prefix = COMPLETION_ID
    _offset = 0

    def _start(self) -> Iterator[CompletionResponse]:
        return iter(())

    def _delta(self, event: StreamEventDelta) -> Iterator[CompletionResponse]:
        if event.content or event.logprobs:
            yield self._chunk(event.content, None, logprobs=completion_logprobs(event.logprobs, self._offset))
        self._offset += len(event.content)

    def _end(self, event: StreamEventEnd) -> Iterator[CompletionResponse]:
        yield self._chunk("", finish_reason(event.finish_reason, event, {}))
        usage = self._usage(event)
        if usage is not None:
            yield CompletionResponse(**self._about, choices=(), usage=CompletionUsage(**usage))

    def _chunk(self, text: str, reason: Any, **fields: Any) -> CompletionResponse:
        choice = CompletionChoice(index=self._index, text=text, finish_reason=reason, **fields)
        return CompletionResponse(**self._about, choices=(choice,))


class _Events(ABC, Generic[C]):
    """Events of one stream of chunks, of its answer with index 0. Not for several threads at once."""

    _assembler: type[ChatAssembler] | type[CompletionAssembler]
    _bridge: Bridge[Response]
    _prefix: str

    def __init__(
        self,
        *,
        engine_id: str,
        request_id: str | None = None,
        trace_id: str | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            engine_id: identifies the engine that the chunks come from.
            request_id: the request that is answered; where it is not told, the id of the first chunk without what
                OpenAI's begin with.
            trace_id: its trace; where it is not told, the ``request_id``.
        """
        self._held: Any = self._assembler()
        self._about: dict[str, Any] = {"request_id": request_id, "trace_id": trace_id, "engine_id": engine_id}
        self._begun = False

    def add(self, chunk: C) -> list[StreamEvent]:
        """The events that a chunk becomes: the start, and what it adds to the text; ids of tokens are not told.

        Raises:
            StreamError: the chunk breaks a rule of such streams.
            ValidationError: it is no such chunk.
        """
        self._held.add(chunk)
        return list(self._told(chunk))

    def _told(self, chunk: Any) -> Iterator[StreamEvent]:
        if chunk.choices and not self._begun:
            self._begun = True
            about = self._about
            if about["request_id"] is None:
                about["request_id"] = chunk.id.removeprefix(self._prefix)
            if about["trace_id"] is None:
                about["trace_id"] = about["request_id"]
            yield StreamEventStart(**about)
        for choice in chunk.choices:
            text = self._text(choice)
            if choice.index == 0 and text:
                yield StreamEventDelta(**self._about, content=text, content_tokens=())

    def finish(self, *, metrics: Metrics | None = None, lossy: LossChoice = False) -> StreamEventEnd:
        """The end, of a stream that has stopped.

        Args:
            metrics: what it cost; as if nothing was measured, where they are not told.
            lossy: what the chunks said that events cannot, and may be left out, as with :func:`from_chat`.

        Raises:
            BrokenOffError: an answer is not finished, or that with index 0 was not begun.
            LossyBridgeError: naming each value that would be lost, and that ``lossy`` does not take.
            OptionError: ``lossy`` names what cannot be lost.
        """
        answer = self._held.finish()
        if answer.choices[0].index != 0:
            raise self._held.broken_off("no answer with index 0 was begun")
        response = self._bridge.carry(answer, {**self._about, "metrics": metrics}, lossy)
        return StreamEventEnd(
            **self._about,
            prompt_tokens=response.prompt_tokens,
            cached_prompt_tokens=response.cached_prompt_tokens,
            content=response.output_text,
            output_tokens=(),
            finish_reason=response.finish_reason,
            metrics=response.metrics,
        )

    @staticmethod
    @abstractmethod
    def _text(choice: Any) -> str | None: ...


class ChatEvents(_Events[ChatCompletionStreamResponse]):
    """The events of a stream of chat chunks."""

    _assembler = ChatAssembler
    _bridge = CHAT_TO_RESPONSE
    _prefix = CHAT_ID

    @staticmethod
    def _text(choice: ChatCompletionStreamChoice) -> str | None:
        return choice.delta.content


class CompletionEvents(_Events[CompletionResponse]):
    """The events of a stream of chunks of a completion."""

    _assembler = CompletionAssembler
    _bridge = COMPLETION_TO_RESPONSE
    _prefix = COMPLETION_ID

    @staticmethod
    def _text(choice: CompletionChoice) -> str | None:
        return choice.text
