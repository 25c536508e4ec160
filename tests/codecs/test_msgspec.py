"""What is special about the codecs by msgspec; what is not is tested with the other codecs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated, Any, get_args
from uuid import UUID

import attrs
import pytest
from annotated_types import Ge, Gt, Le, Lt

import declared
from payloads import as_json, as_msgpack, nested, outcome
from sagellm_protocol import DecodeError, EncodeError, MissingExtraError, Request, StreamEventDelta, codecs, history
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.codecs.json import make_json
from sagellm_protocol.codecs.msgpack import make_msgpack
from sagellm_protocol.codecs.msgspec import MsgspecShortcuts
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import message
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.spec import Unknown
from sagellm_protocol.openai_types import ChatMessage
from sagellm_protocol.types import StreamEvent

DELTA = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="Hi", content_tokens=[42])


def test_every_message_of_today_is_read_in_c() -> None:
    for name in ("msgspec-json", "msgspec-msgpack"):
        assert codecs.get(name).describe()["fallbacks"] == {}
    for binary, make in ((False, make_json), (True, make_msgpack)):
        assert MsgspecShortcuts(make(), binary=binary).reason_against(declared.Unions) is None


def test_an_older_revision_is_left_to_the_core_codec() -> None:
    described = codecs.get("msgspec-json", revision="0.4.0.8").describe()["fallbacks"]
    assert set(described.values()) == {"0.4.0.7 is not today's revision"}
    assert codecs.get("json").describe()["fallbacks"] == {}


def test_what_msgspec_cannot_read_is_named_with_the_reason() -> None:
    ours = History([revision("1")], Catalog(["declared"]))
    described = codecs.get("msgspec-json", history=ours).describe()["fallbacks"]
    assert "holds itself" in described["declared.Tree"]
    tree = declared.Tree(name="a", children=[declared.Tree(name="b")])
    codec = codecs.get("msgspec-json", history=ours)
    assert codec.decode(codec.encode(tree), declared.Tree) == tree


@message
class Based(declared.Leaf):
    more: int = 0


@message
class Either:
    named: UUID | int
    table: Mapping[str, UUID] | None = None


@message
class Mixing:
    mixed: declared.Mixed


@message
class Pair:
    kind: str
    first: int


@message
class Other:
    kind: str
    second: int


def test_shortcuts_that_there_are_not() -> None:
    shortcuts = MsgspecShortcuts(make_msgpack(), binary=True)
    assert shortcuts.reason_against(Either) == "a union of types of which one must be converted"
    assert shortcuts.decoder(read_type(Either), 1000, bytes) is None
    assert shortcuts.encoder(Either, bytes) is None
    assert "either all str or all int" in str(shortcuts.reason_against(Mixing))
    assert codecs.get("msgspec-msgpack").decode(b"\x81\xa5mixed\x07", Mixing) == Mixing(mixed=declared.Mixed(7))


@pytest.mark.parametrize("name", ["msgspec-json", "msgspec-msgpack"])
def test_a_message_with_a_message_as_its_base_has_shortcuts(name: str) -> None:
    assert MsgspecShortcuts(make_msgpack(), binary=True).reason_against(Based) is None
    codec, message = codecs.get(name), Based(name="x", more=2)
    assert codec.decode(codec.encode(message), Based) == message


def test_messages_without_a_tag_are_told_apart_the_long_way() -> None:
    codec = codecs.get("msgspec-json")
    assert codec.decode(b'{"kind":"k","second":2}', Pair | Other) == Other(kind="k", second=2)
    assert MsgspecShortcuts(make_json(), binary=False).decoder(read_type(Pair | Other), 1000, bytes) is None


def test_a_limit_on_bytes_holds_here_too() -> None:
    wire = codecs.get("msgspec-json").encode(DELTA)
    assert codecs.get("msgspec-json", max_bytes=len(wire)).decode(wire, StreamEvent) == DELTA
    with pytest.raises(DecodeError, match="more than"):
        codecs.get("msgspec-json", max_bytes=len(wire) - 1).decode(wire, StreamEvent)


def test_lone_surrogates_are_not_written() -> None:
    for name in ("msgspec-json", "msgspec-msgpack"):
        for wrong in ({"prompt": "\ud800"}, {"metadata": {"a": ["\ud800"]}}):
            with pytest.raises(EncodeError, match="lone surrogate"):
                codecs.get(name).encode(Request(request_id="r", trace_id="t", max_tokens=1, **wrong))


def test_without_the_extra_the_error_names_it() -> None:
    """In a process of its own, in which msgspec cannot be imported."""
    program = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from sagellm_protocol import codecs\n"
        "try:\n    codecs.get('msgspec-json')\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingExtraError") and "isagellm-protocol[msgspec]" in done.stdout  # noqa: PT018
    assert issubclass(MissingExtraError, ImportError)


def test_without_the_extra_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.delitem(sys.modules, "sagellm_protocol.codecs.msgspec")
    with pytest.raises(MissingExtraError, match=r"isagellm-protocol\[msgspec\]"):
        __import__("sagellm_protocol.codecs.msgspec")


def test_a_hook_registered_later_is_heard_by_a_codec_made_before() -> None:
    payload = {"request_id": "r", "trace_id": "t", "event": "delta", "chunk": "Hi", "chunk_tokens": [42]}
    decode = codecs.get("dict", revision="0.1.0").decoder(StreamEventDelta)
    assert decode(payload).engine_id == "unknown"

    @history.hook("types.StreamEventDelta", since="0.1.0")
    def name_the_engine(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, "engine_id": "ours"}

    try:
        assert decode(payload).engine_id == "ours"
    finally:
        history.unhook(name_the_engine)
    assert decode(payload).engine_id == "unknown"


def test_a_class_of_the_users_that_cattrs_does_not_know() -> None:
    @attrs.frozen
    class Job:
        delta: StreamEventDelta
        other: complex

    with pytest.raises(TypeError, match="complex"):
        codecs.get("json").decode(b'{"delta":{},"other":1}', Job)


def test_hooks_of_others_leave_a_codec_as_it_was() -> None:
    """A hook that changes nothing for a message changes nothing for its codec."""
    decode = codecs.get("dict", revision="0.1.0").decoder(StreamEventDelta)
    payload = {"request_id": "r", "trace_id": "t", "event": "delta", "chunk": "Hi", "chunk_tokens": [42]}
    before = decode(payload)

    @history.hook("types.Metrics", since="0.1.0")
    def nothing(old: dict[str, Any]) -> dict[str, Any]:
        return old

    try:
        assert decode(payload) == before
    finally:
        history.unhook(nothing)


@message
class Bounded:
    """Bounds that imply each other, lie between two integers, or are no float or no integer of 64 bits."""

    half: Annotated[int, Ge(0.5), Lt(9.5)] = 1
    nearer: Annotated[int, Ge(2), Ge(5), Gt(3)] = 5
    further: Annotated[int, Lt(2**64), Gt(-(2**64))] = 0
    large: Annotated[int, Le(2**63 + 5)] = 0
    share: Annotated[float, Ge(0), Gt(-1), Le(1), Lt(2)] = 0.5
    strictly: Annotated[float, Ge(0), Gt(0), Lt(1), Le(1)] = 0.5


@message
class Odd:
    large: Annotated[int, Ge(2**63)] = 2**63


@message
class Inexact:
    real: Annotated[float, Le(2**53 + 3)] = 0.0


LIMITS = {
    "half": (0, 1, 9, 10),
    "nearer": (2, 3, 4, 5),
    "further": (-(2**63) - 1, -(2**63), 2**63 - 1, 2**63, 2**64 - 1, 2**64),
    "large": (2**63 - 1, 2**63, 2**63 + 5, 2**63 + 6),
    "share": (-1.0, -0.5, -1e-9, 0.0, 1.0, 1.5, 2.0),
    "strictly": (0.0, 1e-9, 1.0),
}


@pytest.mark.parametrize(("name", "written"), [("msgspec-json", as_json), ("msgspec-msgpack", as_msgpack)])
def test_numbers_at_their_bounds(name: str, written: Any) -> None:
    cases: list[tuple[Any, Any]] = [(Bounded, {field: value}) for field, values in LIMITS.items() for value in values]
    cases += [(Odd, {"large": value}) for value in (2**63 - 1, 2**63, 2**64 - 1)]
    cases += [(Inexact, {"real": value}) for value in (2.0**53, 2.0**53 + 4)]
    for cls, payload in cases:
        wire = written(payload)
        if wire is not None:
            core, ours = codecs.get(name.removeprefix("msgspec-")).decoder(cls), codecs.get(name).decoder(cls)
            assert outcome(lambda: ours(wire)) == outcome(lambda: core(wire)), payload  # noqa: B023


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"content": "Hi"},
        {"content": None},
        {"content": [{"type": "text", "text": "Hi", "mood": {"good": [1]}}]},
        {"content": [{"type": "text", "text": 1}]},
        {"content": [{"text": "Hi"}]},
        {"content": [{"type": "unheard of", "text": "Hi"}]},
        {"content": [{"type": ["text"], "text": "Hi"}]},
        {"content": ["Hi"]},
        {"content": {"type": "text", "text": "Hi"}},
        {"content": 5},
        {"content": [[]]},
        {"tool_calls": [{**CALL, "mood": 2**64}]},
        {"tool_calls": [{**CALL, "function": "f"}]},
        {"tool_calls": [{**CALL, "mood": nested(90)}]},
        {"tool_calls": [{**CALL, "mood": nested(101)}]},
    ],
    ids=lambda changed: str(changed)[:80],
)
@pytest.mark.parametrize("unknown", [None, *get_args(Unknown)])
def test_parts_are_read_as_the_core_codecs_read_them(changed: dict[str, Any], unknown: Unknown | None) -> None:
    parts = [{"type": "text", "text": "Hi"}, {"type": "refusal", "refusal": "no"}]
    payload = {"role": "assistant", "content": parts, "tool_calls": [CALL], **changed}
    for core, write in (("json", as_json), ("msgpack", as_msgpack)):
        wire = write(payload)
        if wire is not None:
            ours, theirs = (codecs.get(name, unknown=unknown) for name in (f"msgspec-{core}", core))
            expected = outcome(lambda: theirs.decode(wire, ChatMessage))  # noqa: B023
            assert outcome(lambda: ours.decode(wire, ChatMessage)) == expected  # noqa: B023
