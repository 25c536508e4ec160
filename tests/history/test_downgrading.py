"""Payloads taken back: what an older revision can say is said in its words, and what it cannot is named."""

from __future__ import annotations

import copy
import threading
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from annotated_types import Ge, Gt

from sagellm_protocol import history
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    added,
    given_default,
    introduced,
    members_added,
    null_forbidden,
    redefined,
    removed,
    renamed,
    retyped,
    revision,
    rule_dropped,
)
from sagellm_protocol.history.downgrading import Downgrades
from sagellm_protocol.model.exceptions import LossyDowngradeError, UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.spec import NotAllNull
from toys import Declare, declare  # noqa: F401 - the fixture

REQUEST = {"request_id": "r", "trace_id": "t", "model": "m", "prompt": "p", "max_tokens": 1, "stream": False}
METRICS = {"ttft_ms": 1.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0}
DELTA = {"event": "delta", "request_id": "r", "trace_id": "t", "engine_id": "e", "content": "x", "content_tokens": [1]}
END = {
    "event": "end",
    "request_id": "r",
    "trace_id": "t",
    "engine_id": "unknown",
    "content": "x",
    "output_tokens": [1],
    "finish_reason": "stop",
    "metrics": METRICS,
}
KV = {"block_size": 16}


def lost(payload: Any, message: str, to: str, own: Any = history) -> list[tuple[str, str, str]]:
    return [(loss.path, loss.value, loss.reason) for loss in own.losses(payload, message, to=to)]


# What cannot be said


@pytest.mark.parametrize(
    ("message", "payload", "to", "losses", "left"),
    [
        pytest.param(
            "types.Metrics",
            {**METRICS, "tbt_ms": 1.0, "itl_list": [2.0], "comm_overhead_ms": 0.5},
            "0.1.0.1",
            [("itl_list", "[2.0]", "came with 0.1.0.2"), ("comm_overhead_ms", "0.5", "came with 0.1.2.4")],
            {**METRICS, "tbt_ms": 1.0},
            id="fields that came later",
        ),
        pytest.param(
            "types.Request",
            {**REQUEST, "temperature": 0.0},
            "0.5.4.13",
            [("temperature", "0.0", "must be > 0 in 0.5.4.13")],
            REQUEST,
            id="temperature 0",
        ),
        pytest.param(
            "types.Request",
            {**REQUEST, "messages": [{"role": "user", "content": "c"}]},
            "0.4.0.8",
            [("messages", "[{'role': 'user', 'content': 'c'}]", "came with 0.4.1.0")],
            REQUEST,
            id="messages",
        ),
        pytest.param(
            "types.Request",
            {**REQUEST, "sampling_params": {"strategy": "greedy"}, "temperature": 0},
            "0.5.4.13",
            [
                ("sampling_params", "{'strategy': 'greedy'}", "came with 0.5.4.16"),
                ("temperature", "0", "must be > 0 in 0.5.4.13"),
            ],
            REQUEST,
            id="several at once",
        ),
        pytest.param(
            "types.StreamEventDelta",
            DELTA,
            "0.1.0",
            [("engine_id", "'e'", "came with 0.1.0.1")],
            {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]},
            id="engine_id",
        ),
        pytest.param(
            "sampling.SamplingParams",
            {"strategy": "greedy", "n_speculative_tokens": 4},
            "0.5.4.12",
            [("n_speculative_tokens", "4", "came with 0.5.4.13")],
            {"strategy": "greedy"},
            id="not at its default",
        ),
        pytest.param(
            "types.Response",
            {
                "request_id": "r",
                "trace_id": "t",
                "output_text": "",
                "output_tokens": [],
                "finish_reason": "error",
                "metrics": METRICS,
                "error": {"code": "comm_timeout", "message": "m", "retryable": True},
            },
            "0.1.2.0",
            [("error.code", "'comm_timeout'", None)],
            {
                "request_id": "r",
                "trace_id": "t",
                "output_text": "",
                "output_tokens": [],
                "finish_reason": "error",
                "metrics": METRICS,
            },
            id="a value that an enumeration lacks, nested",
        ),
        pytest.param(
            "types.StreamEventEnd",
            {**END, "metrics": {**METRICS, "tbt_ms": 1.0, "prefill_ms": 3.0}},
            "0.1.0",
            [("metrics.prefill_ms", "3.0", "came with 0.1.2.4")],
            {
                "event": "end",
                "request_id": "r",
                "trace_id": "t",
                "output_text": "x",
                "output_tokens": [1],
                "finish_reason": "stop",
                "metrics": {**METRICS, "tbt_ms": 1.0},
            },
            id="nested, and renamed around it",
        ),
    ],
)
def test_what_cannot_be_said_is_named_and_may_be_left_out(
    message: str, payload: dict[str, Any], to: str, losses: list[tuple[str, str, str | None]], left: dict[str, Any]
) -> None:
    original = copy.deepcopy(payload)
    found = history.losses(payload, message, to=to)
    assert {(loss.path, loss.value) for loss in found} == {(path, value) for path, value, _ in losses}
    assert {loss.reason for loss in found} >= {reason for _, _, reason in losses if reason is not None}
    with pytest.raises(LossyDowngradeError) as raised:
        history.downgrade(payload, message, to=to)
    assert raised.value.message_name == message
    assert raised.value.revision == history.resolve(to)
    assert raised.value.losses == found
    for path, value, _ in losses:
        assert f"{path} = {value}" in str(raised.value)
    assert history.downgrade(payload, message, to=to, lossy=True) == left
    assert payload == original


@pytest.mark.parametrize(
    ("message", "payload", "to", "loss"),
    [
        (
            "errors.Error",
            {"code": "comm_timeout", "message": "m", "retryable": True},
            "0.1.2.0",
            "code = 'comm_timeout': must be one of 'invalid_argument'",
        ),
        ("sampling.SamplingParams", {"top_k": 3}, "0.4.0.6", "sampling.SamplingParams came with 0.4.0.7"),
        ("kv.types.KVHandle", {}, "0.1.0", "(the message itself) = {}: kv.types.KVHandle came with 0.1.2.4"),
    ],
)
def test_where_nothing_valid_would_be_left_lossy_does_not_help(
    message: str, payload: dict[str, Any], to: str, loss: str
) -> None:
    for lossy in (False, True):
        with pytest.raises(LossyDowngradeError) as raised:
            history.downgrade(payload, message, to=to, lossy=lossy)
        assert loss in str(raised.value)


# What can be said


@pytest.mark.parametrize(
    ("message", "payload", "to", "taken"),
    [
        pytest.param(
            "types.StreamEventDelta",
            {**DELTA, "engine_id": "unknown"},
            "0.1.0",
            {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "x", "chunk_tokens": [1]},
            id="unknown is what nobody said",
        ),
        pytest.param(
            "types.StreamEventDelta",
            DELTA,
            "0.4.0.8",
            {
                "event": "delta",
                "request_id": "r",
                "trace_id": "t",
                "engine_id": "e",
                "chunk": "x",
                "chunk_tokens": [1],
            },
            id="renames taken back",
        ),
        pytest.param(
            "types.Request",
            {**REQUEST, "messages": None, "temperature": None, "tp_size": None, "site": {"kept": [1]}},
            "0.1.0",
            {**REQUEST, "temperature": None, "site": {"kept": [1]}},
            id="at their defaults, and fields of others",
        ),
        pytest.param(
            "types.Request",
            {"request_id": "r", "trace_id": "t", "max_tokens": 1},
            "0.4.0.8",
            {"request_id": "r", "trace_id": "t", "max_tokens": 1, "model": "", "prompt": "", "stream": False},
            id="required of old, always written",
        ),
        pytest.param(
            "types.Request",
            {"request_id": "r", "trace_id": "t", "max_tokens": 1},
            "0.5.1.1",
            {"request_id": "r", "trace_id": "t", "max_tokens": 1},
            id="not required, not written",
        ),
        pytest.param(
            "sampling.SamplingParams",
            {"temperature": 0.7},
            "0.5.4.13",
            {"temperature": 0.7, "strategy": "sampling"},
            id="a meaning is written out",
        ),
        pytest.param(
            "sampling.SamplingParams",
            {"temperature": 0.7, "site": 1},
            "0.5.4.13",
            {"temperature": 0.7, "site": 1, "strategy": "sampling"},
            id="beside fields of others too",
        ),
        pytest.param(
            "sampling.SamplingParams", {"temperature": 0}, "0.5.4.13", {"temperature": 0}, id="unless it is the same"
        ),
        pytest.param(
            "types.Metrics",
            METRICS,
            "0.1.0",
            {**METRICS, "tbt_ms": 0.0, "tpot_ms": 0.0},
            id="the rule that one of two is given",
        ),
        pytest.param(
            "types.Metrics",
            {**METRICS, "tpot_ms": 5.0, "evict_count": 0, "itl_list": []},
            "0.1.0",
            {**METRICS, "tpot_ms": 5.0, "evict_count": 0},
            id="a number that is 0 stays 0",
        ),
        pytest.param(
            "kv_hooks.KVQoSPolicy", {"site": 1}, "0.5.2.13", {"site": 1}, id="what did not change is passed on"
        ),
    ],
)
def test_what_can_be_said_is_said(message: str, payload: dict[str, Any], to: str, taken: dict[str, Any]) -> None:
    assert history.losses(payload, message, to=to) == ()
    assert history.downgrade(payload, message, to=to) == taken


def test_a_default_is_not_what_merely_equals_it() -> None:
    """0 equals False in Python, and is another value on the wire."""
    assert lost({"supported_collectives": [], "has_kv_block_copy": 0}, "CapabilityDescriptor", "0.1.2.0") == [
        ("has_kv_block_copy", "0", "came with 0.4.1.0")
    ]
    assert lost({"has_kv_block_copy": False}, "CapabilityDescriptor", "0.1.2.0") == []


@pytest.mark.parametrize("payload", [None, [], "text", 7])
@pytest.mark.parametrize("to", ["0.1.0", "latest"])
def test_what_is_no_object_is_refused(payload: Any, to: str) -> None:
    for act in (history.downgrade, history.losses):
        with pytest.raises(ValidationError, match=r"types\.Metrics: 1 violation\n.*an object"):
            act(payload, "types.Metrics", to=to)


def test_no_such_release() -> None:
    with pytest.raises(UnsupportedRevisionError, match="called '0'"):
        history.downgrade({}, "types.Metrics", to="0")


def test_to_today_is_a_copy() -> None:
    payload = {"site": [1]}
    taken = history.downgrade(payload, "types.Metrics", to="latest")
    assert taken == payload
    assert taken is not payload


def test_nested_values_of_the_wrong_kind_pass_through() -> None:
    """Nothing is validated here: whoever decodes it will say what is wrong."""
    payload = {**END, "metrics": "text", "error": ["text"]}
    taken = history.downgrade(payload, "types.StreamEventEnd", to="0.1.0")
    assert taken["metrics"] == "text"
    assert taken["error"] == ["text"]


# Every way to hold a message, in a protocol of its own

TOY = """
class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@message
class Leaf:
    title: str
    size: int = 0
    came: int = 0


@message
class Circle:
    shape: Literal["circle"] = "circle"
    radius: float
    came: int = 0


@message
class Square:
    shape: Literal["square"] = "square"
    side: float


@message
class Cat:
    purrs: bool
    came: int = 0


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
    colours: Sequence[Colour] = ()
    must: Leaf | None = None


@message
class Two:
    first: Annotated[int, Ge(0)]
    second: Annotated[int, Ge(0)] = 1


@message
class Pair:
    a: int | None = None
    bb: int | None = None
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
                added("toy.Leaf", "came"),
                added("toy.Circle", "came"),
                added("toy.Cat", "came"),
                members_added("toy.Colour", "BLUE"),
            ),
            revision("1"),
        ],
        toys,
    )


@pytest.mark.parametrize(
    ("payload", "taken"),
    [
        ({"one": {"title": "t", "size": 1}}, {"one": {"name": "t", "size": 1}}),
        ({"one": None}, {"one": None}),
        ({"many": [{"title": "t"}, {"title": "u"}]}, {"many": [{"name": "t"}, {"name": "u"}]}),
        ({"many": ({"title": "t"},)}, {"many": [{"name": "t"}]}),
        ({"by_name": {"k": {"title": "t"}}}, {"by_name": {"k": {"name": "t"}}}),
        ({"deep": {"k": [{"title": "t"}, None]}}, {"deep": {"k": [{"name": "t"}, None]}}),
        (
            {"tagged": {"shape": "circle", "radius": 1.0, "came": 0}},
            {"tagged": {"shape": "circle", "radius": 1.0}},
        ),
        ({"tagged": {"radius": 1.0, "came": 0}}, {"tagged": {"radius": 1.0}}),
        ({"tagged": {"shape": "square", "side": 1.0}}, {"tagged": {"shape": "square", "side": 1.0}}),
        ({"tagged": {"shape": "oval"}}, {"tagged": {"shape": "oval"}}),
        ({"pet": {"purrs": True, "came": 0}}, {"pet": {"purrs": True}}),
        ({"pet": {"barks": True}}, {"pet": {"barks": True}}),
        ({"pet": {"barks": True, "purrs": True}}, {"pet": {"barks": True, "purrs": True}}),
        ({"either": {"title": "t"}}, {"either": {"name": "t"}}),
        ({"either": [{"title": "t"}]}, {"either": [{"name": "t"}]}),
        ({"text_or_leaf": "text"}, {"text_or_leaf": "text"}),
        ({"text_or_leaf": {"title": "t"}}, {"text_or_leaf": {"name": "t"}}),
        ({"colours": ["red"]}, {"colours": ["red"]}),
    ],
)
def test_messages_wherever_they_stand(boxes: History, payload: dict[str, Any], taken: dict[str, Any]) -> None:
    assert boxes.downgrade(payload, "Box", to="1") == taken


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"one": {"title": "t", "came": 7}}, "one.came"),
        ({"many": [{"title": "t"}, {"title": "u", "came": 7}]}, "many[1].came"),
        ({"by_name": {"k": {"title": "t", "came": 7}}}, "by_name.k.came"),
        ({"deep": {"k": [None, {"title": "t", "came": 7}]}}, "deep.k[1].came"),
        ({"tagged": {"radius": 1.0, "came": 7}}, "tagged.came"),
        ({"pet": {"purrs": True, "came": 7}}, "pet.came"),
        ({"either": [{"title": "t", "came": 7}]}, "either[0].came"),
    ],
)
def test_paths_say_where(boxes: History, payload: dict[str, Any], path: str) -> None:
    assert lost(payload, "Box", "1", boxes) == [(path, "7", "came with 2")]
    left = boxes.downgrade(payload, "Box", to="1", lossy=True)
    assert boxes.losses(boxes.upgrade(left, "Box", since="1"), "Box", to="1") == ()


def test_the_loss_of_one_item_shows_that_item(boxes: History) -> None:
    (loss,) = boxes.losses({"colours": ["red", "blue"]}, "Box", to="1")
    assert loss.path == "colours[1]"
    assert boxes.downgrade({"colours": ["red", "blue"]}, "Box", to="1", lossy=True) == {}
    assert loss.value == "'blue'"


def test_an_option_that_came_later_cannot_be_said(toys: Catalog) -> None:
    circle = toys.get("Circle")
    own = History(
        [revision("2", introduced("toy.Square"), retyped("toy.Box", "tagged", was=circle | None)), revision("1")], toys
    )
    assert own.downgrade({"tagged": {"shape": "circle", "radius": 1.0}}, "Box", to="1") == {
        "tagged": {"shape": "circle", "radius": 1.0}
    }
    payload = {"tagged": {"shape": "square", "side": 1.0}}
    assert [path for path, _, _ in lost(payload, "Box", "1", own)] == ["tagged"]
    assert own.downgrade(payload, "Box", to="1", lossy=True) == {}


def test_fields_that_nobody_knows_are_no_loss_wherever_they_stand(toys: Catalog) -> None:
    """Also in a field that holds less of other messages than it does today."""
    circle = toys.get("Circle")
    own = History(
        [revision("2", introduced("toy.Square"), retyped("toy.Box", "tagged", was=circle | None)), revision("1")], toys
    )
    payload = {"tagged": {"shape": "circle", "radius": 1.0, "site": {"a": 1}}, "site": 1}
    assert own.losses(payload, "Box", to="1") == ()
    assert own.downgrade(payload, "Box", to="1") == payload


def test_messages_that_cannot_be_said_are_left_out_of_lists_and_tables(toys: Catalog) -> None:
    own = History([revision("2", retyped("toy.Leaf", "title", was=Literal["a"])), revision("1")], toys)
    payload = {"many": [{"title": "t"}], "by_name": {"k": {"title": "t"}}, "one": {"title": "t"}}
    assert [path for path, _, _ in lost(payload, "Box", "1", own)] == ["many[0].title", "by_name.k.title", "one.title"]
    assert own.downgrade(payload, "Box", to="1", lossy=True) == {"many": [], "by_name": {}}


def test_messages_that_hold_themselves(toys: Catalog) -> None:
    own = History(
        [revision("2", renamed("toy.Tree", name="title"), renamed("toy.Ping", name="title")), revision("1")], toys
    )
    assert own.downgrade({"title": "a", "below": [{"title": "b", "below": [{"title": "c"}]}]}, "Tree", to="1") == {
        "name": "a",
        "below": [{"name": "b", "below": [{"name": "c"}]}],
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
    own.downgrade({}, first, to="1")
    assert own.downgrade({"ping": {"title": "b"}}, "Pong", to="1") == {"ping": {"name": "b"}}
    payload = {"title": "a", "pong": {"ping": {"title": "b"}}}
    assert own.downgrade(payload, "Ping", to="1") == {"name": "a", "pong": {"ping": {"name": "b"}}}


def test_every_loss_is_named_beside_one_that_leaves_nothing(toys: Catalog) -> None:
    was = Annotated[int, Gt(0)]
    own = History(
        [revision("2", retyped("toy.Two", "first", was=was), retyped("toy.Two", "second", was=was)), revision("1")],
        toys,
    )
    assert [path for path, _, _ in lost({"first": 0, "second": 0}, "Two", "1", own)] == ["first", "second"]
    with pytest.raises(LossyDowngradeError):
        own.downgrade({"first": 0}, "Two", to="1", lossy=True)


def test_a_field_that_held_less_than_any_message(toys: Catalog) -> None:
    """The old type decides, also where today's holds a message."""
    leaf = toys.get("Leaf")
    own = History(
        [
            revision("2", retyped("toy.Box", "must", was=leaf), retyped("toy.Box", "text_or_leaf", was=str)),
            revision("1"),
        ],
        toys,
    )
    assert lost({"must": {"title": "t"}, "text_or_leaf": "t"}, "Box", "1", own) == []
    assert own.downgrade({"must": None}, "Box", to="1") == {}  # which means null, and null itself cannot be said
    assert [path for path, _, _ in lost({"text_or_leaf": {"title": "t"}}, "Box", "1", own)] == ["text_or_leaf"]


def test_a_field_of_others_with_a_name_of_old_is_not_mixed_up(toys: Catalog) -> None:
    """Today's value must not be replaced by one that means something else; which of the two is refused is named."""
    own = History([revision("2", renamed("toy.Leaf", name="title")), revision("1")], toys)
    for payload in ({"title": "ours", "name": "theirs"}, {"name": "theirs", "title": "ours"}):
        with pytest.raises(LossyDowngradeError, match="theirs"):
            own.downgrade(payload, "Leaf", to="1")
        assert own.downgrade(payload, "Leaf", to="1", lossy=True) == {"name": "ours"}


def test_a_name_of_old_alone_is_not_taken_for_the_field_either(toys: Catalog) -> None:
    own = History([revision("2", renamed("toy.Leaf", width="size")), revision("1")], toys)
    payload = {"title": "t", "width": "theirs"}
    assert lost(payload, "Leaf", "1", own) == [("width", "'theirs'", "its name is what size is called in 1")]
    assert own.downgrade(payload, "Leaf", to="1", lossy=True) == {"title": "t"}


def test_what_was_required_and_is_made_today_is_made(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Job:
            key: UUID = field(factory=uuid4)
        """
    )
    own = History([revision("2", given_default("toy.Job", "key")), revision("1")], catalog)
    taken = own.downgrade({}, "Job", to="1")
    assert str(UUID(taken["key"])) == taken["key"]
    assert own.downgrade({"key": "k"}, "Job", to="1") == {"key": "k"}


def test_a_removed_field_that_was_required_cannot_be_said(toys: Catalog) -> None:
    own = History([revision("2", removed("toy.Leaf", "weight", int)), revision("1")], toys)
    assert lost({"title": "t"}, "Leaf", "1", own) == [("weight", "None", "required in 1, and gone since")]
    for lossy in (False, True):
        with pytest.raises(LossyDowngradeError, match="gone since"):
            own.downgrade({"title": "t"}, "Leaf", to="1", lossy=lossy)
    optional = History(
        [revision("2", removed("toy.Leaf", "weight", int, default=0, after="title")), revision("1")], toys
    )
    assert optional.downgrade({"title": "t"}, "Leaf", to="1") == {"title": "t"}
    assert list(optional.fields("Leaf", "1")) == ["title", "weight", "size", "came"]


def test_another_default_is_written_out(toys: Catalog) -> None:
    own = History([revision("2", redefined("toy.Leaf", "size", was=5)), revision("1")], toys)
    assert own.downgrade({"title": "t"}, "Leaf", to="1") == {"title": "t", "size": 0}
    assert own.downgrade({"title": "t", "size": 5}, "Leaf", to="1") == {"title": "t", "size": 5}


def test_what_a_field_meant_when_it_came_is_what_payloads_of_before_mean(toys: Catalog) -> None:
    own = History(
        [
            revision("3", redefined("toy.Leaf", "came", was=1), given_default("toy.Leaf", "size")),
            revision("2", added("toy.Leaf", "came"), added("toy.Leaf", "size", unsaid=5)),
            revision("1"),
        ],
        toys,
    )
    for more in ({}, {"site": 1}):
        assert own.upgrade({"title": "t", **more}, "Leaf", since="1") == {"title": "t", "came": 1, "size": 5, **more}
        assert own.upgrade({"title": "t", "size": 2, **more}, "Leaf", since="2") == {
            "title": "t",
            "came": 1,
            "size": 2,
            **more,
        }
    assert own.upgrade({"title": "t"}, "Leaf", since="1", fill={"size": 6, "came": 7})["size"] == 6
    assert own.upgrade({"title": "t"}, "Leaf", since="1", fill={"size": 6, "came": 7})["came"] == 1
    assert own.downgrade({"title": "t", "came": 1, "size": 5}, "Leaf", to="1") == {"title": "t"}
    assert lost({"title": "t", "came": 1}, "Leaf", "1", own) == [("size", "0", "came with 2")]
    assert lost({"title": "t", "size": 5}, "Leaf", "1", own) == [("came", "0", "came with 2")]
    assert own.fillable("Leaf", "1").keys() == {"size"}


def test_a_hundred_refusals_are_held(toys: Catalog) -> None:
    own = History([revision("2", members_added("toy.Colour", "BLUE")), revision("1")], toys)
    payload = {"many": [{"title": "t"}], "colours": ["blue"] * 250}
    with pytest.raises(LossyDowngradeError) as raised:
        own.downgrade(payload, "Box", to="1")
    assert (len(raised.value.losses), raised.value.more) == (100, 150)
    own = History([revision("2", added("toy.Leaf", "came"), members_added("toy.Colour", "BLUE")), revision("1")], toys)
    payload = {"many": [{"title": "t", "came": 1}] * 99, "colours": ["blue"] * 3}
    with pytest.raises(LossyDowngradeError) as raised:
        own.downgrade(payload, "Box", to="1")
    assert (len(raised.value.losses), raised.value.more) == (100, 2)


def test_null_that_meant_something_else_cannot_be_said(toys: Catalog) -> None:
    own = History(
        [
            revision("3", retyped("toy.Pair", "a", was=int), redefined("toy.Pair", "a", was=4)),
            revision("2", null_forbidden("toy.Pair", "a")),
            revision("1"),
        ],
        toys,
    )
    assert own.fields("Pair", "1")["a"] == {"type": "int | None", "default": {"value": None}}
    for payload in ({"a": None}, {}, {"a": None, "site": 1}, {"a": None, "bb": None}):
        assert own.upgrade(payload, "Pair", since="1") == {**payload, "a": 4}
    assert lost({"a": None}, "Pair", "1", own) == [("a", "None", "null stands for 4 in 1")]
    assert lost({}, "Pair", "1", own) == [("a", "None", "null stands for 4 in 1")]
    assert own.downgrade({"a": None}, "Pair", to="1", lossy=True) == {}


def test_a_default_that_the_older_revision_cannot_say_is_a_loss(toys: Catalog) -> None:
    changes = retyped("toy.Two", "second", was=Annotated[int, Ge(5)]), redefined("toy.Two", "second", was=9)
    own = History([revision("2", *changes), revision("1")], toys)
    assert lost({"first": 0}, "Two", "1", own) == [("second", "1", "must be >= 5 in 1")]
    required = History([revision("2", changes[0], given_default("toy.Two", "second")), revision("1")], toys)
    with pytest.raises(LossyDowngradeError):
        required.downgrade({"first": 0}, "Two", to="1", lossy=True)


def test_a_made_default_is_written_where_leaving_it_out_meant_something_else(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Job:\n    key: UUID = field(factory=uuid4)\n")
    zero = "00000000-0000-0000-0000-000000000000"
    own = History([revision("2", redefined("toy.Job", "key", was=zero)), revision("1")], catalog)
    assert own.upgrade({}, "Job", since="1") == {"key": zero}
    taken = own.downgrade({}, "Job", to="1")
    assert str(UUID(taken["key"])) == taken["key"] != zero


def test_values_written_by_an_upgrade_are_the_payloads_own(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Job:\n    tags: Sequence[str] = ()\n    more: Mapping[str, int]\n")
    own = History(
        [
            revision("2", redefined("toy.Job", "tags", was=["a"]), added("toy.Job", "more", unsaid={"x": 1})),
            revision("1"),
        ],
        catalog,
    )
    first = own.upgrade({}, "Job", since="1")
    first["tags"].append("b")
    first["more"]["y"] = 2
    assert own.upgrade({}, "Job", since="1") == {"tags": ["a"], "more": {"x": 1}}
    assert own.downgrade({"more": {"x": 1}}, "Job", to="1") == own.downgrade({}, "Job", to="1") == {"tags": []}
    own.downgrade({"more": {"x": 1}}, "Job", to="1")["tags"].append("b")
    assert own.downgrade({"more": {"x": 1}}, "Job", to="1") == {"tags": []}


def test_defaults_are_compared_as_json(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Job:\n    tags: Sequence[str] = ()\n    free: Any = 0\n")
    same = History([revision("2", redefined("toy.Job", "tags", was=[])), revision("1")], catalog)
    assert same.upgrade({}, "Job", since="1") == same.downgrade({}, "Job", to="1") == {}
    other = History([revision("2", redefined("toy.Job", "free", was=False)), revision("1")], catalog)
    assert other.upgrade({}, "Job", since="1")["free"] is False
    assert other.downgrade({}, "Job", to="1") == {"free": 0}


def test_null_that_became_the_default_is_not_written(toys: Catalog) -> None:
    own = History([revision("2", null_forbidden("toy.Leaf", "size")), revision("1")], toys)
    assert own.downgrade({"title": "t"}, "Leaf", to="1") == {"title": "t"}
    assert own.downgrade({"title": "t", "size": 0}, "Leaf", to="1") == {"title": "t", "size": 0}


def test_a_rule_on_a_field_that_was_renamed_since(toys: Catalog) -> None:
    own = History(
        [
            revision("3", null_forbidden("toy.Leaf", "size", "came"), renamed("toy.Leaf", width="size")),
            revision("2", rule_dropped("toy.Leaf", NotAllNull(("width", "came")))),
            revision("1"),
        ],
        toys,
    )
    assert own.downgrade({"title": "t"}, "Leaf", to="1") == {"title": "t", "width": 0, "came": 0}
    assert own.downgrade({"title": "t", "size": 3}, "Leaf", to="1") == {"title": "t", "width": 3}


def test_a_rule_is_kept_by_defaults_that_are_left_out_only(toys: Catalog) -> None:
    """A null that is written means null, so no default takes its place."""
    rule = NotAllNull(("size", "came"))
    changes = rule_dropped("toy.Leaf", rule), null_forbidden("toy.Leaf", "size"), redefined("toy.Leaf", "size", was=0)
    own = History([revision("2", *changes), revision("1")], toys)
    assert own.downgrade({"title": "t"}, "Leaf", to="1") == {"title": "t", "size": 0, "came": 0}
    assert own.downgrade({"title": "t", "size": None}, "Leaf", to="1") == {"title": "t", "size": None, "came": 0}
    payload = {"title": "t", "size": None, "came": None}
    assert [reason for _, _, reason in lost(payload, "Leaf", "1", own)] == [
        "must be not null in at least one of size, came in 1"
    ]


def test_a_rule_that_no_default_keeps_cannot_be_said(toys: Catalog) -> None:
    own = History([revision("2", rule_dropped("toy.Pair", NotAllNull(("a", "bb")))), revision("1")], toys)
    assert own.downgrade({"a": 1}, "Pair", to="1") == {"a": 1}
    for payload in ({}, {"a": None}):
        with pytest.raises(LossyDowngradeError):
            own.downgrade(payload, "Pair", to="1", lossy=True)


def test_from_several_threads_at_once(toys: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes while another finds out what differs does not take it that nothing does."""
    own = History([revision("2", renamed("toy.Leaf", name="title")), revision("1")], toys)
    begun, done = threading.Event(), threading.Event()
    finding = Downgrades._same

    def finding_slowly(self: Downgrades, old: Any) -> bool:
        begun.set()
        done.wait(0.2)
        return finding(self, old)

    monkeypatch.setattr(Downgrades, "_same", finding_slowly)
    first = threading.Thread(target=lambda: own.downgrade({}, "Leaf", to="1"))
    first.start()
    assert begun.wait(10)
    taken = own.downgrade({"title": "t"}, "Leaf", to="1")
    done.set()
    first.join()
    assert taken == {"name": "t"}
