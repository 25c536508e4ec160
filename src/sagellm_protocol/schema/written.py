"""Values of enumerations that are written otherwise than they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, TypeAlias

from sagellm_protocol.model.kinds import Either, Items, Limited, Member, Nested, Nullable, Table, Type
from sagellm_protocol.schema.facts import Facts, Subject, fields_in
from sagellm_protocol.schema.reading import read_annotation

Values: TypeAlias = Mapping[str, Mapping[Any, Any]]
"""Old value to new value, by enumeration."""


def rewritten(published: Facts, today: Facts) -> dict[str, dict[Any, Any]]:
    """The values of members that are still there by name."""
    found: dict[str, dict[Any, Any]] = {}
    for subject, value in sorted(published.items(), key=lambda fact: fact[0]):
        if subject.kind == "member" and today.get(subject, value) != value:
            found.setdefault(subject.owner, {})[value] = today[subject]
    return found


def with_new_values(facts: Facts, values: Values) -> dict[Subject, Any]:
    """Facts with the values of members, and the defaults that hold them, written as they are now."""
    if not values:
        return dict(facts)
    return {subject: _with_new_values(subject, fact, facts, values) for subject, fact in facts.items()}


def _with_new_values(subject: Subject, fact: Any, facts: Facts, values: Values) -> Any:
    if subject.kind == "member":
        return values.get(subject.owner, {}).get(fact, fact)
    if subject.kind != "field":
        return fact
    kind = read_annotation(fact["type"], facts)
    told = {key: _written(kind, fact[key], facts, values) for key in ("default", "derived") if key in fact}
    return {**fact, **told}


def _written(kind: Type, value: Any, facts: Facts, values: Values) -> Any:
    match kind:
        case Nullable(inner=inner) | Limited(inner=inner):
            return _written(inner, value, facts, values)
        case Member(name=name) if isinstance(value, (str, int)):
            return values.get(name, {}).get(value, value)
        case Items(item=item) if isinstance(value, list):
            return [_written(item, each, facts, values) for each in value]
        case Table(value=inner) if isinstance(value, dict):
            return {key: _written(inner, each, facts, values) for key, each in value.items()}
        case Nested(name=name) if isinstance(value, dict):
            types = {key: read_annotation(row["type"], facts) for key, row in fields_in(facts, name).items()}
            return {
                key: _written(types[key], each, facts, values) if key in types else each for key, each in value.items()
            }
        case Either(options=options):
            for option in options:
                value = _written(option, value, facts, values)
            return value
        case _:
            return value


def values_renamed(enum: str, values: Mapping[Any, Any]) -> str:
    """The step for values that are written otherwise."""
    if all(isinstance(value, str) and value.isidentifier() and not iskeyword(value) for value in values):
        said = ", ".join(f"{old}={json.dumps(new)}" for old, new in values.items())
    else:
        said = f"{{{', '.join(f'{json.dumps(old)}: {json.dumps(new)}' for old, new in values.items())}}}"
    return f"values_renamed({json.dumps(enum)}, {said})"
