"""What an older revision cannot say, kept beside what it can: in the free ``metadata`` of its messages.

On the way down, what would be missing when the payload comes back is found by bringing it forward again and comparing;
that goes under one key of the metadata of the nearest message around it which has such a field. On the way up it is
taken out again, and each value is put back where the payload still says there what it said without it: what a peer
changed in between goes before what was stashed.

A stash is::

    {"revision": "0.5.4.16", "values": [{"path": ["temperature"], "value": 0.0}, ...]}

``revision`` is that of the values, which are as payloads of it hold them: today's when it is written; when it is read,
that or an older one, at which the payload then stops on its way (:mod:`.resting`). ``path`` leads there, from the
message whose metadata it is. ``value`` is left out for a field that was left out, and ``instead``, which is what stands
there without the stash, where nothing does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.backwards import Backwards
from sagellm_protocol.history.defaults import has_plain_default
from sagellm_protocol.history.forwards import Forwards
from sagellm_protocol.history.losing import UNSAYABLE, Losses, Taking
from sagellm_protocol.history.lossy import Paths
from sagellm_protocol.history.meaning import TODAY
from sagellm_protocol.history.payloads import in_too_many_places, multiplies
from sagellm_protocol.history.places import FIELD, FREE_TABLE, KEY, Places, classes_within
from sagellm_protocol.history.unstashing import Rest, put_back
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import (
    DecodeError,
    LossyDowngradeError,
    ValidationError,
    Violation,
    blaming,
)
from sagellm_protocol.model.kinds import Items, Nested, Table, Type, nested_in
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.nesting import MAX_DEPTH, too_deep
from sagellm_protocol.model.paths import ROOT, told
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.spec import Derived, Field, spec_of

_AROUND = 6
"""Levels of containers around a stashed value: the metadata, the stash, its list, the entry, and an envelope's two."""

Steps: TypeAlias = "tuple[str | int, ...]"


@attrs.define
class Stashes:
    """Takes payloads back to a revision with a stash."""

    today: Rest
    """Where what is stashed is put back when they are here again."""
    backwards: Callable[[], Backwards]
    """What takes payloads back to the revision; with the hooks of now, as what brings them forward."""
    forwards: Callable[[], Forwards]

    def taken_back(self, message: type, payload: dict[str, Any], *, lossy: Taking) -> dict[str, Any]:
        """A plain payload of today as the revision writes it, with what that cannot say stashed where there is a place.

        Raises:
            ValidationError: the key of a stash is taken.
            LossyDowngradeError: naming each value that would be lost, finds no place, and that ``lossy`` does not take.
            DecodeError: the payload holds the same values in too many places to be written twice.
        """
        kind, backwards = Nested(full_name(message), message), self.backwards()
        for path, value in self.today.places.stashes(kind, payload):
            wrong = Violation(told(path), "absent: the name is kept for what older revisions cannot say", value)
            raise blaming("local", ValidationError(kind.name, [wrong]))
        losses = Losses(0, True)
        taken = backwards.message(message, payload, ROOT, losses)
        if taken is UNSAYABLE:
            return backwards.taken_back(message, payload, lossy=True)
        held: dict[str, Any] = taken
        if not losses.more and not losses.left_out:
            return held
        if multiplies(payload):
            raise in_too_many_places()
        stashing = Stashing(self.today.revision, self.today.places)
        try:
            again = self._forward(kind, held)
        except ValidationError:  # A stash beside what cannot be brought forward is of no use.
            return backwards.taken_back(message, payload, lossy=lossy)
        stashed = stashing.value(kind, payload, again, None, ())
        try:
            return backwards.taken_back(message, stashed, lossy=_either(stashing.paths, lossy))
        except LossyDowngradeError:
            # Where values were converted, losses are told at places of then. What counts is whether all comes back.
            held = backwards.message(message, stashed, ROOT, Losses(0, True))
            back = self._forward(kind, held)
            if not TODAY.same(kind, put_back(self.today, kind, back, lambda: back), payload):
                raise
            return held

    def _forward(self, kind: Nested, payload: dict[str, Any]) -> Any:
        upgrade = self.forwards().of(kind)
        return payload if upgrade is None else upgrade(payload, {})


def _either(stashed: Paths, lossy: Taking) -> Taking:
    if lossy is True:
        return True
    return lambda path, loss: stashed.cover(path) or (lossy is not False and lossy(path, loss))


@attrs.define
class _Place:
    """The message in whose metadata a stash goes."""

    steps: Steps
    """Where it is."""
    trial: bool = False
    """Whether there is none, and it is only asked whether anything differs."""
    entries: list[dict[str, Any]] = attrs.field(factory=list, init=False)
    differs: bool = attrs.field(default=False, init=False)


@attrs.define
class Stashing:
    """Finds what differs between a payload and what comes back of it, and stashes it."""

    latest: str
    places: Places
    paths: Paths = attrs.field(factory=Paths, init=False)
    """The values that are stashed."""

    def value(self, kind: Type, value: Any, back: Any, place: _Place | None, steps: Steps) -> Any:
        """A value with stashes in the messages in it; what finds no place in those goes into ``place``."""
        if value is back:
            return value
        option = TODAY.holder(kind, value)
        if option is not None and option == TODAY.holder(kind, back):
            match option:
                case Nested(cls=cls):
                    return self._message(cls, value, back, place, steps)
                case Table(value=inner) if value.keys() == back.keys():
                    items = {key: self.value(inner, it, back[key], place, (*steps, key)) for key, it in value.items()}
                    return items if any(item is not value[key] for key, item in items.items()) else value
                case Items() if len(value) == len(back):
                    return self._items(option, value, back, place, steps)
        self._keep(place, kind, steps, value, back)
        return value

    def _items(self, kind: Items, value: Any, back: Any, place: _Place | None, steps: Steps) -> Any:
        """A list is stashed whole, unless its messages have places of their own for all: a peer may move them about."""
        trial = None if place is None else _Place(place.steps, trial=True)
        pairs = enumerate(zip(value, back, strict=True))
        items = [self.value(kind.item, item, then, trial, (*steps, index)) for index, (item, then) in pairs]
        if trial is not None and trial.differs and self._keep(place, kind, steps, value, back):
            return value
        return items if any(item is not before for item, before in zip(items, value, strict=True)) else value

    def _message(
        self, cls: type, payload: dict[str, Any], back: dict[str, Any], place: _Place | None, steps: Steps
    ) -> dict[str, Any]:
        metadata = payload.get(FIELD)
        own = self.places.has(cls) and (metadata is None or isinstance(metadata, dict))
        if own:
            place = _Place(steps)
        changed: dict[str, Any] = {}
        for field in spec_of(cls).fields:
            if not (own and field.name == FIELD):
                # What is not shown must not stand where it is shown.
                inner = None if field.secret else place
                value = self._field(cls, field, payload, back, inner, (*steps, field.name))
                if value is not payload.get(field.name, ABSENT):
                    changed[field.name] = value
        if own and place is not None and place.entries:
            changed[FIELD] = self._stash(cls, payload, place)
        return {**payload, **changed} if changed else payload

    def _field(
        self,
        cls: type,
        field: Field,
        payload: dict[str, Any],
        back: dict[str, Any],
        place: _Place | None,
        steps: Steps,
    ) -> Any:
        value, then = payload.get(field.name, ABSENT), back.get(field.name, ABSENT)
        if value is not ABSENT and then is not ABSENT:
            return self.value(field.type, value, then, place, steps)
        if isinstance(field.default, Derived) and value is ABSENT and then is not ABSENT:
            meant = to_plain(from_plain(cls, payload, unknown="ignore"))[field.name]
        elif has_plain_default(field):
            meant = TODAY.said(field, payload)
        else:
            meant = value
        # Of what is made anew, or is required and missing, nothing is said that could be lost.
        if meant is not ABSENT and not TODAY.same(field.type, meant, TODAY.said(field, back)):
            self._keep(place, field.type, steps, value, then)
        return value

    def _stash(self, cls: type, payload: dict[str, Any], place: _Place) -> dict[str, Any]:
        """The metadata of a message with a stash in it."""
        metadata = payload.get(FIELD, ABSENT)
        if metadata is ABSENT or metadata is None:
            field = next(field for field in spec_of(cls).fields if field.name == FIELD)
            if metadata is None or TODAY.said(field, payload) != {}:
                place.entries.append(_entry([FIELD], metadata, {}))
            metadata = {}
        return {**metadata, KEY: {"revision": self.latest, "values": place.entries}}

    def _keep(self, place: _Place | None, kind: Type, steps: Steps, value: Any, back: Any) -> bool:
        """Put a value into a stash, if something else comes back, and it can be."""
        if place is None or TODAY.same(kind, value, back):
            return False
        place.differs = True
        if place.trial:
            return True
        entry = _entry(list(steps[len(place.steps) :]), value, back)
        if _holds_secrets(kind) or not _is_json(entry) or too_deep(entry, MAX_DEPTH - len(place.steps) - _AROUND):
            return False
        place.entries.append(entry)
        self.paths.add(steps)
        return True


def _entry(path: list[str | int], value: Any, instead: Any) -> dict[str, Any]:
    said_then = {"value": value, "instead": instead}
    return {"path": path, **{name: held for name, held in said_then.items() if held is not ABSENT}}


def _is_json(entry: dict[str, Any]) -> bool:
    try:
        check_payload(FREE_TABLE, {KEY: {"values": [entry]}})
    except (ValidationError, DecodeError):
        return False
    return True


def _holds_secrets(kind: Type) -> bool:
    """Whether a message in a value of a type has a field that is not shown."""
    return any(
        field.secret
        for nested in nested_in(kind)
        for cls in classes_within(nested.cls)
        for field in spec_of(cls).fields
    )
