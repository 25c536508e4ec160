"""Payloads of today taken all the way back to an older revision: leg by leg, from one stop to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.downgrading import Downgrades
from sagellm_protocol.history.eras import Eras
from sagellm_protocol.history.losing import UNSAYABLE, Losses, Taking
from sagellm_protocol.history.stops import Stop, back, touches
from sagellm_protocol.history.walking import Walk
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.exceptions import MOST_TOLD, LossyDowngradeError
from sagellm_protocol.model.paths import ROOT, Path

Step: TypeAlias = Callable[[type, dict[str, Any], Path, Losses], Any]
"""Takes a message one leg back, or over a stop; gives ``UNSAYABLE`` where nothing valid is left."""


@attrs.define
class Backwards:
    """What it takes to take payloads of today back to one revision."""

    eras: Eras
    place: int
    """Its place."""
    revision: str
    stops: Sequence[Stop]
    """All between today and there, newest first."""
    _straight: Downgrades = attrs.field(init=False)
    """For messages that need not stop on the way."""
    _ways: dict[type, tuple[Step, ...]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._straight = self._leg(0, self.place, self.revision, goes_on=False)

    def same(self, message: type) -> bool:
        """Whether nothing in a message, at any depth, differs between that revision and today."""
        return self._straight.same(message) and not self._way(message)

    def nulls(self, message: type) -> tuple[str, ...]:
        """The fields of a message that are left out: all that differs, at any depth, as long as they are null.

        None where more may differ.
        """
        return () if self._way(message) else self._straight.nulls(message)

    def is_straight(self, message: type) -> bool:
        """Whether neither a conversion nor a hook touches a message: values may be left out, but none is changed."""
        return not self._way(message)

    def taken_back(self, message: type, payload: dict[str, Any], *, lossy: Taking) -> dict[str, Any]:
        """A plain payload of today as that revision writes it.

        Raises:
            LossyDowngradeError: naming each value that would be lost and that ``lossy`` does not take; where nothing
                valid would be left, each that would be lost.
        """
        losses = Losses(MOST_TOLD, lossy)
        taken = self.message(message, payload, ROOT, losses)
        if taken is UNSAYABLE and not isinstance(lossy, bool):
            return self.taken_back(message, payload, lossy=True)
        if losses.found and (taken is UNSAYABLE or lossy is not True):
            name = self.eras.today.aims[message].name
            raise LossyDowngradeError(name, self.revision, losses.found, losses.more)
        held: dict[str, Any] = taken
        return held

    def message(self, message: type, payload: dict[str, Any], path: Path, losses: Losses) -> Any:
        """A payload of today as that revision writes it; what it cannot say is left out and added to ``losses``."""
        taken: Any = payload
        for step in self._way(message) or (self._straight.message,):
            taken = step(message, taken, path, losses)
            if taken is UNSAYABLE:
                return UNSAYABLE
        return taken

    def _way(self, message: type) -> tuple[Step, ...]:
        """What is done one after the other; nothing, where a message need not stop."""
        if not self.stops:
            return ()
        found = self._ways.get(message)
        if found is None:
            found = self._ways[message] = tuple(self._steps(message))
        return found

    def _steps(self, message: type) -> Iterator[Step]:
        found = [stop for stop in self.stops if touches(stop.downs.keys(), message, stop.after)]
        place = 0
        for stop in found:
            label = self.eras.before(stop.above)
            yield self._leg(place, stop.above, label, goes_on=True).message
            yield _walking(back(stop))
            place = stop.below
        if found:
            yield self._leg(place, self.place, self.revision, goes_on=False).message

    def _leg(self, start: int, end: int, label: str, *, goes_on: bool) -> Downgrades:
        written = partial(self._default, start) if start else to_plain
        return Downgrades(self.eras, self.eras.frame(start), end, label, goes_on, written)

    def _default(self, place: int, message: Any) -> Any:
        """A message of today, which is the default of a field, as a payload of a place."""
        there = Backwards(self.eras, place, self.revision, [stop for stop in self.stops if stop.below <= place])
        return there.default(message)

    def default(self, message: Any) -> Any:
        """A message of today, which is the default of a field, as that revision writes it."""
        payload = to_plain(message)
        taken = self.message(type(message), payload, ROOT, Losses(0))
        return payload if taken is UNSAYABLE else taken


def _walking(walk: Walk) -> Step:
    return lambda message, payload, path, losses: walk.message(walk.name(message), payload, path, losses)
