"""Fields of a payload that the protocol does not know: found, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.containers import is_sequence, items_of, pairs_of
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
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.spec import Spec, spec_of


def unknown_fields(kind: Type, payload: Any, specs: Mapping[str, Spec] | None = None) -> Iterator[str]:
    """The paths, cut, of all fields in a payload that its message does not have, nested messages included.

    Args:
        kind: what the payload is.
        payload: the payload.
        specs: the messages of another revision, by name; where it is None, each class's own.
    """
    return (told(path) for path in _unknown(kind, payload, specs, ROOT))


def _unknown(kind: Type, payload: Any, specs: Mapping[str, Spec] | None, path: Path) -> Iterator[Path]:
    match kind:
        case Nullable() | Limited():
            yield from _unknown(kind.inner, payload, specs, path)
        case Nested() if isinstance(payload, dict):
            types = {field.name: field.type for field in _spec(kind, specs).fields}
            for name, value in payload.items():
                if name not in types:
                    yield path, name
                elif nested_in(types[name]):
                    yield from _unknown(types[name], value, specs, (path, name))
        case Choice(options=options):
            spec = chosen([_spec(option, specs) for option in options], kind.tag, payload)
            if spec is not None:
                yield from _unknown(Nested(spec.name, spec.cls), payload, specs, path)
        case Either(options=options):
            for option in options:
                if _is_container(option, payload):
                    yield from _unknown(option, payload, specs, path)
        case Items() if isinstance(payload, (list, tuple)) and nested_in(kind):
            for index, item in enumerate(payload):
                yield from _unknown(kind.item, item, specs, (path, index))
        case Table() if isinstance(payload, dict) and nested_in(kind):
            for key, item in payload.items():
                yield from _unknown(kind.value, item, specs, (path, key))
        case _:
            return


Keeping: TypeAlias = "Callable[[type], frozenset[str] | None]"
"""Says of a message which names nothing can be kept by; None where it keeps nothing."""


def _nothing(message: type) -> None:
    """No message keeps anything."""


def without_unknown(kind: Type, payload: Any, specs: Mapping[str, Spec], keeping: Keeping = _nothing) -> Any:
    """The payload without the fields that its message does not have in ``specs``, nested messages included.

    What was checked is taken for what it was checked as: any sequence becomes a list, any mapping a dict.

    Args:
        kind: what the payload is.
        payload: the payload.
        specs: the messages of its revision, by name.
        keeping: which messages keep such fields all the same, by other names than some.
    """
    if not nested_in(kind):
        return payload
    match kind:
        case Nullable():
            return payload if payload is None else without_unknown(kind.inner, payload, specs, keeping)
        case Limited():
            return without_unknown(kind.inner, payload, specs, keeping)
        case Nested() if isinstance(payload, dict):
            of, given = specs[kind.name], _texts(payload)
            known = {
                field.name: without_unknown(field.type, given[field.name], specs, keeping)
                for field in of.fields
                if field.name in given
            }
            taken = keeping(of.cls)
            if taken is None:
                return known
            return known | {name: given[name] for name in given if name not in of.names and name not in taken}
        case Choice(options=options) if isinstance(payload, dict):
            given = _texts(payload)
            spec = chosen([specs[option.name] for option in options], kind.tag, given)
            return payload if spec is None else without_unknown(Nested(spec.name, spec.cls), given, specs, keeping)
        case Either(options=options):
            for option in options:
                if _is_container(option, payload):
                    return without_unknown(option, payload, specs, keeping)
            return payload
        case Items() if is_sequence(payload):
            return [without_unknown(kind.item, item, specs, keeping) for item in items_of(payload)]
        case Table() if isinstance(payload, Mapping):
            return {str(key): without_unknown(kind.value, item, specs, keeping) for key, item in pairs_of(payload)}
        case _:
            return payload


def _spec(nested: Nested, specs: Mapping[str, Spec] | None) -> Spec:
    return spec_of(nested.cls) if specs is None else specs[nested.name]


def _texts(payload: dict[Any, Any]) -> dict[str, Any]:
    """A dict of a caller's class as a plain one whose keys are plain texts."""
    if type(payload) is dict and all(type(key) is str for key in payload):
        return payload
    return {str.__str__(key): item for key, item in dict.items(payload) if isinstance(key, str)}


def _is_container(option: Type, payload: Any) -> bool:
    """Whether a value of a union is of this option, as far as messages may be in it."""
    match wire_kind(option):
        case "object":
            return isinstance(payload, Mapping)
        case "array":
            return is_sequence(payload)
        case _:
            return False
