"""A crash before each call that changes a folder: ``python -m soaking.crashes PLACE EVERY``.

The run is forked again and again, dies before its first, second, third... call that makes, changes, renames or removes
a file, and is gone on with.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from sagellm_protocol.archive import Options
from sagellm_protocol.archive.running import Writing, retry, upgrade_archive
from soaking.archives import LOG, Different, compare
from soaking.processes import begin, finish

_DIED = 77
_OLD = {"since": "0.4.0.8"}


def crash_everywhere(place: Path, *, every: int = 1) -> dict[str, int]:
    """Let runs die before each call that changes their folder, go on, and compare.

    Args:
        place: a folder that is made, below which everything is.
        every: only before one of so many calls, the first of them drawn by lot.

    Returns:
        How many times each scenario died.
    """
    died: dict[str, int] = json.loads(finish(begin("soaking.crashes", every, str(place))))
    return died


class Scenario(NamedTuple):
    """What is done ``before``, which step ``crashes``, and what is done ``after``: it comes to what is ``expected``."""

    before: list[dict[str, Any]]
    crashes: dict[str, Any]
    after: list[dict[str, Any]]
    expected: list[dict[str, Any]]


def scenarios(sources: Path) -> dict[str, Scenario]:
    """What is crashed: runs and retries into an empty folder, and into one that has something."""
    sources.mkdir(parents=True)
    # What 0.4.0.8 did not write, older releases did: a retry that asks for no release upgrades it.
    old = [b'{"event":"delta","request_id":"r%d","trace_id":"t","chunk":"x","chunk_tokens":[1]}' % n for n in range(5)]
    log = LOG.read_bytes().splitlines()
    (sources / "a.jsonl").write_bytes(b"\n".join([*old[:3], *log[:8], b"no record", *log[8:12], b""]))
    (sources / "b.jsonl").write_bytes(b"\n".join([*log[:2], *old[3:], b""]))
    first: dict[str, Any] = {"does": "upgrade", "sources": [str(sources)], "options": _OLD, "shard": 1300}
    otherwise = first | {"shard": 100_000, "writing": {"rotate": 1, "compression": "gzip"}, "options": {}}
    again = first | {"force": True}
    fed: dict[str, Any] = {"does": "retry", "options": {}}
    fed_otherwise: dict[str, Any] = {"does": "retry", "options": _OLD}

    return {
        "a first run": Scenario([], first, [first], [first]),
        "a first run, then with other options": Scenario([], first, [otherwise], [first, otherwise]),
        "a run with other options": Scenario([first], otherwise, [otherwise], [otherwise]),
        "a run with other options, then with the first again": Scenario(
            [first], otherwise, [first], [otherwise, first]
        ),
        "a run that does all again": Scenario([first], again, [again], [first]),
        "a retry": Scenario([first], fed, [fed], [fed]),
        "a retry, then one with which nothing goes through": Scenario(
            [first], fed, [fed_otherwise, fed], [fed_otherwise, fed]
        ),
        "a run over what was fed back": Scenario([first, fed], again, [again], [again]),
    }


class Crash:
    """Ends this process before a call that changes something below a folder.

    Args:
        place: the folder.
    """

    def __init__(self, place: Path) -> None:
        self._place = str(place)
        self.after: int | None = None
        """So many such calls are let through; None: all."""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.after is None or event not in ("open", "os.rename", "os.remove", "os.mkdir"):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if str(arguments[0]).startswith(self._place):
            if not self.after:
                os._exit(_DIED)
            self.after -= 1


def do(step: dict[str, Any], output: Path) -> None:
    """A step of a scenario."""
    options = Options(**step["options"])
    if step["does"] == "retry":
        retry(output, options, workers=1)
    else:
        writing, force = Writing(**step.get("writing", {})), step.get("force", False)
        upgrade_archive(
            step["sources"], output, options, writing=writing, shard_size=step["shard"], workers=1, force=force
        )


def crash(place: Path, scenario: Scenario, every: int, crashing: Crash) -> int:
    """A scenario, with a crash before each call; gives how many those are."""
    before, expected, output = (place / name for name in ("before", "expected", "output"))
    for step in scenario.before:
        do(step, output)
    if output.exists():
        output.rename(before)

    def begin_anew() -> None:
        shutil.rmtree(output, ignore_errors=True)
        if before.exists():
            shutil.copytree(before, output)

    begin_anew()
    for step in scenario.expected:
        do(step, output)
    output.rename(expected)
    # The plan keeps the names of all outputs that were asked for, be it by a run that came no further.
    apart = ".sagellm/plan.json" if scenario.crashes not in scenario.after else ""
    points, at, status = 0, random.randrange(every), _DIED
    while status == _DIED:
        begin_anew()
        status = _in_fork(scenario.crashes, output, crashing, at)
        for step in scenario.after:
            assert _in_fork(step, output, crashing, None) == 0, f"cannot go on after a crash before call {at}"
        try:
            compare(expected, output, apart=apart)
        except Different as error:
            raise Different(f"after a crash before call {at}: {error}") from None
        at += every
        points += status == _DIED
    assert status == 0, f"it did not crash, and ended with {status}"
    return points


def main(place: Path, every: int) -> None:
    place.mkdir()
    crashing = Crash(place)
    died = {}
    for number, (name, scenario) in enumerate(scenarios(place / "sources").items()):
        died[name] = crash(place / f"scenario-{number}", scenario, every, crashing)
    print(json.dumps(died))


def _in_fork(step: dict[str, Any], output: Path, crashing: Crash, after: int | None) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        crashing.after = after
        do(step, output)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
