"""What can go wrong, as exceptions. Every one is a :class:`ProtocolError` and can be sent as an ``Error`` message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, TypeVar

import attrs

from sagellm_protocol.model.shortening import shown

if TYPE_CHECKING:
    from sagellm_protocol.errors import Error


T = TypeVar("T")

MOST_TOLD = 100
"""How many violations, losses or candidates an error holds and tells of; of the others it tells how many there are."""


class ProtocolError(ValueError):
    """Root of all errors that this library raises about data.

    ``code`` is the value of the :class:`~sagellm_protocol.errors.ErrorCode` that :meth:`to_error` answers with.
    """

    code: ClassVar[str] = "invalid_argument"

    def to_error(self) -> Error:
        """This failure as the protocol's own ``Error`` message, so that a server can answer with it.

        ``retryable`` is false: the same data will fail again.
        """
        from sagellm_protocol.errors import Error, ErrorCode

        return Error(code=ErrorCode(self.code), message=str(self), retryable=False)


class DeclarationError(TypeError):
    """A ``@message`` class is declared in a way that the protocol cannot carry (a programming error, not bad data)."""


@attrs.frozen
class Violation:
    """One thing wrong with one value."""

    path: str
    """Where, from the message down: ``metrics.ttft_ms``, ``choices[0].delta``; empty for the message itself."""
    rule: str
    """What must hold: ``required``, ``float``, ``>= 0``, ``finite``, ``one of 'stop', 'length'``, ``known field``."""
    value: str = attrs.field(converter=shown)
    """``repr`` of what was found, cut short."""

    def __str__(self) -> str:
        where = self.path or "(the message itself)"
        return f"{where}: {self.rule}" if self.rule == "required" else f"{where}: must be {self.rule}, got {self.value}"


class ValidationError(ProtocolError):
    """A message breaks its declaration. Holds every violation, not just the first: up to 100 of them."""

    message_name: str
    """Full name of the message: ``types.Metrics``."""
    violations: tuple[Violation, ...]
    """The first 100, in the order of the fields."""
    more: int
    """How many there are besides."""

    def __init__(self, message_name: str, violations: Iterable[Violation], more: int = 0) -> None:
        self.message_name = message_name
        self.violations, beyond = _first(violations)
        self.more = more + beyond
        count = len(self.violations) + self.more
        super().__init__(f"{message_name}: {count} violation{'s' * (count != 1)}{_listed(self.violations, self.more)}")

    def __reduce__(self) -> tuple[type[ValidationError], tuple[str, tuple[Violation, ...], int]]:
        return type(self), (self.message_name, self.violations, self.more)


def _first(found: Iterable[T]) -> tuple[tuple[T, ...], int]:
    """The first hundred, and how many there are besides."""
    rest = iter(found)
    return tuple(islice(rest, MOST_TOLD)), sum(1 for _ in rest)


def _listed(found: Iterable[object], more: int) -> str:
    """Lines below the headline of an error."""

    def lines() -> Iterator[str]:
        yield from map(str, found)
        if more:
            yield f"and {more} more"

    return "".join(f"\n  {line}" for line in lines())


class DecodeError(ProtocolError):
    """The bytes are no payload at all: malformed, truncated, too large, too deep, or with an integer past 64 bits."""

    offset: int | None
    """Where in the input, if the format tells (bytes for MessagePack, characters for JSON)."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(reason if offset is None else f"{reason} (at offset {offset})")

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, int | None]]:
        return type(self), (self.reason, self.offset)


class EncodeError(ProtocolError):
    """A valid message holds a value that no wire format can carry (an integer past 64 bits, a lone surrogate)."""

    code = "invalid_argument"


class UnsupportedRevisionError(ProtocolError):
    """A revision, release or message that this library does not know, or a message older than asked for."""

    code = "not_implemented"


class UnknownCodecError(ProtocolError):
    """No codec of that name or media type is registered."""

    code = "not_implemented"


class OptionError(ProtocolError):
    """A choice on a codec, or what is registered as one, is of the wrong type or means nothing."""


@attrs.frozen
class Loss:
    """One value that an older revision cannot say."""

    path: str
    """Where the value stands in today's payload."""
    value: str = attrs.field(converter=shown)
    """``repr`` of the value, cut short."""
    reason: str
    """Why: ``came with 0.4.1.0``."""

    def __str__(self) -> str:
        return f"{self.path or '(the message itself)'} = {self.value}: {self.reason}"


class LossyDowngradeError(ProtocolError):
    """A payload says something that the older revision cannot. Names each such value."""

    losses: tuple[Loss, ...]
    """The first 100."""
    more: int
    """How many there are besides."""

    def __init__(self, message_name: str, revision: str, losses: Iterable[Loss], more: int = 0) -> None:
        self.message_name = message_name
        self.revision = revision
        self.losses, beyond = _first(losses)
        self.more = more + beyond
        lines = _listed(self.losses, self.more)
        super().__init__(f"{message_name} cannot be said in {revision} without loss:{lines}")

    def __reduce__(self) -> tuple[type[LossyDowngradeError], tuple[str, str, tuple[Loss, ...], int]]:
        return type(self), (self.message_name, self.revision, self.losses, self.more)


class AmbiguousPayloadError(ProtocolError):
    """A bare payload could be several messages, or mean different things in different revisions."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self.candidates = tuple(candidates)
        super().__init__(f"the payload alone does not tell which of these it is:{_listed(self.candidates, 0)}")

    def __reduce__(self) -> tuple[type[AmbiguousPayloadError], tuple[tuple[str, ...]]]:
        return type(self), (self.candidates,)


class MissingExtraError(ProtocolError, ImportError):
    """Something needs a package that only an extra of this one brings."""

    code = "not_implemented"


def missing_extra(extra: str) -> MissingExtraError:
    """The error that names the extra to install."""
    return MissingExtraError(f"this needs more than is installed: pip install 'isagellm-protocol[{extra}]'")


class UnknownPayloadError(ProtocolError):
    """A bare payload fits no message of any revision."""
