"""Messages in FastAPI, over a socket."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Optional

import httpx
import pytest
from fastapi import Body, Depends, FastAPI
from fastapi.encoders import jsonable_encoder
from hypothesis import given, strategies as st
from pydantic import BaseModel, Field

from sagellm_protocol import (
    EncodeError,
    Error,
    ErrorCode,
    LossyDowngradeError,
    Metrics,
    MissingExtraError,
    ModelInfo,
    ModelListResponse,
    OpenAIErrorResponse,
    OptionError,
    ProtocolError,
    Request,
    StreamEvent,
    StreamEventDelta,
    ValidationError,
    catalog,
    codecs,
    kv_hooks,
)
from sagellm_protocol.fastapi import (
    ProtocolResponse,
    Refusal,
    Reply,
    Style,
    body_of,
    described,
    install_error_handlers,
    replies,
)
from sagellm_protocol.kv import types as kv_types
from sagellm_protocol.model import message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.testing.strategies import messages
from specimens import in_fields
from web.serving import client_of

PLAIN: dict[str, Any] = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
DELTA: dict[str, Any] = {
    "event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "content": "x", "content_tokens": [1],
}  # fmt: skip
METRICS: dict[str, Any] = {"ttft_ms": 1.0, "throughput_tps": 2.0, "peak_mem_mb": 3, "error_rate": 0.5}
OLD = "0.4.0.8"


@message
class Tree:
    name: str
    kids: tuple[Tree, ...] = ()


class Holding(BaseModel):
    event: Annotated[StreamEvent, Field(discriminator="event")]
    handle: Optional[kv_types.KVHandle] = None  # noqa: UP045
    other: Optional[kv_hooks.KVHandle] = None  # noqa: UP045


def application(style: Style | None, *, request_validation: bool = True) -> FastAPI:
    app = FastAPI()
    if style is not None:
        install_error_handlers(app, style, request_validation=request_validation)

    @app.post("/request")
    def request(body: Request) -> Request:
        return body

    @app.post("/unannotated")
    def unannotated(body: Request):  # type: ignore[no-untyped-def]
        return {"held": body, "many": [body]}

    @app.post("/optional")
    def optional(body: Optional[Request] = None) -> Optional[Request]:  # noqa: UP045
        return body

    @app.post("/many")
    def many(body: list[Request]) -> dict[str, list[Request]]:
        return {"many": body}

    @app.post("/two")
    def two(one: Request, two: Annotated[Metrics, Body()]) -> Metrics:
        assert one
        return two

    @app.post("/holding", response_model_exclude_none=True)
    def holding(body: Holding) -> Holding:
        return body

    @app.post("/event")
    def event(body: StreamEvent) -> StreamEvent:
        return body

    @app.post("/tree")
    def tree(body: Tree) -> Tree:
        return body

    @app.get("/models", response_model=ModelListResponse, response_model_exclude_none=True)
    def models() -> Any:
        return {"data": [ModelInfo(id="m", created=1)]}

    @app.get("/class", response_class=ProtocolResponse)
    def by_class() -> Metrics:
        return Metrics(**METRICS)

    @app.get("/direct")
    def direct() -> ProtocolResponse:
        return ProtocolResponse([Metrics(**METRICS)], codec=codecs.get("msgpack"))

    @app.post("/negotiated", openapi_extra=described(StreamEventDelta, description="A token."))
    async def negotiated(
        body: Annotated[StreamEventDelta, Depends(body_of(StreamEventDelta, max_bytes=1000))],
        reply: Annotated[Reply, Depends(replies())],
    ) -> ProtocolResponse:
        return reply(body, 201, {"x-mine": "1", "vary": "Origin"})

    @app.post("/lossy")
    def lossy(reply: Annotated[Reply, Depends(replies())]) -> ProtocolResponse:
        return reply(Request(**PLAIN, messages=[{"role": "user", "content": "secret"}]))

    @app.get("/local")
    def local() -> Metrics:
        return Metrics(**{**METRICS, "error_rate": 7.0})

    @app.get("/unwritable")
    def unwritable() -> Any:
        return ProtocolResponse(Request(**{**PLAIN, "prompt": "\ud800"}))

    @app.post("/decoded")
    def decoded(body: Annotated[str, Body()]) -> Metrics:
        return codecs.get("json").decode(body, Metrics)

    return app


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str | None, httpx.Client]]:
    with (
        client_of(application(None)) as bare,
        client_of(application("openai")) as openai,
        client_of(application("problem")) as problem,
    ):
        yield {None: bare, "openai": openai, "problem": problem}


@pytest.fixture
def client(clients: dict[str | None, httpx.Client]) -> httpx.Client:
    return clients[None]


# Messages by themselves


@pytest.mark.parametrize(
    ("path", "sent", "expected"),
    [
        ("/request", PLAIN, to_plain(Request(**PLAIN))),
        ("/unannotated", PLAIN, {"held": to_plain(Request(**PLAIN)), "many": [to_plain(Request(**PLAIN))]}),
        ("/optional", PLAIN, to_plain(Request(**PLAIN))),
        ("/optional", None, None),
        ("/many", [PLAIN], {"many": [to_plain(Request(**PLAIN))]}),
        ("/two", {"one": PLAIN, "two": METRICS}, to_plain(Metrics(**METRICS))),
        ("/holding", {"event": DELTA}, {"event": DELTA}),
        ("/event", DELTA, {**DELTA, "logprobs": None}),
        ("/tree", {"name": "a", "kids": [{"name": "b"}]}, {"name": "a", "kids": [{"name": "b", "kids": []}]}),
    ],
)
def test_messages_are_bodies_and_answers(client: httpx.Client, path: str, sent: Any, expected: Any) -> None:
    answer = client.post(path, json=sent) if sent is not None else client.post(path)
    assert (answer.status_code, answer.json()) == (200, expected)


def test_answers_of_handlers(client: httpx.Client) -> None:
    models = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "sagellm"}]}
    assert client.get("/models").json() == models
    by_class = client.get("/class")
    assert by_class.headers["content-type"] == "application/json"
    assert by_class.json() == to_plain(Metrics(**METRICS))
    direct = client.get("/direct")
    assert direct.headers["content-type"] == f"application/msgpack;revision={codecs.get('msgpack').revision}"
    assert codecs.get("msgpack").decode(direct.content, list[Metrics]) == [Metrics(**METRICS)]


@pytest.mark.parametrize(
    ("path", "sent", "where"),
    [
        ("/request", {**PLAIN, "max_tokens": 0}, [["body", "max_tokens"]]),
        ("/request", {}, [["body", "request_id"], ["body", "trace_id"], ["body", "max_tokens"]]),
        ("/request", [], [["body"]]),
        ("/many", [PLAIN, {**PLAIN, "x": 1}], [["body", 1, "x"]]),
        ("/two", {"one": PLAIN, "two": {**METRICS, "error_rate": 2}}, [["body", "two", "error_rate"]]),
        ("/holding", {"event": {**DELTA, "content": 1}}, [["body", "event", "delta", "content"]]),
        ("/tree", {"name": "a", "kids": [{"name": 1}]}, [["body", "kids", 0, "name"]]),
    ],
)
def test_what_is_wrong_is_told_at_its_place(client: httpx.Client, path: str, sent: Any, where: Any) -> None:
    answer = client.post(path, json=sent)
    assert answer.status_code == 422
    assert [line["loc"] for line in answer.json()["detail"]] == where


HOSTILE = [
    b'{"request_id":"r","trace_id":"t","max_tokens":NaN}',
    b'{"request_id":"r","trace_id":"t","max_tokens":-Infinity,"\\ud800":1}',
    b'{"request_id":"\\ud800","trace_id":"t","max_tokens":1}',
    b'{"request_id":"r","trace_id":"t","max_tokens":' + b"9" * 4000 + b"}",
    b'{"request_id":"r","trace_id":"t","max_tokens":1,"metadata":{"a":' + b"[" * 500 + b"]" * 500 + b"}}",
    b'{"request_id":"r","trace_id":"t","max_tokens":{"a":NaN}}',
    b"[" * 100 + b"]" * 100,
    b"3",
    b'"\\udfff"',
    b"{" + b",".join(b'"k%d":1' % index for index in range(5000)) + b"}",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("style", [None, "openai", "problem"])
def test_hostile_bodies_are_refused_and_never_fail(
    clients: dict[str | None, httpx.Client], style: str | None, body: bytes
) -> None:
    answer = clients[style].post("/request", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.content) < 40_000
    answer.json()


@pytest.mark.parametrize("name", sorted(catalog.messages()))
@given(data=st.data())
def test_what_fastapi_makes_of_messages_of_no_declared_type(name: str, data: st.DataObject) -> None:
    held = data.draw(messages(catalog.get(name)))
    assert jsonable_encoder(held) == in_fields(held)


# OpenAPI


def test_openapi_has_each_message_once(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    components = document["components"]["schemas"]
    ours = {told["title"]: name for name, told in components.items() if "." in told.get("title", "")}
    assert ours["types.Request"] == "Request"
    assert ours["kv.types.KVHandle"] != ours["kv_hooks.KVHandle"]
    # What refers to itself refers to two by two names: pydantic keeps them both, as it does for its own models.
    assert [name for name in components if name.endswith(("-Input", "-Output"))] == ["Tree-Input", "Tree-Output"]
    titles = [told["title"] for name, told in components.items() if name != "Tree-Input"]
    assert len(titles) == len(set(titles))
    tokens = components["Request"]["properties"]["max_tokens"]
    assert (tokens["exclusiveMinimum"], tokens["x-unit"]) == (0, "tokens")
    assert tokens["description"]
    post = document["paths"]["/request"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Request"}
    assert "parameters" not in post
    assert all(reference in components for reference in references(document))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix("#/components/schemas/")
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_openapi_tells_of_negotiated_bodies(client: httpx.Client) -> None:
    body = client.get("/openapi.json").json()["paths"]["/negotiated"]["post"]["requestBody"]
    assert (body["required"], body["description"]) == (True, "A token.")
    assert body["content"].keys() == set(codecs.media_types().values())
    told = body["content"]["application/msgpack"]["schema"]
    assert (told["title"], told["properties"]["event"]["const"]) == ("types.StreamEventDelta", "delta")
    recursive = described(Tree)["requestBody"]["content"]["application/json"]["schema"]
    assert recursive["properties"]["kids"]["items"] == {"type": "object"}
    assert "description" not in described(Error)["requestBody"]
    assert described(Error)["requestBody"]["content"]["application/json"]["schema"]["properties"]["code"]["enum"]
    either = described(StreamEvent)["requestBody"]["content"]["application/json"]["schema"]
    assert [option["title"].rpartition(".")[2] for option in either["oneOf"]][1] == "StreamEventDelta"
    with pytest.raises(DeclarationError):
        described(object)
    for name, cls in catalog.messages().items():
        assert "$ref" not in json.dumps(described(cls)), name


# Negotiation


@pytest.mark.parametrize("sent", ["json", "msgpack"])
@pytest.mark.parametrize("accepted", ["json", "msgpack"])
@pytest.mark.parametrize("revision", ["latest", OLD])
def test_any_format_and_revision(client: httpx.Client, sent: str, accepted: str, revision: str) -> None:
    there, back = codecs.get(sent, revision=revision), codecs.get(accepted, revision=revision)
    delta = StreamEventDelta(**DELTA)
    content: Any = there.encode(delta)
    answer = client.post(
        "/negotiated",
        content=content,
        headers={"content-type": str(there.content_type), "accept": str(back.content_type)},
    )
    assert answer.status_code == 201
    assert answer.headers["content-type"] == back.content_type
    assert answer.headers["vary"] == "Origin, Accept"
    assert answer.headers["x-mine"] == "1"
    assert back.decode(answer.content, StreamEventDelta) == delta


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"accept": "text/html, */*;q=0.1"}, 201),
        ({"content-type": "application/json; charset=UTF-8"}, 201),
        ({"content-type": 'application/json; charset="utf-8"; revision=latest'}, 201),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "APPLICATION/JSON"}, 201),
        ({"content-type": ""}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/*"}, 415),
        ({"content-type": "application/json, application/msgpack"}, 415),
        ({"content-type": "application/json;revision=9.9"}, 415),
        ({"content-type": 'application/json;revision="a\\"b\\\\"'}, 415),
        ({"content-type": "application/json;;=x"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "Identity"}, 201),
        ({"accept": "text/html"}, 406),
        ({"accept": "application/json;revision=9.9"}, 406),
        ({"accept": "application/json;q=0"}, 406),
        ({"accept": "*/*;q=0"}, 406),
        ({"accept": "no media type"}, 406),
        ({"accept": "a/b," * 300}, 406),
    ],
)
@pytest.mark.parametrize("style", [None, "openai", "problem"])
def test_what_is_not_acceptable(
    clients: dict[str | None, httpx.Client], style: str | None, headers: dict[str, str], status: int
) -> None:
    sent = {"content-type": "application/json", **headers}
    answer = clients[style].post("/negotiated", content=json.dumps(DELTA), headers=sent)
    assert answer.status_code == status, answer.text
    if status == 406:
        assert answer.headers["vary"] == "Accept"
    if status == 415:
        listed = answer.headers.get("accept", ", ".join(codecs.media_types().values()))
        assert listed == ", ".join(codecs.media_types().values())
        assert ("accept-encoding" in answer.headers) == ("content-encoding" in headers)


def test_several_accept_headers(client: httpx.Client) -> None:
    headers = [("content-type", "application/json"), ("accept", "text/html"), ("accept", "application/msgpack")]
    answer = client.post("/negotiated", content=json.dumps(DELTA), headers=headers)
    assert answer.headers["content-type"].startswith("application/msgpack")


def test_what_an_older_revision_cannot_say(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer = client.post("/lossy", headers={"accept": "application/json;revision=0.1.0"})
    assert answer.status_code == 406
    assert answer.json() == {"detail": "the answer cannot be said in revision 0.1.0 without loss"}
    assert "secret" in caplog.text
    assert client.post("/lossy").status_code == 200


def test_options_are_refused_at_once() -> None:
    for make in (replies, lambda **options: body_of(Metrics, **options)):
        with pytest.raises(OptionError, match="max_bytes must be an integer"):
            make(max_bytes=-1)


# Limits of bodies


def test_a_body_that_is_too_long_is_not_read(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    fits = json.dumps({**DELTA, "content": "x" * 800})
    assert client.post("/negotiated", content=fits, headers=headers).status_code == 201
    announced = client.post("/negotiated", content=b" " * 1001, headers=headers)
    assert (announced.status_code, announced.json()["detail"]) == (
        413,
        "1001 bytes are more than the 1000 that this codec takes",
    )

    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while taken < 50_000_000:
            taken += 10_000
            yield b" " * 10_000

    try:
        answer: int | None = client.post("/negotiated", content=endless(), headers=headers).status_code
    except httpx.HTTPError:  # it was cut off while it was still sending
        answer = None
    assert answer in (413, None)
    assert taken < 50_000_000


def test_what_is_announced_is_not_believed(client: httpx.Client) -> None:
    """Nobody sends so much; the answer comes before the body."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as sent:
        sent.sendall(
            b"POST /negotiated HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        answer = sent.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


# Errors


@pytest.mark.parametrize(
    ("path", "options", "status", "code", "param", "said"),
    [
        ("/negotiated", {"json": {**DELTA, "content": 1}}, 422, "invalid_argument", "content", "content: must be str"),
        ("/negotiated", {"json": {}}, 422, "invalid_argument", None, "5 violations"),
        ("/negotiated", {"json": []}, 422, "invalid_argument", None, "must be an object"),
        (
            "/negotiated",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
            "invalid_argument",
            None,
            "no JSON",
        ),
        ("/negotiated", {"content": b"{"}, 415, "not_implemented", None, "Content-Type must say"),
        (
            "/negotiated",
            {"json": DELTA, "headers": {"accept": "a/b"}},
            406,
            "not_implemented",
            None,
            "no codec matches",
        ),
        (
            "/request",
            {"json": {**PLAIN, "max_tokens": 0}},
            422,
            "invalid_argument",
            "body.max_tokens",
            "greater than 0",
        ),
        ("/request", {"json": {}}, 422, "invalid_argument", None, "the request: 3 violations"),
        ("/decoded", {"json": "{}"}, 422, "invalid_argument", None, "types.Metrics: 4 violations"),
        ("/decoded", {"json": "{"}, 400, "invalid_argument", None, "no JSON"),
        ("/local", {}, 500, "unavailable", None, "The server could not answer this request."),
        ("/unwritable", {}, 500, "unavailable", None, "The server could not answer this request."),
    ],
)
def test_errors_are_told_in_a_style(
    clients: dict[str | None, httpx.Client],
    path: str,
    options: dict[str, Any],
    status: int,
    code: str,
    param: str | None,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    method = "GET" if status == 500 else "POST"
    openai = clients["openai"].request(method, path, **options)
    assert openai.status_code == status
    assert openai.headers["content-type"] == "application/json"
    error = codecs.get("json").decode(openai.content, OpenAIErrorResponse).error
    kind = "server_error" if status == 500 else "invalid_request_error"
    assert (error.code, error.param, error.type) == (code, param, kind)
    assert said in error.message

    problem = clients["problem"].request(method, path, **options)
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    told = problem.json()
    assert (told["type"], told["status"], told["code"]) == ("about:blank", status, code)
    assert told["title"]
    assert told["detail"] == error.message
    if param is not None:
        assert ".".join(map(str, told["errors"][0]["loc"])) == param
    if status == 500:
        assert "7.0" in caplog.text or "surrogate" in caplog.text
        assert "7.0" not in openai.text + problem.text


def test_without_handlers_refusals_still_have_their_status(client: httpx.Client) -> None:
    answer = client.post("/negotiated", json={**DELTA, "content": 1})
    assert answer.status_code == 422
    assert "content: must be str, got 1" in answer.json()["detail"]


def test_fastapis_own_refusals_may_stay_as_they_are() -> None:
    with client_of(application("openai", request_validation=False)) as client:
        assert client.post("/request", json={}).json()["detail"][0]["type"] == "missing"


def test_many_violations_of_a_request_are_counted(clients: dict[str | None, httpx.Client]) -> None:
    answer = clients["openai"].post("/many", json=[{}] * 200)
    assert "600 violations" in answer.json()["error"]["message"]
    assert answer.json()["error"]["message"].endswith("and 500 more")
    assert len(clients["problem"].post("/many", json=[{}] * 200).json()["errors"]) == 100


def test_no_such_style() -> None:
    with pytest.raises(OptionError, match="style must be 'openai' or 'problem', got 'xml'"):
        install_error_handlers(FastAPI(), "xml")  # type: ignore[arg-type]


def test_handlers_that_come_too_late_are_refused() -> None:
    app = application(None)
    with client_of(app) as client:
        client.get("/models")
    with pytest.raises(OptionError, match="before its first request"):
        install_error_handlers(app)


def test_a_refusal_holds_its_error() -> None:
    refusal = Refusal(400, ValidationError("x", []))
    assert isinstance(refusal.error, ProtocolError)
    assert (refusal.status_code, refusal.headers) == (400, {})


def test_a_response_by_itself() -> None:
    metrics = Metrics(**METRICS)
    response = ProtocolResponse(metrics, media_type="application/vnd.mine+json")
    assert response.headers["content-type"] == "application/vnd.mine+json"
    assert codecs.get("json").decode(response.body, Metrics) == metrics
    with pytest.raises(EncodeError):
        ProtocolResponse(object())
    request = Request(**PLAIN, messages=[{"role": "user", "content": "x"}])
    with pytest.raises(LossyDowngradeError):
        ProtocolResponse(request, codec=codecs.get("json", revision="0.1.0"))
    assert Error(code=ErrorCode.UNAVAILABLE, message="m") == Error(code="unavailable", message="m")  # type: ignore[arg-type]
    called: Callable[..., Any] = Reply(codecs.get("json"))
    assert called(metrics).status_code == 200


def test_without_fastapi_the_extra_is_named() -> None:
    code = "import sys; sys.modules['fastapi'] = None; import sagellm_protocol.fastapi"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "isagellm-protocol[fastapi]" in done.stderr


def test_without_pydantic_messages_are_what_they_were() -> None:
    code = """
import inspect, sys
sys.modules["pydantic"] = sys.modules["pydantic_core"] = None
from sagellm_protocol import Error
inspect.getmembers(Error)
print(Error(code="unavailable", message="m").message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("m\n", "")


def test_without_fastapi_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delitem(sys.modules, "sagellm_protocol.fastapi")
    with pytest.raises(MissingExtraError, match=r"isagellm-protocol\[fastapi\]"):
        __import__("sagellm_protocol.fastapi")
