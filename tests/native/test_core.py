"""What the compiled core is asked for beside the same answers: who is called, what is kept, and who sees it."""

from __future__ import annotations

import enum
import gc
import os
import subprocess
import sys
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any
from uuid import UUID

import cattrs
import pytest
from annotated_types import Ge, Le

import declared
from pairs import came_of, decoders, in_python
from payloads import as_json, as_msgpack
from sagellm_protocol import (
    ChatMessage,
    Metrics,
    Request,
    StreamEvent,
    StreamEventDelta,
    ValidationError,
    codecs,
    evolve,
)
from sagellm_protocol.codecs import Options
from sagellm_protocol.model import EMPTY, FrozenDict, derived, field, message, native
from sagellm_protocol.model.exceptions import DeclarationError

pytestmark = pytest.mark.skipif(native.core is None, reason="there is no compiled core")

DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="", content_tokens=[])
REQUEST = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
METRICS = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}


def test_who_reads_and_writes_is_said() -> None:
    from sagellm_protocol import testing

    assert testing.core() == codecs.get("json").describe()["core"] == "native"
    with in_python():
        assert testing.core() == codecs.get("json").describe()["core"] == "pure"


def test_the_environment_turns_it_off() -> None:
    program = "from sagellm_protocol import testing; print(testing.core())"
    for value, expected in (("1", "pure"), ("0", "native"), ("", "native")):
        environment = {**os.environ, native.PURE: value}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
        assert done.stdout.strip() == expected, done.stderr


def test_it_need_not_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert native._loaded() is native.core
    with monkeypatch.context() as patch:
        patch.setenv(native.PURE, "1")
        assert native._loaded() is None
    monkeypatch.setitem(sys.modules, "sagellm_protocol._native", None)
    assert native._loaded() is None


# The constructor


@message
class Job:
    name: str
    size: int = field(default=1, alias="bytes")
    tags: Sequence[str] = ()


class Sub(Job):
    def shout(self) -> str:
        return self.name.upper()


def test_a_class_is_called_as_ever() -> None:
    assert Job(name="a", tags=["x"]) == Job.__new__(Job, name="a", tags=("x",))
    assert Job(name="a", bytes=2).size == 2  # type: ignore[call-arg]
    assert type(Sub(name="a")) is Sub
    assert Sub(name="a").shout() == "A"
    for wrong in ({}, {"name": 1}, {"name": "a", "size": 1}, {"name": "a", "x": 1}):
        assert came_of(Job, **wrong) == came_of(lambda **fields: Job.__new__(Job, **fields), **wrong)
    with pytest.raises(TypeError, match="positional"):
        Job("a")  # type: ignore[call-arg, misc]


@message(kw_only=False)
class Point:
    x: int
    y: int = 0


def test_arguments_by_their_place() -> None:
    assert Point(1, 2) == Point(1, y=2) == Point(x=1, y=2)
    for ordered, named in (((1, 2, 3), {}), ((1,), {"x": 1}), ((), {}), (("a",), {})):
        assert came_of(Point, *ordered, **named) == came_of(
            lambda *ordered, **named: Point.__new__(Point, *ordered, **named), *ordered, **named
        )


@pytest.mark.parametrize("name", ["__init__", "__new__"])
def test_a_constructor_that_was_replaced_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @message
    class Own:
        x: int = 0

    calls: list[Any] = []
    Own(x=1)
    before = Own.__new__

    def new(cls: Any, /, **fields: Any) -> Any:
        calls.append(fields)
        return before(cls, **fields)

    def init(self: Any, **fields: Any) -> None:
        calls.append(fields)

    with monkeypatch.context() as patch:
        patch.setattr(Own, name, new if name == "__new__" else init)
        assert Own(x=2).x == 2
        assert calls == [{"x": 2}]
    assert Own(x=3).x == 3
    assert len(calls) == 1


def test_factories_are_called_once_and_validators_at_the_end() -> None:
    made: list[int] = []
    lasts: list[Any] = [0]

    def make() -> list[int]:
        made.append(len(made))
        return [len(made)]

    def even(self: Any, attribute: Any, value: int) -> None:
        if value % 2:
            raise ValueError("odd")

    @message
    class Counted:
        size: int = field(default=0, validator=even)
        items: Sequence[int] = field(factory=make)
        last: int = field(factory=lambda: lasts[-1])
        twice: int = derived(lambda it: 2 * it.size, default=0)

    assert Counted(size=2).twice == 4
    assert made == [0]
    with pytest.raises(ValidationError, match="size: must be accepted by even"):
        Counted(size=1)
    assert made == [0, 1]
    lasts.append("x")
    with pytest.raises(ValidationError, match="last: must be int, got 'x'"):
        Counted()
    assert made == [0, 1, 2]


def test_what_a_factory_raises_comes_out() -> None:
    @message
    class Failing:
        items: Sequence[int] = field(factory=lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    with pytest.raises(ZeroDivisionError):
        Failing()
    with pytest.raises(ZeroDivisionError):
        codecs.get("json").decode(b"{}", Failing)


# What hooks do meanwhile


def test_hooks_that_change_what_is_read() -> None:
    """A caller's dict may change under the eyes of the core, while it calls a hook."""
    payload: dict[str, Any] = {}

    def upset(value: Any, _: Any) -> str:
        payload.clear()
        payload.update({str(n): n for n in range(1000)})
        return str(value)

    def configure(converter: cattrs.Converter) -> None:
        converter.register_structure_hook(str, upset)

    codec = codecs.get("dict", configure=configure)
    for wire in ({"name": "a", "bytes": 1, "tags": ["x"]}, {"tags": ["x", "y"], "name": "a"}):
        payload.clear()
        payload.update(wire)
        assert came_of(codec.decode, payload, Job)[0] in ("Job", "ValidationError")


def test_lists_that_change_while_they_are_read() -> None:
    items: list[Any] = []

    def upset(value: Any, _: Any) -> str:
        items.clear()
        return str(value)

    codec = codecs.get("dict", configure=lambda converter: converter.register_structure_hook(str, upset))
    items += ["a", "b", "c"]
    assert came_of(codec.decode, {"name": "a", "tags": items}, Job)[0] in ("Job", "ValidationError")


def test_a_users_hooks_are_called() -> None:
    def configure(converter: cattrs.Converter) -> None:
        converter.register_structure_hook(str, lambda value, _: value.lower())
        converter.register_unstructure_hook(str, str.upper)
        converter.override(Job, size=cattrs.override(rename="n", omit_if_default=True))  # type: ignore[attr-defined]

    codec = codecs.get("json", configure=configure)
    assert codec.decode(b'{"name":"ABC","n":3,"tags":["X"]}', Job) == Job(name="abc", bytes=3, tags=["x"])  # type: ignore[call-arg]
    assert codec.encode(Job(name="a", tags=["b"])) == b'{"name":"A","tags":["B"]}'


# What no plan can say


@message
class Edge:
    large: Annotated[int, Ge(2**63)] = 2**63
    real: Annotated[float, Le(2**53 + 1)] = 0.0


@message
class Larger:
    real: Annotated[float, Le(2**53 + 1)] = 0.0


@message
class Shape(ABC):
    size: int = 0

    @abstractmethod
    def area(self) -> int: ...


@message
class Round(Shape):
    def area(self) -> int:
        return 3 * self.size


def test_what_no_plan_can_say() -> None:
    for cls, payloads in (
        (Edge, ({}, {"large": 2**63}, {"large": 2**63 - 1}, {"large": 2**64})),
        (Larger, ({"real": 1}, {"real": 2.0**54}, {"real": 2**53 + 1})),
        (Round, ({}, {"size": 3}, {"size": "x"})),
    ):
        for payload in payloads:
            for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"):
                compiled, python = decoders(name, cls, Options())
                wire = payload if name == "dict" else (as_json if name.endswith("json") else as_msgpack)(payload)
                if wire is not None:
                    assert came_of(compiled, wire) == came_of(python, wire)
            assert came_of(cls, **payload) == came_of(lambda cls=cls, **fields: cls.__new__(cls, **fields), **payload)
    with pytest.raises(DeclarationError, match="abstract"):
        codecs.get("json").decode(b"{}", Shape)
    assert codecs.get("json").decode(b'{"size":2}', Round).area() == 6


def test_a_union_of_which_one_was_taught() -> None:
    def configure(converter: Any) -> None:
        converter.register_structure_hook(StreamEventDelta, lambda payload, _: DELTA)

    wire = codecs.get("json").encode(evolve(DELTA, content="other"))
    assert codecs.get("json", configure=configure).decode(wire, StreamEvent) == DELTA
    assert codecs.get("json", configure=configure).decode(b"[" + wire + b"]", list[StreamEvent]) == [DELTA]


# Memory


def test_messages_are_none_of_the_garbage_collectors_business() -> None:
    Metrics(**METRICS), Request(**REQUEST), ChatMessage(role="user", content="c")  # The first are made in Python.
    metrics = Metrics(**METRICS)
    free = Request(**REQUEST, metadata={"a": [{"b": 1}]}, messages=[ChatMessage(role="user", content="c")])
    codec = codecs.get("msgpack")
    for held in (metrics, free, codec.decode(codec.encode(free), Request)):
        assert not gc.is_tracked(held)


def _of_a_function() -> Any:
    class Local(enum.Enum):
        ONE = "one"

    return Local


@message
class Passing:
    """It refers to a class that may go, and that may come to hold it."""

    local: _of_a_function()  # type: ignore[valid-type]


def test_messages_that_hold_what_may_go_are_seen_by_it() -> None:
    codec = codecs.get("dict")
    for _ in range(2):
        assert gc.is_tracked(codec.decode({"local": "one"}, Passing))


@message
class Computing:
    x: int = 0

    @cached_property
    def cycle(self) -> list[Any]:
        return [self]


@pytest.mark.parametrize("way", ["built", "decoded"])
def test_no_cycle_leaks(way: str) -> None:
    """Of a class that may go, and of messages that can come to hold themselves."""

    def make(cls: Any) -> Any:
        return cls() if way == "built" else codecs.get("json").decode(b"{}", cls)

    def local() -> Any:
        @message
        class Local:
            x: int = 0

        Local.instance = make(Local)  # type: ignore[attr-defined]
        return Local

    gone = [weakref.ref(make_and_drop) for make_and_drop in (local(),)]
    computing = make(Computing)
    assert computing.cycle[0] is computing
    gone.append(weakref.ref(computing))
    del computing
    _forget()
    assert [ref() for ref in gone] == [None, None]


def _forget() -> None:
    """Drop the functions that codecs hold for classes, and collect."""
    for name in codecs.names():
        codec = codecs.get(name)
        codec._decoders.clear()
        codec._encoders.clear()
        for readers in (codec._readers._readers, codec._dict_readers._readers):
            readers.__attrs_post_init__()
    gc.collect()


def test_a_derived_message_may_hold_itself() -> None:
    tree = declared.Tree(name="x")
    assert evolve(tree, name="y").name == "y"
    assert not gc.is_tracked(declared.Tree(name="x", only=tree)) or gc.is_tracked(tree)


@pytest.mark.parametrize(
    "act",
    [
        lambda: Request(**REQUEST, metadata={"a": [1, {"b": 2.5}]}),
        lambda: came_of(Request, **REQUEST, prompt=1, metadata={"a": object()}),
        lambda: codecs.get("json").decode(b'{"request_id":"r","trace_id":"t","max_tokens":1,"messages":[]}', Request),
        lambda: came_of(codecs.get("json").decode, b'{"request_id":"r","max_tokens":"x"}', Request),
        lambda: codecs.get("msgspec-json").encode(Request(**REQUEST)),
        lambda: codecs.get("dict").encode(Request(**REQUEST, metadata={"a": [1]})),
        lambda: codecs.get("dict", omit_defaults=True).encode(Request(**REQUEST)),
    ],
)
def test_calls_leave_no_blocks_behind(act: Callable[[], Any]) -> None:
    for _ in range(200):
        act()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2000):
        act()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


def test_shared_free_json_has_an_end() -> None:
    value: Any = {"x": 1}
    for _ in range(20):
        value = {"a": value, "b": value}
    assert Request(**REQUEST, metadata=value).metadata is not None
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValidationError, match="cannot hold itself"):
        Request(**REQUEST, metadata={"a": loop})
    many = [[n] for n in range(1000)]
    assert Request(**REQUEST, metadata={"a": many}).metadata == {"a": tuple((n,) for n in range(1000))}


def test_what_is_held_is_frozen() -> None:
    made = Request(**REQUEST, metadata={"a": {"b": [1]}, "c": {}})
    assert type(made.metadata) is type(made.metadata["a"]) is FrozenDict
    assert made.metadata["c"] is EMPTY


def test_subinterpreters_have_a_core_each() -> None:
    """And go by what they were handed, whatever becomes of others."""
    program = (
        "from sagellm_protocol import Metrics, codecs\nfrom sagellm_protocol.model import native\n"
        f"metrics = Metrics(**{METRICS!r})\n"
        "assert codecs.get('dict').decode(codecs.get('dict').encode(metrics), Metrics) == metrics\n"
        "assert native.in_use() == 'native'\n"
    )
    outer = (
        "try:\n    import _interpreters as made\nexcept ImportError:\n    import _xxsubinterpreters as made\n"
        f"exec({program!r})\n"
        "for _ in range(3):\n"
        "    other = made.create()\n"
        "    path = repr(__import__('sys').path)\n"
        f"    made.run_string(other, f'import sys; sys.path[:] = {{path}}\\n' + {program!r})\n"
        "    made.destroy(other)\n"
        f"exec({program!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=False)
    if "does not support loading in subinterpreters" in done.stderr:
        pytest.skip("one of the parsers cannot be loaded in a subinterpreter")
    assert done.returncode == 0, done.stderr


# Kinds of fields that plans know ways around


@message
class Odd:
    big: int = 0
    uuid: UUID | None = None
    table: Mapping[str, float] = EMPTY


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, True, 1.0])
def test_integers_of_64_bits(number: Any) -> None:
    for name in ("json", "msgpack", "dict"):
        compiled, python = decoders(name, Odd, Options())
        try:
            wire = codecs.get(name).format.dumps({"big": number})
        except Exception:
            continue
        assert came_of(compiled, wire) == came_of(python, wire)
    assert came_of(Odd, big=number) == came_of(lambda **fields: Odd.__new__(Odd, **fields), big=number)


@pytest.mark.parametrize(
    "text",
    [
        "12345678-1234-5678-1234-567812345678",
        "12345678123456781234567812345678",
        "ABCDEFab-1234-5678-1234-567812345678",
        "12345678-1234-5678-1234_567812345678",
        "1234567812345678123456781234567g",
        "+2345678123456781234567812345678",
        "1234567812345678 234567812345678",
        "12345678-1234-5678-1234-56781234567é",
        "",
    ],
)
def test_uuids(text: str) -> None:
    for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"):
        compiled, python = decoders(name, Odd, Options())
        wire = codecs.get(name).format.dumps({"uuid": text})
        assert came_of(compiled, wire) == came_of(python, wire)


def test_decoders_are_called_in_other_ways_too() -> None:
    decode = codecs.get("json").decoder(StreamEventDelta)
    delta = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="", content_tokens=[])
    wire = codecs.get("json").encode(delta)
    assert decode(bytearray(wire)) == decode(wire.decode()) == decode(data=wire) == decode(wire)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        decode()  # type: ignore[call-arg]


@message
class Halves:
    """Its validator counts how often it is asked, and of a whole message."""

    whole: int = field(default=2, alias="all_of_it", validator=lambda self, _, value: ASKED.append((self.half, value)))
    half: int = derived(lambda self: self.whole // 2, default=0)
    table: Mapping[str, Any] = EMPTY

    @cached_property
    def quarter(self) -> float:
        return self.half / 2


ASKED: list[tuple[int, int]] = []


def test_a_changed_message_is_asked_as_a_whole_and_what_did_not_change_is_what_it_was() -> None:
    first = Halves(all_of_it=4, table={"a": [1]})
    assert (first.half, first.quarter) == (2, 1.0)
    ASKED.clear()
    other = evolve(first, all_of_it=8, half=6)
    assert ASKED == [(6, 8)]
    assert (other.whole, other.half, other.quarter) == (8, 6, 3.0)
    assert other.table is first.table
    assert evolve(first, all_of_it=8).half == 2, "what was derived is a value like any"
    for changes in ({"half": "a"}, {"other": 1}, {"table": {1: 2}}):
        compiled = came_of(evolve, first, **changes)
        with in_python():
            assert came_of(evolve, first, **changes) == compiled
        assert compiled[0] == "ValidationError"


def test_what_validators_raise_comes_out_of_evolve() -> None:
    def asked(self: Any, attribute: Any, value: int) -> None:
        if value < 0:
            raise LookupError(value)

    @message
    class Asked:
        size: int = field(default=0, validator=asked)

    one = Asked(size=1)
    with pytest.raises(ValidationError, match=r"size: must be accepted by asked \(LookupError: -1\), got -1"):
        evolve(one, size=-1)
    assert evolve(one, size=2).size == 2


def test_a_message_that_is_not_whole_is_no_message_to_change() -> None:
    empty = object.__new__(StreamEventDelta)
    with pytest.raises(AttributeError):
        evolve(empty, content="a")
    core: Any = native.core
    for arguments in ((), (DELTA,), (DELTA, [])):
        with pytest.raises(TypeError):
            core.evolved(*arguments)
    assert core.evolved(5, {}) is None


def test_changed_messages_leave_nothing_behind() -> None:
    held = object()
    kept = Request(**REQUEST, metadata={"a": "b"})
    before = sys.getrefcount(kept.metadata)
    for _ in range(100):
        evolve(kept, prompt="x")
        with pytest.raises(ValidationError):
            evolve(kept, prompt=held)  # type: ignore[arg-type]
    gc.collect()
    assert sys.getrefcount(kept.metadata) < before + 10, "an error that was raised may still be held, but not a hundred"
