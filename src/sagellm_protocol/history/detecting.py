"""Bare payloads sorted: which message, written from which revision to which.

Messages whose tables are the same over several revisions, down to the messages in them, share one *shape*. An index
from field names to the shapes that have the field leaves only a few to try on a payload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from enum import IntEnum
from typing import Any

import attrs

from sagellm_protocol.history.defaults import is_plain, plain_default, same_default
from sagellm_protocol.history.eras import Eras
from sagellm_protocol.history.forwards import Forwards
from sagellm_protocol.history.judging import holds
from sagellm_protocol.history.payloads import multiplies
from sagellm_protocol.history.stops import Stop
from sagellm_protocol.model.annotations import may_nest_without_end
from sagellm_protocol.model.kinds import Nested, OneOf, nested_in
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import DOUBTS
from sagellm_protocol.model.spec import Field, Spec, Unknown
from sagellm_protocol.model.surplus import unknown_fields


@attrs.frozen
class Candidate:
    """One thing that a payload can be."""

    message: str
    """Full name."""
    first: str
    """The oldest revision that writes such a payload."""
    last: str
    """The newest."""

    def __str__(self) -> str:
        return (
            f"{self.message} ({self.first})"
            if self.first == self.last
            else f"{self.message} ({self.first} to {self.last})"
        )


@attrs.frozen
class Shape:
    """A message over revisions that do not differ in it."""

    message: str
    """What today calls it."""
    first: int
    """Index of the oldest revision."""
    last: int
    fields: frozenset[str]
    required: frozenset[str]
    tags: Mapping[str, str] = attrs.field(eq=False)
    """Fields that hold one text and no other: what tells the message from others."""
    kind: Nested = attrs.field(eq=False)
    """The message by its name of then."""
    specs: Mapping[str, Spec] = attrs.field(eq=False)
    """The messages of then."""
    endless: bool
    """Whether the message can hold, at any depth, one of its own kind."""
    _accepts: Callable[[Any], bool] = attrs.field(eq=False)
    """Whether a payload plainly holds the right values."""
    _knows: Callable[[Any], bool] = attrs.field(eq=False)
    """Whether it plainly does, and the messages in it have no fields but those of then either."""

    def is_among(self, numbers: Set[int] | None) -> bool:
        """Whether any of the revisions of these indexes has it; None stands for all."""
        return numbers is None or not numbers.isdisjoint(range(self.first, self.last + 1))

    def fits(self, payload: Any) -> Fit:
        """How far a plain payload can be of this shape: what the readers doubt is looked at thoroughly."""
        for tag, text in self.tags.items():
            found = payload.get(tag, text)
            if type(found) is str and found != text:
                return Fit.NOT
        if self._knows(payload):
            return Fit.KNOWN
        if self._accepts(payload):
            return Fit.ACCEPTED
        if not holds(self.kind, payload, unknown="ignore", specs=self.specs):
            return Fit.NOT
        return Fit.ACCEPTED if any(unknown_fields(self.kind, payload, self.specs)) else Fit.KNOWN


class Fit(IntEnum):
    """How far a payload can be of a shape."""

    NOT = 0
    ACCEPTED = 1
    """It holds the right values, and fields besides that the shape does not have."""
    KNOWN = 2
    """It holds the right values and nothing else."""


@attrs.define
class ShapeIndex:
    """All shapes of a history, found by field name. A set of shapes is an integer with a bit for each."""

    revisions: Sequence[str]
    """Oldest first."""
    shapes: Sequence[Shape]
    _having: dict[str, int] = attrs.field(factory=dict, init=False)
    _of_message: dict[str, int] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for number, shape in enumerate(self.shapes):
            bit = 1 << number
            self._of_message[shape.message] = self._of_message.get(shape.message, 0) | bit
            for field in shape.fields:
                self._having[field] = self._having.get(field, 0) | bit

    def fitting(self, payload: dict[str, Any], message: str | None) -> list[Shape]:
        """The shapes that a plain payload can have.

        Of the shapes whose required fields it has, those count that know the most of its fields: all of them, unless it
        holds fields that the protocol does not know. Those of them go first that know the fields of all messages in it
        as well. Where the values of none are right, nothing fits: a damaged payload is no message that happens to
        require little.
        """
        complete = self.knowing(payload, message)
        if not complete:
            allowed = self._allowed(message)
            sharing = 0 if payload else allowed
            for field in payload:
                sharing |= self._having.get(field, 0)
            complete = self._complete(allowed & sharing, payload)
            strange = [len(payload.keys() - shape.fields) for shape in complete]
            complete = [shape for shape, many in zip(complete, strange, strict=True) if many == min(strange)]
        if any(shape.endless for shape in complete) and multiplies(payload):
            complete = [shape for shape in complete if not shape.endless]
        fits = [shape.fits(payload) for shape in complete]
        best = max(fits, default=Fit.NOT)
        return [shape for shape, fit in zip(complete, fits, strict=True) if fit is best is not Fit.NOT]

    def knowing(self, payload: dict[str, Any], message: str | None) -> list[Shape]:
        """The shapes that have all fields of a payload, and whose required fields it has."""
        knowing = self._allowed(message)
        for field in payload:
            knowing &= self._having.get(field, 0)
        return self._complete(knowing, payload)

    def _allowed(self, message: str | None) -> int:
        return (1 << len(self.shapes)) - 1 if message is None else self._of_message[message]

    def _complete(self, shapes: int, payload: dict[str, Any]) -> list[Shape]:
        """Those of a set of shapes whose required fields the payload has."""
        found = []
        while shapes:
            lowest = shapes & -shapes
            shapes ^= lowest
            shape = self.shapes[lowest.bit_length() - 1]
            if shape.required <= payload.keys():
                found.append(shape)
        return found

    def candidate(self, shapes: Iterable[Shape]) -> list[Candidate]:
        """Shapes as candidates; shapes of one message that follow on each other make one."""
        merged: list[Candidate] = []
        last = -1
        for shape in sorted(shapes, key=lambda shape: (shape.message, shape.first)):
            first, newest = self.revisions[shape.first], self.revisions[shape.last]
            if merged and merged[-1].message == shape.message and shape.first == last + 1:
                merged[-1] = attrs.evolve(merged[-1], last=newest)
            else:
                merged.append(Candidate(shape.message, first, newest))
            last = shape.last
        return merged


def shapes_of(eras: Eras, ways: Sequence[Forwards]) -> list[Shape]:
    """The shapes of all messages; ``ways`` are those of payloads to today from each revision, oldest first."""
    shapes: list[Shape] = []
    for message, cls in sorted((spec.name, cls) for cls, spec in eras.today.aims.items()):
        seen: list[_Seen | None] = [_seen(eras, way, cls) for way in ways]
        start: int | None = None
        for number, now in enumerate([*seen, None]):
            then = None if start is None else seen[start]
            if start is not None and then is not None and not (now is not None and then.goes_like(now)):
                specs = eras.tables[ways[start].revision].messages
                shapes.append(_shape(message, then.name, start, number - 1, specs))
                start = None
            if start is None and now is not None:
                start = number
    return shapes


@attrs.frozen
class _Seen:
    """A message of a revision, as seen from where its payloads are brought first."""

    name: str
    specs: Mapping[str, Spec]
    ahead: tuple[Stop, ...]
    """Where they stop on the way to today."""

    def goes_like(self, other: _Seen) -> bool:
        """Whether payloads are written alike in two revisions, and become the same."""
        return self.ahead == other.ahead and self.name == other.name and _alike(self.name, self.specs, other.specs)


def _seen(eras: Eras, way: Forwards, cls: type) -> _Seen | None:
    place = eras.places[way.revision]
    spec = eras.today.by_class(place).get(cls)
    if spec is None:
        return None
    ahead = way.stops(cls)
    frame = eras.frame(ahead[0].below) if ahead else eras.today
    return _Seen(spec.name, frame.specs(place), ahead)


def _alike(
    message: str, left: Mapping[str, Spec], right: Mapping[str, Spec], seen: frozenset[str] = frozenset()
) -> bool:
    """Whether a message is written and read alike in two revisions: nested messages and meanings included."""
    if message in seen:
        return True
    one, other = left[message], right[message]
    if one != other or not all(map(_same_field, one.fields, other.fields)):
        return False
    nested = {found.name for field in one.fields for found in nested_in(field.type)}
    return all(_alike(name, left, right, seen | {message}) for name in nested)


def _same_field(one: Field, other: Field) -> bool:
    return one.today == other.today and same_default(one, other) and _null(one) == _null(other)


def _null(field: Field) -> Any:
    """What null stands for, as text: 0 and false are equal."""
    return repr(plain_default(field.null)) if is_plain(field.null) else field.null


def _shape(message: str, name: str, first: int, last: int, specs: Mapping[str, Spec]) -> Shape:
    spec = specs[name]
    kind = Nested(name, spec.cls)

    def reading(unknown: Unknown) -> Callable[[Any], bool]:
        readers = Readers("dict", unknown, specs)

        def reads(payload: Any) -> bool:
            try:
                readers.reader(kind)(payload)
            except DOUBTS:
                return False
            return True

        return reads

    return Shape(
        message,
        first,
        last,
        spec.names,
        frozenset(field.name for field in spec.fields if field.required),
        {
            field.name: field.type.tag
            for field in spec.fields
            if isinstance(field.type, OneOf) and field.type.tag is not None
        },
        kind,
        specs,
        may_nest_without_end(kind),
        reading("ignore"),
        reading("forbid"),
    )
