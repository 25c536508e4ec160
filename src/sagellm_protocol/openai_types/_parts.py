"""What a turn of a conversation is made of, where it is more than one text."""

from typing import Literal, TypeAlias

from sagellm_protocol.model import KEPT, JsonObject, message


@message(unknown="keep")
class ChatCacheBreakpoint:
    """Mark on a part: what comes up to here is worth keeping in the prefix cache."""

    mode: Literal["explicit"] = "explicit"
    """How it came: always set by the client."""
    ttl: Literal["30m", "12h"] | None = None
    """How long to keep it at the least; None leaves it to the gateway."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatTextPart:
    """A text."""

    type: Literal["text"] = "text"
    """Kind of part."""
    text: str
    """The text."""
    prompt_cache_breakpoint: ChatCacheBreakpoint | None = None
    """Ends what is worth keeping in the prefix cache; None where nothing ends here."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatImageURL:
    """Where an image is."""

    url: str
    """Its address, or the image itself as a ``data:`` URL."""
    detail: Literal["auto", "low", "high", "original"] | None = None
    """How closely the model is to look at it; None leaves it to the model."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatImagePart:
    """An image."""

    type: Literal["image_url"] = "image_url"
    """Kind of part."""
    image_url: ChatImageURL
    """Where it is."""
    prompt_cache_breakpoint: ChatCacheBreakpoint | None = None
    """Ends what is worth keeping in the prefix cache; None where nothing ends here."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatInputAudio:
    """Recorded sound."""

    data: str
    """The recording, in base64."""
    format: Literal["wav", "mp3"]
    """How it is encoded."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatAudioPart:
    """Sound that a model listens to."""

    type: Literal["input_audio"] = "input_audio"
    """Kind of part."""
    input_audio: ChatInputAudio
    """The recording."""
    prompt_cache_breakpoint: ChatCacheBreakpoint | None = None
    """Ends what is worth keeping in the prefix cache; None where nothing ends here."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatFile:
    """A file: its content, or the id under which the server has it."""

    file_data: str | None = None
    """The content, in base64; None where ``file_id`` names it."""
    file_id: str | None = None
    """Id of a file that was uploaded before; None where ``file_data`` holds it."""
    filename: str | None = None
    """What it is called; None where that does not matter."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatFilePart:
    """A file that a model reads."""

    type: Literal["file"] = "file"
    """Kind of part."""
    file: ChatFile
    """The file."""
    prompt_cache_breakpoint: ChatCacheBreakpoint | None = None
    """Ends what is worth keeping in the prefix cache; None where nothing ends here."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class ChatRefusalPart:
    """A refusal, in an earlier answer that is sent back."""

    type: Literal["refusal"] = "refusal"
    """Kind of part."""
    refusal: str
    """What the model said in place of an answer."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


ChatContentPart: TypeAlias = ChatTextPart | ChatImagePart | ChatAudioPart | ChatFilePart | ChatRefusalPart
"""One part of a turn, told apart by ``type``."""
