"""What the archive tool replaces: a loop over a log with the last published release, its classes and renames by hand.

Run as a script, ``published_loop.py FOLDER SOURCE TARGET``, by an interpreter that the release runs on: the release,
installed in FOLDER, has the import name of this project, of which nothing is imported here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: str, source: str, target: str) -> None:
    """Write each record of one file in today's form to another."""
    sys.path.insert(0, folder)
    from sagellm_protocol import kv_hooks, types

    events: dict[str, Any] = {
        "start": types.StreamEventStart,
        "delta": types.StreamEventDelta,
        "end": types.StreamEventEnd,
    }
    with Path(source).open("rb") as lines, Path(target).open("wb") as output:
        for line in lines:
            payload = json.loads(line)
            event = payload.get("event")
            if event == "delta" and "chunk" in payload:
                payload["content"] = payload.pop("chunk")
                payload["content_tokens"] = payload.pop("chunk_tokens")
            elif event == "end" and "output_text" in payload:
                payload["content"] = payload.pop("output_text")
            if event is not None:
                payload.setdefault("engine_id", "unknown")
                cls = events[event]
            elif "output_text" in payload:
                cls = types.Response
            elif "model" in payload:
                cls = types.Request
            elif "kv_dtype" in payload:
                cls = kv_hooks.KVAllocateParams
            elif "target_device" in payload:
                cls = kv_hooks.KVMigrateParams
            else:
                cls = kv_hooks.KVHandle
            if metrics := payload.get("metrics"):
                payload["metrics"] = {name: value for name, value in metrics.items() if value is not None}
            output.write(cls.model_validate(payload).model_dump_json().encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
