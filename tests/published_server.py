"""Run as ``python -I published_server.py FOLDER``: answers for the release that is installed in FOLDER.

One JSON object a line comes in (``message``, ``payload``), one goes out: ``ok`` with the payload as the release would
write it, or ``error`` with its reason.
"""

from __future__ import annotations

import importlib
import json
import sys
from functools import cache
from typing import Any


@cache
def adapter(message: str) -> Any:
    """What builds and writes a message. Serves pydantic models and plain dataclasses alike."""
    from pydantic import TypeAdapter

    module, _, name = message.rpartition(".")
    return TypeAdapter(getattr(importlib.import_module(f"sagellm_protocol.{module}"), name))


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Build the message and write it again. An unknown message name is a mistake of the caller, and not caught."""
    message = adapter(question["message"])
    try:
        return {"ok": message.dump_python(message.validate_python(question["payload"]), mode="json")}
    except ValueError as error:  # pydantic's ValidationError is one
        return {"error": str(error)}


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
