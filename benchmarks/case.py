"""One statement to time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from time import perf_counter
from typing import Any

import attrs

from benchmarks.traffic import Traffic


@attrs.frozen(eq=False)
class Case:
    """A statement, for a competitor, a work and a message, and the names that it uses."""

    work: str
    message: str
    competitor: str
    statement: str
    names: dict[str, Any] = attrs.field(repr=False)
    traffic: Traffic | None = attrs.field(repr=False, default=None)
    """Where the statement's ``wire`` comes from, another one each time."""

    def loop(self) -> Callable[[Iterable[Any]], None]:
        """A function that runs the statement for each of :meth:`turns`, with nothing in between."""
        scope: dict[str, Any] = {}
        defaults = ", ".join(f"{name}={name}" for name in self.names)
        turn = "_" if self.traffic is None else "wire"
        exec(f"def run(_turns, *, {defaults}):\n for {turn} in _turns: {self.statement}\n", dict(self.names), scope)
        run: Callable[[Iterable[Any]], None] = scope["run"]
        return run

    def turns(self, count: int) -> Iterable[Any]:
        """What so many runs of the statement go over; to be made outside the measurement."""
        return repeat(None, count) if self.traffic is None else self.traffic.take(count)

    def once(self) -> Any:
        """What the statement gives."""
        return eval(self.statement, dict(self.names))


def iterations(case: Case, seconds: float) -> int:
    """How often to run a case so that it takes about that long."""
    run, count = case.loop(), 1
    run(case.turns(1))
    while True:
        turns = case.turns(count)
        began = perf_counter()
        run(turns)
        spent = perf_counter() - began
        if spent >= seconds / 4:
            return max(1, round(count * seconds / spent))
        count *= 4
