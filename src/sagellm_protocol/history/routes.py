"""Payloads read alike: what is to be asked of a payload so that it is surely taken for what another one was.

What a payload is, and what becomes of it, is found out at leisure for one of a kind (:func:`identify`, the functions of
:mod:`.upgrading`). A *route* is what that says of all payloads with the same keys in the same order: a generated
function that asks what it takes, at each place of a payload, for the answer to be the same, and then gives the payload
of today without a further look. In doubt it gives None.

Nothing is guessed: where it cannot be shown that a few questions decide, there is no route. Of the messages that have
all fields of the payload, those that took the sample take every payload that passes, and each that did not take it is
refused by a question of its own. The steps of an upgrade do not look at values, but for null and messages in messages,
which a route pins; so they are run once, on a payload of slots, and show where each value goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.detecting import Fit
from sagellm_protocol.history.forwards import Forwards
from sagellm_protocol.history.identifying import Past, numbers_of, readings_of
from sagellm_protocol.history.judging import holds
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.history.plainly import Asked, least, refuse_if, refuse_unless
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.kinds import Nested, Nullable, Type, nested_in
from sagellm_protocol.model.nesting import SCALARS
from sagellm_protocol.model.source import DOUBTS, Function
from sagellm_protocol.model.spec import REQUIRED, Derived, Spec, spec_of
from sagellm_protocol.model.validating import validation_of

Place: TypeAlias = "tuple[str, ...]"
"""The fields that lead to a value, through messages in messages."""


class Unsure(Exception):
    """It cannot be shown that all payloads like a sample become what it becomes."""


@attrs.frozen(eq=False)
class Slot:
    """Stands for whatever value a payload has at a place."""

    place: Place


@attrs.define
class Questions:
    """What is asked of the value at one place."""

    null: bool | None = None
    """Whether it must be null, or must not; None where that does not matter."""
    keys: tuple[str, ...] | None = None
    """The fields that it must have, in order, where it must be an object."""
    of: list[Asked] = attrs.field(factory=list)
    """The types that it must be of."""
    none_of: list[Asked] = attrs.field(factory=list)
    """The types that it must not be of."""


@attrs.frozen
class Route:
    """What becomes of payloads like a sample."""

    today: Callable[[Any], Any]
    """Gives the payload of today, the payload itself where nothing changes, or None where it is in doubt."""
    taken: list[int]
    """One number: for how many payloads the function gave something, since whoever reads it set it to 0."""


@attrs.frozen
class Routes:
    """Finds routes.

    Args:
        history: the revisions and messages.
        upgrades: gives the functions that bring payloads of a revision forward.
        among: the revisions that come into question for a payload; all, where it is None.
        fill: values for what an old payload does not say.
        frame: puts something around a payload of today, given with its message.
    """

    history: Past
    upgrades: Callable[[str], Forwards]
    among: Iterable[str] | None
    fill: Mapping[str, Any]
    frame: Callable[[Any, str], Any]

    def known(self, payload: dict[str, Any], message: str, since: str, check: Callable[[Any], Any]) -> Route:
        """The route of a payload that is known to be a message of a revision.

        Raises:
            Unsure: there is none.
        """
        return self._route(Asking(payload), message, [since], check)

    def found(
        self,
        payload: dict[str, Any],
        message: str | None,
        since: str,
        check: Callable[[Any], Any],
    ) -> Route:
        """The route of a payload that :func:`identify` took for a message, where all that can be one is asked.

        Args:
            payload: the sample. It has no fields that the protocol does not know.
            message: what it was said to be; None where nothing was said.
            since: the revision to upgrade it from.
            check: takes what is right of today, and raises something for all else.

        Raises:
            Unsure: there is none.
        """
        asking = Asking(payload)
        numbers = numbers_of(self.history, None if self.among is None else tuple(self.among))
        knowing = [shape for shape in self.history.shapes.knowing(payload, message) if shape.is_among(numbers)]
        fitting = [shape for shape in knowing if not shape.endless and shape.fits(payload) is Fit.KNOWN]
        if not fitting or any(shape.endless for shape in knowing):
            raise Unsure
        for shape in knowing:
            spec = shape.specs[shape.kind.name]
            if shape in fitting:
                asking.require(spec, shape.specs, payload, ())
            elif not asking.refute(spec, shape.specs, payload, ()):
                raise Unsure
        _, readings = readings_of(self.history, payload, fitting, numbers)
        # All of one message, or the sample would be ambiguous.
        others = [self.history.revisions[reading.last] for reading in readings]
        return self._route(asking, readings[0].message, [since, *others], check)

    def _route(self, asking: Asking, message: str, revisions: Iterable[str], check: Callable[[Any], Any]) -> Route:
        """The route of a payload that has to become the same from each of some revisions."""
        sources = [self.upgrades(revision) for revision in dict.fromkeys(revisions)]
        cls = self.history.catalog.get(message)
        for upgrades in sources:
            # Conversions and hooks look at values, which routes do not know.
            if upgrades.stops(cls) or upgrades.hooks(cls):
                raise Unsure
            asking.pin(upgrades, upgrades.spec(cls), asking.payload, ())
        slots = asking.slots(asking.payload, ())
        today, *others = [self._today(upgrades, cls, slots) for upgrades in sources]
        if not all(alike(other, today) for other in others):
            raise Unsure
        whole = asking.require_today(spec_of(cls), today)
        return asking.written(slots, today, self.frame(today, message), check if whole else None)

    def _today(self, upgrades: Forwards, message: type, slots: dict[str, Any]) -> Any:
        step = upgrades.upgrade(upgrades.spec(message).name)
        try:
            return slots if step is None else step(slots, self.fill)
        except ProtocolError:
            raise Unsure from None


@attrs.define
class Asking:
    """The questions to be asked of payloads like a sample."""

    payload: dict[str, Any]
    _places: dict[Place, Questions] = attrs.field(factory=dict, init=False)

    def at(self, place: Place) -> Questions:
        """The questions at a place."""
        return self._places.setdefault(place, Questions())

    def require(self, spec: Spec, specs: Mapping[str, Spec], payload: dict[str, Any], place: Place) -> None:
        """Ask that a payload is a message of a revision, which the sample is."""
        self.at(place).keys = tuple(payload)
        for rule in spec.rules:
            self.at((*place, next(name for name in rule.fields if payload.get(name) is not None))).null = False
        for name, value in payload.items():
            self._require_value(spec.types[name], specs, value, (*place, name))

    def _require_value(self, kind: Type, specs: Mapping[str, Spec], value: Any, place: Place) -> None:
        nested = _message_in(kind)
        if nested is None:
            self.at(place).of.append(Asked(kind, specs))
        elif type(value) is dict:
            self.require(specs[nested.name], specs, value, place)
        else:
            self.at(place).null = True

    def refute(self, spec: Spec, specs: Mapping[str, Spec], payload: dict[str, Any], place: Place) -> bool:
        """Ask why a payload is no message of a revision, as the sample is not; False if the sample is one."""
        self.at(place).keys = tuple(payload)
        if not spec.required <= payload.keys() <= spec.names:
            return True
        for rule in spec.rules:
            if all(payload.get(name) is None for name in rule.fields):
                for name in payload.keys() & set(rule.fields):
                    self.at((*place, name)).null = True
                return True
        return any(
            self._refute_value(spec.types[name], specs, value, (*place, name)) for name, value in payload.items()
        )

    def _refute_value(self, kind: Type, specs: Mapping[str, Spec], value: Any, place: Place) -> bool:
        nested = _message_in(kind)
        if nested is not None and type(value) is dict:
            return self.refute(specs[nested.name], specs, value, place)
        if holds(kind, value, unknown="ignore", specs=specs):
            return False
        if value is None:
            self.at(place).null = True
        else:
            self.at(place).none_of.append(Asked(kind, specs))
        return True

    def pin(self, upgrades: Forwards, spec: Spec, payload: dict[str, Any], place: Place) -> None:
        """Ask what the steps of an upgrade ask of values: whether they are null, and which messages are in them."""
        self.at(place).keys = tuple(payload)
        known = {field.name: field for field in spec.fields}
        for name, value in payload.items():
            below, field = (*place, name), known.get(name)
            if field is None:
                raise Unsure
            nested = _message_in(field.type)
            if nested is not None or field.null is not REQUIRED or not field.today:
                self.at(below).null = value is None
            if nested is not None and type(value) is dict:
                self.pin(upgrades, upgrades.specs[nested.name], value, below)
            elif value is not None and nested_in(field.type) and upgrades.of(field.type) is not None:
                raise Unsure

    def slots(self, value: Any, place: Place) -> Any:
        """The sample with a slot for each value that may be another, and so on down to where that matters."""
        asked = self._places.get(place, Questions())
        if asked.keys is not None:
            return {name: self.slots(item, (*place, name)) for name, item in value.items()}
        return None if asked.null else Slot(place)

    def require_today(self, spec: Spec, today: dict[str, Any]) -> bool:
        """Ask that what an upgrade gives is a message of today; True if today's reader has to be asked besides."""
        whole = validation_of(spec.cls) is not None or any(
            isinstance(field.default, Derived) and field.name not in today for field in spec.fields
        )
        for name, value in today.items():
            kind = spec.types[name]
            nested = _message_in(kind)
            if isinstance(value, Slot):
                self.at(value.place).of.append(Asked(kind, None))
            elif nested is not None and type(value) is dict:
                whole = self.require_today(spec_of(nested.cls), value) or whole
        return whole

    # The function

    def written(self, slots: Any, today: Any, framed: Any, check: Callable[[Any], Any] | None) -> Route:
        """The function that asks all this, and gives what an upgrade gives, framed.

        Args:
            slots: the payload.
            today: what the upgrade makes of it.
            framed: the same with what is put around it.
            check: what else is asked of ``today``, if anything.
        """
        to = Function("route")
        names: dict[Place, str] = {(): "_payload"}
        self._unpack(to, (), names)
        if check is not None:
            refused = f"not {to.bind('is_right', _is_right(check))}({_expression(to, slots, today, names)})"
            to.add(f"if {refused}: return None")
        taken = [0]
        to.add(f"{to.bind('taken', taken)}[0] += 1")
        to.add("return " + ("_payload" if _same(slots, framed) else _expression(to, slots, framed, names)))
        return Route(to.compile("_payload"), taken)

    def _unpack(self, to: Function, place: Place, names: dict[Place, str]) -> None:
        """Statements that take an object apart, and ask what is to be asked of each value."""
        keys = self.at(place).keys or ()
        name = names[place]
        if place:
            to.add(f"if _type({name}) is not _dict or {to.bind('tuple', tuple)}({name}) != {keys!r}: return None")
        held = []
        for key in keys:
            below = (*place, key)
            names[below] = to.local(".".join(below))
            held.append(names[below])
        if held:
            to.add(f"{', '.join(held)}, = {name}.values()")
        for key in keys:
            below = (*place, key)
            asked = self.at(below)
            _ask(to, asked, names[below])
            if asked.keys is not None:
                self._unpack(to, below, names)


def _ask(to: Function, asked: Questions, name: str) -> None:
    if asked.null:
        # The sample is null there, so all types that it has to be of let null through.
        to.add(f"if {name} is not None: return None")
        return
    of = asked.of
    if asked.null is False:
        to.add(f"if {name} is None: return None")
        of = [attrs.evolve(it, kind=it.kind.inner) if isinstance(it.kind, Nullable) else it for it in of]
    for it in least(of):
        refuse_unless(to, it, name)
    for it in asked.none_of:
        refuse_if(to, it, name)


def _message_in(kind: Type) -> Nested | None:
    """The one message that a value of a type is, if it is not null."""
    inner = kind.inner if isinstance(kind, Nullable) else kind
    return inner if isinstance(inner, Nested) else None


def _same(slots: Any, today: Any) -> bool:
    """Whether an upgrade changes nothing, not even the order of fields."""
    if type(slots) is dict and type(today) is dict:
        return list(slots) == list(today) and all(_same(value, today[name]) for name, value in slots.items())
    return slots is today


def _expression(to: Function, slots: Any, today: Any, names: Mapping[Place, str]) -> str:
    """An expression for what an upgrade gives."""
    whole = {id(value): place for place, value in _objects(slots, ())}
    if type(today) is dict and id(today) in whole:
        return names[whole[id(today)]]
    if isinstance(today, Slot):
        return names[today.place]
    if type(today) is dict:
        return f"{{{', '.join(f'{name!r}: {_expression(to, slots, value, names)}' for name, value in today.items())}}}"
    if type(today) in SCALARS:
        return repr(today)
    return to.bind("constant", today)


def _objects(slots: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if type(slots) is dict:
        yield place, slots
        for name, value in slots.items():
            yield from _objects(value, (*place, name))


def _is_right(check: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def is_right(today: Any) -> bool:
        try:
            check(today)
        except DOUBTS:
            return False
        return True

    return is_right
