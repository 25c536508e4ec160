"""What the service answers over HTTP: the same before and after the move, but where a line says otherwise.

Both forms run under uvicorn, each in a process of its own: the old one with release 0.5.4.16, which needs CPython 3.11.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from published import Unavailable, published_release

HERE = Path(__file__).parent
REQUEST = {"request_id": "r", "trace_id": "t", "prompt": "a bb ccc", "max_tokens": 2}
CHAT = {"model": "echo-1", "messages": [{"role": "user", "content": "one two"}]}
LAUNCH = "import sys; sys.path[:0] = sys.argv[2:]; import uvicorn; uvicorn.run('service:app', fd=int(sys.argv[1]))"
SECONDS_TO_START = 30


@pytest.fixture(scope="module", params=["before", "after"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def service(form: str) -> Iterator[httpx.Client]:
    folders = [str(HERE)]
    if form == "before":
        try:
            folders = [str(HERE / "before"), str(published_release("0.5.4.16"))]
        except Unavailable as reason:
            if not reason.excused:
                raise
            pytest.skip(str(reason))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port, fd = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-I", "-c", LAUNCH, str(fd), *folders]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        process = subprocess.Popen(command, pass_fds=[fd], stderr=subprocess.PIPE, text=True, env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS_TO_START) as client:
            yield client
    finally:
        process.terminate()
        _, said = process.communicate(timeout=SECONDS_TO_START)
    assert "Traceback" not in said


def test_one_request(service: httpx.Client) -> None:
    answer = service.post("/infer", json=REQUEST)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["output_text"], body["output_tokens"], body["finish_reason"]) == ("ccc bb", [3, 2], "length")
    assert (body["metrics"]["kv_used_tokens"], body["metrics"]["itl_list"]) == (3, [1.0])
    assert body["error"] is None


def test_several(service: httpx.Client) -> None:
    answer = service.post("/batch", json={"requests": [REQUEST, {**REQUEST, "max_tokens": 9}]})
    assert [one["output_tokens"] for one in answer.json()] == [[3, 2], [3, 2, 1]]


def test_what_is_wrong_is_told_where(service: httpx.Client) -> None:
    answer = service.post("/infer", json={**REQUEST, "max_tokens": 0})
    assert answer.status_code == 422
    assert [(found["loc"], found["type"]) for found in answer.json()["detail"]] == [
        (["body", "max_tokens"], "greater_than")
    ]
    answer = service.post("/batch", json={"requests": [REQUEST, {**REQUEST, "trace_id": None}], "priority": -1})
    assert [found["loc"] for found in answer.json()["detail"]] == [
        ["body", "requests", 1, "trace_id"],
        ["body", "priority"],
    ]


@pytest.mark.parametrize(
    ("body", "then", "now"),
    [
        ({**REQUEST, "colour": "red"}, 200, 422),
        ({**REQUEST, "max_tokens": "2"}, 200, 422),
        ({**REQUEST, "stream": "yes"}, 200, 422),
    ],
    ids=["unknown field", "text for a number", "text for a flag"],
)
def test_what_is_refused_since(service: httpx.Client, form: str, body: dict[str, Any], then: int, now: int) -> None:
    assert service.post("/infer", json=body).status_code == (then if form == "before" else now)


def test_a_full_pool(service: httpx.Client) -> None:
    words = " ".join("x" * 65)
    assert service.post("/infer", json={**REQUEST, "prompt": words}).json()["error"]["code"] == "resource_exhausted"
    answer = service.post("/v1/chat/completions", json={**CHAT, "messages": [{"role": "user", "content": words}]})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "resource_exhausted"


def without_nulls(answer: Any) -> Any:
    """What an answer says: later revisions have more fields that say nothing."""
    if isinstance(answer, dict):
        return {name: without_nulls(value) for name, value in answer.items() if value is not None}
    return [without_nulls(value) for value in answer] if isinstance(answer, list) else answer


def test_models(service: httpx.Client) -> None:
    model = {"id": "echo-1", "object": "model", "created": 1_700_000_000, "owned_by": "sagellm"}
    assert without_nulls(service.get("/v1/models").json()) == {"object": "list", "data": [model]}


def test_chat(service: httpx.Client) -> None:
    answer = service.post("/v1/chat/completions", json={**CHAT, "user": "u", "vendor_field": 1})
    assert without_nulls(answer.json()) == {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "echo-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "two one"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4},
    }


def test_a_chat_as_a_stream(service: httpx.Client) -> None:
    answer = service.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert done == "[DONE]"
    assert [json.loads(event)["choices"][0]["delta"] for event in events] == [{"content": "two"}, {"content": "one"}]


def test_a_handle_lives(service: httpx.Client) -> None:
    began = time.time()
    made = service.post("/kv", json={**REQUEST, "model": "echo-1"}).json()
    assert (made["num_tokens"], made["pin_count"], made["metadata"]) == (3, 1, {"model": "echo-1"})
    read = service.post(f"/kv/{made['handle_id']}/read").json()
    assert read["access_count"] == 1
    assert read["last_access"] >= began
    assert read in service.get("/kv").json()
    assert service.post("/kv/00000000-0000-0000-0000-000000000000/read").status_code == 404


def test_a_line_of_a_log(service: httpx.Client) -> None:
    line = json.dumps(service.post("/infer", json=REQUEST).json())
    answer = service.post("/replay", json={"line": line})
    assert answer.json() == {"request_id": "r", "output_tokens": [3, 2], "finish_reason": "length"}
    answer = service.post("/replay", json={"line": json.dumps({**json.loads(line), "finish_reason": "tired"})})
    assert answer.status_code == 400
    assert answer.json() == {"detail": ["finish_reason"]}


def test_the_description_holds_the_messages(service: httpx.Client) -> None:
    described = service.get("/openapi.json").json()["components"]["schemas"]
    assert {"Request", "Response", "Metrics", "ChatCompletionRequest", "KVHandle", "Batch"} <= described.keys()
    assert described["Request"]["properties"]["max_tokens"]["exclusiveMinimum"] == 0
