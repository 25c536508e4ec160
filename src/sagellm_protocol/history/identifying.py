"""What a bare payload is, as far as it matters: its message, and a revision to upgrade it from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.detecting import Candidate, Shape, ShapeIndex
from sagellm_protocol.history.hooks import Repair, hook_name
from sagellm_protocol.history.payloads import alike, plain
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, ProtocolError, UnknownPayloadError


@attrs.frozen
class Past:
    """What it takes of a history to tell what a payload is."""

    catalog: Catalog
    revisions: Sequence[str]
    shapes: ShapeIndex
    resolve: Callable[[str], str]
    name: Callable[[str | type], str]
    """What today calls a message, by its name of today or of then."""
    hooks_for: Callable[[str, str], tuple[Repair, ...]]
    upgrade: Callable[..., dict[str, Any]]


@attrs.frozen
class Detection:
    """What a payload is: the message, a revision to upgrade it from, and all that it could have been."""

    message: str
    since: str
    candidates: tuple[Candidate, ...]


def detect(history: Past, payload: Any, message: str | type | None) -> tuple[Candidate, ...]:
    """See :meth:`History.detect`."""
    _, fitting = _fitting(history, payload, message)
    return tuple(history.shapes.candidate(fitting))


def detect_all(history: Past, payloads: Iterable[Any], message: str | type | None) -> tuple[str, ...]:
    """See :meth:`History.detect_all`."""
    possible = set(range(len(history.revisions)))
    for payload in payloads:
        _, fitting = _fitting(history, payload, message)
        if fitting:
            possible &= {number for shape in fitting for number in range(shape.first, shape.last + 1)}
    return tuple(history.revisions[number] for number in sorted(possible))


def identify(
    history: Past,
    payload: Any,
    message: str | type | None,
    among: Sequence[str] | None,
    fill: Mapping[str, Any] | None,
) -> Detection:
    """See :meth:`History.identify`."""
    payload, fitting = _fitting(history, payload, message)
    numbers = numbers_of(history, among)
    fitting, readings = readings_of(history, payload, fitting, numbers)
    if not fitting:
        raise UnknownPayloadError("the payload fits no message of any revision in question")
    newest = max(readings, key=lambda reading: reading.last)
    if len(readings) > 1 and not _agree(history, payload, readings, newest, fill):
        raise AmbiguousPayloadError(reading.told(history) for reading in readings)
    candidates = tuple(history.shapes.candidate(fitting))
    return Detection(newest.message, history.revisions[newest.last], candidates)


def numbers_of(history: Past, among: Sequence[str] | None) -> Set[int] | None:
    """The indexes of the revisions in question; None where all are."""
    if among is None:
        return None
    return {history.revisions.index(history.resolve(release)) for release in among}


def readings_of(
    history: Past, payload: Mapping[str, Any], fitting: Iterable[Shape], numbers: Set[int] | None
) -> tuple[list[Shape], list[Reading]]:
    """Of the shapes that a payload can have those that count, and the ways to take it. Only its keys matter."""
    fitting = [shape for shape in fitting if shape.is_among(numbers)]
    if any(not shape.tags.keys() <= payload.keys() for shape in fitting):
        # A writer that leaves out a tag leaves out other defaults too; one that writes every field writes tags as well.
        # Of what has one field alone, that it is there is no sign of either.
        fitting = [shape for shape in fitting if shape.fields <= payload.keys() and len(shape.fields) > 1] or fitting
    return fitting, [reading for shape in fitting for reading in _readings(history, shape, numbers)]


@attrs.define
class Reading:
    """One way to take a payload: a message, over revisions that are upgraded alike."""

    message: str
    first: int
    last: int
    hooks: tuple[Repair, ...]
    """The site's hooks that run on the way."""

    def told(self, history: Past) -> str:
        """The reading as a candidate, with the hooks that make it one."""
        candidate = Candidate(self.message, history.revisions[self.first], history.revisions[self.last])
        hooks = ", ".join(dict.fromkeys(hook_name(repair.up) for repair in self.hooks))
        return f"{candidate} with the hook {hooks}" if hooks else str(candidate)


def _readings(history: Past, shape: Shape, numbers: Set[int] | None) -> list[Reading]:
    """The ways to take a payload of a shape: one, unless a site has hooks for some of its revisions only."""
    readings: list[Reading] = []
    for number in range(shape.first, shape.last + 1):
        if numbers is None or number in numbers:
            hooks = history.hooks_for(shape.message, history.revisions[number])
            if readings and readings[-1].hooks == hooks:
                readings[-1].last = number
            else:
                readings.append(Reading(shape.message, number, number, hooks))
    return readings


def _fitting(history: Past, payload: Any, message: str | type | None) -> tuple[dict[str, Any], list[Shape]]:
    """A payload as a plain one, and the shapes that it can have: none, where it cannot be walked."""
    name = None if message is None else history.name(message)
    try:
        walkable = plain("payload", payload)
    except ProtocolError:
        return {}, []
    return walkable, history.shapes.fitting(walkable, name)


def _agree(
    history: Past, payload: Any, readings: Iterable[Reading], newest: Reading, fill: Mapping[str, Any] | None
) -> bool:
    """Whether all readings say the same: equal payloads of today, or payloads of equal messages."""
    if any(reading.message != newest.message for reading in readings):
        return False
    cls = history.catalog.get(newest.message)
    expected, *others = (
        _upgraded(history, payload, cls, history.revisions[reading.last], fill)
        for reading in sorted(readings, key=lambda reading: reading is not newest)
    )
    return all(_say_the_same(cls, upgraded, expected) for upgraded in others)


def _upgraded(
    history: Past, payload: Any, cls: type, since: str, fill: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The payload of today; None where it cannot be upgraded from that revision."""
    try:
        return history.upgrade(payload, cls, since=since, fill=fill)
    except ProtocolError:
        return None


def _say_the_same(cls: type, one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    if alike(one, other):
        return True
    try:
        return alike(_in_full(cls, one), _in_full(cls, other))
    except ProtocolError:
        return False


def _in_full(cls: type, payload: dict[str, Any] | None) -> Any:
    """A payload of today with every default written out; what the protocol does not know of stays."""
    return _laid_over(to_plain(from_plain(cls, payload, unknown="ignore")), payload)


def _laid_over(full: Any, payload: Any) -> Any:
    if isinstance(full, dict) and isinstance(payload, dict):
        return full | {name: _laid_over(full.get(name), value) for name, value in payload.items()}
    if isinstance(full, list) and isinstance(payload, (list, tuple)):
        return [_laid_over(below, value) for below, value in zip(full, payload, strict=True)]
    return payload
