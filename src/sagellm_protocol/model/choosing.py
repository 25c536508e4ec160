"""Which of several messages a payload is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagellm_protocol.model.kinds import OneOf, Type
from sagellm_protocol.model.spec import Spec


def tag_of(tables: Sequence[Mapping[str, Type]]) -> str | None:
    """The field that tells messages apart, of which the types are given: a literal of one text, no two the same."""
    for name in tables[0]:
        texts = [kind.tag for table in tables if isinstance(kind := table.get(name), OneOf) and kind.tag is not None]
        if len(texts) == len(tables) == len(set(texts)):
            return name
    return None


def tags(specs: Sequence[Spec], tag: str | None) -> dict[str, Spec]:
    """The text that each message has in the field that tells them apart."""
    return {
        field.type.tag: spec
        for spec in specs
        for field in spec.fields
        if field.name == tag and isinstance(field.type, OneOf) and field.type.tag is not None
    }


def fitting_specs(specs: Sequence[Spec], payload: Mapping[str, Any]) -> list[Spec]:
    """The specs whose required fields the payload has, fewest unknown fields first; only those with equally few."""
    given = payload.keys()
    fitting = [spec for spec in specs if all(field.name in given for field in spec.fields if field.required)]
    strange = [len(given - spec.names) for spec in fitting]
    return [spec for spec, many in zip(fitting, strange, strict=True) if many == min(strange)]


def chosen(specs: Sequence[Spec], tag: str | None, payload: Any) -> Spec | None:
    """The one message that a payload is, by its tag, or else by its fields; None where that does not tell."""
    if not isinstance(payload, dict):
        return None
    if tag is not None and tag in payload:
        text = payload[tag]
        return tags(specs, tag).get(text) if isinstance(text, str) else None
    fitting = fitting_specs(specs, payload)
    return fitting[0] if len(fitting) == 1 else None
