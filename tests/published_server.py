"""Run as ``python -I published_server.py FOLDER``: answers for the release that is installed in FOLDER.

One JSON object a line comes in (``message``, ``payload``), one goes out: ``ok`` with the payload as the release would
write it, or ``error`` with its reason. Where ``payloads`` come, and the ``format`` that they are encoded in, a list of
such answers goes out. Where ``asked`` comes, a pydantic name with its options, what it gives goes out, spelled.
"""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any


@cache
def adapter(message: str) -> Any:
    """What builds and writes a message. Serves pydantic models and plain dataclasses alike."""
    from pydantic import TypeAdapter

    module, _, name = message.rpartition(".")
    return TypeAdapter(getattr(importlib.import_module(f"sagellm_protocol.{module}"), name))


def answer(question: dict[str, Any]) -> Any:
    """Build the message and write it again. An unknown message name is a mistake of the caller, and not caught."""
    if "signature" in question:
        return {"ok": arguments(question["signature"])}
    message = adapter(question["message"])
    if "asked" in question:
        return asked(message, question["payload"], *question["asked"])
    if "payload" in question:
        return verdict(message, message.validate_python, question["payload"])
    read = readers(message)[question["format"]]
    return [verdict(message, read, base64.b64decode(encoded)) for encoded in question["payloads"]]


def arguments(name: str) -> list[list[str]]:
    """Name and kind of each argument of a class's constructor."""
    module, _, cls = name.rpartition(".")
    found = inspect.signature(getattr(importlib.import_module(f"sagellm_protocol.{module}"), cls)).parameters
    return [[argument.name, argument.kind.name] for argument in found.values()]


def verdict(message: Any, read: Callable[[Any], Any], payload: Any) -> dict[str, Any]:
    """What comes of reading one payload."""
    try:
        return {"ok": message.dump_python(read(payload), mode="json")}
    except ValueError as error:  # pydantic's ValidationError is one
        return {"error": str(error)}


def readers(message: Any) -> dict[str, Callable[[bytes], Any]]:
    """How encoded payloads are read. The releases know no MessagePack: whoever sent it to them unpacked it first."""
    import msgpack

    return {
        "json": message.validate_json,
        "msgpack": lambda packed: message.validate_python(msgpack.unpackb(packed)),
    }


def asked(message: Any, payload: Any, name: str, options: str) -> dict[str, Any]:
    """What a model's own method gives for a message; options come as Python, for its sets and ``...``."""
    built = message.validate_python(payload)
    try:
        return {"ok": spelled(getattr(built, name)(**eval(options)))}
    except (TypeError, ValueError) as error:
        return {"error": str(error)}


def spelled(value: Any) -> str:
    """A value with its types: a list is no tuple, a member no text, and a subclass not what it is a subclass of."""
    kind = type(value)
    if isinstance(value, Enum):
        return f"{kind.__name__}.{value.name}"
    if kind is dict:
        return "{" + ", ".join(f"{spelled(key)}: {spelled(item)}" for key, item in value.items()) + "}"
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join(map(spelled, value))})"
    return f"{kind.__name__} {value!r}"


def main() -> None:
    """Answer until standard input ends."""
    sys.path.insert(0, sys.argv[1])
    replies, sys.stdout = sys.stdout, sys.stderr  # whatever the release prints must not mix with the answers
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    replies.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for line in sys.stdin:
        replies.write(json.dumps(answer(json.loads(line))) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
