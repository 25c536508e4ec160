"""Payloads brought to today by way of the revisions that stashed something in them.

What is stashed (:mod:`.stashing`) is of the revision that was the newest to whoever wrote it. There the payload stops,
as that revision has it: values are compared, checked and put back by what it says. From there on they are like all
others of the payload: renamed, converted, or refused where they would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from sagellm_protocol.history.backwards import Backwards
from sagellm_protocol.history.eras import Eras
from sagellm_protocol.history.forwards import Forwards
from sagellm_protocol.history.holding import Upgrade
from sagellm_protocol.history.meaning import Meaning
from sagellm_protocol.history.places import KEY, Places, classes_within, is_free
from sagellm_protocol.history.stops import stops
from sagellm_protocol.history.unstashing import Rest, put_back
from sagellm_protocol.model.containers import exact, items_of
from sagellm_protocol.model.kinds import Items, Nested, Table, Type, nested_in
from sagellm_protocol.model.spec import Field


def rest_of_today(eras: Eras, since: str, latest: str) -> Rest:
    """Where payloads of a revision stop for what today's stashed in them."""
    place = eras.places[since]
    # Whatever hooks there are: where nothing else differs, both ways leave the message alone.
    unhooked = Backwards(eras, place, since, stops(eras, {}, since)[::-1])
    return Rest(latest, since, Places(eras.today.by_class(place), unhooked.same))


def rest_between(eras: Eras, since: str, revision: str) -> Rest:
    """Where payloads of a revision stop for what another between that and today's stashed in them."""
    place = eras.places[revision]
    frame = eras.frame(place)
    written = Backwards(eras, place, revision, stops(eras, {}, revision)[::-1]).default
    # What was stashed was lost: whether it could have been need not be asked again.
    places = Places(frame.by_class(eras.places[since]), lambda _: False, Meaning(frame.aims.__getitem__, written))
    return Rest(revision, since, places, frame.specs(place))


@attrs.define
class Naming:
    """Finds the revisions of whatever may be a stash in payloads of one revision, which may be of the caller's classes.

    Whether there is a place for it is asked where they stop: what is called metadata there may have another name here.
    """

    meaning: Meaning
    """What payloads of the revision say."""
    _tables: dict[type, tuple[str, ...]] = attrs.field(factory=dict, init=False)
    """The fields of a message that are free tables."""
    _leading: dict[type, tuple[Field, ...]] = attrs.field(factory=dict, init=False)
    """Those in which there may be a message that has such a field."""

    def named(self, kind: Type, value: Any) -> Iterator[str]:
        """The revisions, as often as they are named."""
        match self.meaning.holder(kind, value) if self._leads(kind) else None:
            case Nested(cls=cls):
                for name in self._free(cls):
                    stash = _in_a_dict(_in_a_dict(value, name), KEY)
                    revision = _in_a_dict(stash, "revision")
                    if issubclass(type(revision), str):
                        yield exact(revision)
                for field in self._fields(cls):
                    yield from self.named(field.type, _in_a_dict(value, field.name))
            case Table(value=inner):
                for item in dict.values(value):
                    yield from self.named(inner, item)
            case Items(item=inner):
                for item in items_of(value):
                    yield from self.named(inner, item)

    def _leads(self, kind: Type) -> bool:
        return any(self._free(nested.cls) or self._fields(nested.cls) for nested in nested_in(kind))

    def _free(self, cls: type) -> tuple[str, ...]:
        found = self._tables.get(cls)
        if found is None:
            fields = self.meaning.spec(cls).fields
            found = self._tables[cls] = tuple(field.name for field in fields if is_free(field.type))
        return found

    def _fields(self, cls: type) -> tuple[Field, ...]:
        found = self._leading.get(cls)
        if found is None:
            found = self._leading[cls] = tuple(
                field
                for field in self.meaning.spec(cls).fields
                if any(
                    self._free(held)
                    for nested in nested_in(field.type)
                    for held in classes_within(nested.cls, self.meaning.spec)
                )
            )
        return found


def _in_a_dict(value: Any, name: str) -> Any:
    return dict.get(value, name) if issubclass(type(value), dict) else None


@attrs.define
class Way:
    """How a payload goes to today."""

    kind: Type
    """What it is today."""
    since: str
    """Its revision."""
    through: Sequence[str]
    """The revisions at which it stops, oldest first."""
    fill: Mapping[str, Any]
    """Values for required fields that it does not have."""
    straight: Upgrade | None
    """What brings it there where it does not stop; None where nothing differs."""
    upgrades: Callable[[str, str | None], Forwards]
    """Gives what brings payloads from a revision to another, or to today."""
    rest: Callable[[str], Rest]
    """Gives where it stops for what a revision stashed."""

    def gone(self, payload: Any, latest: str) -> Any:
        """A payload brought to today, with what is stashed in it put back."""
        # What is stashed was compared with what there is when nothing is filled in.
        value = bare = payload
        here, step = self.since, self.straight
        for revision in self.through:
            if revision != here:
                value, bare = self._brought(self.upgrades(here, revision).of(self.kind), value, bare)
            value, bare = self._put_back(self.rest(revision), value, bare)
            here, step = revision, self.upgrades(revision, None).of(self.kind)
        upgraded = value if step is None else step(value, self.fill)

        def unfilled() -> Any:
            if not self.fill:
                return upgraded
            return bare if step is None else step(bare, {})

        return put_back(self.rest(latest), self.kind, upgraded, unfilled)

    def _brought(self, step: Upgrade | None, value: Any, bare: Any) -> tuple[Any, Any]:
        if step is None:
            return value, bare
        made = step(value, self.fill)
        return made, step(bare, {}) if self.fill else made

    def _put_back(self, rest: Rest, value: Any, bare: Any) -> tuple[Any, Any]:
        made = put_back(rest, self.kind, value, lambda: bare)
        return made, put_back(rest, self.kind, bare, lambda: bare) if self.fill else made
