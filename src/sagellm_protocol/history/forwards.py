"""Payloads brought all the way to today, or to where they are to stay a while: leg by leg, from one stop to the next.

Only those stops count that can touch the message or one in it. Most messages have none, and are brought from their
revision to today's in one leg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import attrs

from sagellm_protocol.history.eras import Crossing, Eras
from sagellm_protocol.history.holding import Holding, Upgrade
from sagellm_protocol.history.hooks import Repair, Repairs
from sagellm_protocol.history.losing import Losses
from sagellm_protocol.history.payloads import not_an_object
from sagellm_protocol.history.stops import Stop, hooks_in, over, stops, touches
from sagellm_protocol.history.upgrading import Upgrades
from sagellm_protocol.history.walking import Walk
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.kinds import Choice, Nested, Type, replace
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import Spec

NOTHING: Mapping[tuple[type, str], Any] = MappingProxyType({})


@attrs.define
class Legs:
    """The functions from one place to another, shared by all ways that lead there."""

    eras: Eras
    repairs: Repairs
    _made: dict[tuple[int, int, str, str], Upgrades] = attrs.field(factory=dict, init=False)

    def leg(
        self, start: int, end: int, revision: str = "", written: Mapping[tuple[type, str], Any] = NOTHING
    ) -> Upgrades:
        """Those that bring payloads from one place to another.

        Args:
            start: the one place.
            end: the other.
            revision: where it is that of a revision, its hooks go first.
            written: what legs before this one wrote where a field was left out that goes on it, by class and name.
        """
        hooks = self.repairs.get(revision, {})
        key = start, end, revision if hooks else "", repr(sorted(written.items(), key=repr))
        found = self._made.get(key)
        if found is None:
            found = self._made.setdefault(key, Upgrades(self.eras.frame(end), start, revision, hooks, written))
        return found

    def forget(self, revision: str) -> None:
        """The hooks of a revision are others now."""
        for key in list(self._made):
            if key[2] == revision:
                self._made.pop(key, None)


@attrs.define
class Forwards:
    """The functions that bring payloads of one revision to today, or to another between."""

    legs: Legs
    revision: str
    until: str | None = None
    """The other, whose hooks are not run any more; None for today."""
    specs: Mapping[str, Spec] = attrs.field(init=False)
    """The messages of the revision, by their names in it."""
    _place: int = attrs.field(init=False)
    _end: int = attrs.field(init=False)
    _straight: Upgrades = attrs.field(init=False)
    """For messages that need not stop after that."""
    _stops: Sequence[Stop] = attrs.field(init=False)
    _after: dict[type, tuple[Stop, ...]] = attrs.field(factory=dict, init=False)
    _whole: dict[type, Upgrade] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        eras = self.legs.eras
        self._place = eras.places[self.revision]
        self._end = 0 if self.until is None else eras.places[self.until]
        self.specs = eras.tables[self.revision].messages
        self._straight = self.legs.leg(self._place, self._end, self.revision)
        self._stops = stops(eras, self.legs.repairs, self.revision, self.until)

    def upgrade(self, name: str) -> Upgrade | None:
        """The function for a message, by its name then; None where nothing in it, at any depth, differs there."""
        spec = self.specs.get(name) if self._stops else None
        if spec is None or not self.stops(spec.cls):
            return self._straight.upgrade(name)
        found = self._whole.get(spec.cls)
        if found is None:
            found = self._whole.setdefault(spec.cls, _one_after_the_other(name, tuple(self._steps(spec.cls))))
        return found

    def spec(self, message: type) -> Spec:
        """A message as the revision has it."""
        return self.legs.eras.today.by_class(self._place)[message]

    def of(self, kind: Type) -> Upgrade | None:
        """The function for any type that holds messages of today; None where nothing in it differs."""
        return Holding(self.specs, self.upgrade).of(called_then(kind, self.specs))

    def stops(self, message: type) -> tuple[Stop, ...]:
        """The stops of a message on the way, oldest first; hooks of the revision itself are none."""
        found = self._after.get(message)
        if found is None:
            after = (stop for stop in self._stops if isinstance(stop, Crossing) or stop.revision != self.revision)
            found = tuple(stop for stop in after if touches(stop.ups.keys(), message, stop.before))
            self._after[message] = found
        return found

    def hooks(self, message: type) -> tuple[Repair, ...]:
        """The hooks that may run on a message, or on one in it, in their order."""
        halts = (stop for stop in self._stops if not isinstance(stop, Crossing))
        return tuple(repair for halt in halts for repair in hooks_in(halt, message))

    def _steps(self, message: type) -> Iterator[Upgrade]:
        place, revision = self._place, self.revision
        for passed, stop in enumerate(self.stops(message)):
            yield from self._leg(message, place, stop.below, revision, passed)
            place, revision = stop.above, stop.revision
            if isinstance(stop, Crossing):
                revision = ""
                yield _walking(over(stop), message)
        yield from self._leg(message, place, self._end, revision, len(self.stops(message)))

    def _leg(self, message: type, start: int, end: int, revision: str, passed: int) -> Iterator[Upgrade]:
        """The leg after so many stops, if it does anything."""
        leaving = self.legs.eras.frame(end).by_class(start)
        written = {
            (cls, field.name): meant[field.name]
            for cls, spec in leaving.items()
            if passed and any(not field.today for field in spec.fields)
            for meant in (self._meant_by_nothing(cls, self.stops(message)[:passed]),)
            for field in spec.fields
            if not field.today and field.name in meant
        }
        leg = self.legs.leg(start, end, revision, written)
        upgrade = leg.upgrade(leaving[message].name)
        if upgrade is not None:
            yield upgrade

    def _meant_by_nothing(self, cls: type, passed: Sequence[Stop]) -> dict[str, Any]:
        """What stands after some stops in a message of the revision that said nothing.

        Where fields go that it never said anything of, it is not to be told that their values would be lost.
        """
        payload: dict[str, Any] = {}
        place = self._place
        for stop in passed:
            leg = self.legs.leg(place, stop.below)
            upgrade = next((leg.upgrade(name) for name, spec in leg.specs.items() if spec.cls is cls), None)
            payload = payload if upgrade is None else upgrade(payload, {})
            if isinstance(stop, Crossing) and cls in stop.ups:
                with suppress(ProtocolError):  # It has to say something there, so that it never is without a word.
                    payload = stop.ups[cls](dict(payload), ROOT)
            place = stop.above
        return payload


def called_then(kind: Type, specs: Mapping[str, Spec]) -> Type:
    """A type with the messages in it called as some specs call them."""
    names = {spec.cls: name for name, spec in specs.items()}

    def called(part: Type) -> Type:
        match part:
            case Nested(cls=cls, name=name):
                return Nested(names.get(cls, name), cls)
            case Choice(options=options, tag=tag):
                return Choice(tuple(Nested(names.get(each.cls, each.name), each.cls) for each in options), tag)
            case _:
                return part

    return replace(kind, called)


def _one_after_the_other(name: str, steps: Sequence[Upgrade]) -> Upgrade:
    def upgrade(payload: Any, fill: Mapping[str, Any]) -> Any:
        if not isinstance(payload, dict):
            raise not_an_object(name, payload)
        taken = payload
        for step in steps:
            taken = step(taken, fill)
        return dict(payload) if taken is payload else taken

    return upgrade


def _walking(walk: Walk, message: type) -> Upgrade:
    name = walk.name(message)
    return lambda payload, _: walk.message(name, payload, ROOT, Losses(0))
