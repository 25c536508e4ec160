from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import attrs
import distributed
import pytest

from sagellm_protocol.archive.exceptions import UnreadableError, WorkersError
from sagellm_protocol.archive.running import Progress, Watch, pools, workers
from sagellm_protocol.archive.running.shards import Shard
from sagellm_protocol.archive.running.watching import StoppedError, Tick
from soaking.tasks import Task, shards


@attrs.define
class Seen(Watch):
    results: dict[str, Any] = attrs.field(factory=dict)
    last: Progress = attrs.field(factory=Progress)

    def finished(self, shard: Shard, result: Any) -> None:
        assert shard.source.name not in self.results
        self.results[shard.source.name] = result

    def advance(self, progress: Progress) -> None:
        self.last = progress


def do(task: Any, count: int, **others: Any) -> Seen:
    seen = Seen()
    pools.run(task, shards(count), seen.finished, seen, **others)
    return seen


def names(count: int) -> dict[str, str]:
    return {str(number): str(number) for number in range(count)}


# Processes of our own


def test_a_worker_that_dies_costs_no_more_than_the_shard_that_kills_it(tmp_path: Path) -> None:
    seen = do(Task(str(tmp_path), kills=("3",), kills_once=("5",)), 8, workers=2)
    assert isinstance(seen.results.pop("3"), UnreadableError)
    assert seen.results == {name: name for name in names(8) if name != "3"}
    assert seen.last == Progress(70, 14, 7, seen.last.source)


def test_what_a_task_raises_stops_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^1$"):
        do(Task(str(tmp_path), fails=("1",), waits=0.2), 40, workers=2)
    assert len(list(tmp_path.iterdir())) < 30


UNGUARDED = """
from sagellm_protocol.archive.running import upgrade_archive
upgrade_archive({source!r}, {output!r}, workers=2, shard_size=1000)
"""


def test_a_script_that_workers_cannot_import(log: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(source=str(log), output=str(tmp_path / "out")))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith('must stand below: if __name__ == "__main__":')


def test_what_a_process_does(tmp_path: Path) -> None:
    """In this process, where it can be seen."""
    places = workers.Processes(1)
    before = signal.getsignal(signal.SIGINT)
    try:
        workers._begin(*places._shared)
    finally:
        signal.signal(signal.SIGINT, before)
    told = workers._do_in_process(Task(str(tmp_path)), shards(1)[0], 1)
    assert told == workers.Told("0", 10, 2, 1)
    assert places.heard(1) == (10, 2, 1)
    places.__exit__()
    with pytest.raises(StoppedError):
        workers._do_in_process(Task(str(tmp_path)), shards(1)[0], 1)


def test_a_worker_sees_that_its_parent_ended() -> None:
    parent = get_context("spawn").Process()
    parent.start()
    ended: list[int] = []
    workers._end_with(parent, ended.append)
    assert ended == [1]


def test_workers_that_never_began() -> None:
    with workers.Processes(1) as places, pytest.raises(WorkersError, match="before they begin"):
        places.renew()


# Others' executors


class Raising(Executor):
    """Raises what it is told to, for some shards, some times."""

    def __init__(self, error: BaseException, times: dict[str, int]) -> None:
        self._error, self._times = error, times

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        name = args[1].source.name
        if self._times.get(name, 0):
            self._times[name] -= 1
            future.set_exception(self._error)
        else:
            future.set_result(fn(*args))
        return future


def killed() -> BaseException:
    return distributed.KilledWorker("task", None, 3)


def test_a_cluster_that_blames_a_shard_once(tmp_path: Path) -> None:
    assert do(Task(str(tmp_path)), 4, executor=Raising(killed(), {"1": 1})).results == names(4)


def test_a_cluster_that_blames_a_shard_twice(tmp_path: Path) -> None:
    results = do(Task(str(tmp_path)), 4, executor=Raising(killed(), {"1": 9})).results
    assert "processes that read it died" in str(results.pop("1"))
    assert len(results) == 3


def test_a_cluster_that_blames_everything(tmp_path: Path) -> None:
    with pytest.raises(WorkersError, match="10 workers died"):
        do(Task(str(tmp_path)), 20, executor=Raising(killed(), dict.fromkeys(names(20), 9)))


def test_an_executor_whose_worker_dies(tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as executor,
        pytest.raises(WorkersError, match="no workers any more"),
    ):
        do(Task(str(tmp_path), kills=("1",)), 4, executor=executor)
    with pytest.raises(WorkersError, match="no workers any more"):
        do(Task(str(tmp_path)), 4, executor=executor)


def test_an_executor_whose_work_is_taken_away(tmp_path: Path) -> None:
    class Stop(Seen):
        def advance(self, progress: Progress) -> None:
            executor.shutdown(wait=False, cancel_futures=True)

    with ThreadPoolExecutor(1) as executor:
        seen = Stop()
        with pytest.raises(WorkersError, match="took its work away"):
            pools.run(Task(str(tmp_path), waits=0.5), shards(4), seen.finished, seen, executor=executor)


def test_threads_are_waited_for(tmp_path: Path) -> None:
    at_work = set(threading.enumerate())
    with ThreadPoolExecutor(2) as executor:
        with pytest.raises(ValueError, match=r"^1$"):
            do(Task(str(tmp_path), fails=("1",), waits=0.1), 30, executor=executor)
        began = set(tmp_path.iterdir())
        time.sleep(0.2)
        assert set(tmp_path.iterdir()) == began
    assert set(threading.enumerate()) <= at_work


def test_memory_that_runs_out() -> None:
    def task(shard: Shard, tick: Tick) -> None:
        raise MemoryError

    assert str(do(task, 1, workers=1).results["0"]) == "cannot be read: memory ran out"


def test_nothing_to_do(tmp_path: Path) -> None:
    assert do(Task(str(tmp_path)), 0).results == {}


@pytest.mark.parametrize(("size", "processes"), [(1, 1), (None, pools.cores()), (1 << 30, pools.cores())])
def test_processes_that_are_worth_it(size: int | None, processes: int) -> None:
    assert pools._worthwhile(shards(8, size)) == processes
