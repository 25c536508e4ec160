"""Streams that break the rules, and streams that break off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sagellm_protocol.model.exceptions import Fault, ProtocolError


class StreamError(ProtocolError):
    """An event of a stream breaks a rule; what came before it still holds. The mistake is the sender's."""

    # No client is to blame for what an engine sends.
    codes: ClassVar[Mapping[Fault, str]] = {"remote": "unavailable", "local": "unavailable"}

    rule: str
    """The name of the rule: ``start-first``."""
    index: int
    """The place of the event in its stream, from 0; of one that is missing, how many came."""
    event: Any
    """The event; None where it is one that is missing."""
    request_id: str | None
    """The stream that it is of: the ``id`` of chunks; None where that is not known."""

    def __init__(self, rule: str, reason: str, *, index: int, event: Any, request_id: str | None) -> None:
        self.rule, self.reason, self.index, self.event, self.request_id = rule, reason, index, event, request_id
        super().__init__(f"event {index} of {_named(request_id)} breaks the rule {rule}: {reason}")

    def __reduce__(self) -> Any:
        return _again, (type(self), self.args, vars(self))


class BrokenOffError(StreamError):
    """A stream stopped before its end, or its source failed, which is then the cause of this error."""

    partial: Any
    """What arrived: a ``Partial`` of events; of chunks, the response as far as it came, None where none did."""

    def __init__(self, reason: str, *, index: int, request_id: str | None, partial: Any) -> None:
        super().__init__("one-end", reason, index=index, event=None, request_id=request_id)
        self.partial = partial
        self.args = (f"{_named(request_id)} broke off after {index} event{'s' * (index != 1)}: {reason}",)


def _named(request_id: str | None) -> str:
    return "a stream" if request_id is None else f"stream {request_id!r:.80}"


def _again(cls: type[StreamError], args: tuple[Any, ...], held: dict[str, Any]) -> StreamError:
    """An error as it was, for pickles and copies."""
    error = cls.__new__(cls, *args)
    vars(error).update(held)
    return error
