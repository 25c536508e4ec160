"""Which codecs there are, and which one a peer asks for."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagellm_protocol import Loss, codecs, history
from sagellm_protocol.codecs import Codec, Format, Options, Registration, Registry
from sagellm_protocol.codecs.registry import KEPT
from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.model.exceptions import (
    DecodeError,
    MissingExtraError,
    OptionError,
    UnknownCodecError,
    UnsupportedRevisionError,
    ValidationError,
)
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
    assert codecs.get("json") is codecs.get("json", revision="latest") is codecs.get("json", revision=history.latest)
    assert codecs.get("json", revision="0.4.0.8") is codecs.get("json", revision="0.4.0.7")
    assert codecs.get("json", revision="0.4.0.8") is not codecs.get("json")
    for options in (
        {"unknown": "ignore"},
        {"omit_defaults": True},
        {"lossy": True},
        {"lossy": ["metrics.itl_list", "prompt_tokens"]},
        {"lossy": bool},
        {"stash": True},
        {"max_bytes": 1},
        {"fill": {"engine_id": "e"}},
    ):
        other = codecs.get("json", **options)
        assert other is not codecs.get("json")
        assert other is codecs.get("json", **options)


def test_what_is_not_there() -> None:
    with pytest.raises(UnknownCodecError, match=r"no codec is called 'yaml'; there are .*json"):
        codecs.get("yaml")
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '9\.9'"):
        codecs.get("json", revision="9.9")
    with pytest.raises(UnsupportedRevisionError):
        codecs.get("yaml", revision="9.9")
    with pytest.raises(UnknownCodecError, match=r"'mgspack' \(did you mean msgpack\?\)"):
        codecs.get("mgspack")
    with pytest.raises(UnknownCodecError) as raised:
        codecs.get("x" * 10**6)
    assert len(str(raised.value)) < 500
    for name in (None, 5, [], b"json"):
        with pytest.raises(OptionError, match="name must be text, got"):
            codecs.get(name)  # type: ignore[call-overload]


def any_loss(_: Loss) -> bool:
    return True


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
        ("stash", False),
    }
    chosen = codecs.get("json", lossy=["prompt_tokens", "metrics"], stash=True).describe()
    assert (chosen["lossy"], chosen["stash"]) == (["metrics", "prompt_tokens"], True)
    assert codecs.get("json", lossy=any_loss).describe()["lossy"] == f"{__name__}.any_loss"
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


def test_a_name_that_is_taken(prefixed: None) -> None:
    before = codecs.get("prefixed")
    with pytest.raises(OptionError, match="'prefixed' already: choose another name, or unregister that one first"):
        codecs.register("prefixed", make_prefixed)
    with pytest.raises(OptionError, match=r"there is a codec 'json' already: choose another name$"):
        codecs.register("json", make_prefixed)
    with pytest.raises(OptionError, match="'json' is built in"):
        codecs.unregister("json")
    for media_type in ("application/x-prefixed", "Application/JSON"):
        with pytest.raises(OptionError, match=r"is the media type of the codec '(prefixed|json)' already"):
            codecs.register("another", make_prefixed, media_type=media_type)
    assert "another" not in codecs.names()
    assert codecs.get("prefixed") is before


def test_a_codec_in_the_place_of_another(prefixed: None) -> None:
    before = codecs.get("prefixed")
    codecs.unregister("prefixed")
    codecs.register("prefixed", lambda: Format(loads, lambda payload: b"P!  " + json.dumps(payload).encode()))
    after = codecs.get("prefixed")
    assert after is not before
    assert after.encode(REQUEST).startswith(b"P!  {")
    assert after.media_type is None
    with pytest.raises(UnknownCodecError):
        codecs.negotiate("application/x-prefixed")
    assert before.encode(REQUEST).startswith(b"P!{")
    assert codecs.get("json") is codecs.get("json")


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        (("", make_prefixed), {}, "name must be a text that is not empty, got ''"),
        ((5, make_prefixed), {}, "name must be a text that is not empty, got 5"),
        (("bad", None), {}, "make must be a function that gives a Format, got None"),
        *(
            (("bad", make_prefixed), {"media_type": media_type}, "media_type must be like 'application/cbor'")
            for media_type in (
                "json",
                "",
                "a/b/c",
                "*/*",
                "application/*",
                "a/b;c=d",
                "a /b",
                "a/b\n",
                "é/x",
                5,
                b"a/b",
            )
        ),
    ],
)
def test_what_cannot_be_registered(arguments: tuple[Any, ...], options: dict[str, Any], reason: str) -> None:
    names = codecs.names()
    with pytest.raises(OptionError, match=reason.replace("*", r"\*")):
        codecs.register(*arguments, **options)
    assert codecs.names() == names


@pytest.mark.parametrize(
    ("make", "expected", "reason"),
    [
        (lambda: 1 / 0, UnknownCodecError, "the codec 'broken' cannot be made: ZeroDivisionError: division by zero"),
        (lambda: "json", UnknownCodecError, "the codec 'broken' cannot be made: 'json' is no Format"),
        (lambda: codecs.get("nothing"), UnknownCodecError, "no codec is called 'nothing'"),
    ],
)
def test_a_format_that_cannot_be_made(make: Callable[[], Any], expected: type[Exception], reason: str) -> None:
    registry = Registry()
    registry.register("broken", make)
    for _ in range(2):
        with pytest.raises(expected, match=reason):
            registry.get("broken", Options())


def test_an_extra_that_is_missing_is_told_as_such() -> None:
    def make() -> Format:
        raise MissingExtraError("pip install it")

    registry = Registry()
    registry.register("extra", make)
    with pytest.raises(MissingExtraError, match="pip install it"):
        registry.get("extra", Options())


def test_taking_a_codec_out(prefixed: None) -> None:
    made = weakref.ref(codecs.get("prefixed"))
    codecs.unregister("prefixed")
    gc.collect()
    assert made() is None
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
    assert registry.names()[0] == "one"
    assert registry.media_types()[0] == {}
    assert made == []
    registry.get("one", Options())
    registry.get("one", Options(omit_defaults=True))
    assert made == [1]


# How many are kept


def test_codecs_are_not_kept_without_end() -> None:
    registry = Registry({"json": Registration(make_prefixed), "other": Registration(make_prefixed)})
    plain = registry.get("json", Options()), registry.get("other", Options())
    held = registry.get("json", Options(lossy=True))
    made = [weakref.ref(registry.get("json", Options(max_bytes=size))) for size in range(3 * KEPT)]
    assert registry.get("json", Options(lossy=True)) is not held
    gc.collect()
    assert sum(ref() is not None for ref in made) < KEPT
    assert made[0]() is None
    assert made[-1]() is registry.get("json", Options(max_bytes=3 * KEPT - 1))
    assert (registry.get("json", Options()), registry.get("other", Options())) == plain
    assert held.decode(held.encode(REQUEST), Request) == REQUEST


def test_a_codec_in_use_is_kept() -> None:
    registry = Registry({"json": Registration(make_prefixed)})
    used = registry.get("json", Options(lossy=True))
    for size in range(2 * KEPT):
        registry.get("json", Options(max_bytes=size))
        assert registry.get("json", Options(lossy=True)) is used


def test_codecs_without_options_are_kept_however_many_there_are() -> None:
    registry = Registry({str(number): Registration(make_prefixed) for number in range(KEPT + 10)})
    plain = [registry.get(name, Options()) for name in map(str, range(KEPT + 10))]
    assert [registry.get(codec.name, Options()) for codec in plain] == plain
    assert registry.get("0", Options(lossy=True)).encode(REQUEST)
    assert [registry.get(codec.name, Options()) for codec in plain] == plain


def test_threads_ask_for_more_than_are_kept(often_switching: None) -> None:
    registry = Registry({"json": Registration(make_prefixed)})
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(3 * KEPT):
                size = (first * 37 + number) % (2 * KEPT)
                codec = registry.get("json", Options(max_bytes=size))
                assert codec.options.max_bytes == size
                if number % 50 == first:
                    registry.register(f"mine-{first}", make_prefixed)
                    assert registry.get(f"mine-{first}", Options()).name == f"mine-{first}"
                    registry.unregister(f"mine-{first}")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert registry.names()[0] == "json"


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


def install(folder: Path, name: str, entries: str, module: str | None = None) -> None:
    """A distribution with a module and entry points, as an installer leaves it."""
    if module is not None:
        (folder / f"{name}.py").write_text(module, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[sagellm_protocol.codecs]\n{entries}\n", encoding="utf-8")


MODULE = """
import json
from sagellm_protocol.codecs import Format, Registration

def make():
    return Format(json.loads, lambda payload: json.dumps(payload, indent=1).encode())

registration = Registration(make, "application/x-indented")
number = 5

def shadow():
    raise AssertionError("what this package registers goes before")
"""
BROKEN = (
    "import pathlib\nwith open(__file__ + '.tries', 'a') as f: f.write('x')\nraise RuntimeError('it is ' + 'broken')"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("other_codecs", "broken_codecs", "second_codecs"):
        sys.modules.pop(name, None)


def test_codecs_of_other_packages(site: Path) -> None:
    entries = "indented = other_codecs:registration\nbare = other_codecs:make\njson = other_codecs:shadow"
    install(site, "other_codecs", entries, MODULE)
    registry = Registry({"json": Registration(make_prefixed)})
    assert registry.names()[0] == "json"
    assert sorted(registry.names()) == ["bare", "indented", "json"]
    assert "other_codecs" not in sys.modules
    assert registry.get("json", Options()).encode(REQUEST).startswith(b"P!")
    assert registry.media_types() == ({"indented": "application/x-indented"}, [])
    for name in ("indented", "bare"):
        codec = registry.get(name, Options())
        assert codec is registry.get(name, Options())
        assert codec.encode(REQUEST).startswith(b"{\n")
        assert codec.decode(codec.encode(REQUEST), Request) == REQUEST
    registry.register("bare", make_prefixed)
    assert registry.get("bare", Options()).encode(REQUEST).startswith(b"P!")
    registry.unregister("bare")
    registry.register("indented", make_prefixed, media_type="application/x-mine")
    assert registry.media_types() == ({"indented": "application/x-mine"}, [])
    assert registry.get("bare", Options()).encode(REQUEST).startswith(b"{\n")


def test_threads_that_look_for_packages_at_once_find_the_same(site: Path, often_switching: None) -> None:
    install(site, "other_codecs", "indented = other_codecs:registration", MODULE)
    for _ in range(5):
        registry = Registry()
        barrier = threading.Barrier(8)
        found: list[Codec[Any]] = []

        def ask(registry: Registry = registry, barrier: threading.Barrier = barrier, found: list[Any] = found) -> None:
            barrier.wait()
            found.append(registry.get("indented", Options()))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(map(id, found))) == 1


def test_a_codec_that_two_packages_bring(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "other_codecs", "both = other_codecs:make\nsame = other_codecs:make", MODULE)
    install(site, "second_codecs", "both = second_codecs:make\nsame = other_codecs:make")
    (site / "older").mkdir()
    install(site / "older", "other_codecs", "both = older:make\nsame = older:make\nolder = older:make")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site / "older")])
    registry = Registry()
    assert sorted(registry.names()) == ["both", "same"]
    assert registry.get("same", Options()).encode(REQUEST)
    with pytest.raises(UnknownCodecError, match=r"'both' cannot be loaded: entry point both = .*more than one package"):
        registry.get("both", Options())


def test_a_broken_package_breaks_its_own_codec_alone(site: Path) -> None:
    install(site, "broken_codecs", "broken = broken_codecs:registration", BROKEN)
    install(site, "other_codecs", "indented = other_codecs:registration\nodd = other_codecs:number", MODULE)
    registry = Registry({"prefixed": Registration(make_prefixed, "application/x-prefixed")})
    assert set(registry.names()) == {"prefixed", "broken", "indented", "odd"}
    assert not (site / "broken_codecs.py.tries").exists()
    for name in ("prefixed", "indented"):
        assert registry.get(name, Options()).encode(REQUEST)
    with pytest.raises(UnknownCodecError, match=r"no codec is called 'indent' \(did you mean indented\?\)"):
        registry.get("indent", Options())
    for _ in range(2):
        with pytest.raises(
            UnknownCodecError,
            match="'broken' cannot be loaded: entry point broken = broken_codecs:registration: RuntimeError: it is b",
        ) as raised:
            registry.get("broken", Options())
    assert (site / "broken_codecs.py.tries").read_text() == "x"
    with pytest.raises(UnknownCodecError, match="entry point odd = other_codecs:number: OptionError: make must be a"):
        registry.get("odd", Options())
    media_types, failures = registry.media_types()
    assert media_types == {"prefixed": "application/x-prefixed", "indented": "application/x-indented"}
    assert sorted(failures)[0] == str(raised.value)
    assert len(failures) == 2


@pytest.mark.parametrize("entries", ["x = no_such_module:x", "x = json:nothing", "x = not a reference", "x ="])
def test_an_entry_point_that_leads_nowhere(site: Path, entries: str) -> None:
    install(site, "other_codecs", entries)
    registry = Registry()
    assert registry.names() == ("x",)
    with pytest.raises(UnknownCodecError, match="'x' cannot be loaded: entry point x = "):
        registry.get("x", Options())


@pytest.mark.parametrize("entries", [b"[sagellm_protocol.codecs]\njust a line\n", b"[a]\nx = \xff\n"])
def test_damaged_metadata_of_a_package_hides_its_own_codecs_alone(site: Path, entries: bytes) -> None:
    install(site, "other_codecs", "indented = other_codecs:registration", MODULE)
    install(site, "broken_codecs", "")
    (site / "broken_codecs-1.0.dist-info" / "entry_points.txt").write_bytes(entries)
    registry = Registry()
    assert registry.names() == ("indented",)
    assert registry.get("indented", Options()).encode(REQUEST)
    with pytest.raises(UnknownCodecError, match=r"no codec .* entry points of an installed package cannot be read: "):
        registry.get("broken", Options())


def test_negotiating_with_a_broken_package(site: Path) -> None:
    install(site, "broken_codecs", "broken = broken_codecs:registration", BROKEN)
    program = (
        "from sagellm_protocol import codecs\n"
        "def make():\n"
        "    raise LookupError('no table')\n"
        "codecs.register('unmade', make, media_type='application/x-unmade')\n"
        "print(codecs.negotiate('application/x-unmade, application/msgpack').name, codecs.names()[-1])\n"
        "for accept in ('text/html', 'application/x-unmade', 'a/b;revision=9, application/x-unmade'):\n"
        "    try:\n"
        "        codecs.negotiate(accept)\n"
        "    except codecs.UnknownCodecError as error:\n"
        "        print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    first, *refusals = done.stdout.splitlines()
    assert first == "msgpack broken"
    for refusal, unmade in zip(refusals, (False, True, True), strict=True):
        assert "there are application/json, application/msgpack, application/x-unmade; " in refusal
        assert "entry point broken = broken_codecs:registration: RuntimeError: it is broken" in refusal
        assert ("the codec 'unmade' cannot be made: LookupError: no table" in refusal) is unmade
