"""Many streams at once, told apart by their request, as they come over one connection."""

from __future__ import annotations

from sagellm_protocol.streams.assembling.events import Assembler, refuse_stranger
from sagellm_protocol.streams.assembling.gathered import Partial
from sagellm_protocol.streams.assembling.room import MOST_HELD, Room, positive
from sagellm_protocol.streams.assembling.table import StreamRule
from sagellm_protocol.types import Response, StreamEvent

MOST_OPEN = 4096
"""How many streams may be open at once, unless told."""

NOT_TOO_MANY = StreamRule(
    "not-too-many",
    "no more streams may be open at once than the limit says",
    "Streams that never end must not take all memory.",
)
"""The one rule that is of all streams together."""


class Interleaved:
    """Puts many streams together, each by its ``request_id``. Not for several threads at once.

    What breaks a rule leaves all as it was, the other streams and its own. Nothing is remembered of a stream whose end
    has come: a later delta of it breaks ``start-first``, and a later start begins anew.
    """

    def __init__(self, *, most: int = MOST_OPEN, limit: int = MOST_HELD) -> None:
        """Begin with nothing.

        Args:
            most: how many streams may be open at once.
            limit: how many characters and tokens may be held of all of them together.

        Raises:
            OptionError: one of them is no whole number above 0.
        """
        self._most = positive("most", most)
        self._room = Room(limit)
        self._open: dict[str, Assembler] = {}

    def add(self, event: StreamEvent) -> Response | None:
        """Take the next event of any stream; the whole answer, where it is the end of one, else None.

        Raises:
            StreamError: the event breaks a rule of its stream, or there are too many.
            ValidationError: it is no event.
        """
        refuse_stranger(event)
        request_id = event.request_id
        known = self._open.get(request_id)
        stream = Assembler.sharing(self._room) if known is None else known
        if known is None and event.event == "start" and len(self._open) >= self._most:
            raise NOT_TOO_MANY.broken(event, index=0, request_id=request_id)
        response = stream.add(event)
        if known is None:
            self._open[request_id] = stream
        elif response is not None:
            del self._open[request_id]
            stream.forget()
        return response

    @property
    def open(self) -> tuple[str, ...]:
        """The requests whose streams are open, in the order in which they began."""
        return tuple(self._open)

    def partial(self, request_id: str) -> Partial | None:
        """What has come of a stream; None where none is open for that request."""
        stream = self._open.get(request_id)
        return None if stream is None else stream.partial

    def drop(self, request_id: str) -> Partial | None:
        """Hold nothing more of a stream, and give what came; None where none is open for that request."""
        stream = self._open.pop(request_id, None)
        if stream is None:
            return None
        partial = stream.partial
        stream.forget()
        return partial

    def drop_all(self) -> tuple[Partial, ...]:
        """The same for every open stream, such as when the connection is gone."""
        return tuple(partial for request_id in self.open if (partial := self.drop(request_id)) is not None)
