"""Texts that a client wants as vectors, and the vectors."""

from collections.abc import Sequence
from typing import Literal

from sagellm_protocol.model import KEPT, JsonObject, message, rule
from sagellm_protocol.model.units import AnyTokens, PositiveCount, TokenId
from sagellm_protocol.openai_types._rules import of_one_kind


@message(unknown="keep", rules=(of_one_kind("input"),))
class EmbeddingRequest:
    """Body of ``POST /v1/embeddings``: texts that the client wants as vectors."""

    input: str | Sequence[str | TokenId | Sequence[TokenId]]
    """Text to embed, or its token ids, or several of either."""
    model: str
    """Id of the embedding model, as ``ModelInfo.id``."""
    encoding_format: Literal["float", "base64"] | None = "float"
    """How the vectors are to be written: as numbers, or as base64 of little-endian 32-bit floats. None means as
    numbers."""
    dimensions: PositiveCount | None = None
    """Length of the vectors, at least 1, for models that can shorten them; None takes the model's own."""
    user: str | None = None
    """The client's own id of its end user; None if not told."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(unknown="keep")
class EmbeddingData:
    """The vector of one text."""

    object: Literal["embedding"] = "embedding"
    """Kind of object, as OpenAI clients expect it."""
    embedding: Sequence[float] | str
    """The vector: as numbers, or as base64 of little-endian 32-bit floats."""
    index: int
    """Place of the text in ``EmbeddingRequest.input``, from 0."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(
    unknown="keep",
    rules=(
        rule(
            "total-is-the-prompt",
            ("total_tokens", "prompt_tokens"),
            "equal to prompt_tokens",
            lambda it: it.total_tokens == it.prompt_tokens,
            why="Embedding generates nothing.",
        ),
    ),
)
class EmbeddingUsage:
    """What an embedding is billed for."""

    prompt_tokens: AnyTokens
    """Tokens in all texts."""
    total_tokens: AnyTokens
    """The same number, as nothing is generated (not checked)."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""


@message(
    unknown="keep",
    rules=(
        rule(
            "one-of-each-index",
            ("data",),
            "of different index each",
            lambda it: len({found.index for found in it.data}) == len(it.data),
            why="An index is the place of one of them, and of no other.",
        ),
    ),
)
class EmbeddingResponse:
    """Answer to an ``EmbeddingRequest``; sent by the embedding service to the client."""

    object: Literal["list"] = "list"
    """Kind of object, as OpenAI clients expect it."""
    data: Sequence[EmbeddingData]
    """One vector for each text."""
    model: str
    """Id of the model that made the vectors."""
    usage: EmbeddingUsage
    """Tokens used."""
    extra: JsonObject = KEPT
    """What else was sent, by the names of its fields."""
