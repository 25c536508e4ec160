"""The rules of streams of events: a start, deltas, one end. :data:`EVENTS` says all; the assembler obeys it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from sagellm_protocol.streams.assembling.table import Step, StreamRule, StreamTable, same_as, within_the_limit
from sagellm_protocol.types import StreamEventDelta, StreamEventEnd, StreamEventStart

if TYPE_CHECKING:
    from sagellm_protocol.streams.assembling.gathered import Gathered


class StreamState(str, Enum):
    """How far a stream has come."""

    WAITING = "waiting"
    """Nothing has come."""
    OPEN = "open"
    """It was begun, and goes on."""
    ENDED = "ended"
    """Its end has come."""


_WAITING, _OPEN, _ENDED = StreamState.WAITING, StreamState.OPEN, StreamState.ENDED


def size_of(event: StreamEventStart | StreamEventDelta) -> int:
    """What is held of an event: each character, each token and each log-probability counts as one."""
    if isinstance(event, StreamEventDelta):
        size = len(event.content) + len(event.content_tokens)
        return size if event.logprobs is None else size + sum(1 + len(found.top) for found in event.logprobs)
    return len(event.request_id) + len(event.trace_id) + len(event.engine_id)


def _room_for(held: Gathered, event: StreamEventStart | StreamEventDelta) -> bool:
    return held.room.has(size_of(event))


def _same_prompt(held: Gathered, event: StreamEventEnd) -> bool:
    counted = held.start.prompt_tokens
    return counted is None or event.prompt_tokens is None or counted == event.prompt_tokens


START_FIRST = StreamRule(
    "start-first", "the first event of a stream must be its start", "It says who answers which request."
)
ONE_START = StreamRule("one-start", "a stream must have one start", "A second one begins another answer.")
NOTHING_AFTER_THE_END = StreamRule(
    "nothing-after-the-end", "nothing may follow the end", "The end holds the whole answer, and it was taken."
)
_SAME = tuple(
    same_as("start", "the start", field, name, why)
    for field, name, why in (
        ("request_id", "same-request", "Each event repeats which request it answers."),
        ("trace_id", "same-trace", "A request belongs to one trace."),
        ("engine_id", "same-engine", "One engine serves a stream."),
    )
)
SAME_PROMPT = StreamRule(
    "same-prompt",
    "must be that of the start, where both tell",
    "A request has one prompt.",
    _same_prompt,
    "prompt_tokens",
)
CONTENT_JOINED = StreamRule(
    "content-joined",
    "must be the contents of the deltas joined",
    "Who read the deltas has read the answer.",
    lambda held, event: event.content == held.text(),
    "content",
)
TOKENS_JOINED = StreamRule(
    "tokens-joined",
    "must be the tokens of the deltas joined",
    "Who took the tokens of the deltas has those of the answer.",
    lambda held, event: event.output_tokens == tuple(held.tokens),
    "output_tokens",
)
LOGPROBS_JOINED = StreamRule(
    "logprobs-joined",
    "must be the log-probabilities of the deltas joined, where both tell",
    "Who took those of the deltas has those of the answer.",
    lambda held, event: not held.logprobs or event.logprobs is None or event.logprobs == tuple(held.logprobs),
    "logprobs",
)
WITHIN_THE_LIMIT = within_the_limit(_room_for)

EVENTS = StreamTable(
    StreamState,
    _WAITING,
    (
        Step(_WAITING, "start", _OPEN, (WITHIN_THE_LIMIT,)),
        Step(_WAITING, "delta", _WAITING, (START_FIRST,)),
        Step(_WAITING, "end", _WAITING, (START_FIRST,)),
        Step(_OPEN, "start", _OPEN, (ONE_START,)),
        Step(_OPEN, "delta", _OPEN, (*_SAME, WITHIN_THE_LIMIT)),
        Step(_OPEN, "end", _ENDED, (*_SAME, SAME_PROMPT, CONTENT_JOINED, TOKENS_JOINED, LOGPROBS_JOINED)),
        Step(_ENDED, "start", _ENDED, (NOTHING_AFTER_THE_END,)),
        Step(_ENDED, "delta", _ENDED, (NOTHING_AFTER_THE_END,)),
        Step(_ENDED, "end", _ENDED, (NOTHING_AFTER_THE_END,)),
    ),
)
"""Streams of ``StreamEvent``."""
