"""What older payloads do not say though today's must, so that ``fill`` may answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from sagellm_protocol.history.defaults import may_lack
from sagellm_protocol.history.eras import Eras, Frame
from sagellm_protocol.history.forwards import Forwards
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.spec import REQUIRED, Spec


@attrs.frozen
class Lacking:
    """A field that was required when it came, in a message of a revision that lacks it, or may."""

    revision: str
    message: type
    field: str
    """What today calls it; where today has it no longer, what it was called when its value was converted."""
    type: Type
    """What it has to hold then."""


def lacking(eras: Eras, ways: Sequence[Forwards]) -> Iterator[Lacking]:
    """What each revision lacks, by the ways on which its payloads are brought forward."""
    for way in ways:
        for cls in eras.today.by_class(eras.places[way.revision]):
            for frame, old in _legs(eras, way, cls):
                known = {field.today: field for field in old.fields}
                for field in frame.aims[cls].fields:
                    before = known.get(field.name)
                    lacks = (cls, field.name) in frame.first.unsaid if before is None else may_lack(before, field)
                    if lacks:
                        yield Lacking(way.revision, cls, frame.today(cls, field.name), field.type)


def _legs(eras: Eras, way: Forwards, cls: type) -> Iterator[tuple[Frame, Spec]]:
    """A message at the start of each leg, as seen from its end."""
    place = eras.places[way.revision]
    for stop in way.stops(cls):
        frame = eras.frame(stop.below)
        yield frame, frame.by_class(place)[cls]
        place = stop.above
    yield eras.today, eras.today.by_class(place)[cls]


def assumed(eras: Eras) -> Iterator[str]:
    """The fields that an upgrade gives a value of its own where ``fill`` does not."""
    for frame in (eras.today, *(eras.frame(crossing.below) for crossing in eras.crossings)):
        for (cls, field), value in frame.first.unsaid.items():
            if value is not REQUIRED:
                yield frame.today(cls, field)


def held(eras: Eras, cls: type, revision: str) -> set[type]:
    """The classes of a message and of those in it, in a revision and today."""
    places = (eras.today.specs(place) for place in (0, eras.places[revision]))
    return {
        specs[name].cls
        for specs in places
        for root, spec in specs.items()
        if spec.cls is cls
        for name in reachable(root, specs)
    }
