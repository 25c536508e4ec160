"""What several kinds of request have in common: bounds, and options of a stream."""

from typing import Annotated

from annotated_types import Ge, Le

from sagellm_protocol.model import KEPT, JsonObject, message

Answers = Annotated[int, Ge(1), Le(128)]
"""How many answers to generate."""

MOST_ALTERNATIVES = 20
"""How many of the most probable tokens may be asked for."""

Alternatives = Annotated[int, Ge(0), Le(MOST_ALTERNATIVES)]
"""How many of the most probable tokens to tell of each."""


@message(unknown="keep")
class StreamOptions:
    """How a stream is to be written."""

    include_usage: bool | None = None
    """Whether a last chunk, of no choices, tells the usage; None means no."""
    include_obfuscation: bool | None = None
    """Whether chunks are padded to hide the lengths of their texts; None leaves it to the gateway."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
