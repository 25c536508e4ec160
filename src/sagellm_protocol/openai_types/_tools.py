"""Tools that a model may call, and how a client chooses among them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from sagellm_protocol.model import KEPT, JsonObject, message


@message(unknown="keep")
class ChatFunctionDefinition:
    """A function that a model may call."""

    name: str
    """What the model calls it by."""
    description: str | None = None
    """What it does, by which the model decides when to call it; None where the name says enough."""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema of its arguments; None where it has none."""
    strict: bool | None = None
    """Whether arguments must keep to that schema to the letter; None means no."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatFunctionTool:
    """A function, as one of the tools."""

    type: Literal["function"] = "function"
    """Kind of tool."""
    function: ChatFunctionDefinition
    """The function."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatGrammar:
    """A grammar that a text must keep to."""

    syntax: Literal["lark", "regex"]
    """What it is written in."""
    definition: str
    """The grammar itself."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatTextInput:
    """Any text, as the input of a custom tool."""

    type: Literal["text"] = "text"
    """Kind of input."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatGrammarInput:
    """Text that keeps to a grammar, as the input of a custom tool."""

    type: Literal["grammar"] = "grammar"
    """Kind of input."""
    grammar: ChatGrammar
    """The grammar."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCustomDefinition:
    """A tool whose input is text, and no JSON."""

    name: str
    """What the model calls it by."""
    description: str | None = None
    """What it does, by which the model decides when to call it; None where the name says enough."""
    format: ChatTextInput | ChatGrammarInput | None = None
    """What its input must be; None for any text."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCustomTool:
    """A custom tool, as one of the tools."""

    type: Literal["custom"] = "custom"
    """Kind of tool."""
    custom: ChatCustomDefinition
    """The tool."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


ChatTool: TypeAlias = ChatFunctionTool | ChatCustomTool
"""One of the tools that a model may call, told apart by ``type``."""


@message(unknown="keep")
class ChatToolName:
    """A function or custom tool, by its name."""

    name: str
    """The name, as the request defines it."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatFunctionChoice:
    """This function is to be called."""

    type: Literal["function"] = "function"
    """Kind of choice."""
    function: ChatToolName
    """The function to call."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatCustomChoice:
    """This custom tool is to be called."""

    type: Literal["custom"] = "custom"
    """Kind of choice."""
    custom: ChatToolName
    """The tool to call."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatAllowedTools:
    """Some of the tools, and whether one of them must be called."""

    mode: Literal["auto", "required"]
    """Whether the model may also answer with a text, or must call one of these."""
    tools: Sequence[Mapping[str, Any]]
    """Which: each as ``{"type": "function", "function": {"name": "..."}}``, or of another kind likewise."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatAllowedToolsChoice:
    """Only these tools may be called."""

    type: Literal["allowed_tools"] = "allowed_tools"
    """Kind of choice."""
    allowed_tools: ChatAllowedTools
    """The tools that may be called."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


ChatToolChoice: TypeAlias = (
    Literal["none", "auto", "required"] | ChatFunctionChoice | ChatCustomChoice | ChatAllowedToolsChoice
)
"""Which tools are called: none, as the model likes, at least one, or those that are named."""
