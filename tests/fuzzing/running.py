"""Targets run, and what is found: told once, made small, written down."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import attrs

from fuzzing.odd import as_text, read
from fuzzing.targets import TARGETS, Input, Target
from fuzzing.verdicts import Fault

CASES = Path(__file__).parent / "cases"
TOO_LONG = 10
"""Seconds for one input."""
_TRIES = 400
"""Inputs that are tried to make one small."""


class TooLong(BaseException):
    """An input takes longer than it may. No handler of ``Exception`` catches it."""


@attrs.frozen
class Finding:
    """An input of which something does not hold."""

    target: str
    signature: str
    """Faults of one signature are taken for one."""
    given: Input
    text: str
    """What happened."""

    def told(self) -> Told:
        """What is told of it, by a process to another."""
        case = {"target": self.target, "found": self.text.splitlines()[0][:300], "input": self.given}
        with room(20_000):
            return Told(self.target, self.signature, self.text, as_text(case))


@attrs.frozen
class Told:
    """A finding as text: what it holds need not let itself be pickled."""

    target: str
    signature: str
    text: str
    case: str

    def write(self, folder: Path) -> Path:
        """Write it down as a case."""
        words = re.sub("[^a-z0-9]+", "-", self.signature.lower()).strip("-")[:60].strip("-")
        name = f"{self.target}-{words}-{hashlib.sha256(self.signature.encode()).hexdigest()[:6]}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        path.write_text(self.case, encoding="utf-8")
        return path


def cases(folder: Path = CASES) -> dict[str, tuple[Target, Input]]:
    """The cases that are written down, by name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        with room(20_000):
            found[path.stem] = TARGETS[case["target"]], read(case["input"])
    return found


@contextmanager
def room(levels: int) -> Iterator[None]:
    """So many frames may be called from here: inputs nest deeper than what makes and writes them might go."""
    before, frame, depth = sys.getrecursionlimit(), sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + levels)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def attempt(target: Target, given: Input) -> Finding | None:
    """Try one input, with as much room for recursion as a program usually has."""
    with room(20_000):
        given = copy.deepcopy(given)
        try:
            with room(1_000):
                target.check(given)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Whatever it is, it is told.
            return Finding(target.name, _signature(error), given, _told(error))
    return None


def _signature(error: BaseException) -> str:
    if isinstance(error, Fault):
        return error.kind
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    frames = [frame for frame in traceback.extract_tb(inner.__traceback__) if "sagellm_protocol" in frame.filename]
    if not frames or isinstance(error, RecursionError):
        frames = frames[:1]
    where = f" in {Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else ""
    return f"{type(inner).__name__}{where}"


def _told(error: BaseException) -> str:
    if isinstance(error, Fault):
        return str(error)
    lines = traceback.format_exception_only(type(error), error)[-1].strip()[:300]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "sagellm_protocol" in frame.filename]
    return "\n".join([lines, *(f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-4:])])


def watched(run: Callable[[], Finding | None]) -> Finding | None:
    """Run with a limit on the time."""

    def too_long(_: int, __: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, TOO_LONG)
    try:
        return run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def made(target: Target, seed: int, number: int) -> Input:
    """One input of a target: the same for the same seed and number."""
    with room(20_000):
        return target.make(Random(f"{seed} {target.name} {number}"))


# Made small


def small(target: Target, finding: Finding) -> Finding:
    """The same finding with an input from which nothing more can be taken away."""
    tries = _TRIES
    progress = True
    while progress and tries > 0:
        progress = False
        for given in _roomy(smaller(finding.given)):
            tries -= 1
            again = watched(lambda: attempt(target, given))  # noqa: B023 - called at once
            if again is not None and again.signature == finding.signature:
                finding, progress = again, True
                break
            if tries <= 0:
                break
    return finding


def _roomy(inputs: Iterator[Input]) -> Iterator[Input]:
    while True:
        with room(20_000):
            given = next(inputs, None)
        if given is None:
            return
        yield given


def smaller(given: Input) -> Iterator[Input]:
    """The input with one of its parts made smaller."""
    for name in ("payload", "data", "text"):
        if name in given:
            for value in _smaller(given[name]):
                yield {**given, name: value}
    for name, plain in (("unknown", None), ("as", "message"), ("envelope", False), ("since", None)):
        if name in given and given[name] != plain:
            yield {**given, name: plain}


def _smaller(value: Any) -> Iterator[Any]:
    if type(value) in (bytes, str) and value:
        yield from _shorter(value)
    elif type(value) is list:
        yield from map(list, _shorter(value)) if len(value) > 8 else ()
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            for less in _smaller(item):
                yield [*value[:index], less, *value[index + 1 :]]
    elif type(value) is dict:
        for key in value:
            yield {name: item for name, item in value.items() if name is not key}
        for key, item in value.items():
            for less in _smaller(item):
                yield {name: less if name is key else kept for name, kept in value.items()}
    elif type(value) is int and abs(value) > 1:
        yield 1


def _shorter(value: Any) -> Iterator[Any]:
    size = len(value)
    piece = size
    while piece:
        for start in range(0, size, piece):
            yield value[:start] + value[start + piece :]
        piece //= 2
