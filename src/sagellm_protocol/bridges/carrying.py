"""Messages carried over into others by tables of fields, with an account of what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import attrs

from sagellm_protocol.history.losing import Losses
from sagellm_protocol.history.lossy import LossChoice, Wild, asked_of, chosen, steps_of
from sagellm_protocol.model.exceptions import (
    MOST_TOLD,
    DecodeError,
    Fault,
    Loss,
    OptionError,
    ProtocolError,
    ValidationError,
    blaming,
    stranger,
)
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import REQUIRED, spec_of
from sagellm_protocol.model.wording import did_you_mean
from sagellm_protocol.openai_types import ChatCompletionRequest, CompletionRequest

T = TypeVar("T")

OpenAIRequest: TypeAlias = "ChatCompletionRequest | CompletionRequest"

Given: TypeAlias = Mapping[str, Any]
"""What the caller tells beside the message."""

ABSENT: Any = object()
"""Stands for a value that is not carried over."""


class LossyBridgeError(ProtocolError):
    """A message says something that the other cannot. Names each such value."""

    codes: ClassVar[Mapping[Fault, str]] = {"remote": "not_implemented", "local": "unavailable"}

    source: str
    """Full name of the message: ``openai_types.ChatCompletionRequest``."""
    target: str
    """Full name of what it was to become."""
    losses: tuple[Loss, ...]
    """The first 100."""
    more: int
    """How many there are besides."""

    def __init__(self, source: str, target: str, losses: Iterable[Loss], more: int = 0) -> None:
        self.source, self.target, self.losses, self.more = source, target, tuple(losses), more
        said = [*map(str, self.losses), *([f"and {more} more"] if more else [])]
        lines = "".join(f"\n  {line}" for line in said)
        super().__init__(f"{source} cannot be said as {target} without loss:{lines}")

    def __reduce__(self) -> Any:
        return type(self), (self.source, self.target, self.losses, self.more), vars(self)


@attrs.frozen
class Row:
    """A field, and what becomes of it."""

    field: str
    """The path in the message; empty where the caller tells the value, or it is always the same."""
    to: str = ""
    """The path in what it becomes, with ``*`` at its end where it is several fields; empty where it has none."""
    how: str = ""
    """What becomes of it, where it is not just carried over."""
    value: Callable[[Any, Any, Given], Any] | None = None
    """Makes the value of what it was, of the whole message, and of what the caller tells; None where it stays."""
    lost: str = ""
    """Why what it says is lost; empty where nothing ever is."""
    when: Callable[[Any], bool] | None = None
    """Whether something is lost, of the whole message; None where all is that is not the default."""
    droppable: bool = False
    """Whether nobody there need know: then it is left out, and nobody is asked."""


@attrs.frozen(slots=False, eq=False)
class Bridge(Generic[T]):
    """How a message becomes another."""

    source: type
    target: type[T]
    rows: tuple[Row, ...]
    fault: Fault = "local"
    """Whose mistake it is if something cannot be carried over."""
    choice: type | None = None
    """The class of the target's choices, where it has some."""

    @cached_property
    def _rows(self) -> tuple[tuple[Row, tuple[Any, ...], tuple[Any, ...], Any], ...]:
        """Each row, with the steps of both paths, and the default of its field.

        Of rows that make the same value in the same way the last makes it: the others have no second path.
        """
        defaults = {field.name: field.default for field in spec_of(self.source).fields}
        last = {(row.to, row.value): row for row in self.rows}
        return tuple(
            (
                row,
                steps_of(row.field),
                steps_of(row.to) if last[row.to, row.value] is row else (),
                defaults.get(row.field, REQUIRED),
            )
            for row in self.rows
        )

    @cached_property
    def _losable(self) -> frozenset[Any]:
        """The fields of which something can be lost that is not droppable."""
        return frozenset(steps[0] for row, steps, _, _ in self._rows if steps and row.lost and not row.droppable)

    def carry(self, message: Any, given: Given, lossy: LossChoice = False) -> T:
        """The message as the other.

        Raises:
            LossyBridgeError: naming each value that would be lost, and that ``lossy`` does not take.
            OptionError: ``lossy`` names what cannot be lost.
            ValidationError: the message is of another class, or its values are none of the other's.
            DecodeError: a number that is made of its values, such as the sum of its tokens, is past 64 bits.
        """
        if not isinstance(message, self.source):
            raise stranger(spec_of(self.source).name, self.source.__name__, message)
        losses = Losses(MOST_TOLD, self._taking(lossy))
        told = self._told(message, given, losses)
        if losses.found and lossy is not True:
            error = LossyBridgeError(spec_of(self.source).name, spec_of(self.target).name, losses.found, losses.more)
            raise blaming(self.fault, error)
        try:
            if self.choice is not None:
                told["choices"] = [self.choice(**choice) for choice in told["choices"]]
            return self.target(**told)
        except (DecodeError, ValidationError) as error:
            raise blaming(self.fault, error) from None

    def losses(self, message: Any) -> tuple[Loss, ...]:
        """Every value that is not carried over, those that nobody need know among them."""
        losses = Losses(every=True)
        for row, steps, _, default in self._rows:
            if row.lost:
                _note(row, message, _at(message, steps), steps, default, losses)
        return tuple(losses.found)

    def _told(self, message: Any, given: Given, losses: Losses) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for row, steps, to, default in self._rows:
            found = _at(message, steps) if len(steps) != 1 else getattr(message, steps[0])
            if row.lost:
                _note(row, message, found, steps, default, losses)
            if to:
                value = found if row.value is None else row.value(found, message, given)
                if value is ABSENT:
                    continue
                if len(to) == 1 and type(to[0]) is str:  # nearly all of them
                    told[to[0]] = value
                else:
                    _put(told, to, value)
        return told

    def _taking(self, lossy: LossChoice) -> Any:
        choice = chosen(lossy)
        for pattern in choice if isinstance(choice, tuple) else ():
            first = steps_of(pattern)[0]
            if isinstance(first, str) and first not in self._losable:
                near = did_you_mean(first, sorted(map(str, self._losable)))
                raise OptionError(f"lossy names {short(pattern)}, and nothing can be lost there{near}")
        return asked_of(choice)


def _note(row: Row, message: Any, found: Any, steps: tuple[Any, ...], default: Any, losses: Losses) -> None:
    """Add the value that a row is about to ``losses`` where it is one."""
    if row.when(message) if row.when is not None else says(found, default):
        if row.droppable:
            losses.drop(_path(steps), found, lambda: row.lost)
        else:
            losses.add(_path(steps), found, row.lost)


def says(value: Any, default: Any) -> bool:
    """Whether a value says anything: it is not null, not empty, and not the default of its field."""
    if value is None or value == () or value == {}:
        return False
    return bool(value != default)


def first_said(*values: Any) -> Any:
    """The first of some values that is not None."""
    return next((value for value in values if value is not None), None)


def _path(steps: Iterable[Any]) -> Path:
    path: Path = None
    for step in steps:
        path = (path, step)
    return path


def _at(message: Any, steps: tuple[Any, ...]) -> Any:
    """The value at a path; None where nothing is there, or where the path is of no step."""
    found = message if steps else None
    for step in steps:
        if found is None:
            return None
        if isinstance(step, int):
            found = found[step] if step < len(found) else None
        elif attrs.has(type(found)):
            found = getattr(found, step)
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _put(told: dict[str, Any], steps: tuple[Any, ...], value: Any) -> None:
    """Put a value at a path; of a list the paths know the first item alone."""
    here: Any = told
    for step, following in pairwise(steps):
        if isinstance(step, int):
            if not here:
                here.append({})
            here = here[0]
        else:
            here = here.setdefault(step, [] if isinstance(following, int) else {})
    if steps[-1] is Wild.NAME:
        here.update(value)
    else:
        here[steps[-1]] = value
