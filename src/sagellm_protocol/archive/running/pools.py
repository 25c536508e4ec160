"""Shards done side by side, so that a worker that dies costs no more than the shard that kills it."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, Generic, TypeVar

import attrs

from sagellm_protocol.archive.exceptions import UnreadableError, WorkersError
from sagellm_protocol.archive.running.clusters import is_killer
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.watching import Progress, Watch
from sagellm_protocol.archive.running.workers import Elsewhere, Places, Processes, Task, Told, tried

T = TypeVar("T")

_LOOK_S = 0.2
"""Seconds between two looks at how far the workers are."""
_WORTH = 8 * 1024 * 1024
"""Bytes of sources for which one more process is worth its start."""
_DEATHS = 3
"""Workers that may die over one shard."""
_VERDICT = 2
"""So many are counted where a cluster blames a shard, that may only have been beside another that kills workers."""
_HOPELESS = 10
"""Workers that may die one after the other, without any shard being done in between."""


def run(
    task: Task[T],
    shards: Sequence[Shard],
    finished: Callable[[Shard, T | UnreadableError], None],
    watch: Watch,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
) -> None:
    """Do all shards.

    Args:
        task: what is done with each.
        shards: the shards.
        finished: told what came of each.
        watch: told how far it is; what it raises stops the run.
        executor: somebody else's workers.
        workers: processes, if there is no executor; if it is None, as many as there are cores, or fewer where that
            is faster. Where one is enough, it is this one.

    Raises:
        WorkersError: the workers are gone, or do not begin.
        Exception: what the task, ``finished`` or ``watch`` raised, when nothing is at work any more.
    """
    if executor is None:
        workers = min(workers or _worthwhile(shards), len(shards))
        if workers <= 1:
            _run_here(task, shards, finished, watch)
            return
    places: Places = Elsewhere(executor) if executor is not None else Processes(workers or 1)
    with places:
        _Run(task, finished, watch, places).do(shards)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worthwhile(shards: Sequence[Shard]) -> int:
    sizes = [shard.size for shard in shards]
    return cores() if None in sizes else min(cores(), 1 + sum(size or 0 for size in sizes) // _WORTH)


def _run_here(
    task: Task[T], shards: Sequence[Shard], finished: Callable[[Shard, T | UnreadableError], None], watch: Watch
) -> None:
    progress = Progress()
    for shard in shards:

        def tick(size: int, records: int, rejected: int, name: str = shard.source.name) -> None:
            nonlocal progress
            progress = progress.plus(size, records, rejected, name)
            watch.advance(progress)

        tick(0, 0, 0)
        finished(shard, tried(task, shard, tick))


@attrs.define
class _Flight:
    shard: Shard
    slot: int


class _Run(Generic[T]):
    """Shards on their way to workers and back."""

    def __init__(
        self,
        task: Task[T],
        finished: Callable[[Shard, T | UnreadableError], None],
        watch: Watch,
        places: Places,
    ) -> None:
        self._task, self._finished, self._watch, self._places = task, finished, watch, places
        self._waiting: deque[Shard] = deque()
        self._suspects: deque[Shard] = deque()
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._flights: dict[Future[Told[T]], _Flight] = {}
        self._slots = list(range(places.most))
        self._behind = Progress()
        self._hopes = _HOPELESS

    def do(self, shards: Sequence[Shard]) -> None:
        self._waiting.extend(shards)
        while self._waiting or self._suspects or self._flights:
            if not self._fill():
                self._recover([])
            landed, _ = wait(self._flights, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            # An executor that is shut down tells nobody who waits for what it cancels.
            landed |= {future for future in self._flights if future.cancelled()}
            broken = [self._flights.pop(future) for future in landed if self._is_broken(future)]
            for future in landed & self._flights.keys():
                self._land(future, self._flights.pop(future))
            if broken:
                self._recover(broken)
            self._watch.advance(self._so_far())

    def _fill(self) -> bool:
        """Submit what may be in flight now; whether there is somebody to submit it to."""
        # After a worker died, the shards that were in flight go one at a time: so it is known which of them kills.
        if self._suspects:
            return bool(self._flights) or self._submit(self._suspects)
        while self._waiting and self._slots and not self._alone():
            if not self._submit(self._waiting):
                return False
        return True

    def _alone(self) -> bool:
        return any(self._deaths[_key(flight.shard)] for flight in self._flights.values())

    def _submit(self, queue: deque[Shard]) -> bool:
        try:
            future = self._places.submit(self._task, queue[0], self._slots[-1])
        except BrokenExecutor:
            return False  # a worker died just now
        self._flights[future] = _Flight(queue.popleft(), self._slots.pop())
        return True

    @staticmethod
    def _is_broken(future: Future[Any]) -> bool:
        return future.cancelled() or isinstance(future.exception(), (BrokenExecutor, CancelledError))

    def _land(self, future: Future[Told[T]], flight: _Flight) -> None:
        if is_killer(future.exception()):
            self._one_more_died()
            self._suspect(flight, _VERDICT)
            return
        told = future.result()
        self._slots.append(flight.slot)
        self._hopes = _HOPELESS
        self._behind = self._behind.plus(told.bytes, told.records, told.rejected, flight.shard.source.name)
        self._finished(flight.shard, told.result)

    def _recover(self, broken: list[_Flight]) -> None:
        """A worker died: somebody killed it, or it took too much memory."""
        # All that the pool held is lost with it.
        lost = broken + list(self._flights.values())
        self._flights.clear()
        self._places.renew()
        self._one_more_died()
        for flight in lost:
            self._suspect(flight, 1)

    def _one_more_died(self) -> None:
        self._hopes -= 1
        if not self._hopes:
            raise WorkersError(
                f"{_HOPELESS} workers died, one after the other, as when memory runs out: nothing was done in between"
            )

    def _suspect(self, flight: _Flight, deaths: int) -> None:
        """Try a shard again, alone, unless so many workers died over it that it must be what kills them."""
        shard = flight.shard
        self._slots.append(flight.slot)
        self._deaths[_key(shard)] += deaths
        if self._deaths[_key(shard)] < _DEATHS:
            self._suspects.append(shard)
        else:
            died = "cannot be read: the processes that read it died, one after the other, as when memory runs out"
            self._finished(shard, UnreadableError(died))

    def _so_far(self) -> Progress:
        so_far = self._behind
        for flight in self._flights.values():
            size, records, rejected = self._places.heard(flight.slot)
            so_far = so_far.plus(size, records, rejected, flight.shard.source.name if size else so_far.source)
        return so_far


def _key(shard: Shard) -> tuple[str, int]:
    return shard.source.name, shard.number
