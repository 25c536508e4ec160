"""Calls of tools that a model asks for: whole in an answer, in fragments in a stream."""

from typing import Literal, TypeAlias

from sagellm_protocol.model import KEPT, JsonObject, message
from sagellm_protocol.model.units import Index


@message(unknown="keep")
class ChatFunctionCall:
    """Which function to call, with what."""

    name: str
    """Name of the function, as the request defined it."""
    arguments: str
    """Its arguments, as the JSON text that the model wrote: it may be no valid JSON, and no valid arguments."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatFunctionToolCall:
    """A call of a function."""

    id: str
    """Identifies the call; the turn of role "tool" that answers it repeats this text."""
    type: Literal["function"] = "function"
    """Kind of tool."""
    function: ChatFunctionCall
    """The function, and its arguments."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCustomCall:
    """Which custom tool to call, with what."""

    name: str
    """Name of the tool, as the request defined it."""
    input: str
    """What the model gives it: any text, or one of the tool's grammar."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCustomToolCall:
    """A call of a custom tool."""

    id: str
    """Identifies the call; the turn of role "tool" that answers it repeats this text."""
    type: Literal["custom"] = "custom"
    """Kind of tool."""
    custom: ChatCustomCall
    """The tool, and its input."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


ChatToolCall: TypeAlias = ChatFunctionToolCall | ChatCustomToolCall
"""One call that a model asks for, told apart by ``type``."""


@message(unknown="keep")
class ChatFunctionCallDelta:
    """What a chunk adds to a call of a function."""

    name: str | None = None
    """Name of the function, in the first chunk of a call; None in the others."""
    arguments: str | None = None
    """Text to append to the arguments; None where there is nothing to append."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatToolCallDelta:
    """What a chunk adds to one of an answer's tool calls."""

    index: Index
    """The call that it belongs to, from 0."""
    id: str | None = None
    """Identifies the call, in its first chunk; None in the others."""
    type: Literal["function"] | None = None
    """Kind of tool, in the first chunk of a call; None in the others."""
    function: ChatFunctionCallDelta | None = None
    """What it adds; None where it adds nothing."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
