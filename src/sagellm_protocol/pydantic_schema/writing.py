"""Messages into payloads for pydantic: what the codecs write, less what the caller leaves out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.kinds import nested_in
from sagellm_protocol.model.plain import to_plain
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.writing import Writers

if TYPE_CHECKING:
    from pydantic import SerializationInfo
    from pydantic_core import SchemaSerializer


def written(message: Any, info: SerializationInfo) -> Any:
    """A message as a payload, in either mode.

    ``exclude_defaults`` leaves out what ``omit_defaults`` of a codec does: not what tells messages apart.

    Raises:
        OptionError: ``exclude_unset`` is asked for, which no message can answer.
        PydanticSerializationUnexpectedValue: it is no message.
    """
    cls = message_of(type(message))
    if cls is None:
        from pydantic_core import PydanticSerializationUnexpectedValue

        raise PydanticSerializationUnexpectedValue(f"{short(message)} is no message")
    if info.exclude_unset:
        raise OptionError(
            "exclude_unset: messages do not remember which of their fields were given; write exclude_defaults"
        )
    payload = _without_defaults(message) if info.exclude_defaults else to_plain(message)
    if info.exclude_none:
        payload = _without_none(message, payload)
    if info.include is not None or info.exclude is not None:
        chosen: Any = {"include": info.include, "exclude": info.exclude}
        payload = _chooser().to_python(payload, **chosen)
    return payload


@cache
def _chooser() -> SchemaSerializer:
    """Leaves out of plain data what pydantic would leave out of a model."""
    from pydantic_core import SchemaSerializer, core_schema

    return SchemaSerializer(core_schema.any_schema())


def _without_defaults(message: Any) -> Any:
    return _writers().writer(type(message))(message)


@cache
def _writers() -> Writers:
    return Writers("plain", omit_defaults=True)


def _without_none(value: Any, payload: Any) -> Any:
    """A payload without fields that are null, at any depth; free JSON, what is kept and the items of mappings stay."""
    cls = message_of(type(value))
    if cls is not None:
        spec = spec_of(cls)
        held = ((field, getattr(value, field.name)) for field in spec.fields if field.name in payload)
        written = {
            field.name: _without_none(inner, payload[field.name]) if nested_in(field.type) else payload[field.name]
            for field, inner in held
            if inner is not None
        }
        return written | {name: payload[name] for name in payload if name not in spec.names}
    if isinstance(value, tuple):
        return [_without_none(*pair) for pair in zip(value, payload, strict=True)]
    if isinstance(value, dict):
        return {key: _without_none(item, payload[key]) for key, item in value.items()}
    return payload
