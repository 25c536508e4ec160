"""Import time, in fresh processes, ours and the published release's in turn."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import ROOT
from benchmarks.measured import Figures
from benchmarks.release import RELEASE
from published import Unavailable, published_release

ROUNDS, TRIES = 5, 4
"""Of each round the quickest try counts."""
DELTA = "dict(request_id='r', trace_id='t', engine_id='e', content='c', content_tokens=[1])"
TEXT = '{"event":"delta","request_id":"r","trace_id":"t","engine_id":"e","content":"c","content_tokens":[1]}'
BUILD = f"import sagellm_protocol\nsagellm_protocol.StreamEventDelta(**{DELTA})"

WORKS: dict[str, dict[str, str]] = {
    "import": {"published": "import sagellm_protocol", "core": "import sagellm_protocol"},
    "import and build": {"published": BUILD, "core": BUILD},
    "import and decode JSON": {
        "published": f"import sagellm_protocol\nsagellm_protocol.StreamEventDelta.model_validate_json({TEXT!r})",
        "core": "from sagellm_protocol import StreamEventDelta, codecs\n"
        f"codecs.get('json').decode({TEXT!r}, StreamEventDelta)",
    },
}

DESCRIPTIONS = {
    "import": "`import sagellm_protocol` in a fresh process",
    "import and build": "the same, to the first StreamEventDelta built",
    "import and decode JSON": "the same, to the first StreamEventDelta decoded from JSON",
}


def seconds(statement: str, folder: Path, environment: Mapping[str, str]) -> float:
    """How long the statement takes in a fresh process; starting Python does not count."""
    source = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        f"from time import perf_counter; began = perf_counter()\n{statement}\nprint(perf_counter() - began)"
    )
    command = [sys.executable, "-I", "-c", source]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def startup(environment: Mapping[str, str]) -> Figures:
    """Seconds by work and competitor, in the form of the other measurements."""
    folders = {"core": ROOT / "src"}
    with contextlib.suppress(Unavailable):  # the timing run says why
        folders = {"published": published_release(RELEASE), **folders}
    found: dict[str, dict[str, list[float]]] = {}
    for statements in WORKS.values():
        for competitor, folder in folders.items():
            seconds(statements[competitor], folder, environment)  # writes the bytecode caches
    for _ in range(ROUNDS):
        for work, statements in WORKS.items():
            tries = [
                {name: seconds(statements[name], folder, environment) for name, folder in folders.items()}
                for _ in range(TRIES)
            ]
            for name in folders:
                found.setdefault(work, {}).setdefault(name, []).append(min(once[name] for once in tries))
    return {work: {"the package": by_competitor} for work, by_competitor in found.items()}
