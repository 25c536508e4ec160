"""A Dask cluster on this machine: its scheduler and each worker are processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from sagellm_protocol.history import History
from soaking.processes import PATIENCE_S, Undisturbed, asked_of, begin, finish

POISON = b'{"event":"delta","request_id":"r","trace_id":"t","chunk":"poison","chunk_tokens":[1]}\n'
_HARMLESS = POISON.replace(b"poison", b"p")
_MODULES = "distributed.cli.dask_"


def poisoned(history: History) -> None:
    """Hooks that kill the process that meets a certain record, as one does that memory runs out over."""

    @history.hook("types.StreamEventDelta", since="0.1.0")
    def die(payload: dict[str, object]) -> dict[str, object]:
        if payload["chunk"] == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return payload


@contextlib.contextmanager
def cluster(place: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """The address of the scheduler, and the workers' processes. A task is given up when one worker died over it."""
    from distributed.utils import json_load_robust

    place.mkdir()
    file = place / "scheduler.json"
    settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", "DASK_DISTRIBUTED__ADMIN__LOG_LENGTH": "10"}
    alike = ["--scheduler-file", str(file), "--no-dashboard"]
    at_work = [begin(f"{_MODULES}scheduler", None, *alike, "--port", "0", "--host", "127.0.0.1", **settings)]
    try:
        address = json_load_robust(file, timeout=PATIENCE_S)["address"]
        own = ["--nthreads", "1", "--no-nanny", "--local-directory", str(place), "--memory-limit", "0"]
        at_work += [begin(f"{_MODULES}worker", None, *alike, *own) for _ in range(workers)]
        yield address, [process.pid for process in at_work[1:]]
    finally:
        for process in at_work:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def lose_a_worker(whole: Undisturbed, place: Path, *, told: Callable[[str], None] = print) -> None:
    """Take one of two workers away in mid-run."""
    with cluster(place / "robbed-cluster", workers=2) as (address, processes):
        output = place / "robbed"
        said = finish(begin("soaking.upgrading", whole.asked(output, dask=address, kill=processes[0])))
        assert said.startswith("killed after"), said
        files = whole.compare(output)
        told(f"one worker of 2 was {said.splitlines()[0]}: the other went on, and {files} files were the same")


def poison_workers(place: Path, *, told: Callable[[str], None] = print) -> None:
    """Have a record kill each worker that meets it, until it is given up."""
    poison = place / "poison"
    poison.mkdir()
    (poison / "bad.jsonl").write_bytes(POISON)
    (poison / "good.jsonl").write_bytes(_HARMLESS)
    hooks = [f"{__name__}:{poisoned.__name__}"]
    with cluster(place / "poisoned-cluster", workers=3) as (address, _):
        asked = asked_of(poison, place / "given-up", "0.1.0") | {"dask": address, "hooks": hooks}
        errors = json.loads(finish(begin("soaking.upgrading", asked)))
    assert list(errors) == ["bad.jsonl"], errors
    assert (place / "given-up" / "good.jsonl").read_bytes().count(b"\n") == 1
    told(f"a record that kills workers was given up, and the rest done: {errors}")
