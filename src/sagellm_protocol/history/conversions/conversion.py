"""What a change that converts values is to those who run it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.losing import Losses
from sagellm_protocol.model.exceptions import Fault, ProtocolError
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.spec import Spec

Up: TypeAlias = Callable[[dict[str, Any], Path], dict[str, Any]]
"""Takes a shallow copy of a payload of before, and where it stands; gives the payload after the change.

It raises a ``ValidationError`` where a value of before cannot be converted.
"""

Down: TypeAlias = Callable[[dict[str, Any], Path, Losses], Any]
"""The way back: notes what cannot be said among the losses, and gives ``UNSAYABLE`` where nothing valid is left."""


class Conversion(ABC):
    """A change after which the values of before are no longer values as they are."""

    lossy: str | None = None
    """What is lost on the way; None where every value comes back."""

    @abstractmethod
    def undo(self, tables: Tables) -> None:
        """Turn the tables after the change into those before it."""

    @abstractmethod
    def upward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Up]:
        """What brings payloads forward, by full name of the messages that it touches themselves.

        The messages within are as after the change already.

        Args:
            before: the messages just before the change.
            after: those just after it.
        """

    @abstractmethod
    def downward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Down]:
        """The way back, likewise; the messages within are as after the change still."""


class ConversionError(ProtocolError):
    """A function of a conversion failed (the error that it raised is the cause), or gave what it was not asked for.

    A ``ValueError`` is no failure: it says that a value cannot be converted.
    """

    fault: Fault = "local"

    message: str
    """Full name of the message."""
    conversion: str
    """The conversion, and which way: ``up of timeout_ms into timeout_s``."""
    reason: str
    """What it did: ``raised KeyError: 'timeout_ms'``."""

    def __init__(self, message: str, conversion: str, reason: str) -> None:
        self.message, self.conversion, self.reason = message, conversion, reason
        super().__init__(f"the function {conversion} for {message} {reason}")

    def __reduce__(self) -> tuple[type[ConversionError], tuple[str, str, str], dict[str, Any]]:
        return type(self), (self.message, self.conversion, self.reason), vars(self)
