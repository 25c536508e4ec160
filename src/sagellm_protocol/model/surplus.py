"""Fields of a payload that the protocol does not know: found, and left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.spec import Choice, Items, Nested, Nullable, Spec, Table, Type


def unknown_fields(kind: Type, payload: Any, path: Path = ROOT) -> Iterator[str]:
    """The paths of all fields in a payload that its message does not have, nested messages included; long ones cut."""
    match kind:
        case Nullable():
            if payload is not None:
                yield from unknown_fields(kind.inner, payload, path)
        case Nested() if isinstance(payload, dict):
            types = {field.name: field.type for field in spec_of(kind.cls).fields}
            for name, value in payload.items():
                if name not in types:
                    yield told((path, name))
                else:
                    yield from unknown_fields(types[name], value, (path, name))
        case Choice(options=options):
            spec = chosen([spec_of(option.cls) for option in options], kind.tag, payload)
            if spec is not None:
                yield from unknown_fields(Nested(spec.name, spec.cls), payload, path)
        case Items() if isinstance(payload, list):
            for index, item in enumerate(payload):
                yield from unknown_fields(kind.item, item, (path, index))
        case Table() if isinstance(payload, dict):
            for key, item in payload.items():
                yield from unknown_fields(kind.value, item, (path, key))
        case _:
            return


def without_unknown(kind: Type, payload: Any, specs: Mapping[str, Spec]) -> Any:
    """The payload without the fields that its message does not have in ``specs``, nested messages included."""
    match kind:
        case Nullable():
            return payload if payload is None else without_unknown(kind.inner, payload, specs)
        case Nested() if isinstance(payload, dict):
            types = {field.name: field.type for field in specs[kind.name].fields}
            known = payload.keys() & types.keys()
            return {name: without_unknown(types[name], payload[name], specs) for name in payload if name in known}
        case Choice(options=options):
            spec = chosen([specs[option.name] for option in options], kind.tag, payload)
            return payload if spec is None else without_unknown(Nested(spec.name, spec.cls), payload, specs)
        case Items() if isinstance(payload, list):
            return [without_unknown(kind.item, item, specs) for item in payload]
        case Table() if isinstance(payload, dict):
            return {key: without_unknown(kind.value, item, specs) for key, item in payload.items()}
        case _:
            return payload
