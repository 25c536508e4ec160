"""What a codec says to a payload, in a form that can be compared; and what may never happen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from fuzzing.odd import is_wire, leaves
from payloads import Outcome, as_json, as_msgpack, outcome
from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec
from sagellm_protocol.model.exceptions import ProtocolError

CODECS = ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack")
FORMS: Mapping[str, Callable[[Any], Any]] = {
    "json": as_json,
    "msgspec-json": as_json,
    "msgpack": as_msgpack,
    "msgspec-msgpack": as_msgpack,
    "dict": lambda payload: payload,
}


class Fault(AssertionError):
    """Something that may never happen; ``kind`` says what, for faults of one kind to be told once."""

    def __init__(self, kind: str, details: object = "") -> None:
        self.kind = kind
        super().__init__(f"{kind}: {details}" if details != "" else kind)


def agree(kind: str, found: Mapping[str, Outcome]) -> Outcome:
    """The outcome that all came to.

    Raises:
        Fault: they differ.
    """
    (first, expected), *others = found.items()
    for name, given in others:
        if given != expected:
            how = "verdict" if "taken" in (given[0], expected[0]) and given[0] != expected[0] else "words"
            how = "value" if given[0] == expected[0] == "taken" else how
            raise Fault(
                f"{kind}: {first} and {name} differ in {how}", f"\n  {first}: {cut(expected)}\n  {name}: {cut(given)}"
            )
    return expected


def cut(found: Outcome) -> str:
    text = ": ".join(found)
    return text if len(text) <= 600 else f"{text[:400]} ... {text[-150:]}"


def verdicts(payload: Any, cls: Any, options: Mapping[str, Any]) -> dict[str, Outcome]:
    """What every codec says that can be given the payload."""
    found = {"dict": outcome(lambda: codecs.get("dict", **options).decode(payload, cls))}
    if not is_wire(payload):
        return found
    # The one parser of JSON turns integers into floats from some size on, and refuses those from a larger one on.
    written = {as_json: as_json(payload) if finite(payload) else None, as_msgpack: as_msgpack(payload)}
    for name in CODECS:
        data = payload if name == "dict" else written[FORMS[name]]
        if data is not None and name != "dict":
            found[name] = outcome(lambda: codecs.get(name, **options).decode(data, cls))  # noqa: B023 - called at once
    return found


def comes_back(message: Any, cls: Any, options: Mapping[str, Any]) -> None:
    """Whether what was taken is written by every codec, alike, and read again as it was."""
    refused: dict[str, Outcome] = {}
    for name in CODECS:
        codec: Codec[Any] = codecs.get(name, **options)
        try:
            data = codec.encode(message)
        except ProtocolError as error:
            refused[name] = type(error).__name__, str(error)
            continue
        again = codec.decode(data, cls)
        if again != message or hash_of(again) != hash_of(message):
            raise Fault(f"{name} does not give back what it wrote", f"\n  {message!r}\n  {again!r}")
    if refused:
        if len(refused) < len(CODECS):
            raise Fault(f"only {', '.join(refused)} refuse to write what was taken", refused)
        agree("encode", refused)


def hash_of(message: Any) -> int:
    if isinstance(message, dict):
        message = tuple(message.items())
    return hash(tuple(message) if isinstance(message, list) else message)


def exact_json(data: bytes) -> Any:
    """JSON as the standard library reads it; None with a key that is there twice, which is another question."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise KeyError("twice")
        return dict(found)

    def integer(digits: str) -> int:
        return int(digits) if len(digits) < 1000 else 10**400

    return json.loads(data, object_pairs_hook=pairs, parse_int=integer, parse_constant=_no_constant)


def _no_constant(name: str) -> float:
    raise ValueError(name)


def finite(value: Any) -> bool:
    """Whether no number in a parsed value is past what a float can be."""
    return all(not isinstance(leaf, (int, float)) or abs(leaf) <= sys.float_info.max for leaf in leaves(value))
