"""The fuzzers themselves: that they find what is there, tell it once, make it small and write it down."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from fuzzing import crew
from fuzzing.breaking import STRANGE, broken, broken_bytes, nested
from fuzzing.making import of_message
from fuzzing.odd import MEMBERS, UNCARRIED, as_text, is_wire, read, written
from fuzzing.running import Finding, attempt, cases, made, small
from fuzzing.targets import TARGETS, Input, Target
from fuzzing.verdicts import Fault, agree
from sagellm_protocol import history
from sagellm_protocol.model import from_plain


def fails_at_seven(given: Input) -> None:
    if "7" in json.dumps(given["payload"]):
        raise Fault("a seven", given["payload"])


PLANTED = Target("planted", lambda rng: {"payload": [rng.randrange(10) for _ in range(20)]}, fails_at_seven)


def test_a_fault_is_found_and_made_small() -> None:
    found = next(found for number in range(50) if (found := attempt(PLANTED, made(PLANTED, 1, number))))
    assert small(PLANTED, found).given == {"payload": [7]}


def test_an_exception_that_is_none_of_ours_is_a_fault() -> None:
    def raises(_: Input) -> None:
        raise KeyError("x")

    found = attempt(Target("planted", PLANTED.make, raises), {})
    assert found is not None
    assert found.signature == "KeyError"


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_seed_makes_the_same(name: str) -> None:
    target = TARGETS[name]
    assert as_text(made(target, 3, 5)) == as_text(made(target, 3, 5))
    assert len({as_text(made(target, seed, number)) for seed in (1, 2) for number in range(5)}) > 5


@pytest.mark.parametrize("value", [*UNCARRIED, *STRANGE, *MEMBERS[:20], math.nan, -0.0, {"$": 1}], ids=lambda _: "")
def test_what_is_written_down_is_read_again(value: Any) -> None:
    again = read(json.loads(as_text(value)))
    assert type(again) is type(value)
    assert written(again) == written(value)


def test_most_payloads_are_right_before_they_are_broken() -> None:
    taken = 0
    for message in history.HISTORY.specs(history.latest):
        payload = of_message(Random(message), message, history.latest)
        from_plain(history.HISTORY.catalog.get(message), payload)
        taken += 1
    assert taken == len(history.HISTORY.specs(history.latest))


def test_breaking_breaks_a_copy() -> None:
    payload = {"a": [1, {"b": 2}], "c": "text"}
    shapes = {as_text(broken(Random(number), payload)) for number in range(200)}
    assert payload == {"a": [1, {"b": 2}], "c": "text"}
    assert len(shapes) > 100
    before = [as_text(value) for value in UNCARRIED]
    for number in range(500):
        broken(Random(number), [payload, payload], times=9, wire=False)
    assert [as_text(value) for value in UNCARRIED] == before
    assert all(is_wire(broken(Random(number), payload)) for number in range(200))
    assert len({broken_bytes(Random(number), b"0123456789") for number in range(200)}) > 150


def test_verdicts_that_differ_are_told() -> None:
    with pytest.raises(Fault, match="json and dict differ in verdict"):
        agree("x", {"json": ("taken", "1"), "dict": ("DecodeError", "1")})
    with pytest.raises(Fault, match="differ in words"):
        agree("x", {"json": ("DecodeError", "2"), "dict": ("DecodeError", "1")})
    assert agree("x", {"json": ("taken", "1"), "dict": ("taken", "1")}) == ("taken", "1")


def test_findings_are_written_down_and_read(tmp_path: Path) -> None:
    given = {"payload": nested(600), "text": "application/json"}
    path = Finding("accept", "A fault: of (some) kind", given, "x").told().write(tmp_path)
    assert path.name.startswith("accept-a-fault-of-some-kind-")
    assert cases(tmp_path) == {path.stem: (TARGETS["accept"], given)}


def command(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "fuzzing", *arguments, "--cases", str(folder)]
    # Where the tests themselves run in the background, interrupts are ignored, and that is inherited.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True, preexec_fn=heeding)


def test_the_command_counts(tmp_path: Path) -> None:
    process = command("accept", "--seconds", "2", "--seed", "1", folder=tmp_path)
    said, _ = process.communicate(timeout=60)
    assert "seed 1" in said
    assert "accept" in said
    assert "a second" in said


def test_the_command_can_be_stopped(tmp_path: Path) -> None:
    process = command("accept", "--seconds", "300", folder=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("seed ")
    assert "at work" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert "stopped" in said
    assert "Traceback" not in said
    assert "a second" in said


def test_tallies_are_added_up() -> None:
    said = crew.table({"one": crew.Tally(1000, 2.0, 1), "two": attrs.evolve(crew.Tally(), executions=5)})
    assert [line.split() for line in said.splitlines()[1:]] == [
        ["one", "1,000", "500", "1"],
        ["two", "5", "0", "0"],
        ["all", "1,005", "1"],
    ]
