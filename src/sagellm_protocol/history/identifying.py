"""What a bare payload is, as far as it matters: its message, and a revision to upgrade it from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sagellm_protocol.history.detecting import Candidate, Shape
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import AmbiguousPayloadError, UnknownPayloadError

if TYPE_CHECKING:
    from sagellm_protocol.history.timeline import History


@attrs.frozen
class Detection:
    """What a payload is: the message, a revision to upgrade it from, and all that it could have been."""

    message: str
    since: str
    candidates: tuple[Candidate, ...]


def detect(history: History, payload: Any, message: str | type | None) -> tuple[Candidate, ...]:
    """See :meth:`History.detect`."""
    return tuple(history.shapes.candidate(_fitting(history, payload, message)))


def detect_all(history: History, payloads: Iterable[Any], message: str | type | None) -> tuple[str, ...]:
    """See :meth:`History.detect_all`."""
    possible = set(range(len(history.revisions)))
    for payload in payloads:
        fitting = _fitting(history, payload, message)
        if fitting:
            possible &= {number for shape in fitting for number in range(shape.first, shape.last + 1)}
    return tuple(history.revisions[number] for number in sorted(possible))


def identify(
    history: History,
    payload: Any,
    message: str | type | None,
    among: Sequence[str] | None,
    fill: Mapping[str, Any] | None,
) -> Detection:
    """See :meth:`History.identify`."""
    fitting = _fitting(history, payload, message)
    if among is not None:
        numbers = {history.revisions.index(history.resolve(release)) for release in among}
        fitting = [shape for shape in fitting if not numbers.isdisjoint(range(shape.first, shape.last + 1))]
    if any(not shape.tags <= payload.keys() for shape in fitting):
        # A writer that leaves out a tag leaves out other defaults too; one that writes every field writes tags as well.
        fitting = [shape for shape in fitting if shape.fields <= payload.keys()] or fitting
    candidates = tuple(history.shapes.candidate(fitting))
    if not fitting:
        raise UnknownPayloadError("the payload fits no message of any revision in question")
    newest = max(fitting, key=lambda shape: shape.last)
    if len(fitting) > 1 and not _agree(history, payload, fitting, newest, fill):
        apart = (history.shapes.candidate([shape])[0] for shape in fitting)
        raise AmbiguousPayloadError(map(str, apart))
    return Detection(newest.message, history.revisions[newest.last], candidates)


def _fitting(history: History, payload: Any, message: str | type | None) -> list[Shape]:
    return history.shapes.fitting(payload, None if message is None else history.catalog.name(message))


def _agree(
    history: History, payload: Any, shapes: Iterable[Shape], newest: Shape, fill: Mapping[str, Any] | None
) -> bool:
    """Whether upgrades from all the shapes say the same: equal payloads, or payloads of equal messages."""
    cls = history.catalog.get(newest.message)
    expected = history.upgrade(payload, cls, since=history.revisions[newest.last], fill=fill)
    for shape in shapes:
        if shape.message != newest.message:
            return False
        upgraded = history.upgrade(payload, cls, since=history.revisions[shape.last], fill=fill)
        if upgraded != expected and from_plain(cls, upgraded, unknown="ignore") != from_plain(
            cls, expected, unknown="ignore"
        ):
            return False
    return True
