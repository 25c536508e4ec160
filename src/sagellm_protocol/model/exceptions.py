"""What can go wrong, as exceptions. Every one is a :class:`ProtocolError` and can be sent as an ``Error`` message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar

import attrs

from sagellm_protocol import _lazy
from sagellm_protocol.model.shortening import shown

if TYPE_CHECKING:
    from sagellm_protocol.errors import Error


T = TypeVar("T")

MOST_TOLD = 100
"""How many violations, losses or candidates an error holds and tells of; of the others it tells how many there are."""


Fault: TypeAlias = Literal["local", "remote"]
"""Whose mistake an error is: this program's own, or that of whoever sent the data."""


class ProtocolError(ValueError):
    """Root of all errors that this library raises about data."""

    fault: Fault = "remote"
    """Whose mistake it is, as far as the call tells: what is decoded, upgraded or negotiated is a peer's (remote),
    what is built, changed, encoded, downgraded or chosen is this program's (local)."""

    codes: ClassVar[Mapping[Fault, str]] = {"remote": "invalid_argument", "local": "unavailable"}
    """The code for either fault. Of the codes that every revision can say, ``unavailable`` alone blames no request."""

    @property
    def code(self) -> str:
        """The value of the :class:`~sagellm_protocol.errors.ErrorCode` that :meth:`to_error` answers with."""
        return self.codes[self.fault]

    def to_error(self) -> Error:
        """This failure as the protocol's own ``Error``, which :func:`~sagellm_protocol.errors.error_of` makes."""
        # That module's messages import this one, and not the other way round.
        answer: Error = _lazy.public(__name__.partition(".")[0], "error_of")(self)
        return answer


_NOT_IMPLEMENTED: Mapping[Fault, str] = {"remote": "not_implemented", "local": "not_implemented"}


E = TypeVar("E", bound=ProtocolError)


def blaming(fault: Fault, error: E) -> E:
    """An error, and whose mistake it is where its class does not tell."""
    error.fault = fault
    return error


class DeclarationError(TypeError):
    """A ``@message`` class is declared in a way that the protocol cannot carry (a programming error, not bad data)."""


@attrs.frozen
class Violation:
    """One thing wrong with one value."""

    path: str
    """Where, from the message down: ``metrics.ttft_ms``, ``choices[0].delta``; empty for the message itself."""
    rule: str
    """What must hold: ``required``, ``float``, ``>= 0``, ``finite``, ``one of 'stop', 'length'``, ``a known field``."""
    value: str = attrs.field(converter=shown)
    """``repr`` of what was found, cut short."""
    hint: str = ""
    """What may help, and is no part of the rule: ``did you mean prompt?``; mostly empty."""
    name: str = attrs.field(default="", kw_only=True)
    """The name of the rule between fields that is broken, for programs; empty where it is what one field says."""

    def __str__(self) -> str:
        where, hint = self.path or "(the message itself)", f" ({self.hint})" if self.hint else ""
        if self.rule == "required":
            return f"{where}: required{hint}"
        return f"{where}: must be {self.rule}, got {self.value}{hint}"


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

    @property
    def title(self) -> str:
        """The short name of the message."""
        return self.message_name.rpartition(".")[2]

    def error_count(self) -> int:
        """How many violations there are, those that are not told included."""
        return len(self.violations) + self.more

    def errors(
        self, *, include_url: bool = False, include_context: bool = True, include_input: bool = True
    ) -> list[dict[str, Any]]:
        """The first 100 violations as pydantic tells them: ``type``, ``loc``, ``msg``, ``input``, and ``ctx`` if any.

        ``input`` is the ``repr`` of what was found, cut short, and without secrets; None where nothing was given.

        Raises:
            OptionError: ``include_url=True``: there are no pages on the types.
        """
        from sagellm_protocol.model.line_errors import line_errors

        if include_url:
            raise OptionError("include_url=True: there are no pages on the types of errors; leave it out")
        return [
            {
                "type": line.type,
                "loc": line.loc,
                "msg": line.msg,
                **({"input": line.input} if include_input else {}),
                **({"ctx": dict(line.ctx)} if include_context and line.ctx else {}),
            }
            for line in line_errors(self)
        ]

    def json(
        self,
        *,
        indent: int | None = None,
        include_url: bool = False,
        include_context: bool = True,
        include_input: bool = True,
    ) -> str:
        """What :meth:`errors` gives as JSON, in one line or indented by so many spaces."""
        import json

        errors = self.errors(include_url=include_url, include_context=include_context, include_input=include_input)
        between = (",", ":") if indent is None else (",", ": ")
        return json.dumps(errors, indent=indent, separators=between, ensure_ascii=False)

    def __reduce__(self) -> tuple[type[ValidationError], tuple[str, tuple[Violation, ...], int], dict[str, Any]]:
        return type(self), (self.message_name, self.violations, self.more), vars(self)


def stranger(message_name: str, expected: str, value: object) -> ValidationError:
    """What this program handed over in the place of a message: a mistake of its own."""
    return blaming("local", ValidationError(message_name, [Violation("", expected, value)]))


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

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, int | None], dict[str, Any]]:
        return type(self), (self.reason, self.offset), vars(self)


class EncodeError(ProtocolError):
    """A valid message holds a value that no wire format can carry (an integer past 64 bits, a lone surrogate)."""

    fault: Fault = "local"


class UnsupportedRevisionError(ProtocolError):
    """A revision, release or message that this library does not know, or a message older than asked for."""

    fault: Fault = "local"
    codes = _NOT_IMPLEMENTED


class UnknownCodecError(ProtocolError):
    """No codec of that name or media type is registered."""

    fault: Fault = "local"
    codes = _NOT_IMPLEMENTED


class OptionError(ProtocolError):
    """A choice on a codec, or what is registered as one, is of the wrong type or means nothing."""

    fault: Fault = "local"


@attrs.frozen
class Loss:
    """One value that an older revision cannot say."""

    path: str
    """Where the value stands in today's payload."""
    value: str = attrs.field(converter=shown)
    """``repr`` of the value, cut short."""
    reason: str
    """Why: ``came with 0.4.1.0``."""
    droppable: bool = False
    """Whether the history says that a peer of before need know nothing of it: then it is left out, and nobody asked."""

    def __str__(self) -> str:
        droppable = " (droppable)" if self.droppable else ""
        return f"{self.path or '(the message itself)'} = {self.value}: {self.reason}{droppable}"


class LossyDowngradeError(ProtocolError):
    """A payload says something that the older revision cannot. Names each such value."""

    fault: Fault = "local"
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

    def __reduce__(self) -> tuple[type[LossyDowngradeError], tuple[str, str, tuple[Loss, ...], int], dict[str, Any]]:
        return type(self), (self.message_name, self.revision, self.losses, self.more), vars(self)


class AmbiguousPayloadError(ProtocolError):
    """A bare payload could be several messages, or mean different things in different revisions."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self.candidates = tuple(candidates)
        super().__init__(f"the payload alone does not tell which of these it is:{_listed(self.candidates, 0)}")

    def __reduce__(self) -> tuple[type[AmbiguousPayloadError], tuple[tuple[str, ...]], dict[str, Any]]:
        return type(self), (self.candidates,), vars(self)


class MissingExtraError(ProtocolError, ImportError):
    """Something needs a package that only an extra of this one brings."""

    fault: Fault = "local"
    codes = _NOT_IMPLEMENTED


def missing_extra(extra: str) -> MissingExtraError:
    """The error that names the extra to install."""
    return MissingExtraError(f"this needs more than is installed: pip install 'isagellm-protocol[{extra}]'")


class UnknownPayloadError(ProtocolError):
    """A bare payload fits no message of any revision."""


for _public in (Violation, Loss, ProtocolError, *ProtocolError.__subclasses__()):
    # Tracebacks and pickles name them as users import them.
    _public.__module__ = __name__.partition(".")[0]
