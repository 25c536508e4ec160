"""Whether two payloads of a revision say the same: a field that is left out says what its default says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.kinds import (
    Choice,
    Either,
    Items,
    Limited,
    Nested,
    Nullable,
    Table,
    Type,
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.spec import Field, Spec, spec_of


@attrs.frozen
class Meaning:
    """What payloads of a revision say."""

    spec: Callable[[type], Spec] = spec_of
    """Gives a message as the revision has it, where fields are known by the names that they have in it."""
    written: Callable[[Any], Any] = to_plain
    """Gives the payload of a message of today that is a default."""

    def said(self, field: Field, payload: Mapping[str, Any]) -> Any:
        """What a payload says in a field; ``ABSENT`` where it leaves out one that has no default, or one made anew."""
        value = payload.get(field.name, ABSENT)
        return plain_default(field.default, self.written) if value is ABSENT and has_plain_default(field) else value

    def same(self, kind: Type, left: Any, right: Any) -> bool:
        """Whether two values of a type say the same."""
        if left is right:
            return True
        if left is ABSENT or right is ABSENT:
            return False
        option = self.holder(kind, left)
        if option is None or option != self.holder(kind, right):
            return alike(left, right)
        if isinstance(option, Nested):
            return self._same_message(self.spec(option.cls), left, right)
        if isinstance(option, Table):
            inner = option.value
            return left.keys() == right.keys() and all(self.same(inner, it, right[key]) for key, it in left.items())
        return len(left) == len(right) and all(self.same(option.item, *pair) for pair in zip(left, right, strict=True))

    def _same_message(self, spec: Spec, left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
        if not all(self.same(field.type, self.said(field, left), self.said(field, right)) for field in spec.fields):
            return False
        strange = left.keys() - spec.names
        return strange == right.keys() - spec.names and all(alike(left[name], right[name]) for name in strange)

    def holder(self, kind: Type, value: Any) -> Nested | Table | Items | None:
        """The type in a type by which a plain value holds messages; None where it holds none, or it cannot be told."""
        match kind:
            case Nullable(inner=inner) | Limited(inner=inner):
                return self.holder(inner, value)
            case Choice(options=options, tag=tag):
                spec = chosen([self.spec(option.cls) for option in options], tag, value)
                return None if spec is None else Nested(spec.name, spec.cls)
            case Either(options=parts):
                return next((found for part in parts if (found := self.holder(part, value)) is not None), None)
            case Nested() | Table() | Items() if nested_in(kind):
                fits = isinstance(value, dict) if wire_kind(kind) == "object" else isinstance(value, (list, tuple))
                return kind if fits else None
            case _:
                return None


TODAY = Meaning()
"""What payloads of today say."""
