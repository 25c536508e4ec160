"""Which codecs there are, and which one a peer asks for."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec, Format, Registration, Registry
from sagellm_protocol.codecs.codec import Options
from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.model.exceptions import DecodeError, UnknownCodecError, UnsupportedRevisionError, ValidationError
from sagellm_protocol.types import Metrics, Request, Response

REQUEST = Request(request_id="r", trace_id="t", max_tokens=1)


def loads(data: bytes) -> Any:
    if not data.startswith(b"P!"):
        raise DecodeError("no prefix", 0)
    return json.loads(data[2:])


def make_prefixed() -> Format:
    """JSON behind a prefix."""
    return Format(loads, lambda payload: b"P!" + json.dumps(payload).encode())


@pytest.fixture
def prefixed() -> Iterator[None]:
    codecs.register("prefixed", make_prefixed, media_type="application/x-prefixed")
    yield
    codecs.unregister("prefixed")


# The registry


def test_names() -> None:
    assert codecs.names()[:3] == ("json", "msgpack", "dict")


def test_one_codec_for_each_choice() -> None:
    assert codecs.get("json") is codecs.get("json")
    assert codecs.get("json") is codecs.get("json", revision="latest") is codecs.get("json", revision="0.5.4.16")
    assert codecs.get("json", revision="0.4.0.8") is codecs.get("json", revision="0.4.0.7")
    assert codecs.get("json", revision="0.4.0.8") is not codecs.get("json")
    for options in (
        {"unknown": "ignore"},
        {"omit_defaults": True},
        {"lossy": True},
        {"max_bytes": 1},
        {"fill": {"a": 1}},
    ):
        other = codecs.get("json", **options)
        assert other is not codecs.get("json")
        assert other is codecs.get("json", **options)


def test_fill_may_hold_anything() -> None:
    one = codecs.get("json", revision="0.1.0", fill={"engine_id": {"a": [1]}})
    assert one.options.fill == {"engine_id": {"a": [1]}}
    whole, real = (codecs.get("json", revision="0.1.0", fill={"engine_id": value}) for value in (1, True))
    assert whole.options.fill["engine_id"] is not real.options.fill["engine_id"]


def test_what_is_not_there() -> None:
    with pytest.raises(UnknownCodecError, match=r"no codec is called 'yaml'; there are .*json"):
        codecs.get("yaml")
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '9\.9'"):
        codecs.get("json", revision="9.9")
    with pytest.raises(UnsupportedRevisionError):
        codecs.get("yaml", revision="9.9")


def test_what_a_codec_says_of_itself() -> None:
    codec = codecs.get("msgpack", revision="0.4.0.8", unknown="ignore")
    assert repr(codec) == "<codec msgpack at revision 0.4.0.7>"
    assert codec.content_type == "application/msgpack;revision=0.4.0.7"
    assert codecs.get("dict").content_type is None
    said = codec.describe()
    assert said.items() >= {
        ("name", "msgpack"),
        ("media_type", "application/msgpack"),
        ("revision", "0.4.0.7"),
        ("unknown", "ignore"),
        ("omit_defaults", False),
        ("lossy", False),
    }
    assert codecs.get("json").describe()["unknown"] == "as each message says"
    json.dumps(codec.describe())


def test_a_codec_of_ones_own(prefixed: None) -> None:
    codec = codecs.get("prefixed")
    assert "prefixed" in codecs.names()
    wire = codec.encode(REQUEST)
    assert wire.startswith(b"P!{")
    assert codec.decode(wire, Request) == REQUEST
    assert codec.decode(codec.encode([REQUEST]), list[Request]) == [REQUEST]
    assert codecs.negotiate("application/x-prefixed") is codec
    with pytest.raises(DecodeError, match="no prefix"):
        codec.decode(b"{}", Request)
    with pytest.raises(ValidationError, match="max_tokens: required"):
        codec.decode(b"P!{}", Request)
    with pytest.raises(DecodeError, match="past 64 bits"):
        codec.decode(wire.replace(b'"max_tokens": 1', b'"max_tokens": 18446744073709551616'), Request)
    with pytest.raises(DecodeError, match="more than the 3"):
        codecs.get("prefixed", max_bytes=3).decode(wire, Request)
    assert codecs.get("prefixed", revision="0.4.0.8").revision == "0.4.0.7"


def test_registering_again_replaces(prefixed: None) -> None:
    before = codecs.get("prefixed")
    codecs.register("prefixed", lambda: Format(loads, lambda payload: b"P!  " + json.dumps(payload).encode()))
    after = codecs.get("prefixed")
    assert after is not before
    assert after.encode(REQUEST).startswith(b"P!  {")
    assert after.media_type is None
    with pytest.raises(UnknownCodecError):
        codecs.negotiate("application/x-prefixed")
    assert before.encode(REQUEST).startswith(b"P!{")
    assert codecs.get("json") is codecs.get("json")


def test_taking_a_codec_out(prefixed: None) -> None:
    codecs.get("prefixed")
    codecs.unregister("prefixed")
    assert "prefixed" not in codecs.names()
    with pytest.raises(UnknownCodecError):
        codecs.get("prefixed")
    codecs.unregister("prefixed")  # nothing to do


def test_a_format_is_made_once_and_when_asked_for() -> None:
    made: list[int] = []

    def make() -> Format:
        made.append(1)
        return make_prefixed()

    registry = Registry()
    registry.register("one", make)
    assert registry.registered()["one"] == Registration(make)
    assert made == []
    registry.get("one", Options())
    registry.get("one", Options(omit_defaults=True))
    assert made == [1]


def test_threads_that_ask_at_once_get_one_codec() -> None:
    made: list[int] = []

    def make() -> Format:
        made.append(1)
        time.sleep(0.02)
        return make_prefixed()

    registry = Registry()
    registry.register("slow", make)
    barrier = threading.Barrier(8)
    found: list[Codec[Any]] = []

    def ask() -> None:
        barrier.wait()
        codec = registry.get("slow", Options())
        assert codec.decode(codec.encode(REQUEST), Request) == REQUEST
        found.append(codec)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
    assert made == [1]


@pytest.fixture
def often_switching() -> Iterator[None]:
    """Threads take turns as often as the interpreter can, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name", ["json", "msgpack", "dict"])
def test_threads_share_a_codec_from_its_first_use(name: str, often_switching: None) -> None:
    error = Error(code=next(iter(ErrorCode)), message="m")
    metrics = Metrics(ttft_ms=1, throughput_tps=1, peak_mem_mb=1, error_rate=0)
    message = Response(
        request_id="r",
        trace_id="t",
        output_text="",
        output_tokens=[1],
        finish_reason="stop",
        metrics=metrics,
        error=error,
    )
    failures: list[BaseException] = []
    for number in range(15):
        codec = codecs.get(name, max_bytes=10_000 + number)  # one that nobody has used yet
        barrier = threading.Barrier(4)

        def work(codec: Codec[Any] = codec, barrier: threading.Barrier = barrier) -> None:
            try:
                barrier.wait()
                for _ in range(5):
                    assert codec.decode(codec.encode(message), Response) == message
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


# Entry points


def install(folder: Path, entries: str, module: str) -> None:
    """A distribution with a module and entry points, as an installer leaves it."""
    (folder / "other_codecs.py").write_text(module, encoding="utf-8")
    info = folder / "other_codecs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-codecs\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[sagellm_protocol.codecs]\n{entries}\n", encoding="utf-8")


MODULE = """
import json
from sagellm_protocol.codecs import Format, Registration

def make():
    return Format(json.loads, lambda payload: json.dumps(payload, indent=1).encode())

registration = Registration(make, "application/x-indented")

def shadow():
    raise AssertionError("what this package registers goes before")
"""


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("other_codecs", None)


def test_codecs_of_other_packages(other_package: Path) -> None:
    entries = "indented = other_codecs:registration\nbare = other_codecs:make\njson = other_codecs:shadow"
    install(other_package, entries, MODULE)
    registry = Registry()
    registry.register("json", make_prefixed)
    assert {"indented", "bare", "json"} <= set(registry.registered())
    assert registry.registered()["indented"].media_type == "application/x-indented"
    assert registry.registered()["bare"].media_type is None
    for name in ("indented", "bare"):
        codec = registry.get(name, Options())
        assert codec.encode(REQUEST).startswith(b"{\n")
        assert codec.decode(codec.encode(REQUEST), Request) == REQUEST
    assert registry.get("json", Options()).encode(REQUEST).startswith(b"P!")


def test_a_broken_package_breaks_its_own_codec_alone(other_package: Path) -> None:
    install(other_package, "indented = other_codecs:registration", "raise RuntimeError('broken')")
    registry = Registry()
    registry.register("prefixed", make_prefixed)
    assert registry.get("prefixed", Options()).encode(REQUEST)
    with pytest.raises(Exception, match="broken"):
        registry.get("indented", Options())


# Negotiation


JSON, MSGPACK = codecs.get("json"), codecs.get("msgpack")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("  ", JSON),
        (",", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/msgpack", MSGPACK),
        ("application/msgpack, application/json", MSGPACK),
        ("application/json, application/msgpack", JSON),
        ("application/msgpack;q=0.5, application/json;q=0.4", MSGPACK),
        ("application/msgpack;q=0.4, application/json;q=0.5", JSON),
        ("application/msgpack;q=0.001, application/json;q=0", MSGPACK),
        ("application/msgpack ; q=0.5 , application/json ; q=0.6", JSON),
        ("application/msgpack;Q=0.5, application/json;q=0.6", JSON),
        ("text/html, application/json;q=0.1", JSON),
        ("text/html;q=1.000, application/msgpack;q=1.", MSGPACK),
        # The closest range decides on a type, wherever it stands.
        ("*/*, application/json;q=0", MSGPACK),
        ("application/json;q=0, */*", MSGPACK),
        ("*/*;q=0.1, application/msgpack;q=0.2", MSGPACK),
        ("application/*;q=0.9, application/json;q=0.1", MSGPACK),
        ("*/*;q=0, application/msgpack", MSGPACK),
        ("application/*;q=0, application/json;q=0.1", JSON),
        ("*/*;q=1, application/*;q=0, application/msgpack;q=0.1", MSGPACK),
        # Quoted parameters, and commas in them.
        ('application/json;revision="0.5.4.16"', JSON),
        ('application/json;revision="latest";q=0.1', JSON),
        ('text/plain;title="a, b;q=1 \\" c", application/msgpack', MSGPACK),
        ("application/json;", JSON),
        ("application/json;;q=0.5", JSON),
        (",,application/json,,", JSON),
        # Parameters that a type does not have: it is another type.
        ("application/json;profile=x, application/msgpack;q=0.1", MSGPACK),
    ],
)
def test_negotiating(accept: str, expected: Codec[Any]) -> None:
    assert codecs.negotiate(accept) is expected


@pytest.mark.parametrize(
    ("accept", "name", "revision"),
    [
        ("application/msgpack;revision=0.4.0.8, application/json;q=0.5", "msgpack", "0.4.0.7"),
        ("application/msgpack;q=0.4;revision=0.4.0.8, application/json;q=0.5", "json", "0.5.4.16"),
        ("application/json, application/json;revision=0.1.0", "json", "0.5.4.16"),
        ("application/json;q=0.5, application/json;revision=0.1.0", "json", "0.1.0"),
        ("*/*;revision=0.4.0.8", "json", "0.4.0.7"),
        ("application/msgpack;revision=9.9, application/json;q=0.5", "json", "0.5.4.16"),
        ("application/msgpack;revision=9.9, application/msgpack;revision=0.4.0.8;q=0.1", "msgpack", "0.4.0.7"),
        ("application/json;q=0, application/json;revision=0.4.0.8", "json", "0.4.0.7"),
        ("application/json;Revision=0.4.0.8", "json", "0.4.0.7"),
    ],
)
def test_negotiating_a_revision(accept: str, name: str, revision: str) -> None:
    codec = codecs.negotiate(accept)
    assert (codec.name, codec.revision) == (name, revision)


@pytest.mark.parametrize(
    "accept",
    [
        *("text/html", "*/*;q=0", "application/json;q=0, application/msgpack;q=0", "application/json;q=0.0"),
        *("application/*;q=0", "text/*", "application/json;profile=x", "*/*;q=0, text/html"),
    ],
)
def test_nothing_matches(accept: str) -> None:
    with pytest.raises(UnknownCodecError, match="no codec matches") as raised:
        codecs.negotiate(accept)
    assert "application/json, application/msgpack" in str(raised.value)


@pytest.mark.parametrize(
    "accept",
    [
        *("json", "application/", "/json", "application json", "application/json text/html", "application/json;q=2"),
        *("application/json;q=-1", "application/json;q=x", "application/json;q=0.1234", "application/json;q=1.1"),
        *(
            'application/json;a="b',
            "application/json;=b",
            "application/json;q",
            "a/b/c",
            "*/json;q=0.5, é/x",
            "a/b;c d",
        ),
        *("application/json;q=\u0660", "*", "application/json;q="),
    ],
)
def test_malformed_headers(accept: str) -> None:
    with pytest.raises(UnknownCodecError, match="malformed Accept header"):
        codecs.negotiate(accept)


def test_only_an_unknown_revision_matches() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '9\.9'"):
        codecs.negotiate("application/msgpack;revision=9.9, text/html")


def test_a_long_header_is_cut_short_in_words() -> None:
    for accept in ("text/" + "x" * 10**6, "(" + "x" * 10**6):
        with pytest.raises(UnknownCodecError) as raised:
            codecs.negotiate(accept)
        assert len(str(raised.value)) < 500


def test_a_hostile_header_takes_no_time() -> None:
    started = time.perf_counter()
    for accept in (
        "a/b" + ";" * 20_000 + "(",
        "a/b" + " " * 20_000 + "(",
        'a/b;c="' + "\\" * 20_000,
        "," * 100_000,
        ", ".join(["a/b;q=0.5"] * 5_000),
        ", ".join(f"*/*;revision={number}" for number in range(500)),
    ):
        with contextlib.suppress(UnknownCodecError, UnsupportedRevisionError):
            codecs.negotiate(accept)
    assert time.perf_counter() - started < 5
