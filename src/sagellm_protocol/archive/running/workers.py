"""Who does shards: processes of our own, or whatever executor there is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

import attrs

from sagellm_protocol.archive.exceptions import UnreadableError, WorkersError
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.watching import StoppedError, Tick, unheard

T = TypeVar("T")
S = TypeVar("S", covariant=True)

_QUEUED = 2
"""Shards in flight for each worker, so that none waits for the next."""
_ELSEWHERE = 256
"""Shards in flight with somebody else's executor, whose workers nobody can count."""


class Task(Protocol[S]):
    """What is done with a shard; it goes to the workers by pickle."""

    def __call__(self, shard: Shard, tick: Tick) -> S:
        """Do it."""
        ...


def tried(task: Task[T], shard: Shard, tick: Tick) -> T | UnreadableError:
    """What a task gives, or why the source cannot be read."""
    try:
        return task(shard, tick)
    except UnreadableError as error:
        return error
    except MemoryError:
        return UnreadableError("cannot be read: memory ran out")


@attrs.frozen
class Told(Generic[T]):
    """What a worker answers."""

    result: T | UnreadableError
    bytes: int
    records: int
    rejected: int


class _Sums:
    """Adds up what a task tells, and passes the sums on."""

    def __init__(self, to: Tick = unheard) -> None:
        self.sums = (0, 0, 0)
        self._to = to

    def tick(self, size: int, records: int, rejected: int) -> None:
        self.sums = (self.sums[0] + size, self.sums[1] + records, self.sums[2] + rejected)
        self._to(*self.sums)


def _do(task: Task[T], shard: Shard, to: Tick = unheard) -> Told[T]:
    sums = _Sums(to)
    result = tried(task, shard, sums.tick)
    return Told(result, *sums.sums)


class Places(Protocol):
    """Somebody who does shards."""

    most: int
    """Shards in flight."""

    def __enter__(self) -> Places: ...

    def __exit__(self, *_: object) -> None:
        """Nothing is at work any more."""

    def submit(self, task: Task[T], shard: Shard, slot: int) -> Future[Told[T]]:
        """Have a shard done."""
        ...

    def heard(self, slot: int) -> tuple[int, int, int]:
        """How far that of a slot is."""
        ...

    def renew(self) -> None:
        """After a worker died.

        Raises:
            WorkersError: there are no others.
        """


class Elsewhere:
    """Somebody else's executor."""

    most = _ELSEWHERE

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._futures: set[Future[Any]] = set()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        # Those that have begun end by themselves: what they write is whole, and what it would be anyway.
        wait([future for future in list(self._futures) if not future.cancel()])

    def submit(self, task: Task[T], shard: Shard, slot: int) -> Future[Told[T]]:
        """Have a shard done."""
        future = self._executor.submit(_do, task, shard)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def heard(self, slot: int) -> tuple[int, int, int]:
        """Nobody says before it is done."""
        return 0, 0, 0

    def renew(self) -> None:
        """Nobody else's executor can be begun anew."""
        raise WorkersError("the executor has no workers any more: one of them died, or somebody took its work away")


class Processes:
    """Processes of our own: they tell how far they are in shared memory, and stop when they are told to."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self.most = workers * _QUEUED
        # A process that shares nothing but what it is given: forked ones inherit locks that nobody will unlock.
        self._context = multiprocessing.get_context("spawn")
        self._heard: Any = self._context.RawArray("q", 3 * self.most)
        self._stop: Any = self._context.RawValue("b", 0)
        self._begun: Any = self._context.RawValue("b", 0)
        self._shared = (self._heard, self._stop, self._begun)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        self._begun.value = 0
        return ProcessPoolExecutor(self._workers, self._context, initializer=_begin, initargs=self._shared)

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.value = 1
        self._pool.shutdown(cancel_futures=True)

    def submit(self, task: Task[T], shard: Shard, slot: int) -> Future[Told[T]]:
        """Have a shard done."""
        self._heard[3 * slot : 3 * slot + 3] = (0, 0, 0)
        return self._pool.submit(_do_in_process, task, shard, slot)

    def heard(self, slot: int) -> tuple[int, int, int]:
        """How far that of a slot is."""
        size, records, rejected = self._heard[3 * slot : 3 * slot + 3]
        return size, records, rejected

    def renew(self) -> None:
        """After a worker died."""
        self._pool.shutdown()
        if not self._begun.value:
            raise WorkersError(
                "the processes that should do the work die before they begin. Each of them imports the script that is "
                'run, so that what begins the run must stand below: if __name__ == "__main__":'
            )
        self._pool = self._new()


_SHARED: list[Any] = []
"""In a worker process: what it tells the others, and whether it is to stop."""


def _begin(heard: Any, stop: Any, begun: Any) -> None:
    _SHARED[:] = heard, stop
    begun.value = 1
    # Ctrl-C goes to all processes of a terminal. It is the first of them that stops the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess | None, end: Callable[[int], object] = os._exit) -> None:
    """A worker whose run was killed ends: nobody would ever give it work again."""
    if parent is not None:
        parent.join()
        end(1)


def _do_in_process(task: Task[T], shard: Shard, slot: int) -> Told[T]:
    heard, stop = _SHARED

    def to(size: int, records: int, rejected: int) -> None:
        heard[3 * slot : 3 * slot + 3] = (size, records, rejected)
        if stop.value:
            raise StoppedError

    return _do(task, shard, to)
