"""The gateway's parts alone: the pool and its ledger, the text of answers, the calls in it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
import uvicorn
import zmq
import zmq.asyncio
from gateway.links import Engines, Link
from gateway.pool import BLOCK, Pool, PoolFullError
from hypothesis import given, strategies as st

from gateway import model, server, tools, wire
from sagellm_protocol import ChatMessage, Request


def asked(**fields: Any) -> Request:
    return Request(**{"request_id": "r", "trace_id": "t", "prompt": "Hi", "max_tokens": 256, **fields})


def said(**fields: Any) -> str:
    request = asked(**fields)
    return "".join(text for _, text, _ in model.tokens(request, model.prompt_of(request)))


@given(st.data())
def test_nothing_is_told_of_what_ends_the_answer(data: st.DataObject) -> None:
    everything = said()
    begin = data.draw(st.integers(0, len(everything) - 1))
    stop = everything[begin : begin + data.draw(st.integers(1, 12))]
    assert said(stop=["never", stop]) == everything[: everything.index(stop)]


def test_how_an_answer_ends() -> None:
    *_, last = model.tokens(asked(max_tokens=3), [1])
    assert last[2] == "length"
    *_, last = model.tokens(asked(), [1])
    assert last[2] == "stop"
    first, *_ = model.tokens(asked(), [1])
    assert list(model.tokens(asked(stop_token_ids=[first[0]]), [1])) == [(first[0], "", "stop")]


def test_seeds_and_images_matter() -> None:
    def turn(url: str) -> list[ChatMessage]:
        return [ChatMessage(role="user", content=[{"type": "image_url", "image_url": {"url": url}}])]  # type: ignore[list-item]

    assert len({said(seed=number) for number in range(9)}) == 9
    assert (
        said(prompt="", messages=turn("a"))
        == said(prompt="", messages=turn("a"))
        != said(prompt="", messages=turn("b"))
    )


CALL = {"name": "look", "arguments": {"at": "<tool_"}}
WRITTEN = f"{tools.BEGIN}{json.dumps(CALL)}{tools.END}"


@given(
    st.lists(st.sampled_from([WRITTEN, "a <tool", "<tool_call", ">", "{", "<", f"{tools.BEGIN}[]{tools.END}", "x"])),
    st.data(),
)
def test_calls_are_read_however_the_text_is_cut(parts: list[str], data: st.DataObject) -> None:
    def read(cuts: list[str]) -> tuple[str, int]:
        reader = tools.CallReader()
        found = [*(it for cut in cuts for it in reader.feed(cut)), reader.finish()]
        text = "".join(it if isinstance(it, str) else "\0" for it in found)
        return text, reader.calls

    whole = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    text, calls = read(pieces)
    assert (text, calls) == read([whole])
    assert text.count("\0") == calls


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), max_size=30))
def test_the_ledger_has_nothing_to_say_of_the_pool(requests: list[tuple[int, int]]) -> None:
    pool, running = Pool(8 * BLOCK), []
    for number, (word, size) in enumerate(requests):
        try:
            pool.begin(f"r{number}", [word] * size)
        except PoolFullError:
            assert running
        else:
            running.append(f"r{number}")
            try:
                for _ in range(size % 40):
                    pool.grow(running[-1])
            except PoolFullError:
                pass
        if len(running) > word:
            pool.end(running.pop(0))
    for request_id in running:
        pool.end(request_id)
    pool.ledger.close()
    state = pool.state()
    assert (state.broken, state.blocks["allocated"], state.running) == ({}, 0, 0)
    assert sum(state.blocks.values()) == 8


def test_a_prompt_that_never_fits() -> None:
    pool = Pool(BLOCK)
    with pytest.raises(PoolFullError, match="all 1 blocks of 16 tokens are in use"):
        pool.begin("r", range(BLOCK + 1))
    assert pool.state().blocks == {"allocated": 0, "cached": 1, "free": 0}


def test_what_the_ledger_says_can_be_told() -> None:
    pool = Pool(4 * BLOCK)
    pool.ledger.tell("release", "nobody's")
    state = wire.PLAIN.decode(wire.PLAIN.encode(pool.state()), wire.State)
    assert state.broken == {"unknown HANDLE_NOT_FOUND": 1}


def test_no_answer_waits_for_the_one_before_to_arrive() -> None:
    with server.listen(uvicorn.Config(None, port=0, log_config=None)) as listening:  # type: ignore[arg-type]
        with socket.create_connection(listening.getsockname(), timeout=60):
            accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_engine_that_makes_no_sense_is_given_up_and_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def meet() -> Any:
        with zmq.asyncio.Context.instance().socket(zmq.ROUTER) as engine:
            engine.bind("tcp://127.0.0.1:*")
            link = Link(engine.getsockopt_string(zmq.LAST_ENDPOINT))
            app = server.Gateway(Engines([link])).app()
            async with app.router.lifespan_context(app):
                peer, kind, *_ = await engine.recv_multipart()
                assert kind == wire.HELLO
                welcome = wire.PLAIN.encode(wire.Welcome("odd", "application/json", ["m"]))
                await engine.send_multipart([peer, wire.WELCOME, b"", welcome])
                await engine.send_multipart([peer, wire.STATE, b"", b"{"])
                while not caplog.records:
                    await asyncio.sleep(0.01)
            return link.told_of()

    told = asyncio.run(asyncio.wait_for(meet(), 60))
    assert (told["engine_id"], told["state"]) == (None, None)
    (record,) = caplog.records
    assert record.message == "an engine is given up"
    assert "no JSON" in caplog.text
