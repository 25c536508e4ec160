"""One turn of a conversation."""

from collections.abc import Sequence
from typing import Literal

from sagellm_protocol.model import KEPT, JsonObject, message, rule
from sagellm_protocol.model.units import Index, WholeUnixTime
from sagellm_protocol.openai_types._calls import ChatFunctionCall, ChatToolCall
from sagellm_protocol.openai_types._parts import ChatContentPart, ChatTextPart


@message(unknown="keep")
class ChatAudio:
    """A spoken answer: in full where it is given, by its id where it is sent back."""

    id: str
    """Identifies it, for as long as the server keeps it."""
    data: str | None = None
    """The recording, in base64; None where the id is enough."""
    expires_at: WholeUnixTime | None = None
    """When the server forgets it, in whole seconds since 1970-01-01T00:00Z; None where the id is enough."""
    transcript: str | None = None
    """What is said in it; None where the id is enough."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatUrlCitation:
    """A page on the web that a part of an answer rests on."""

    start_index: Index
    """Where that part begins in the content, in characters."""
    end_index: Index
    """Where it ends, in characters."""
    title: str
    """Title of the page."""
    url: str
    """Its address."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatAnnotation:
    """A remark on a part of an answer."""

    type: Literal["url_citation"] = "url_citation"
    """Kind of remark."""
    url_citation: ChatUrlCitation
    """What that part rests on."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(
    unknown="keep",
    rules=(
        rule(
            "something-is-said",
            ("content", "role", "tool_calls", "function_call", "refusal", "audio"),
            "given, unless an assistant calls, refuses or speaks",
            lambda it: (
                it.content is not None
                or it.role == "function"
                or (
                    it.role == "assistant"
                    and not (
                        it.tool_calls is None and it.function_call is None and it.refusal is None and it.audio is None
                    )
                )
            ),
            why="A turn says something.",
        ),
        rule(
            "answers-a-call",
            ("tool_call_id", "role"),
            'given where role is "tool"',
            lambda it: it.role != "tool" or it.tool_call_id is not None,
            why="Of several calls it does not say which one it answers.",
        ),
        rule(
            "names-the-function",
            ("name", "role"),
            'given where role is "function"',
            lambda it: it.role != "function" or it.name is not None,
            why="It does not say which function gave the result.",
        ),
        rule(
            "assistants-call",
            ("tool_calls", "role"),
            'null unless role is "assistant"',
            lambda it: it.role == "assistant" or it.tool_calls is None,
            why="Only models ask for calls.",
        ),
    ),
)
class ChatMessage:
    """One turn of a conversation; sent by the client as input and by the gateway as the answer."""

    role: Literal["system", "developer", "user", "assistant", "function", "tool"]
    """Who speaks: "system" or "developer" sets the rules, "function" and "tool" give the result of a call."""
    content: str | Sequence[ChatContentPart] | None = None
    """What is said, as a text or in parts; None where an assistant only calls tools, refuses or speaks."""
    name: str | None = None
    """Tells apart several speakers of one role, or names the function; None where that is not needed."""
    refusal: str | None = None
    """What an assistant said in place of an answer; None where it answered."""
    tool_calls: Sequence[ChatToolCall] | None = None
    """Tools that an assistant wants called; None where it wants none."""
    tool_call_id: str | None = None
    """The call whose result a turn of role "tool" gives; None in turns of other roles."""
    function_call: ChatFunctionCall | None = None
    """Function that an assistant wants called, in the form that ``tool_calls`` replaced; None where it wants none."""
    audio: ChatAudio | None = None
    """What an assistant said aloud; None where it did not."""
    annotations: Sequence[ChatAnnotation] | None = None
    """Remarks on parts of an answer; None where there are none."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""

    @property
    def text(self) -> str:
        """What is said in words: the content, or its parts that are text, joined; empty where there is none."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part.text for part in self.content if isinstance(part, ChatTextPart))
