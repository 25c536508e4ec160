"""Streams of events put together to the response that would have been sent in their place."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, Final

from sagellm_protocol.model.exceptions import stranger
from sagellm_protocol.streams.assembling.gathered import Gathered, Partial
from sagellm_protocol.streams.assembling.room import MOST_HELD, Room
from sagellm_protocol.streams.assembling.rules import EVENTS, StreamState, size_of
from sagellm_protocol.streams.assembling.sources import gather, gather_async
from sagellm_protocol.streams.exceptions import BrokenOffError
from sagellm_protocol.types import Response, StreamEvent, StreamEventDelta, StreamEventEnd, StreamEventStart

_KINDS = (StreamEventDelta, StreamEventStart, StreamEventEnd)
_STEPS: Final = EVENTS.by_state


def refuse_stranger(event: Any) -> None:
    """Refuse what is no event.

    Raises:
        ValidationError: naming it.
    """
    if not isinstance(event, _KINDS):
        kinds = " or ".join(kind.__name__ for kind in (StreamEventStart, StreamEventDelta, StreamEventEnd))
        raise stranger("types.StreamEvent", kinds, event)


class Assembler:
    """Puts one stream together, event by event. Not for several threads at once.

    An event that breaks a rule is not taken: all stays as it was.
    """

    def __init__(self, *, limit: int = MOST_HELD) -> None:
        """Begin with nothing.

        Args:
            limit: how many characters and tokens may be held.

        Raises:
            OptionError: the limit is no whole number above 0.
        """
        self._begin(Room(limit))

    def _begin(self, room: Room) -> None:
        self._held = Gathered(room)
        self._steps = _STEPS[EVENTS.initial]
        self._state = EVENTS.initial
        self._index = 0
        self._response: Response | None = None

    @classmethod
    def sharing(cls, room: Room) -> Assembler:
        """One that shares its room with others."""
        made = cls.__new__(cls)
        made._begin(room)
        return made

    @property
    def state(self) -> StreamState:
        """How far the stream has come."""
        return self._state

    @property
    def partial(self) -> Partial:
        """What has come so far."""
        return self._held.partial()

    def add(self, event: StreamEvent) -> Response | None:
        """Take the next event; the whole answer, where it is the end, else None.

        Raises:
            StreamError: the event breaks a rule.
            ValidationError: it is no event.
        """
        refuse_stranger(event)
        index, held = self._index, self._held
        self._index += 1
        step = self._steps[event.event]
        for rule in step.rules:
            if not rule.holds(held, event):
                raise rule.broken(event, index=index, request_id=held.start and held.start.request_id)
        held.events += 1
        if step.to is not self._state:
            self._state, self._steps = step.to, _STEPS[step.to]
        if isinstance(event, StreamEventDelta):
            held.append(event, size_of(event))
            return None
        if isinstance(event, StreamEventStart):
            held.begin(event, size_of(event))
            return None
        self._response = held.response(event)
        return self._response

    def forget(self) -> None:
        """Hold nothing of it any more, so that others have the room."""
        self._held.forget()

    def finish(self) -> Response:
        """The whole answer, of a stream that has stopped.

        Raises:
            BrokenOffError: its end has not come.
        """
        if self._response is None:
            raise self.broken_off("its end did not come")
        return self._response

    def broken_off(self, reason: str) -> BrokenOffError:
        """The error that says why nothing more comes, with what did."""
        partial = self.partial
        return BrokenOffError(reason, index=partial.events, request_id=partial.request_id, partial=partial)


def assemble(events: Iterable[StreamEvent], *, limit: int = MOST_HELD) -> Response:
    """The whole answer of a stream, which is read to its last event, so that nothing follows the end.

    Args:
        events: the stream.
        limit: how many characters and tokens may be held.

    Raises:
        BrokenOffError: it stops before its end, or its source fails.
        StreamError: an event breaks a rule.
        ValidationError: something in it is no event.
        OptionError: the limit is no whole number above 0.
    """
    return gather(Assembler(limit=limit), events)


async def assemble_async(events: AsyncIterable[StreamEvent], *, limit: int = MOST_HELD) -> Response:
    """As :func:`assemble`, of a stream that is waited for.

    Raises:
        BrokenOffError: it stops before its end, or its source fails.
        StreamError: an event breaks a rule.
        ValidationError: something in it is no event.
        OptionError: the limit is no whole number above 0.
    """
    return await gather_async(Assembler(limit=limit), events)
