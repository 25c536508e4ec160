"""Clients that leave, engines that die, pools that are full: what the others are told, and what is given back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import openai
import pytest

from gateways import SECONDS, asked, started

TALK: Any = [{"role": "user", "content": " ".join(f"word{number}" for number in range(40))}]
SLOW = "--token-ms=5000"
WHOLE = 8 * 5
"""The seconds that the shortest answer takes at that pace."""


def blocks(states: list[dict[str, Any]]) -> int:
    return int(states[0]["state"]["blocks"]["allocated"])


def test_a_client_that_goes_away_in_mid_stream(start: Callable[..., Any]) -> None:
    gateway = start(f"slow {SLOW}")
    with gateway.client.chat.completions.create(model="hash-1", messages=TALK, stream=True) as chunks:
        next(chunks)
        before = gateway.until(lambda states: blocks(states) > 0)
    began = time.monotonic()
    states = gateway.until_idle()
    assert time.monotonic() - began < WHOLE, "long before the answer would have ended"
    assert states[0]["state"]["events"] > before[0]["state"]["events"]
    assert states[0]["state"]["blocks"]["cached"] == 2, "full blocks of the prompt"


@pytest.mark.parametrize("path", ["chat/completions", "completions"])
def test_a_client_that_does_not_wait_for_the_answer(start: Callable[..., Any], path: str) -> None:
    gateway = start(f"slow {SLOW}")
    body = {"model": "hash-1", "messages": TALK, "prompt": "Hi"}
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        gateway.http.post(f"/v1/{path}", json=body, timeout=httpx.Timeout(SECONDS, read=0.5))
    gateway.until(lambda states: states[0]["state"]["events"] > 0)
    gateway.until_idle()
    assert time.monotonic() - began < WHOLE, "long before the answer would have ended"


def test_an_engine_that_is_killed_in_mid_stream(start: Callable[..., Any]) -> None:
    gateway = start(f"slow {SLOW}")
    chunks = gateway.client.chat.completions.create(model="hash-1", messages=TALK, stream=True)
    next(chunks)
    gateway.engines[0].kill()
    with pytest.raises(openai.APIError, match="the engine went away") as told:
        list(chunks)
    assert told.value.code == "unavailable"
    with pytest.raises(openai.InternalServerError, match="no engine is there") as refused:
        gateway.client.chat.completions.create(model="hash-1", messages=TALK)
    assert (refused.value.status_code, refused.value.response.headers["retry-after"]) == (503, "1")


def test_an_engine_that_is_killed_before_it_answers(start: Callable[..., Any]) -> None:
    gateway = start(f"slow {SLOW}", "other --token-ms=1")
    patience = httpx.Timeout(SECONDS, read=0.1)
    with pytest.raises(httpx.ReadTimeout):
        gateway.http.post("/v1/completions", json={"model": "hash-1", "prompt": "Hi"}, timeout=patience)
    gateway.engines[0].kill()
    gateway.until(lambda states: states[0]["state"] is None)
    assert gateway.client.completions.create(model="hash-1", prompt="Hi").choices[0].text


def test_a_pool_that_is_full(start: Callable[..., Any]) -> None:
    gateway = start("small --pool-tokens=64 --token-ms=50")
    with pytest.raises(openai.RateLimitError) as refused:
        gateway.client.completions.create(model="hash-1", prompt="word " * 65)
    assert refused.value.code == "resource_exhausted"
    assert refused.value.response.headers["retry-after"] == "1"
    with pytest.raises(openai.RateLimitError):
        gateway.client.completions.create(model="hash-1", prompt="word " * 65, stream=True)
    gateway.until_idle()


def test_a_pool_that_is_full_in_mid_stream(start: Callable[..., Any]) -> None:
    gateway = start("small --pool-tokens=32 --token-ms=1")
    with pytest.raises(openai.APIError, match="all 2 blocks") as told:
        list(gateway.client.completions.create(model="hash-1", prompt="word " * 31, stream=True))
    assert told.value.code == "resource_exhausted"
    gateway.until_idle()


def test_what_is_cached_gives_way(start: Callable[..., Any]) -> None:
    gateway = start("small --pool-tokens=64 --token-ms=1")
    for number in range(8):
        gateway.client.completions.create(model="hash-1", prompt=f"{number} " * 32, max_tokens=8)
    states = gateway.until_idle()
    assert states[0]["state"]["blocks"] == {"allocated": 0, "cached": 3, "free": 1}


def test_an_engine_that_comes_back() -> None:
    with ExitStack() as stack:
        first, address = stack.enter_context(started("engine", "one", "--token-ms=1"))
        _, base = stack.enter_context(started("server", "0", address))
        gateway = stack.enter_context(asked(base, [first]))
        first.kill()
        gateway.until(lambda states: states[0]["state"] is None)
        stack.enter_context(started("engine", "two", "--token-ms=1", f"--bind={address}"))
        states = gateway.until(lambda states: states[0]["state"] is not None)
        assert states[0]["engine_id"] == "two"
        assert gateway.client.completions.create(model="hash-1", prompt="Hi").choices[0].text
