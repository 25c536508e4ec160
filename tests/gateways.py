"""Gateways and engines at work, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import httpx
import openai

from published import ROOT

SECONDS = 60
"""What a busy machine is given."""


@contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of the gateway, and where it listens. What it says of errors fails the test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = str(ROOT / "examples")
    command = [sys.executable, "-W", "error", "-m", f"gateway.{module}", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        said = process.communicate(timeout=SECONDS)[1]
    assert "Traceback" not in said, said


@attrs.frozen
class Running:
    """A gateway and its engines."""

    base: str
    engines: list[subprocess.Popen[str]]
    http: httpx.Client
    client: openai.OpenAI

    def states(self) -> list[dict[str, Any]]:
        """What the engines told of themselves last."""
        states: list[dict[str, Any]] = self.http.get("/engines").json()
        return states

    def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Those states, as soon as something holds of them."""
        deadline = time.monotonic() + SECONDS
        while not holds(states := self.states()):
            assert time.monotonic() < deadline, states
            time.sleep(0.02)
        return states

    def until_idle(self) -> list[dict[str, Any]]:
        """Those states, once nothing runs, nothing is held and no rule of the ledger is broken.

        What was told before is not believed: what has come by now came after the answers that were waited for.
        """
        told = [one["state"] and one["state"]["uptime_s"] for one in self.states()]

        def idle(one: dict[str, Any], before: float | None) -> bool:
            state = one["state"]
            return state is None or ((before is None or state["uptime_s"] > before) and state["running"] == 0)

        states = self.until(lambda states: all(map(idle, states, told)))
        for one in states:
            if one["state"] is not None:
                assert one["state"]["blocks"]["allocated"] == 0
                assert one["state"]["broken"] == {}
        return states


@contextmanager
def asked(base: str, engines: list[subprocess.Popen[str]]) -> Iterator[Running]:
    """A gateway that is at work, with clients."""
    with (
        httpx.Client(base_url=base, trust_env=False, timeout=SECONDS) as http,
        openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0, timeout=SECONDS) as client,
    ):
        gateway = Running(base, engines, http, client)
        gateway.until(lambda states: all(one["state"] is not None for one in states))
        yield gateway


@contextmanager
def running(*engines: str) -> Iterator[Running]:
    """A gateway before engines that are started with these options each."""
    with ExitStack() as stack:
        made = [stack.enter_context(started("engine", *options.split())) for options in engines]
        _, base = stack.enter_context(started("server", "0", *(address for _, address in made)))
        yield stack.enter_context(asked(base, [process for process, _ in made]))
