"""What an input costs: each measured in a process of its own, with limits on its time and memory.

Time is that of the processor, which other processes on the machine do not lengthen. Memory is the growth of the
resident set at its peak: parsers written in C allocate behind the back of ``tracemalloc``, which would slow the rest
down besides. Processes are forked, so that what the library makes once has been made.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

import attrs

from bombs.forms import weight
from bombs.table import Bomb, perform

MEMORY_LIMIT = 6 * 2**30
"""Bytes that a measured process may have."""
_QUICK = 0.05
"""Seconds: what takes less is done again until so much has passed; the clock of some systems ticks slowly."""
_TIMES = 200


@attrs.frozen
class Cost:
    """What one input cost."""

    outcome: str
    """``taken``, the class of our error; or what went wrong."""
    size: int
    """Bytes."""
    seconds: float
    memory: int
    """Bytes."""
    fault: bool = False
    """Whether it ended in anything but a value or one of our errors."""


def measure(bomb: Bomb, sizes: tuple[int, ...], *, hostile: bool, limit: float, closely: bool = True) -> list[Cost]:
    """What a bomb, or the good input beside it, costs at some sizes, smallest first; up to the first fault.

    ``closely`` repeats what is quick, to measure it at all.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb", buffering=0) as pipe:
                _measure_here(bomb, sizes, hostile, limit, closely, pipe)
        finally:
            # Whatever happened: the rest of the program is the parent's.
            os._exit(0)
    os.close(writing)
    costs: list[Cost] = []
    with os.fdopen(reading, "rb") as pipe:
        for size in sizes:
            # The limit is on the processor's time; one that only waits is stopped as well, some time.
            ready, _, _ = select.select([pipe], [], [], 10 * limit)
            try:
                if not ready:
                    raise EOFError
                costs.append(pickle.load(pipe))
            except EOFError:
                costs.append(Cost(f"over {limit:g} s, or dead", size, limit, 0, fault=True))
                break
            if costs[-1].fault:
                break
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return costs


def _measure_here(bomb: Bomb, sizes: tuple[int, ...], hostile: bool, limit: float, closely: bool, pipe: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    make = bomb.hostile if hostile else bomb.valid
    gc.freeze()  # A collection goes through what the input made, and not through (and so copies) all of the parent.
    for size in sizes:
        try:
            given = make(size)
        except BaseException as error:  # A fault of the table, not of the library.
            cost = Cost(f"not made: {type(error).__name__}", size, 0.0, 0, fault=True)
        else:
            used = int(time.process_time())
            resource.setrlimit(resource.RLIMIT_CPU, (used + ceil(limit), resource.RLIM_INFINITY))
            cost = _cost(bomb, given, closely)
        pipe.write(pickle.dumps(cost))


def _cost(bomb: Bomb, given: Any, closely: bool) -> Cost:
    if closely:
        gc.collect()
    _reset_peak()
    before = _resident()
    fault = False
    start = time.process_time()
    try:
        outcome = perform(bomb.act, given)
        fault = outcome.startswith("a text of")
    except BaseException as error:  # Whatever it is, it is told.
        outcome, fault = type(error).__name__, True
    seconds = time.process_time() - start
    memory = max(_peak() - before, 0)
    if closely and seconds < _QUICK and not fault:
        times, start = 0, time.process_time()
        while (passed := time.process_time() - start) < _QUICK and times < _TIMES:
            perform(bomb.act, given)
            times += 1
        seconds = min(seconds, passed / times) if seconds else passed / times
    return Cost(outcome, weight(given), seconds, memory, fault)


def warm(bomb: Bomb) -> None:
    """Have the library make what it makes once for such a call."""
    good = bomb.valid(1_000)
    perform(bomb.act, good)
    with suppress(Exception):
        perform(bomb.act, good[:-1] if isinstance(good, (bytes, str)) else {})


def _reset_peak() -> None:
    """Where the system can, let the peak start anew: making the input must not hide what reading it costs."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _resident() -> int:
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    return _peak()
