"""Payloads brought forward: what older releases wrote becomes today's, and nothing is lost on the way."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from annotated_types import Gt

from sagellm_protocol import catalog, codecs, history
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History, HookError
from sagellm_protocol.history.changes import (
    added,
    introduced,
    null_forbidden,
    redefined,
    removed,
    renamed,
    retyped,
    revision,
)
from sagellm_protocol.history.hooks import Hook
from sagellm_protocol.history.upgrading import Upgrades
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError
from toys import Declare, declare  # noqa: F401 - the fixture

METRICS = {"ttft_ms": 1.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0, "tpot_ms": 2.0}
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]}
TODAY = {"event": "delta", "request_id": "r", "trace_id": "t", "content": "x", "content_tokens": [1]}


# The published steps


@pytest.mark.parametrize(
    ("message", "payload", "since", "today"),
    [
        pytest.param("StreamEventDelta", DELTA, "0.1.0", {**TODAY, "engine_id": "unknown"}, id="what nobody said"),
        pytest.param(
            "StreamEventDelta", {**DELTA, "engine_id": "e"}, "0.4.0.8", {**TODAY, "engine_id": "e"}, id="renamed"
        ),
        pytest.param("StreamEventDelta", TODAY, "0.4.1.0", TODAY, id="after the renames"),
        pytest.param("Metrics", {**METRICS, "tbt_ms": None}, "0.1.0", {**METRICS, "tbt_ms": 0.0}, id="null became 0"),
        pytest.param("Metrics", METRICS, "0.1.0", METRICS, id="nothing said is nothing added"),
        pytest.param(
            "StreamEventEnd",
            {"output_text": "x", "metrics": {**METRICS, "evict_count": None, "site": 1}},
            "0.1.0",
            {"content": "x", "metrics": {**METRICS, "evict_count": 0, "site": 1}, "engine_id": "unknown"},
            id="nested",
        ),
        pytest.param("StreamEventEnd", {"metrics": "text"}, "0.4.0.8", {"metrics": "text"}, id="nested, no object"),
        pytest.param(
            "SamplingParams", {"top_k": 3}, "0.5.4.13", {"top_k": 3, "strategy": "greedy"}, id="a change of meaning"
        ),
        pytest.param("SamplingParams", {"top_k": 3}, "0.5.4.16", {"top_k": 3}, id="after it"),
        pytest.param(
            "SamplingParams", {"strategy": "sampling"}, "0.4.0.7", {"strategy": "sampling"}, id="said, so not changed"
        ),
        pytest.param(
            "Request",
            {"request_id": "r", "site": {"a": [1]}},
            "0.1.0",
            {"request_id": "r", "site": {"a": [1]}},
            id="fields of others",
        ),
        pytest.param("KVQoSPolicy", {"site": 1}, "0.5.2.11", {"site": 1}, id="a message that never changed"),
    ],
)
def test_steps(message: str, payload: dict[str, Any], since: str, today: dict[str, Any]) -> None:
    original = copy.deepcopy(payload)
    upgraded = history.upgrade(payload, message, since=since)
    assert upgraded == today
    assert upgraded is not payload
    assert payload == original


def test_what_is_not_said_may_be_filled_in() -> None:
    fill = {"engine_id": "e7", "trace_id": "t7"}
    assert history.upgrade(DELTA, "StreamEventDelta", since="0.1.0", fill=fill)["engine_id"] == "e7"
    written = {**DELTA, "engine_id": "e"}
    assert history.upgrade(written, "StreamEventDelta", since="0.1.0.1", fill=fill)["engine_id"] == "e"
    assert history.upgrade({"event": "start"}, "StreamEventStart", since="0.1.0", fill=fill) == {
        "event": "start",
        "engine_id": "e7",
    }


@pytest.mark.parametrize("payload", [None, [], "text", 7, [DELTA]])
@pytest.mark.parametrize("message", ["Metrics", "KVHandle"])
def test_what_is_no_object_is_refused(payload: Any, message: str) -> None:
    for since in ("0.1.2.4", "latest"):
        with pytest.raises(ValidationError, match="an object") as raised:
            history.upgrade(payload, message, since=since)
        assert raised.value.message_name == catalog.name(message)


def test_a_field_under_both_its_names_is_refused() -> None:
    with pytest.raises(ValidationError, match="absent where its old name 'chunk' is given") as raised:
        history.upgrade({**DELTA, "content": "y"}, "StreamEventDelta", since="0.1.0")
    assert raised.value.message_name == "types.StreamEventDelta"
    assert [found.path for found in raised.value.violations] == ["content"]


def test_before_the_message_or_the_release_was() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"came with 0\.4\.0\.7"):
        history.upgrade({}, "SamplingParams", since="0.1.0")
    with pytest.raises(UnsupportedRevisionError, match="called '7'"):
        history.upgrade({}, "Metrics", since="7")


def test_equal_revisions_upgrade_alike() -> None:
    assert history.HISTORY.upgrades("0.4.0.8") is history.HISTORY.upgrades("0.4.0.7")


# Hooks

Log = list[str]


@pytest.fixture
def hooks() -> Iterator[list[Hook]]:
    """Hooks put in here are taken out of the protocol's own history again."""
    registered: list[Hook] = []
    yield registered
    for function in registered:
        history.unhook(function)


def test_hooks_come_before_the_steps_in_order(hooks: list[Hook]) -> None:
    @history.hook("StreamEventDelta", since="0.1.0")
    def first(payload: dict[str, Any]) -> dict[str, Any]:
        payload["chunk"] += "!"
        return payload

    @history.hook("StreamEventDelta", since="0.1.0")
    def second(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "chunk": payload["chunk"] + "?", "engine_id": "e9"}

    hooks += [first, second]
    upgraded = history.upgrade(DELTA, "StreamEventDelta", since="0.1.0")
    assert (upgraded["content"], upgraded["engine_id"]) == ("x!?", "e9")
    assert DELTA["chunk"] == "x"
    assert history.upgrade(DELTA, "StreamEventDelta", since="0.1.0.1")["content"] == "x"


def test_a_hook_is_for_every_release_of_its_revision(hooks: list[Hook]) -> None:
    @history.hook("types.Metrics", since="0.1.1.0")
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        payload["ttft_ms"] = 9.0
        return payload

    hooks.append(repair)
    assert history.upgrade(METRICS, "Metrics", since="0.1.0.2")["ttft_ms"] == 9.0
    assert history.upgrade({"metrics": METRICS}, "Response", since="0.1.0.2")["metrics"]["ttft_ms"] == 9.0
    # Payloads of older releases pass it on their way, those of later ones do not.
    assert history.upgrade(METRICS, "Metrics", since="0.1.0.1")["ttft_ms"] == 9.0
    assert history.upgrade(METRICS, "Metrics", since="0.1.2.4")["ttft_ms"] == 1.0


def test_a_hook_makes_a_step_where_none_was(hooks: list[Hook]) -> None:
    """Also for today's own payloads, and for one that had been upgraded before."""
    payload = {"priority": "high"}
    assert history.upgrade(payload, "KVQoSPolicy", since="latest") == payload

    @history.hook("KVQoSPolicy", since="latest")
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "repaired": True}

    hooks.append(repair)
    assert history.upgrade(payload, "KVQoSPolicy", since="latest")["repaired"]
    history.unhook(repair)
    assert history.upgrade(payload, "KVQoSPolicy", since="latest") == payload


def test_unhook_takes_out_every_registration(hooks: list[Hook]) -> None:
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "repaired": payload.get("repaired", 0) + 1}

    hooks.append(repair)
    for since in ("0.1.0", "0.1.0", "0.1.0.1"):
        assert history.hook("Metrics", since=since)(repair) is repair
    assert history.upgrade(METRICS, "Metrics", since="0.1.0")["repaired"] == 3
    assert history.upgrade(METRICS, "Metrics", since="0.1.0.1")["repaired"] == 1
    assert history.upgrade(METRICS, "Metrics", since="0.1.0.1")["repaired"] == 1
    history.unhook(repair)
    for since in ("0.1.0", "0.1.0.1"):
        assert "repaired" not in history.upgrade(METRICS, "Metrics", since=since)
    history.unhook(repair)


def test_a_hook_that_fails_is_not_hidden(hooks: list[Hook]) -> None:
    @history.hook("Metrics", since="0.1.0")
    def fails(payload: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("cannot repair")

    hooks.append(fails)
    with pytest.raises(HookError, match="for types.Metrics of 0.1.0 raised RuntimeError: cannot repair") as raised:  # noqa: RUF043
        history.upgrade(METRICS, "Metrics", since="0.1.0")
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_no_hook_for_what_never_was() -> None:
    with pytest.raises(UnsupportedRevisionError):
        history.hook("SamplingParams", since="0.1.0")
    with pytest.raises(UnsupportedRevisionError):
        history.hook("Metrics", since="0")


@pytest.mark.parametrize("before", [False, True])
def test_codecs_run_hooks(toys: Catalog, before: bool) -> None:
    """Those registered after the codec was first used too."""
    own = History([revision("2", renamed("toy.Leaf", name="title")), revision("1")], toys)
    leaf = toys.get("Leaf")
    if before:
        codecs.get("dict", revision="1", history=own).decode({"name": "x"}, leaf)
    own.hook("Leaf", since="1")(lambda payload: {"name": payload["name"].upper()})
    assert codecs.get("dict", revision="1", history=own).decode({"name": "x"}, leaf) == leaf(title="X")


def test_codecs_check_messages_in_unions_by_the_fields_of_then(declare: Declare) -> None:  # noqa: F811
    toys = declare(
        "@message\nclass Leaf:\n    title: str\n\n@message\nclass Box:\n    number: int\n    leaf_or_text: Leaf | str\n"
    )
    own = History([revision("2", renamed("toy.Leaf", name="title")), revision("1")], toys)
    codec = codecs.get("dict", revision="1", history=own)
    box, leaf = toys.get("Box"), toys.get("Leaf")
    right = {"number": 1, "leaf_or_text": {"name": "x"}}
    assert codec.decode(right, box) == box(number=1, leaf_or_text=leaf(title="x"))
    with pytest.raises(ValidationError) as raised:
        codec.decode({**right, "number": "1"}, box)
    assert [violation.path for violation in raised.value.violations] == ["number"]


@pytest.mark.parametrize("cls", ["StreamEventDelta", "KVQoSPolicy"])
def test_codecs_bring_lists_forward(cls: str) -> None:
    """Whether their messages changed or not."""
    codec = codecs.get("dict", revision="0.5.2.13" if cls == "KVQoSPolicy" else "0.1.0")
    payloads: list[dict[str, Any]] = [{}] if cls == "KVQoSPolicy" else [DELTA]
    message = catalog.get(cls)
    assert codec.decode(payloads, list[message]) == [codec.decode(payloads[0], message)]  # type: ignore[valid-type]


# Every way to hold a message, in a protocol of its own

TOY = """
@message
class Leaf:
    title: str
    size: int = 0


@message
class Circle:
    shape: Literal["circle"] = "circle"
    radius: float


@message
class Square:
    shape: Literal["square"] = "square"
    side: float


@message
class Cat:
    purrs: bool


@message
class Dog:
    barks: bool


@message
class Tree:
    below: "Sequence[Tree]" = ()
    title: str = ""


@message
class Ping:
    pong: "Pong | None" = None
    title: str = ""


@message
class Pong:
    ping: Ping | None = None


@message
class Box:
    one: Leaf | None = None
    many: Sequence[Leaf] = ()
    by_name: Mapping[str, Leaf] = {}
    deep: Mapping[str, Sequence[Leaf | None]] = {}
    tagged: Circle | Square | None = None
    pet: Cat | Dog | None = None
    either: Leaf | Sequence[Leaf] | None = None
    text_or_leaf: str | Leaf = ""
    free: Any = None


@message
class Made:
    ids: Sequence[int] = field(factory=list)
    must: str
    key: str
"""


@pytest.fixture
def toys(declare: Declare) -> Catalog:  # noqa: F811
    return declare(TOY)


@pytest.fixture
def boxes(toys: Catalog) -> History:
    return History(
        [
            revision(
                "2",
                renamed("toy.Leaf", name="title"),
                renamed("toy.Circle", r="radius"),
                renamed("toy.Cat", purring="purrs"),
            ),
            revision("1"),
        ],
        toys,
    )


@pytest.mark.parametrize(
    ("payload", "today"),
    [
        ({"one": {"name": "t", "size": 1}}, {"one": {"title": "t", "size": 1}}),
        ({"one": None}, {"one": None}),
        ({"one": "text"}, {"one": "text"}),
        ({"many": [{"name": "t"}, "text", {"title": "u"}]}, {"many": [{"title": "t"}, "text", {"title": "u"}]}),
        ({"many": ({"name": "t"},)}, {"many": [{"title": "t"}]}),
        ({"many": "text"}, {"many": "text"}),
        ({"by_name": {"k": {"name": "t"}}}, {"by_name": {"k": {"title": "t"}}}),
        ({"by_name": ["text"]}, {"by_name": ["text"]}),
        ({"deep": {"k": [{"name": "t"}, None]}}, {"deep": {"k": [{"title": "t"}, None]}}),
        ({"tagged": {"shape": "circle", "r": 1.0}}, {"tagged": {"shape": "circle", "radius": 1.0}}),
        ({"tagged": {"r": 1.0}}, {"tagged": {"radius": 1.0}}),
        ({"tagged": {"shape": "square", "side": 1.0}}, {"tagged": {"shape": "square", "side": 1.0}}),
        ({"tagged": {"shape": ["oval"]}}, {"tagged": {"shape": ["oval"]}}),
        ({"tagged": {"shape": "square", "r": 1.0}}, {"tagged": {"shape": "square", "r": 1.0}}),
        ({"tagged": "text"}, {"tagged": "text"}),
        ({"pet": {"purring": True}}, {"pet": {"purrs": True}}),
        ({"pet": {"barks": True}}, {"pet": {"barks": True}}),
        ({"pet": {"barks": True, "purring": True}}, {"pet": {"barks": True, "purring": True}}),
        ({"either": {"name": "t"}}, {"either": {"title": "t"}}),
        ({"either": [{"name": "t"}]}, {"either": [{"title": "t"}]}),
        ({"text_or_leaf": "text"}, {"text_or_leaf": "text"}),
        ({"text_or_leaf": {"name": "t"}}, {"text_or_leaf": {"title": "t"}}),
        ({"free": {"name": "t"}}, {"free": {"name": "t"}}),
    ],
)
def test_messages_wherever_they_stand(boxes: History, payload: dict[str, Any], today: dict[str, Any]) -> None:
    original = copy.deepcopy(payload)
    assert boxes.upgrade(payload, "Box", since="1") == today
    assert payload == original


@pytest.mark.parametrize("leaf", [{"name": "t", "title": "u"}])
def test_a_clash_deep_inside_is_found(boxes: History, leaf: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="old name 'name'"):
        boxes.upgrade({"deep": {"k": [leaf]}}, "Box", since="1")


def test_a_hook_on_a_nested_message(boxes: History) -> None:
    @boxes.hook("Leaf", since="1")
    def shout(payload: dict[str, Any]) -> dict[str, Any]:
        payload["name"] = payload["name"].upper()
        return payload

    payload = {"one": {"name": "a"}, "deep": {"k": [{"name": "b"}]}}
    assert boxes.upgrade(payload, "Box", since="1") == {"one": {"title": "A"}, "deep": {"k": [{"title": "B"}]}}
    assert payload == {"one": {"name": "a"}, "deep": {"k": [{"name": "b"}]}}


def test_messages_that_hold_themselves(toys: Catalog) -> None:
    own = History([revision("2", renamed("toy.Tree", name="title")), revision("1")], toys)
    payload = {"name": "a", "below": [{"name": "b", "below": [{"name": "c"}]}]}
    assert own.upgrade(payload, "Tree", since="1") == {
        "title": "a",
        "below": [{"title": "b", "below": [{"title": "c"}]}],
    }


@pytest.mark.parametrize(
    "first",
    [
        "Ping",
        "Pong",
    ],
)
def test_messages_that_hold_each_other(toys: Catalog, first: str) -> None:
    own = History([revision("2", renamed("toy.Ping", name="title")), revision("1")], toys)
    own.upgrade({}, first, since="1")
    assert own.upgrade({"ping": {"name": "b"}}, "Pong", since="1") == {"ping": {"title": "b"}}
    payload = {"name": "a", "pong": {"ping": {"name": "b"}}}
    assert own.upgrade(payload, "Ping", since="1") == {"title": "a", "pong": {"ping": {"title": "b"}}}


def test_a_hook_on_a_message_that_holds_itself(toys: Catalog) -> None:
    own = History([revision("1")], toys)

    @own.hook("Tree", since="1")
    def shout(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "title": payload["title"].upper()}

    payload = {"title": "a", "below": [{"title": "b"}]}
    assert own.upgrade(payload, "Tree", since="1") == {"title": "A", "below": [{"title": "B"}]}
    own.unhook(shout)
    assert own.upgrade(payload, "Tree", since="1") == payload


def test_messages_that_hold_themselves_and_did_not_change(toys: Catalog) -> None:
    own = History([revision("2", renamed("toy.Leaf", name="title")), revision("1")], toys)
    below = [{"name": "b"}]
    assert own.upgrade({"below": below}, "Tree", since="1")["below"] is below


def test_an_option_that_came_later(toys: Catalog) -> None:
    own = History([revision("2", introduced("toy.Square"), renamed("toy.Circle", r="radius")), revision("1")], toys)
    assert own.upgrade({"tagged": {"r": 1.0}}, "Box", since="1") == {"tagged": {"radius": 1.0}}


# Kinds of change that no published revision made


@pytest.mark.parametrize("default", [0, None])
def test_a_removed_field_is_dropped_where_that_loses_nothing(toys: Catalog, default: Any) -> None:
    own = History(
        [revision("2", removed("toy.Leaf", "weight", int | None, default=default, after="title")), revision("1")], toys
    )
    assert own.upgrade({"title": "t", "weight": default}, "Leaf", since="1") == {"title": "t"}
    assert own.upgrade({"title": "t"}, "Leaf", since="1") == {"title": "t"}
    with pytest.raises(ValidationError, match="moved elsewhere by a hook") as raised:
        own.upgrade({"title": "t", "weight": 7}, "Leaf", since="1")
    assert [(found.path, found.value) for found in raised.value.violations] == [("weight", "7")]


def test_a_removed_field_that_was_required_needs_a_hook(toys: Catalog) -> None:
    own = History([revision("2", removed("toy.Leaf", "weight", int)), revision("1")], toys)
    with pytest.raises(ValidationError, match="moved elsewhere by a hook"):
        own.upgrade({"title": "t", "weight": 0}, "Leaf", since="1")

    @own.hook("Leaf", since="1")
    def move(payload: dict[str, Any]) -> dict[str, Any]:
        return {"title": payload["title"], "size": payload["weight"]}

    assert own.upgrade({"title": "t", "weight": 7}, "Leaf", since="1") == {"title": "t", "size": 7}


def test_a_required_field_that_came_without_a_word_for_unsaid(toys: Catalog) -> None:
    """Whoever upgrades fills it in, or it stays missing and the decoder says so."""
    own = History([revision("2", added("toy.Made", "must"), added("toy.Made", "key", unsaid="")), revision("1")], toys)
    assert own.upgrade({}, "Made", since="1") == {"key": ""}
    assert own.upgrade({}, "Made", since="1", fill={"must": "m", "key": "k"}) == {"must": "m", "key": "k"}
    assert own.upgrade({"must": "said"}, "Made", since="1", fill={"must": "m"}) == {"must": "said", "key": ""}


def test_unsaid_is_kept_through_a_later_rename(toys: Catalog) -> None:
    own = History(
        [
            revision("3", renamed("toy.Made", name="key")),
            revision("2", added("toy.Made", "name", unsaid="?")),
            revision("1"),
        ],
        toys,
    )
    assert own.upgrade({}, "Made", since="1", fill={"key": "k"})["key"] == "k"
    assert own.upgrade({}, "Made", since="1")["key"] == "?"
    assert "key" not in own.upgrade({}, "Made", since="2")


def test_another_default_of_old_is_written_out(toys: Catalog) -> None:
    own = History([revision("2", redefined("toy.Leaf", "size", was=5)), revision("1")], toys)
    assert own.upgrade({"title": "t"}, "Leaf", since="1") == {"title": "t", "size": 5}
    assert own.upgrade({"title": "t", "size": 0}, "Leaf", since="1") == {"title": "t", "size": 0}


def test_a_default_that_is_a_member_is_written_by_its_value(declare: Declare) -> None:  # noqa: F811
    toys = declare(
        "class Shade(Enum):\n    DARK = 'dark'\n    LIGHT = 'light'\n\n"
        "@message\nclass Lamp:\n    shade: Shade = Shade.LIGHT\n    shades: Sequence[Shade] = (Shade.LIGHT,)\n"
    )
    then = [redefined("toy.Lamp", "shade", was="dark"), redefined("toy.Lamp", "shades", was=["dark"])]
    own = History([revision("2", *then), revision("1")], toys)
    assert own.upgrade({}, "Lamp", since="1") == {"shade": "dark", "shades": ["dark"]}
    assert own.downgrade({}, "Lamp", to="1") == {"shade": "light", "shades": ["light"]}


def test_null_becomes_the_default(toys: Catalog) -> None:
    own = History([revision("2", null_forbidden("toy.Leaf", "size")), revision("1")], toys)
    assert own.upgrade({"title": "t", "size": None}, "Leaf", since="1") == {"title": "t", "size": 0}
    assert own.upgrade({"title": "t"}, "Leaf", since="1") == {"title": "t"}


def test_null_becomes_a_default_that_is_made_anew(toys: Catalog) -> None:
    own = History([revision("2", null_forbidden("toy.Made", "ids")), revision("1")], toys)
    for payload in ({}, {"ids": None}):
        upgraded = own.upgrade(payload, "Made", since="1")
        assert upgraded.get("ids", []) == []


def test_null_becomes_what_a_function_makes(declare: Declare) -> None:  # noqa: F811
    """It is left out, so that the decoder makes the default."""
    catalog = declare(
        """
        @message
        class Job:
            key: UUID = field(factory=uuid4)
        """
    )
    own = History([revision("2", null_forbidden("toy.Job", "key")), revision("1")], catalog)
    assert own.upgrade({"key": None}, "Job", since="1") == own.upgrade({}, "Job", since="1") == {}
    assert own.upgrade({"key": "k"}, "Job", since="1") == {"key": "k"}
    assert own.downgrade({}, "Job", to="1") == {}


def test_a_default_of_old_that_was_not_null_is_kept_beside_null(toys: Catalog) -> None:
    changes = null_forbidden("toy.Leaf", "size"), redefined("toy.Leaf", "size", was=5)
    own = History([revision("2", *changes), revision("1")], toys)
    assert own.upgrade({"title": "t"}, "Leaf", since="1") == {"title": "t", "size": 5}
    assert own.upgrade({"title": "t", "size": None}, "Leaf", since="1") == {"title": "t", "size": 0}


def test_wider_types_need_no_step(toys: Catalog) -> None:
    own = History([revision("2", retyped("toy.Leaf", "size", was=Annotated[int, Gt(0)])), revision("1")], toys)
    payload = {"title": "t", "size": 3}
    assert own.upgrade(payload, "Leaf", since="1") == payload


def test_several_renames_of_one_field(toys: Catalog) -> None:
    own = History(
        [
            revision("3", renamed("toy.Leaf", label="title")),
            revision("2", renamed("toy.Leaf", name="label")),
            revision("1"),
        ],
        toys,
    )
    assert own.upgrade({"name": "t"}, "Leaf", since="1") == {"title": "t"}
    assert own.upgrade({"label": "t"}, "Leaf", since="2") == {"title": "t"}
    assert own.downgrade({"title": "t"}, "Leaf", to="1") == {"name": "t"}


def test_a_step_that_cannot_be_written_is_tried_anew(boxes: History, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(Upgrades, "_write", fails)
        with pytest.raises(MemoryError):
            boxes.upgrade({"name": "t"}, "Leaf", since="1")
    assert boxes.upgrade({"name": "t"}, "Leaf", since="1") == {"title": "t"}


def test_from_several_threads_at_once(boxes: History, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = threading.Event(), threading.Event()
    writing = Upgrades._write

    def writing_slowly(self: Upgrades, old: Any) -> Any:
        begun.set()
        done.wait(0.2)
        return writing(self, old)

    monkeypatch.setattr(Upgrades, "_write", writing_slowly)
    first = threading.Thread(target=lambda: boxes.upgrade({}, "Leaf", since="1"))
    first.start()
    assert begun.wait(10)
    upgraded = boxes.upgrade({"name": "t"}, "Leaf", since="1")
    done.set()
    first.join()
    assert upgraded == {"title": "t"}
