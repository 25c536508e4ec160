"""One upgrade, as a process: ``python -m soaking.upgrading '{"sources": ..., "output": ...}'``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from sagellm_protocol.archive import Options
from sagellm_protocol.archive.running import Progress, Watch, dask, upgrade_archive

NO_ROOM = 3
"""The exit status where an output cannot be written."""


class Killer(Watch):
    """Kills a process when the work has begun."""

    def __init__(self, process: int | None) -> None:
        self._process = process

    def advance(self, progress: Progress) -> None:
        if self._process is not None and progress.records:
            os.kill(self._process, signal.SIGKILL)
            print("killed after", progress.records, "records")
            self._process = None


def main(asked: dict[str, Any]) -> int:
    if "largest" in asked:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["largest"], resource.RLIM_INFINITY))
    place = dask(asked["dask"]) if "dask" in asked else contextlib.nullcontext()
    with place as executor:
        try:
            report = upgrade_archive(
                [asked["sources"]],
                asked["output"],
                Options(**asked["options"]),
                hooks=asked.get("hooks", ()),
                executor=executor,
                workers=None if executor else asked.get("workers", 2),
                shard_size=asked["shard"],
                watch=Killer(asked.get("kill")),
            )
        except OSError as error:
            print(error, file=sys.stderr)
            return NO_ROOM
    print(json.dumps({name: file.error for name, file in report.files.items() if file.error is not None}))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
