"""Plain values with the defaults of all that messages in them leave out, so that they can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagellm_protocol.history.defaults import has_plain_default, plain_default
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
)
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.spec import Field, Spec


def completed(
    kind: Type, value: Any, specs: Mapping[str, Spec], computed: Callable[[Field], Any] = lambda _: ABSENT
) -> Any:
    """A value of a type with what messages in it mean by leaving fields out.

    Args:
        kind: the type.
        value: the value; what is not of the type stays as it is.
        specs: the messages, by full name.
        computed: what stands for a default that is not the same for all messages; ``ABSENT`` leaves it out.
    """
    if not nested_in(kind):
        return value
    match kind:
        case Nullable(inner=inner) | Limited(inner=inner):
            return completed(inner, value, specs, computed)
        case Nested(name=name) if isinstance(value, dict):
            return whole(specs[name].fields, value, specs, computed)
        case Choice(options=options, tag=tag) if isinstance(value, dict):
            spec = chosen([specs[option.name] for option in options], tag, value)
            return value if spec is None else whole(spec.fields, value, specs, computed)
        case Items(item=item) if isinstance(value, (list, tuple)):
            return [completed(item, each, specs, computed) for each in value]
        case Table(value=inner) if isinstance(value, dict):
            return {key: completed(inner, each, specs, computed) for key, each in value.items()}
        case Either(options=options):
            for option in options:
                value = completed(option, value, specs, computed)
            return value
        case _:
            return value


def whole(
    fields: tuple[Field, ...],
    values: Mapping[str, Any],
    specs: Mapping[str, Spec],
    computed: Callable[[Field], Any] = lambda _: ABSENT,
) -> dict[str, Any]:
    """The values of fields, those left out included; as for :func:`completed`."""
    found = dict(values)
    for field in fields:
        if field.name in values:
            found[field.name] = completed(field.type, values[field.name], specs, computed)
        elif not field.required:
            default = plain_default(field.default) if has_plain_default(field) else computed(field)
            if default is not ABSENT:
                found[field.name] = completed(field.type, default, specs, computed)
    return found
