"""The processes that fuzz: targets take turns in each, and what they find is gathered in one place."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import attrs

from fuzzing.running import Told, attempt, made, small, watched
from fuzzing.targets import TARGETS

MEMORY_LIMIT = 4 * 2**30
"""Bytes for a process: an input that takes more ends in a ``MemoryError``, which is a finding."""
_TURN = 0.25
"""Seconds for a target before the next has its turn."""


@attrs.define
class Tally:
    """What was done with one target."""

    executions: int = 0
    seconds: float = 0.0
    findings: int = 0


def fuzz(names: list[str], seed: int, first: int, step: int, until: float, to: Connection) -> None:
    """Give the targets turns until the time is up; tell of every turn, and of every finding once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    numbers = dict.fromkeys(names, first)
    seen: set[tuple[str, str]] = set()
    while time.monotonic() < until:
        for name in names:
            target, start, executions = TARGETS[name], time.monotonic(), 0
            while (now := time.monotonic()) < min(start + _TURN, until):
                given = made(target, seed, numbers[name])
                numbers[name] += step
                executions += 1
                finding = watched(lambda: attempt(target, given))  # noqa: B023 - called at once
                if finding is not None and (name, finding.signature) not in seen:
                    seen.add((name, finding.signature))
                    to.send(small(target, finding).told())
            to.send((name, executions, now - start))
    to.close()


def collect(pipes: list[Connection]) -> Iterator[Any]:
    """What the processes tell, until the last has ended."""
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            with suppress(EOFError):
                yield pipe.recv()
                continue
            pipes.remove(pipe)


def table(tallies: dict[str, Tally]) -> str:
    """What was done, a line for each target."""
    lines = [f"{'target':<20}{'executions':>12}{'a second':>10}{'findings':>10}"]
    for name, tally in tallies.items():
        rate = tally.executions / tally.seconds if tally.seconds else 0
        lines.append(f"{name:<20}{tally.executions:>12,}{rate:>10,.0f}{tally.findings:>10}")
    total = sum(tally.executions for tally in tallies.values())
    return "\n".join([*lines, f"{'all':<20}{total:>12,}{'':>10}{sum(t.findings for t in tallies.values()):>10}"])


def run(tallies: dict[str, Tally], seed: int, seconds: float, processes: int, cases: Path) -> None:
    """Fuzz in several processes, and write down what they find."""
    seen: set[tuple[str, str]] = set()
    context, pipes, workers = get_context("spawn"), [], []
    until = time.monotonic() + seconds
    try:
        for number in range(processes):
            receiving, sending = context.Pipe(duplex=False)
            worker = context.Process(
                target=fuzz, args=(list(tallies), seed, number, processes, until, sending), daemon=True
            )
            worker.start()
            sending.close()
            pipes.append(receiving)
            workers.append(worker)
        print(f"{processes} processes at work", flush=True)
        for told in collect(pipes):
            if isinstance(told, Told):
                if (told.target, told.signature) not in seen:
                    seen.add((told.target, told.signature))
                    tallies[told.target].findings += 1
                    print(f"\n{told.target}: {told.text}\n  written to {told.write(cases)}", flush=True)
            else:
                name, executions, spent = told
                tallies[name].executions += executions
                tallies[name].seconds += spent
        for worker in workers:
            worker.join()
            if worker.exitcode:
                raise SystemExit(f"a process that fuzzed ended early, with {worker.exitcode}")
    finally:
        for worker in workers:
            worker.terminate()
