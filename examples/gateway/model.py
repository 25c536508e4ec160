"""What stands in for a model: every word follows from a hash of what came before. The same request, the same answer."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from zlib import crc32

from sagellm_protocol import ChatMessage, Request
from sagellm_protocol.openai_types import ChatTextPart
from sagellm_protocol.types import TokenLogprob, TokenLogprobs

WORDS = (  # noqa: SIM905 - a text is read more easily
    "the a one old new small quiet light river stone garden window letter evening morning harbour field road bird tree "
    "is was holds finds brings keeps turns leaves follows remembers slowly again always under over beside with and"
).split()
IDS = {word: number for number, word in enumerate(WORDS)}
DIMENSIONS = 64
CALL = "<tool_call>{}</tool_call>"
"""How the model writes that it wants something called, as open models do."""


def token_of(text: str) -> int:
    """The id of a word, with the space before it or without; one that is not in the vocabulary has its hash."""
    word = text.strip()
    return IDS.get(word, len(WORDS) + crc32(word.encode("utf-8", "surrogatepass")) % 2**16)


def tokens_of(text: str) -> list[int]:
    """The ids of a text's words."""
    return [token_of(word) for word in text.split()]


def said_in(turn: ChatMessage) -> str:
    """A turn as text; what is no text in it stands as one word, the same for the same image or sound."""
    content = turn.content or ""
    if not isinstance(content, str):
        parts = [part.text if isinstance(part, ChatTextPart) else f"<{part.type}:{hash_of(part)}>" for part in content]
        content = " ".join(parts)
    return " ".join([content, *(repr(call) for call in turn.tool_calls or ())])


def chat_prompt(messages: Sequence[ChatMessage]) -> str:
    """A conversation as one text, as a chat template makes it."""
    return "\n".join(f"<|{turn.role}|> {said_in(turn)}" for turn in messages) + "\n<|assistant|>"


def prompt_of(request: Request) -> list[int]:
    """The tokens of whatever the request gives as input."""
    if request.prompt_token_ids is not None:
        return list(request.prompt_token_ids)
    return tokens_of(request.prompt if request.messages is None else chat_prompt(request.messages))


def hash_of(*what: Any) -> int:
    """A number of 64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def pieces(request: Request, prompt: Sequence[int]) -> list[str]:
    """All that the model would say, token by token: the calls that are asked for, or else 8 to 39 words."""
    calls = "".join(CALL.format(json.dumps(call)) for call in calls_of(request))
    if calls:
        return re.findall(r"\s*\S+", calls)
    state = hash_of(request.seed, *prompt)
    said = []
    for number in range(8 + state % 32):
        state = hash_of(state)
        said.append(f"{' ' if number else ''}{WORDS[state % len(WORDS)]}")
    return said


def tokens(request: Request, prompt: Sequence[int]) -> Iterator[tuple[int, str, Literal["stop", "length"]]]:
    """The answer: each token, the text that is certain with it, and why it would be the last.

    What could be the beginning of a text that ends the answer is kept back until it is known.
    """
    said, told = "", 0
    all_of_it = pieces(request, prompt)
    for number, piece in enumerate(all_of_it, 1):
        token, said = token_of(piece), said + piece
        ends = [found for stop in request.stop or () if (found := said.find(stop)) >= 0]
        if token in (request.stop_token_ids or ()):
            ends.append(len(said) - len(piece))
        if ends or number in (len(all_of_it), request.max_tokens):
            stopped = bool(ends) or number == len(all_of_it)
            yield token, said[told : min(ends, default=len(said))], "stop" if stopped else "length"
            return
        certain = len(said) - max((begun(said, stop) for stop in request.stop or ()), default=0)
        yield token, said[told:certain], "length"
        told = max(told, certain)


def begun(said: str, stop: str) -> int:
    """How much of a text that ends the answer stands at the end of what was said."""
    return next((size for size in range(len(stop) - 1, 0, -1) if said.endswith(stop[:size])), 0)


def calls_of(request: Request) -> list[dict[str, Any]]:
    """The calls that are asked for: of tools that the choice demands, or whose names the last turn speaks of."""
    functions = [tool["function"] for tool in request.tools or () if tool.get("type") == "function"]
    choice, turns = request.tool_choice, request.messages or ()
    if choice == "none" or not functions or not turns or turns[-1].role == "tool":
        return []
    if isinstance(choice, Mapping) and "function" in choice:
        wanted = [function for function in functions if function["name"] == choice["function"]["name"]]
    else:
        text = said_in(turns[-1]).lower()
        wanted = [it for it in functions if any(len(part) > 3 and part in text for part in it["name"].split("_"))]
        if choice == "required":
            wanted = wanted or functions[:1]
    return [{"name": it["name"], "arguments": invented(it.get("parameters") or {}, it["name"])} for it in wanted]


def invented(schema: Mapping[str, Any], seed: Any) -> Any:
    """Something of a JSON Schema."""
    number = hash_of(seed)
    if schema.get("enum"):
        return schema["enum"][number % len(schema["enum"])]
    match schema.get("type"):
        case "string":
            return WORDS[number % len(WORDS)]
        case "integer" | "number":
            return number % 100
        case "boolean":
            return number % 2 == 0
        case "array":
            return [invented(schema.get("items", {}), seed)]
    return {name: invented(found, (seed, name)) for name, found in schema.get("properties", {}).items()}


def likely(token: int, text: str, most: int) -> TokenLogprobs:
    """How probable a token was, and so many in its place; it is always the first of them."""
    top = [(token, text), *((found, WORDS[found]) for found in range(len(WORDS)) if found != token)][:most]
    return TokenLogprobs(
        token_id=token,
        text=text,
        logprob=-0.1,
        bytes=list(text.encode()),
        top=[
            TokenLogprob(token_id=found, text=word, logprob=-0.1 - rank, bytes=list(word.encode()))
            for rank, (found, word) in enumerate(top)
        ],
    )


def vector(prompt: Sequence[int], dimensions: int | None) -> list[float]:
    """An embedding of length 1, of 32-bit numbers."""
    size = dimensions or DIMENSIONS
    raw = struct.unpack(f"<{size}h", hashlib.shake_256(repr(list(prompt)).encode()).digest(2 * size))
    length = math.hypot(*raw) or 1.0
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(number / length for number in raw))))
