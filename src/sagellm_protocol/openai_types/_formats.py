"""Forms that an answer must have."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from sagellm_protocol.model import KEPT, JsonObject, message


@message(unknown="keep")
class ChatTextFormat:
    """Any text."""

    type: Literal["text"] = "text"
    """Kind of form."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatJsonObjectFormat:
    """A JSON object, whatever is in it."""

    type: Literal["json_object"] = "json_object"
    """Kind of form."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatJsonSchema:
    """A JSON Schema, and how strictly an answer must keep to it."""

    name: str
    """What the form is called, for the model."""
    description: str | None = None
    """What the form is for, for the model; None where the name says enough."""
    schema: Mapping[str, Any] | None = None
    """The JSON Schema; None leaves the object free."""
    strict: bool | None = None
    """Whether an answer must keep to the schema to the letter; None means no."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatJsonSchemaFormat:
    """JSON of a given schema."""

    type: Literal["json_schema"] = "json_schema"
    """Kind of form."""
    json_schema: ChatJsonSchema
    """The schema."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


ChatResponseFormat: TypeAlias = ChatTextFormat | ChatJsonObjectFormat | ChatJsonSchemaFormat
"""The form that an answer must have, told apart by ``type``."""
