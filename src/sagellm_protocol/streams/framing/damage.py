"""What is wrong with the bytes of a stream, and where."""

from __future__ import annotations

from typing import Any

from sagellm_protocol.model.exceptions import DecodeError


class Damage(Exception):
    """What a splitter finds: where the message begins that is none, and why. A decoder tells it with the number."""

    def __init__(self, start: int, reason: str) -> None:
        super().__init__(start, reason)
        self.start = start
        self.reason = reason


class DamagedStreamError(DecodeError):
    """A stream of bytes holds something that is no message, too large, or broken off.

    ``offset`` is the byte of the stream at which it begins: of an event, its first line.
    """

    index: int
    """How many messages came before."""

    def __init__(self, reason: str, index: int, offset: int) -> None:
        super().__init__(f"message {index + 1}, at byte {offset}: {reason}")
        self.reason, self.index, self.offset = reason, index, offset

    def __reduce__(self) -> Any:
        return type(self), (self.reason, self.index, self.offset), vars(self)


# Tracebacks and pickles name it as users import it.
DamagedStreamError.__module__ = __name__.rpartition(".framing.")[0]


def too_large(start: int, limit: int) -> Damage:
    """A message that is larger than a decoder takes, found as soon as that is sure: how large it is nobody knows."""
    return Damage(start, f"more than the {limit} bytes that this decoder takes")
