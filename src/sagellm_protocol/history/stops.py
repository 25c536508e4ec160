"""What lies between two revisions besides changes of fields: conversions, and revisions that a site has hooks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from typing import TypeAlias

import attrs

from sagellm_protocol.history.conversions import Down, Up
from sagellm_protocol.history.eras import Crossing, Eras
from sagellm_protocol.history.hooks import Repair, Repairs, run_back
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.history.walking import Visit, Walk
from sagellm_protocol.model.spec import Spec


@attrs.frozen(eq=False)
class Halt:
    """A revision in whose form payloads stop for a site's hooks."""

    above: int
    revision: str
    before: Mapping[str, Spec]
    """The messages of the revision."""
    repairs: Mapping[str, Sequence[Repair]]
    """The hooks, by the message's name in it."""

    @property
    def below(self) -> int:
        """Its place: it is before its hooks and after."""
        return self.above

    @property
    def after(self) -> Mapping[str, Spec]:
        """The messages of the revision."""
        return self.before

    @cached_property
    def ups(self) -> Mapping[type, Sequence[Repair]]:
        """The hooks that run, by class."""
        return {self.before[name].cls: repairs for name, repairs in self.repairs.items() if repairs}

    @cached_property
    def downs(self) -> Mapping[type, Visit]:
        """What runs on the way back, by class: what was done last is taken back first."""
        downs = {
            name: [repair.down for repair in reversed(repairs) if repair.down is not None]
            for name, repairs in self.repairs.items()
        }
        return {
            self.before[name].cls: partial(run_back, name, self.revision, hooks)
            for name, hooks in downs.items()
            if hooks
        }


Stop: TypeAlias = "Crossing | Halt"


def stops(eras: Eras, repairs: Repairs, revision: str, until: str | None = None) -> list[Stop]:
    """All stops from a revision, its own hooks included, to today, or to before another's hooks; oldest first."""
    place, names = eras.places[revision], list(eras.places)
    end, newest = (0, 0) if until is None else (eras.places[until], names.index(until) + 1)
    hooked = [name for name in names[newest : names.index(revision) + 1] if repairs.get(name)]
    halts = [Halt(eras.places[name], name, eras.tables[name].messages, repairs[name]) for name in reversed(hooked)]
    crossings = [crossing for crossing in eras.crossings if end <= crossing.above < place]
    # Payloads stop for the hooks of a revision before they go on over what the next one converted.
    return sorted([*halts, *crossings], key=lambda stop: -stop.above - stop.below)


def touches(touched: Set[type], message: type, specs: Mapping[str, Spec]) -> bool:
    """Whether any of some messages can stand in a message as a place has it, or is that itself."""
    names = (name for name, spec in specs.items() if spec.cls is message)
    return any(specs[held].cls in touched for name in names for held in reachable(name, specs))


def over(crossing: Crossing) -> Walk:
    """What brings payloads over a conversion, the innermost messages first."""

    def visiting(up: Up) -> Visit:
        return lambda payload, path, _: up({**payload}, path)

    visits = {cls: visiting(up) for cls, up in crossing.ups.items()}
    return Walk(crossing.before, _by_class(crossing.before), visits, outside_in=False)


def back(stop: Stop) -> Walk:
    """What takes payloads back over a conversion, the outermost messages first; or over hooks, the innermost."""
    if isinstance(stop, Halt):
        return Walk(stop.before, _by_class(stop.before), stop.downs, outside_in=False)

    def visiting(down: Down) -> Visit:
        return lambda payload, path, losses: down({**payload}, path, losses)

    visits = {cls: visiting(down) for cls, down in stop.downs.items()}
    return Walk(stop.before, _by_class(stop.after), visits, outside_in=True)


def _by_class(specs: Mapping[str, Spec]) -> Mapping[type, Spec]:
    return {spec.cls: spec for spec in specs.values()}


def hooks_in(halt: Halt, message: type) -> Iterator[Repair]:
    """The hooks of a revision that may run on a message, or on one in it."""
    names = [name for name, spec in halt.before.items() if spec.cls is message]
    for held in sorted(held for name in names for held in reachable(name, halt.before)):
        yield from halt.repairs.get(held, ())
