"""One answer in a stream of chunks, as far as it has come: a turn of a chat, or a continuation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any, TypeVar

import attrs

from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.openai_types import (
    ChatAudio,
    ChatCompletionChoice,
    ChatCompletionStreamChoice,
    ChatCompletionStreamDelta,
    ChatFunctionCall,
    ChatFunctionCallDelta,
    ChatFunctionToolCall,
    ChatLogprobs,
    ChatMessage,
    ChatTokenLogprob,
    ChatToolCallDelta,
    CompletionChoice,
    CompletionLogprobs,
)
from sagellm_protocol.streams.assembling.audio import joined
from sagellm_protocol.streams.assembling.kept import HELD, Growing, Kept, size_of
from sagellm_protocol.streams.assembling.rules import StreamState

L = TypeVar("L")


@attrs.define
class Call:
    """One tool call."""

    id: str
    name: str
    arguments: StringIO = attrs.field(factory=StringIO)
    kept: Growing = attrs.field(factory=Growing)
    function_kept: Growing = attrs.field(factory=Growing)

    def take(self, function: ChatFunctionCallDelta | None) -> None:
        """Take what a chunk adds to its function."""
        if function is not None:
            self.arguments.write(function.arguments or "")
            self.function_kept.take(function.extra)


@attrs.define
class Audio:
    """A spoken answer."""

    id: str
    fragments: list[str] = attrs.field(factory=list)
    transcript: StringIO | None = None
    expires_at: int | None = None
    kept: Growing = attrs.field(factory=Growing)


@attrs.define
class ChatAnswer:
    """One answer of a chat."""

    index: int
    state: StreamState = StreamState.WAITING
    finish_reason: Any = None
    content: StringIO | None = None
    refusal: StringIO | None = None
    calls: dict[int, Call] = attrs.field(factory=dict)
    function: Call | None = None
    audio: Audio | None = None
    logprobs: dict[str, list[ChatTokenLogprob]] = attrs.field(factory=dict)
    logprobs_kept: Kept = attrs.field(factory=Kept)
    delta_kept: Growing = attrs.field(factory=Growing)
    kept: Kept = attrs.field(factory=Kept)

    def size_of(self, choice: ChatCompletionStreamChoice) -> int:
        """What a chunk's part of it adds to what is held."""
        delta = choice.delta
        texts: list[str | None] = [delta.content, delta.refusal]
        held = self.delta_kept.growth(delta.extra) + self.kept.growth(choice.extra)
        for fragment in delta.tool_calls or ():
            held += HELD + size_of(fragment.extra)
            held += 0 if fragment.function is None else size_of(fragment.function.extra)
            texts += [fragment.id, name_in(fragment), _arguments_in(fragment)]
        if delta.function_call is not None:
            texts += [delta.function_call.name, delta.function_call.arguments]
            held += size_of(delta.function_call.extra)
        if delta.audio is not None:
            texts += [delta.audio.data, delta.audio.transcript]
            held += size_of(delta.audio.extra)
        if choice.logprobs is not None:
            held += size_of(choice.logprobs.extra)
            for found in (choice.logprobs.content, choice.logprobs.refusal):
                held += sum(1 + len(each.top_logprobs) for each in found or ())
        return held + sum(map(len, filter(None, texts)))

    def take(self, choice: ChatCompletionStreamChoice) -> None:
        """Take a chunk's part of it, which keeps the rules."""
        delta = choice.delta
        self.finish_reason = choice.finish_reason
        self.kept.take(choice.extra)
        self.delta_kept.take(delta.extra)
        self.content = _appended(self.content, delta.content)
        self.refusal = _appended(self.refusal, delta.refusal)
        for fragment in delta.tool_calls or ():
            if fragment.index not in self.calls:
                self.calls[fragment.index] = Call(fragment.id or "", name_in(fragment) or "")
            self.calls[fragment.index].kept.take(fragment.extra)
            self.calls[fragment.index].take(fragment.function)
        if delta.function_call is not None:
            if self.function is None:
                self.function = Call("", delta.function_call.name or "")
            self.function.take(delta.function_call)
        if delta.audio is not None:
            self._take_audio(delta.audio)
        if choice.logprobs is not None:
            self.logprobs_kept.take(choice.logprobs.extra)
            _extend(self.logprobs, choice.logprobs)

    def _take_audio(self, added: Any) -> None:
        if self.audio is None:
            self.audio = Audio(added.id)
        if added.data is not None:
            self.audio.fragments.append(added.data)
        self.audio.transcript = _appended(self.audio.transcript, added.transcript)
        if added.expires_at is not None:
            self.audio.expires_at = added.expires_at
        self.audio.kept.take(added.extra)

    def choice(self) -> ChatCompletionChoice:
        """The answer as it stands in a response."""
        calls = [self.calls[index] for index in sorted(self.calls)]
        content, refusal = _text(self.content), _text(self.refusal)
        says_otherwise = calls or self.function or self.audio or refusal
        return ChatCompletionChoice(
            index=self.index,
            message=ChatMessage(
                role="assistant",
                content=content or (None if says_otherwise else ""),
                refusal=refusal,
                tool_calls=[_tool_call(call) for call in calls] or None,
                function_call=None if self.function is None else _called(self.function),
                audio=None if self.audio is None else _spoken(self.audio),
                **self.delta_kept.told(ChatMessage, ChatCompletionStreamDelta),
            ),
            finish_reason=self.finish_reason,
            logprobs=_logprobs(ChatLogprobs, self.logprobs, self.logprobs_kept),
            **self.kept.told(ChatCompletionChoice, ChatCompletionStreamChoice),
        )


@attrs.define
class Continuation:
    """One continuation of a text."""

    index: int
    state: StreamState = StreamState.WAITING
    finish_reason: Any = None
    text: StringIO = attrs.field(factory=StringIO)
    logprobs: dict[str, list[Any]] = attrs.field(factory=dict)
    logprobs_kept: Kept = attrs.field(factory=Kept)
    kept: Kept = attrs.field(factory=Kept)

    def size_of(self, choice: CompletionChoice) -> int:
        """What a chunk's part of it adds to what is held."""
        told = choice.logprobs
        held = len(choice.text) + self.kept.growth(choice.extra)
        if told is None:
            return held
        tops = sum(len(top or ()) for top in told.top_logprobs or ())
        return held + len(told.tokens or ()) + tops + size_of(told.extra)

    def take(self, choice: CompletionChoice) -> None:
        """Take a chunk's part of it, which keeps the rules."""
        self.finish_reason = choice.finish_reason
        self.text.write(choice.text)
        self.kept.take(choice.extra)
        if choice.logprobs is None:
            return
        self.logprobs_kept.take(choice.logprobs.extra)
        _extend(self.logprobs, choice.logprobs)

    def choice(self) -> CompletionChoice:
        """The continuation as it stands in a response."""
        return CompletionChoice(
            index=self.index,
            text=self.text.getvalue(),
            finish_reason=self.finish_reason,
            logprobs=_logprobs(CompletionLogprobs, self.logprobs, self.logprobs_kept),
            **self.kept.told(CompletionChoice),
        )


def name_in(fragment: ChatToolCallDelta) -> str | None:
    """The name that a fragment of a call gives."""
    return None if fragment.function is None else fragment.function.name


def _arguments_in(fragment: ChatToolCallDelta) -> str | None:
    return None if fragment.function is None else fragment.function.arguments


def _logprobs(kind: Callable[..., L], told: Mapping[str, Any], kept: Kept) -> L | None:
    return kind(**told, extra=kept.values) if told or kept.values else None


def _extend(held: dict[str, list[Any]], told: ChatLogprobs | CompletionLogprobs) -> None:
    """Take the log-probabilities of a chunk's tokens, whose fields are lists, or None."""
    for field in spec_of(type(told)).fields:
        added: Sequence[Any] | None = getattr(told, field.argument)
        if added is not None:
            held.setdefault(field.argument, []).extend(added)


def _appended(held: StringIO | None, added: str | None) -> StringIO | None:
    if added is None:
        return held
    held = StringIO() if held is None else held
    held.write(added)
    return held


def _text(held: StringIO | None) -> str | None:
    return None if held is None else held.getvalue()


def _called(call: Call) -> ChatFunctionCall:
    kept = call.function_kept.told(ChatFunctionCall)
    return ChatFunctionCall(name=call.name, arguments=call.arguments.getvalue(), **kept)


def _tool_call(call: Call) -> ChatFunctionToolCall:
    return ChatFunctionToolCall(id=call.id, function=_called(call), **call.kept.told(ChatFunctionToolCall))


def _spoken(audio: Audio) -> ChatAudio:
    return ChatAudio(
        id=audio.id,
        data=joined(audio.fragments) if audio.fragments else None,
        expires_at=audio.expires_at,
        transcript=_text(audio.transcript),
        **audio.kept.told(ChatAudio),
    )
