"""The rules of OpenAI's chunks: :data:`CHUNKS` of a stream as a whole, :data:`ANSWERS` of each answer in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from sagellm_protocol.openai_types import ChatCompletionStreamDelta, ChatMessage
from sagellm_protocol.streams.assembling.answers import ChatAnswer, name_in
from sagellm_protocol.streams.assembling.audio import is_base64
from sagellm_protocol.streams.assembling.kept import fits
from sagellm_protocol.streams.assembling.rules import StreamState
from sagellm_protocol.streams.assembling.table import Step, StreamRule, StreamTable, same_as, within_the_limit

if TYPE_CHECKING:
    from sagellm_protocol.openai_types import ChatCompletionStreamChoice, ChatToolCallDelta

_WAITING, _OPEN, _ENDED = StreamState.WAITING, StreamState.OPEN, StreamState.ENDED


# Of a stream as a whole


def kind_of(chunk: Any) -> str:
    """The event that a chunk is."""
    if chunk.choices:
        return "choices"
    return "nothing" if chunk.usage is None else "usage"


_SAME = tuple(
    same_as("first", "the first chunk", field, name, why)
    for field, name, why in (
        ("id", "same-completion", "All chunks of a stream are of one completion."),
        ("model", "same-model", "One model answers."),
    )
)
ONE_OF_EACH_INDEX = StreamRule(
    "one-of-each-index",
    "must be of different index each",
    "A chunk adds to an answer once.",
    lambda _, chunk: len({choice.index for choice in chunk.choices}) == len(chunk.choices),
    "choices",
)
CHOICES_FIRST = StreamRule(
    "choices-first", "usage must follow the answers", "It counts what they are made of.", field="usage"
)
ALL_FINISHED = StreamRule(
    "all-finished",
    "the chunk that tells the usage alone must come when every answer is finished",
    "It counts what they are made of.",
    lambda held, _: held.all_finished,
    "usage",
)
NOTHING_AFTER_THE_USAGE = StreamRule(
    "nothing-after-the-usage",
    "nothing may follow the chunk that tells the usage alone",
    "It is the last of all, and it was taken.",
)
_BESIDE = "what stands beside the fields must be of the answer's type, where that has a field of the name"
_CARRIED = "It is carried over into that field."
ABOUT_FITS = StreamRule(
    "beside-the-fields",
    _BESIDE,
    _CARRIED,
    lambda held, chunk: fits(chunk.extra, held.response, type(chunk)),
    "extra",
)


def _room_for(held: Any, chunk: Any) -> bool:
    return bool(held.room.has(held.size_of(chunk)))


CHUNKS_WITHIN_THE_LIMIT = within_the_limit(_room_for)

_ROOM = (ABOUT_FITS, CHUNKS_WITHIN_THE_LIMIT)

CHUNKS = StreamTable(
    StreamState,
    _WAITING,
    (
        Step(_WAITING, "choices", _OPEN, (ONE_OF_EACH_INDEX, *_ROOM)),
        Step(_WAITING, "usage", _WAITING, (CHOICES_FIRST,)),
        Step(_WAITING, "nothing", _WAITING, _ROOM),
        Step(_OPEN, "choices", _OPEN, (*_SAME, ONE_OF_EACH_INDEX, *_ROOM)),
        Step(_OPEN, "usage", _ENDED, (*_SAME, ALL_FINISHED, *_ROOM)),
        Step(_OPEN, "nothing", _OPEN, _ROOM),
        Step(_ENDED, "choices", _ENDED, (NOTHING_AFTER_THE_USAGE,)),
        Step(_ENDED, "usage", _ENDED, (NOTHING_AFTER_THE_USAGE,)),
        Step(_ENDED, "nothing", _ENDED, _ROOM),
    ),
)
"""Streams of ``ChatCompletionStreamResponse``, and of ``CompletionResponse``."""


# Of one answer


Begun: TypeAlias = "tuple[str | None, str | None]"
"""The id and the name of a call."""


def step_of(choice: Any) -> str:
    """The event that a chunk's part of one answer is."""
    return "delta" if choice.finish_reason is None else "finish"


def _calls(held: ChatAnswer, choice: ChatCompletionStreamChoice) -> Iterator[tuple[ChatToolCallDelta, Begun | None]]:
    """Each fragment of a call, and the id and name that its call has; None where it is its first."""
    known: dict[int, Begun] = {index: (call.id, call.name) for index, call in held.calls.items()}
    for fragment in choice.delta.tool_calls or ():
        yield fragment, known.get(fragment.index)
        known.setdefault(fragment.index, (fragment.id, name_in(fragment)))


def _calls_begin(held: ChatAnswer, choice: ChatCompletionStreamChoice) -> bool:
    return all(begun is not None or bool(fragment.id and name_in(fragment)) for fragment, begun in _calls(held, choice))


def _same_calls(held: ChatAnswer, choice: ChatCompletionStreamChoice) -> bool:
    return all(
        begun is None or ((fragment.id or begun[0]) == begun[0] and (name_in(fragment) or begun[1]) == begun[1])
        for fragment, begun in _calls(held, choice)
    )


def _function_begins(held: ChatAnswer, choice: ChatCompletionStreamChoice) -> bool:
    added = choice.delta.function_call
    return added is None or held.function is not None or bool(added.name)


def _audio_begins(held: ChatAnswer, choice: ChatCompletionStreamChoice) -> bool:
    added = choice.delta.audio
    return added is None or held.audio is not None or bool(added.id)


def _audio_fits(_: ChatAnswer, choice: ChatCompletionStreamChoice) -> bool:
    added = choice.delta.audio
    return added is None or added.data is None or is_base64(added.data)


NOTHING_AFTER_THE_FINISH = StreamRule(
    "nothing-after-the-finish",
    "nothing may be added to an answer that is finished",
    "Its finish reason says that it is whole.",
)
ASSISTANT_ANSWERS = StreamRule(
    "assistant-answers",
    'the role must be "assistant", where it is given',
    "Nobody else answers.",
    lambda _, choice: choice.delta.role in (None, "assistant"),
    "delta",
)
CALLS_BEGIN = StreamRule(
    "calls-begin",
    "the first fragment of a tool call must give its id and the name of its function",
    "The others only add to its arguments.",
    _calls_begin,
    "delta",
)
SAME_CALLS = StreamRule(
    "same-calls",
    "a later fragment of a tool call must have its id and name, where it gives them",
    "The index says which call it is of.",
    _same_calls,
    "delta",
)
FUNCTION_BEGINS = StreamRule(
    "function-begins",
    "the first fragment of a function call must give the name of the function",
    "The others only add to its arguments.",
    _function_begins,
    "delta",
)
AUDIO_BEGINS = StreamRule(
    "audio-begins",
    "the first fragment of audio must give its id",
    "By it the answer is sent back.",
    _audio_begins,
    "delta",
)
AUDIO_IS_BASE64 = StreamRule(
    "audio-is-base64",
    "the data of audio must be base64",
    "The recording is made of the bytes of all fragments.",
    _audio_fits,
    "delta",
)
TURN_FITS = StreamRule(
    "beside-the-fields",
    _BESIDE,
    _CARRIED,
    lambda _, choice: fits(choice.delta.extra, ChatMessage, ChatCompletionStreamDelta),
    "delta",
)
NO_MESSAGE = StreamRule(
    "no-message",
    "nothing may stand in the place of the answer's message",
    "It is made of what chunks add.",
    lambda _, choice: choice.extra.get("message") is None,
    "extra",
)

_CHAT = (
    ASSISTANT_ANSWERS,
    CALLS_BEGIN,
    SAME_CALLS,
    FUNCTION_BEGINS,
    AUDIO_BEGINS,
    AUDIO_IS_BASE64,
    TURN_FITS,
    NO_MESSAGE,
)


def _answers(rules: tuple[StreamRule, ...]) -> StreamTable[StreamState]:
    return StreamTable(
        StreamState,
        _WAITING,
        (
            Step(_WAITING, "delta", _OPEN, rules),
            Step(_WAITING, "finish", _ENDED, rules),
            Step(_OPEN, "delta", _OPEN, rules),
            Step(_OPEN, "finish", _ENDED, rules),
            Step(_ENDED, "delta", _ENDED, (NOTHING_AFTER_THE_FINISH,)),
            Step(_ENDED, "finish", _ENDED, (NOTHING_AFTER_THE_FINISH,)),
        ),
    )


ANSWERS = _answers(_CHAT)
"""Each answer in a stream of chat chunks."""

CONTINUATIONS = _answers(())
"""Each continuation in a stream of ``CompletionResponse``."""
