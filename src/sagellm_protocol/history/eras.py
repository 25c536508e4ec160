"""Where values were converted: the history in eras, inside of which comparing fields says all.

A *place* is how many changes are undone there, counted from today's tables at 0. A *frame* is the history as seen from
one place: it undoes the changes below that, and ``Field.today`` is then what the place calls a field. Bringing payloads
forward to a place, and taking them back from there, compares the specs of its frame. Today's is the frame of place 0;
those of others are made where a payload has to stop there, for its values to be converted or a site's hooks to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Change, Revision
from sagellm_protocol.history.confusion import refuse_confusion
from sagellm_protocol.history.conversions import Conversion, Down, Up
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.undoing import as_of_then, tables_of_today
from sagellm_protocol.model.spec import REQUIRED, Field, Spec


@attrs.frozen
class Frame:
    """The history below one place, as seen from there."""

    top: int
    places: Mapping[int, Tables]
    """The tables of the place and of those below where a payload may begin, end or stop."""
    first: Tables
    """Those before all revisions: they know how each field of the place came."""
    known: Mapping[tuple[type, str], str]
    """What today calls the fields of the place, where it still has them, by class and name."""
    _specs: dict[int, Mapping[str, Spec]] = attrs.field(factory=dict, init=False)
    _by_class: dict[int, Mapping[type, Spec]] = attrs.field(factory=dict, init=False)

    def specs(self, place: int) -> Mapping[str, Spec]:
        """The messages of a place, by their names there."""
        found = self._specs.get(place)
        if found is None:
            found = self._specs[place] = as_of_then(self.places[place]).messages
        return found

    def by_class(self, place: int) -> Mapping[type, Spec]:
        """The messages of a place, by class: what they are called may change."""
        found = self._by_class.get(place)
        if found is None:
            found = self._by_class[place] = {spec.cls: spec for spec in self.specs(place).values()}
        return found

    @property
    def aims(self) -> Mapping[type, Spec]:
        """The messages of the place itself, by class."""
        return self.by_class(self.top)

    def today(self, cls: type, field: str) -> str:
        """What today calls a field of the place; where today has none, what the place does."""
        return self.known.get((cls, field)) or field


@attrs.frozen(eq=False)
class Crossing:
    """A change that converts values, and the messages on both sides of it."""

    above: int
    """The place just after it."""
    revision: str
    conversion: Conversion
    before: Mapping[str, Spec]
    after: Mapping[str, Spec]

    @property
    def below(self) -> int:
        """The place just before it."""
        return self.above + 1

    @cached_property
    def ups(self) -> Mapping[type, Up]:
        """What brings messages over it, by class."""
        ups = self.conversion.upward(self.before, self.after)
        return {self.before[name].cls: up for name, up in ups.items()}

    @cached_property
    def downs(self) -> Mapping[type, Down]:
        """What takes messages back over it, by class."""
        downs = self.conversion.downward(self.before, self.after)
        return {self.after[name].cls: down for name, down in downs.items()}


class Eras:
    """The places of a history and the frames of those that count.

    Args:
        catalog: the messages of today.
        revisions: newest first.

    Raises:
        HistoryError: a change names what was not there, or makes what cannot have been.
    """

    def __init__(self, catalog: Catalog, revisions: Sequence[Revision]) -> None:
        self._changes: list[tuple[str, Change]] = []
        self.places: dict[str, int] = {}
        """The place of each revision, newest first."""
        for revision in revisions:
            self.places[revision.name] = len(self._changes)
            self._changes += [(revision.name, change) for change in revision.changes]
        self._conversions = {
            place: change for place, (_, change) in enumerate(self._changes) if isinstance(change, Conversion)
        }
        today = tables_of_today(catalog, revisions[0].name)
        self._frames = {0: self._framed(today, today, 0)}
        self.today = self._frames[0]
        self.tables = {name: self._as_of(name, place) for name, place in self.places.items()}
        """The tables of each revision, as seen from today."""
        self.crossings = tuple(self._crossings())
        """Oldest first."""

    def _as_of(self, name: str, place: int) -> Tables:
        frame = self.today
        then = as_of_then(attrs.evolve(frame.places[place], revision=name))
        frame._specs.setdefault(place, then.messages)
        return then

    def _framed(self, seen: Tables, tables: Tables, top: int) -> Frame:
        """The frame of a place, from its tables as seen from today and as seen from itself."""
        known = {(spec.cls, field.name): field.today for spec in seen.messages.values() for field in spec.fields}
        stops = {*self.places.values(), *self._conversions, *(place + 1 for place in self._conversions)}
        places = {}
        for place in range(top, len(self._changes)):
            revision, change = self._changes[place]
            if place in stops:
                places[place] = tables
                tables = tables.before(revision)
            tables.revision = revision
            change.undo(tables)
        places[len(self._changes)] = tables
        return Frame(top, places, tables, known)

    @property
    def changes(self) -> Sequence[Change]:
        """All changes: that of index 0 is undone first."""
        return [change for _, change in self._changes]

    def frame(self, place: int) -> Frame:
        """The history as seen from a place: a revision's, or one on either side of a conversion."""
        found = self._frames.get(place)
        if found is None:
            seen = self.today.places[place]
            found = self._frames.setdefault(place, self._framed(seen, own(seen), place))
        return found

    def _crossings(self) -> Iterator[Crossing]:
        places = self.today.places
        for place, conversion in reversed(self._conversions.items()):
            revision = self._changes[place][0]
            before, after = (
                as_of_then(attrs.evolve(own(places[where]), revision=revision)).messages for where in (place + 1, place)
            )
            ends = tuple(self.tables[name].messages for name in (self.before(place + 1), revision))
            refuse_confusion(revision, conversion, set(conversion.upward(before, after)), (before, after), ends)
            yield Crossing(place, revision, conversion, before, after)

    def since(self, frame: Frame, cls: type, field: str | None = None) -> str | None:
        """The revision with which a message, or a field of it by the name in a frame, came; None where it has none."""
        for name, place in reversed(self.places.items()):
            spec = frame.by_class(place).get(cls) if place >= frame.top else None
            if spec is not None and (field is None or any(known.today == field for known in spec.fields)):
                return name
        if field is not None and field not in frame.aims[cls].names:
            return None
        return self._changes[frame.top - 1][0]  # in the revision in the midst of which the place is

    def before(self, place: int) -> str:
        """The revision that speaks as a place does, or else the next older one."""
        return next(name for name, other in self.places.items() if other >= place)


def own(tables: Tables) -> Tables:
    """Tables in which every field is known by the name that it has there, as if they were today's."""

    def own_field(field: Field) -> Field:
        return attrs.evolve(field, today=field.name, null=REQUIRED)

    messages = {
        name: attrs.evolve(spec, fields=tuple(map(own_field, spec.fields))) for name, spec in tables.messages.items()
    }
    return attrs.evolve(tables, messages=messages, unsaid={}, came_as={}, droppable=set(), null_unsaid=set())
