"""Core schemas: how pydantic reads and writes a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sagellm_protocol.model.annotations import is_message, message_of
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.kinds import OneOf
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.pydantic_schema.reading import validator
from sagellm_protocol.pydantic_schema.writing import written

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


def get_core_schema(cls: Any, source: Any, handler: Callable[[Any], CoreSchema]) -> CoreSchema:
    """The ``__get_pydantic_core_schema__`` of every message class.

    Raises:
        DeclarationError: the class is a plain subclass of a message, which nothing can be read into.
    """
    if not is_message(cls):
        raise DeclarationError(
            f"{full_name(cls)} is a plain subclass of {full_name(message_of(cls) or cls)}, and no message itself:"
            " annotate with that, or declare it with @message"
        )
    return core_schema_of(cls)


def core_schema_of(cls: Any) -> CoreSchema:
    """The core schema of a message class; pydantic names its component after the class, by the reference in it."""
    from pydantic_core import core_schema as make

    writing = make.plain_serializer_function_ser_schema(written, info_arg=True)
    metadata = {"pydantic_js_functions": [cls.__get_pydantic_json_schema__]}
    read = validator(cls)
    tags = {field.name: field.type.values for field in spec_of(cls).fields if isinstance(field.type, OneOf)}
    if not tags:
        return make.with_info_plain_validator_function(
            read, ref=reference(cls), metadata=metadata, serialization=writing
        )
    # Field(discriminator=...) looks for the tags in what a function wraps; nothing is read by that.
    inner = make.typed_dict_schema(
        {name: make.typed_dict_field(make.literal_schema(list(values))) for name, values in tags.items()}
    )

    def read_tagged(value: Any, _: Any, info: Any) -> Any:
        return read(value, info)

    read_tagged.__name__ = read_tagged.__qualname__ = (
        cls.__name__
    )  # what pydantic calls the one of a union whose errors it tells
    return make.with_info_wrap_validator_function(
        read_tagged, inner, ref=reference(cls), metadata=metadata, serialization=writing
    )


def reference(cls: type) -> str:
    """What pydantic calls a class in its schemas: two of one name stay two."""
    return f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"
