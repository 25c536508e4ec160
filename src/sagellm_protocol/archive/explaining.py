"""Why a record is set aside, in one line, and what it was nearest to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import attrs

from sagellm_protocol.history import History
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import UnknownPayloadError, ValidationError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.printable import printable
from sagellm_protocol.model.spec import Spec

_LISTED = 20
"""Lines below the headline of an error that a reason has."""
_LONGEST = 2000
"""Characters of a reason."""
_NAMES, _NAME = 100, 100
"""How many field names, and how long ones, are worth remembering what comes nearest to them."""


def one_line(error: Exception) -> str:
    """An error as one line of 2,000 characters at the most.

    Whatever it lists is cut after 20, and control characters are escaped.
    """
    head, *listed = str(error).split("\n")
    line = head.strip()
    if listed:
        more = [f"and {len(listed) - _LISTED} more"] if len(listed) > _LISTED else []
        line = f"{line.removesuffix(':')}: {'; '.join([line.strip() for line in listed[:_LISTED]] + more)}"
    return cut(printable(line), _LONGEST)


@attrs.frozen
class _Model:
    """A message as one revision has it."""

    revision: str
    spec: Spec
    fields: frozenset[str]
    required: frozenset[str]

    def strangeness(self, names: frozenset[str]) -> int:
        """How many fields are missing or too many."""
        # The names may be many thousands, the fields are few.
        return len(self.required - names) + len(names) - len(self.fields & names)


class Nearness:
    """Finds the message that a payload comes nearest to, for the explanation of why it is none.

    Args:
        history: the revisions and messages.
        message: the only one in question, where the user said so.
        revisions: those in question, oldest first.
    """

    def __init__(self, history: History, message: str | None, revisions: Sequence[str]) -> None:
        self._history = history
        self._message = message
        self._revisions = revisions
        self._remembered = lru_cache(maxsize=1024)(self._find)

    def explain(self, payload: Any) -> UnknownPayloadError:
        """The error for a payload that fits nothing."""
        if not isinstance(payload, dict):
            return UnknownPayloadError("the record is no JSON object")
        nearest = self._nearest(frozenset(payload))
        if nearest is None:
            return UnknownPayloadError("the record resembles no message")
        spec, specs = nearest.spec, self._history.specs(nearest.revision)
        try:
            check_payload(Nested(spec.name, spec.cls), payload, unknown="ignore", specs=specs)
        except ValidationError as error:
            _, _, listed = str(error).partition("\n")
            return UnknownPayloadError(
                f"the record fits no message; as {spec.name} of {nearest.revision} it breaks\n{listed}"
            )
        return UnknownPayloadError(f"the record fits no message; {spec.name} of {nearest.revision} comes nearest")

    def nearest(self, payload: Mapping[str, Any]) -> tuple[str, Spec] | None:
        """The revision and the message that a payload comes nearest to by the names of its fields, if to any."""
        model = self._nearest(frozenset(payload))
        return None if model is None else (model.revision, model.spec)

    def doubts(self, payload: Any, found: Spec) -> bool:
        """Whether a payload that ``found`` takes with unknown fields may rather be another message, damaged.

        A message whose fields are all optional takes nearly anything. So most of the names must be its own, and no
        other message may come nearer.
        """
        names = frozenset(payload)
        unknown = len(names - {field.name for field in found.fields})
        nearest = self._nearest(names)
        return 2 * unknown > len(names) or (nearest is not None and nearest.strangeness(names) < unknown)

    @cached_property
    def _models(self) -> list[_Model]:
        """Newest first."""
        cls = None if self._message is None else self._history.catalog.get(self._message)
        return [
            _Model(
                revision,
                spec,
                frozenset(field.name for field in spec.fields),
                frozenset(field.name for field in spec.fields if field.required),
            )
            for revision in reversed(self._revisions)
            for spec in self._history.specs(revision).values()
            if cls in (None, spec.cls)
        ]

    def _nearest(self, names: frozenset[str]) -> _Model | None:
        ordinary = len(names) <= _NAMES and all(len(name) <= _NAME for name in names)
        return self._remembered(names) if ordinary else self._find(names)

    def _find(self, names: frozenset[str]) -> _Model | None:
        """Where nothing is known of the payload but its names, more of them must fit than not."""
        nearest = min(self._models, key=lambda model: model.strangeness(names), default=None)
        allowed = len(names) if self._message is None else math.inf
        return nearest if nearest is not None and nearest.strangeness(names) < allowed else None
