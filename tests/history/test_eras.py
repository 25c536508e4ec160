"""Payloads through conversions: leg by leg, wherever the message stands, up and down, by every way there is."""

from __future__ import annotations

import copy
import io
import json
from typing import Any
from uuid import UUID

import pytest

from sagellm_protocol import codecs
from sagellm_protocol.archive.options import Options
from sagellm_protocol.archive.sorting import Sorter
from sagellm_protocol.archive.surveys import Rules, validate_stream
from sagellm_protocol.archive.upgrading import Upgrader
from sagellm_protocol.catalog import Catalog, UnknownMessageError
from sagellm_protocol.codecs import envelope
from sagellm_protocol.history import Candidate, History
from sagellm_protocol.history.changes import (
    HistoryError,
    added,
    converted,
    given_default,
    introduced,
    moved,
    null_forbidden,
    redefined,
    removed,
    renamed,
    required,
    retyped,
    revision,
    was,
)
from sagellm_protocol.history.routes import Unsure
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import (
    AmbiguousPayloadError,
    DecodeError,
    LossyDowngradeError,
    UnsupportedRevisionError,
    ValidationError,
)
from toys import Declare, declare  # noqa: F401 - the fixture

CODECS = ("dict", "json", "msgpack", "msgspec-json", "msgspec-msgpack")

SOURCE = """
@message
class Part:
    timeout_ms: int = 0
    name: str = ""


@message
class Circle:
    shape: Literal["circle"] = "circle"
    radius_mm: int


@message
class Square:
    shape: Literal["square"] = "square"
    side: int


@message
class Lamp:
    watts: int


@message
class Fan:
    blades: int
    speed_rpm: int


@message
class Whole:
    id: str
    part: Part | None = None
    parts: Sequence[Part] = ()
    by_name: Mapping[str, Sequence[Part]] = {}
    drawn: Circle | Square | None = None
    device: Lamp | Fan | None = None
    one_or_more: Part | Sequence[Part] | None = None
    within: "Whole | None" = None
    free: Any = None


@message
class Alone:
    x: int
"""


def thousandfold(message: str, new: str, old: str, *, default: int | None = None, times: int = 1000) -> Any:
    """A field of integers in a unit so many times as small."""

    def down(values: dict[str, Any]) -> dict[str, Any]:
        if values[new] % times:
            raise ValueError(f"no whole number of {old}")
        return {old: values[new] // times}

    return converted(
        message,
        before={old: int if default is None else was(int, default=default)},
        after=(new,),
        up=lambda values: {new: values[old] * times},
        down=down,
    )


REVISIONS = (
    revision("6", renamed("toy.Part", title="name"), renamed("toy.Circle", radius="radius_mm")),
    revision("5", thousandfold("toy.Part", "timeout_ms", "timeout_s", default=0)),
    revision("4", renamed("toy.Part", waits_s="timeout_s"), thousandfold("toy.Circle", "radius", "radius_m")),
    revision("3", thousandfold("toy.Part", "waits_s", "waits_min", default=0, times=60)),
    revision("2", renamed("toy.Part", waits="waits_min"), thousandfold("toy.Fan", "speed_rpm", "speed_rps", times=60)),
    revision("1"),
)
OLD = {"waits": 2, "title": "a"}
NEW = {"timeout_ms": 120_000, "name": "a"}
WHOLE_OLD = {
    "id": "x",
    "part": OLD,
    "parts": [OLD, {"title": "b"}, {}],
    "by_name": {"k": [OLD], "none": []},
    "drawn": {"shape": "circle", "radius": 3},
    "device": {"blades": 3, "speed_rps": 2},
    "one_or_more": [OLD],
    "within": {"id": "y", "part": OLD, "drawn": {"side": 1}, "device": {"watts": 5}, "one_or_more": OLD},
    "free": {"waits": 2, "part": OLD, "radius_m": 1},
}
WHOLE_OLD["drawn"] = {"shape": "circle", "radius_m": 3}
WHOLE_NEW = {
    "id": "x",
    "part": NEW,
    "parts": [NEW, {"name": "b"}, {}],
    "by_name": {"k": [NEW], "none": []},
    "drawn": {"shape": "circle", "radius_mm": 3000},
    "device": {"blades": 3, "speed_rpm": 120},
    "one_or_more": [NEW],
    "within": {"id": "y", "part": NEW, "drawn": {"side": 1}, "device": {"watts": 5}, "one_or_more": NEW},
    "free": WHOLE_OLD["free"],
}
PARTS = {
    "1": {"waits": 2, "title": "a"},
    "2": {"waits_min": 2, "title": "a"},
    "3": {"waits_s": 120, "title": "a"},
    "4": {"timeout_s": 120, "title": "a"},
    "5": {"timeout_ms": 120_000, "title": "a"},
    "6": NEW,
}


@pytest.fixture
def own(declare: Declare) -> History:  # noqa: F811
    return History(REVISIONS, declare(SOURCE))


# Wherever a message stands


def test_messages_are_converted_wherever_they_stand(own: History) -> None:
    given = copy.deepcopy(WHOLE_OLD)
    assert own.upgrade(given, "Whole", since="1") == WHOLE_NEW
    assert given == WHOLE_OLD
    assert own.downgrade(WHOLE_NEW, "Whole", to="1") == WHOLE_OLD
    assert own.losses(WHOLE_NEW, "Whole", to="1") == ()


@pytest.mark.parametrize("release", PARTS)
def test_each_revision_has_its_form(own: History, release: str) -> None:
    assert own.upgrade(PARTS[release], "Part", since=release) == NEW
    assert own.downgrade(NEW, "Part", to=release) == PARTS[release]
    assert own.upgrade({}, "Part", since=release) == {} == own.downgrade({}, "Part", to=release)
    assert set(own.fields("Part", release)) == set(PARTS[release])
    parts = [PARTS[release], {}]
    taken = own.downgrade(WHOLE_NEW, "Whole", to=release)
    assert taken["part"] == PARTS[release]
    assert own.upgrade({"id": "x", "parts": parts}, "Whole", since=release) == {"id": "x", "parts": [NEW, {}]}
    assert own.upgrade(taken, "Whole", since=release) == WHOLE_NEW


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("release", PARTS)
def test_codecs_speak_each_revision(own: History, release: str, name: str) -> None:
    whole = own.catalog.get("Whole")
    value = from_plain(whole, WHOLE_NEW)
    codec = codecs.get(name, revision=release, history=own)
    written = codec.encode(value)
    assert codec.decode(written, whole) == value
    assert codec.decode_envelope(codec.encode_envelope(value)) == value
    assert codecs.get(name, history=own).decode_envelope(codec.encode_envelope(value)) == value
    several = codec.encode([value, value])
    assert codec.decode(several, list[whole]) == [value, value]  # type: ignore[valid-type]
    if name == "json":
        written = json.loads(written)
        assert {**PARTS[release], **written["part"]} == written["part"]
        assert {**own.downgrade(WHOLE_NEW, "Whole", to=release), **written} == written


def test_a_union_at_the_top_is_told_apart_as_it_was(own: History) -> None:
    lamp, fan = own.catalog.get("Lamp"), own.catalog.get("Fan")
    codec = codecs.get("dict", revision="1", history=own)
    assert codec.decode({"watts": 5}, lamp | fan) == lamp(watts=5)
    assert codec.decode({"blades": 2, "speed_rps": 1}, lamp | fan) == fan(blades=2, speed_rpm=60)
    assert codec.decode([{"blades": 2, "speed_rps": 1}], list[lamp | fan]) == [fan(blades=2, speed_rpm=60)]


def test_violations_tell_the_place_of_then(own: History) -> None:
    codec = codecs.get("json", revision="1", history=own)
    with pytest.raises(ValidationError, match=r"parts\[0\]\.waits: must be int"):
        codec.decode(b'{"id": "x", "parts": [{"waits": "soon"}]}', own.catalog.get("Whole"))
    with pytest.raises(ValidationError, match=r"parts\[0\]\.waits_min: must be int"):
        own.upgrade({"id": "x", "parts": [{"waits": "soon"}]}, "Whole", since="1")
    with pytest.raises(ValidationError, match="an object"):
        own.upgrades("1").upgrade("toy.Part")([], {})  # type: ignore[misc]


def test_unknown_fields_and_what_is_no_message_stay(own: History) -> None:
    odd = {
        "id": 5,
        "site": {"waits": 1},
        "part": "none",
        "parts": {"waits": 1},
        "by_name": [1],
        "drawn": [],
        "device": {},
    }
    assert own.upgrade(odd, "Whole", since="1") == odd
    assert own.upgrade({"waits": 1, "site": 2}, "Part", since="1") == {"timeout_ms": 60_000, "site": 2}
    assert own.downgrade({"timeout_ms": 60_000, "site": 2}, "Part", to="1") == {"waits": 1, "site": 2}


def test_nothing_is_shared_with_what_was_given(own: History) -> None:
    part = {"waits": 2}
    upgraded = own.upgrade({"id": "x", "parts": [part, part]}, "Whole", since="1")
    assert upgraded["parts"] == [{"timeout_ms": 120_000}] * 2
    assert part == {"waits": 2}
    fitting = {"id": "x"}
    assert own.upgrade(fitting, "Whole", since="1") == fitting
    assert own.upgrade(fitting, "Whole", since="1") is not fitting


def test_a_message_that_holds_its_own_kind_is_converted_all_the_way_down(declare: Declare) -> None:  # noqa: F811
    source = """
    @message
    class Node:
        size_mm: int
        children: Sequence["Node"] = ()
    """
    catalog = declare(source)

    def up(values: dict[str, Any]) -> dict[str, Any]:
        child = values["child"]
        return {"size_mm": values["size_m"] * 1000, "children": [] if child is None else [child]}

    def down(values: dict[str, Any]) -> dict[str, Any]:
        if len(values["children"]) > 1:
            raise ValueError("one child at the most")
        return {"size_m": values["size_mm"] // 1000, "child": next(iter(values["children"]), None)}

    before = {"size_m": int, "child": was(catalog.get("Node") | None, default=None)}
    change = converted("toy.Node", before=before, after=("size_mm", "children"), up=up, down=down)
    own = History([revision("2", change), revision("1")], catalog)
    old = {"size_m": 1, "child": {"size_m": 2, "child": {"size_m": 3, "child": None}}}
    upgraded = own.upgrade(old, "Node", since="1")
    inner = {"size_mm": 2000, "children": [{"size_mm": 3000, "children": []}]}
    assert upgraded == {"size_mm": 1000, "children": [inner]}
    assert own.downgrade(upgraded, "Node", to="1") == old
    upgraded["children"][0]["children"] *= 2
    (loss,) = own.losses(upgraded, "Node", to="1")
    assert loss.reason == "one child at the most"


def test_hooks_stop_between_conversions_in_the_form_of_their_revision(own: History) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    for release in own.revisions:

        def look(payload: dict[str, Any], release: str = release) -> dict[str, Any]:
            seen.append((release, dict(payload)))
            return payload

        own.hook("Part", since=release, down=look)(look)
    assert own.upgrade(PARTS["1"], "Part", since="1") == NEW
    assert seen == list(PARTS.items())
    seen.clear()
    assert own.downgrade({"id": "x", "parts": [NEW]}, "Whole", to="1") == {"id": "x", "parts": [PARTS["1"]]}
    assert seen == list(reversed(PARTS.items()))


# What cannot be said


def test_losses_of_all_legs_are_told(own: History) -> None:
    payload = {
        "id": "x",
        "parts": [NEW, {"timeout_ms": 5}, {"timeout_ms": 3000}],
        "within": {"id": "y", "part": {"timeout_ms": 7}},
    }
    assert [(loss.path, loss.value, loss.reason) for loss in own.losses(payload, "Whole", to="1")] == [
        ("parts[1].timeout_ms", "5", "no whole number of timeout_s"),
        ("within.part.timeout_ms", "7", "no whole number of timeout_s"),
        ("parts[2].waits_s", "3", "no whole number of waits_min"),
    ]
    with pytest.raises(LossyDowngradeError) as raised:
        own.downgrade(payload, "Whole", to="1")
    assert str(raised.value).startswith("toy.Whole cannot be said in 1 without loss")
    assert len(raised.value.losses) == 3
    assert own.downgrade(payload, "Whole", to="1", lossy=True) == {
        "id": "x",
        "parts": [OLD, {}, {}],
        "within": {"id": "y", "part": {}},
    }


def test_a_message_that_cannot_be_said_is_left_out_or_nothing_is_left(own: History) -> None:
    circle = {"shape": "circle", "radius_mm": 5}
    assert own.downgrade({"id": "x", "drawn": circle}, "Whole", to="1", lossy=True) == {"id": "x"}
    with pytest.raises(LossyDowngradeError, match="no whole number of radius_m"):
        own.downgrade(circle, "Circle", to="1", lossy=True)
    assert own.downgrade(circle, "Circle", to="4") == {"shape": "circle", "radius": 5}


# The other kinds of change, in between

MIXED = """
class Colour(str, Enum):
    RED = "red"
    GREEN = "green"


@message
class Leaf:
    size_mm: int
    colour: Colour = Colour.RED
    came: str = "late"
    note: int = 0


@message
class Tree:
    leaf: Leaf
    leaves: Sequence[Leaf] = ()
    kept: int = 2
    made: str = "x"
    owner: str
"""


def mixed(catalog: Catalog) -> History:
    return History(
        [
            revision("7", redefined("toy.Tree", "kept", was=1), required("toy.Tree", "owner", unsaid="nobody")),
            revision("6", thousandfold("toy.Leaf", "size_mm", "size_m"), null_forbidden("toy.Leaf", "note")),
            revision(
                "5",
                removed("toy.Leaf", "gone", int, default=0, after="size_m"),
                redefined("toy.Leaf", "came", was="then"),
            ),
            revision("4", thousandfold("toy.Leaf", "size_m", "size_km"), given_default("toy.Leaf", "came")),
            revision(
                "3",
                redefined("toy.Leaf", "gone", was=7),
                added("toy.Leaf", "came", unsaid="before"),
                added("toy.Tree", "made"),
                redefined("toy.Tree", "kept", was=0),
            ),
            revision("2", retyped("toy.Leaf", "size_km", was=int), renamed("toy.Leaf", size="size_km")),
            revision("1"),
        ],
        catalog,
    )


def test_steps_of_all_kinds_between_conversions(declare: Declare) -> None:  # noqa: F811
    own = mixed(declare(MIXED))
    old = {"leaf": {"size": 1}, "leaves": [{"size": 2, "note": None, "gone": 7}], "owner": "o"}
    today = {
        "leaf": {"size_mm": 1_000_000, "came": "before"},
        "leaves": [{"size_mm": 2_000_000, "came": "before", "note": 0}],
        "kept": 0,
        "owner": "o",
    }
    for since in ("1", "2"):
        written = json.loads(json.dumps(old).replace('"size"', '"size"' if since == "1" else '"size_km"'))
        assert own.upgrade(written, "Tree", since=since) == today
        codec = codecs.get("dict", revision=since, history=own)
        tree = codec.decode(written, own.catalog.get("Tree"))
        assert tree == from_plain(own.catalog.get("Tree"), today)
        assert codec.decode(codec.encode(tree), own.catalog.get("Tree")) == tree
    assert own.upgrade({"leaf": {"size_km": 1, "came": "c", "gone": 0}, "owner": None}, "Tree", since="3") == {
        "leaf": {"size_mm": 1_000_000, "came": "c"},
        "kept": 1,
        "owner": "nobody",
    }
    # What was left out meant "then" until 5, and cannot be left out in 3.
    assert own.upgrade({"leaf": {"size_m": 1}, "owner": "o"}, "Tree", since="4")["leaf"] == {
        "size_mm": 1000,
        "came": "then",
    }
    with pytest.raises(ValidationError, match="gone"):
        own.upgrade({"size_km": 1, "came": "c", "gone": 3}, "Leaf", since="3")


def test_what_fill_says_of_a_field_is_asked_by_todays_name(declare: Declare) -> None:  # noqa: F811
    own = mixed(declare(MIXED))
    fill = {"came": "filled", "owner": "me"}
    upgraded = own.upgrade({"leaf": {"size": 1}}, "Tree", since="1", fill=fill)
    assert (upgraded["leaf"]["came"], upgraded["owner"]) == ("filled", "me")
    assert own.upgrade({"leaf": {"size": 1}, "owner": None}, "Tree", since="1", fill=fill)["owner"] == "me"
    assert set(own.fillable()) == {"came", "owner"}
    assert set(own.fillable("Leaf", "2")) == {"came"}
    assert set(own.fillable("Leaf", "3")) == set()
    assert set(own.fillable("Tree", "3")) == {"owner"}
    assert own.assumed == {"came", "owner"}


def test_a_field_that_came_and_was_converted_can_be_filled(declare: Declare) -> None:  # noqa: F811
    own = History(
        [
            revision("3", thousandfold("toy.Job", "limit_ms", "limit_s")),
            revision("2", added("toy.Job", "limit_s", unsaid=1), added("toy.Job", "other")),
            revision("1"),
        ],
        declare("@message\nclass Job:\n    limit_ms: int\n    other: str\n"),
    )
    assert own.fillable()["limit_s"] == own.fillable("Job", "1")["limit_s"]
    assert "limit_ms" not in own.fillable()
    assert own.upgrade({"other": "o"}, "Job", since="1") == {"limit_ms": 1000, "other": "o"}
    assert own.upgrade({}, "Job", since="1", fill={"limit_s": 3, "other": "x"}) == {"limit_ms": 3000, "other": "x"}
    record = json.dumps({}).encode()
    upgraded = Upgrader(Options("Job", "1", {"limit_s": 3, "other": "x"}), history=own).upgrade(record)
    assert json.loads(upgraded.record or b"") == {"limit_ms": 3000, "other": "x"}
    assert (set(upgraded.filled), upgraded.made_up) == ({"limit_s", "other"}, ())
    assert own.assumed == {"limit_s"}
    assert [(loss.path, loss.reason) for loss in own.losses({"limit_ms": 2000, "other": "o"}, "Job", to="1")] == [
        ("other", "came with 2"),
        ("limit_s", "came with 2"),
    ]
    assert own.since("Job", "limit_ms") == "3"


TREE = """
@message
class Leaf:
    size_mm: int


@message
class Tree:
    high_mm: int
    leaf: Leaf | None = None
"""


def test_a_message_that_came_between(declare: Declare) -> None:  # noqa: F811
    own = History(
        [
            revision("4", thousandfold("toy.Leaf", "size_mm", "size_m")),
            revision("3", added("toy.Tree", "leaf"), introduced("toy.Leaf")),
            revision("2", thousandfold("toy.Tree", "high_mm", "high_m")),
            revision("1"),
        ],
        declare(TREE),
    )
    assert own.upgrade({"high_m": 1}, "Tree", since="1") == {"high_mm": 1000}
    assert own.upgrade({"high_mm": 1000, "leaf": {"size_m": 2}}, "Tree", since="3") == {
        "high_mm": 1000,
        "leaf": {"size_mm": 2000},
    }
    with pytest.raises(UnsupportedRevisionError, match="came with 3"):
        own.upgrade({"size_m": 1}, "Leaf", since="2")
    with pytest.raises(LossyDowngradeError, match=r"toy\.Leaf came with 3"):
        own.downgrade({"size_mm": 1000}, "Leaf", to="2")
    with pytest.raises(LossyDowngradeError, match=r"leaf = \{'size_m': 2\}: came with 3"):
        own.downgrade({"high_mm": 1000, "leaf": {"size_mm": 2000}}, "Tree", to="2")
    assert own.downgrade({"high_mm": 1000, "leaf": {"size_mm": 2000}}, "Tree", to="1", lossy=True) == {"high_m": 1}


def test_a_message_must_be_there_when_it_is_converted(declare: Declare) -> None:  # noqa: F811
    source = """
    @message
    class Leaf:
        size: int

    @message
    class Tree:
        high_mm: int
        leaf: Leaf | None = None
    """
    own = History(
        [
            revision(
                "2", introduced("toy.Leaf"), thousandfold("toy.Tree", "high_mm", "high_m"), added("toy.Tree", "leaf")
            ),
            revision("1"),
        ],
        declare(source),
    )
    with pytest.raises(HistoryError, match=r"toy\.Tree\.leaf holds toy\.Leaf before it came"):
        own.specs("1")


def test_defaults_that_are_made_or_derived_are_written_before_they_are_lost(declare: Declare) -> None:  # noqa: F811
    source = """
    def double(it):
        return it.size_mm * 2

    @message
    class Leaf:
        size_mm: int
        twice: int = derived(double, default=0)
        tags: Sequence[str] = field(factory=list)
        key: UUID = field(factory=uuid4)
    """
    own = History(
        [
            revision("4", thousandfold("toy.Leaf", "size_mm", "size_m")),
            revision("3", given_default("toy.Leaf", "tags")),
            revision("2", given_default("toy.Leaf", "twice"), given_default("toy.Leaf", "key")),
            revision("1"),
        ],
        declare(source),
    )
    taken = own.downgrade({"size_mm": 1000}, "Leaf", to="1")
    assert UUID(taken["key"]) != UUID(own.downgrade({"size_mm": 1000}, "Leaf", to="1").pop("key"))
    assert taken == {"size_m": 1, "twice": 2000, "tags": [], "key": taken["key"]}
    assert own.downgrade({"size_mm": 1000}, "Leaf", to="2") == {"size_m": 1, "twice": 2000, "tags": []}
    assert own.downgrade({"size_mm": 1000}, "Leaf", to="3") == {"size_m": 1, "twice": 2000}
    codec = codecs.get("dict", revision="1", history=own)
    leaf = own.catalog.get("Leaf")
    made = leaf(size_mm=1000)
    assert codec.decode(codec.encode(made), leaf) == made

    def forget(payload: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in payload.items() if name != "twice"}

    own.hook("Leaf", since="3", down=forget)(dict)
    assert own.downgrade({"size_mm": 1000}, "Leaf", to="2") == {"size_m": 1, "tags": []}
    (loss,) = own.losses({"size_mm": 1000}, "Leaf", to="1")
    assert (loss.path, loss.reason) == ("twice", "required in 1, and derived since")
    with pytest.raises(LossyDowngradeError):
        own.downgrade({"size_mm": 1000}, "Leaf", to="1", lossy=True)


def test_a_message_that_is_a_default_is_written_as_it_was(declare: Declare) -> None:  # noqa: F811
    source = """
    @message
    class Leaf:
        size_mm: int = 0

    @message
    class Tree:
        name: str = ""
        leaf: Leaf = Leaf(size_mm=2000)
        leaves: Sequence[Leaf] = (Leaf(size_mm=1000),)
        came: Leaf = Leaf(size_mm=3000)
        odd: Leaf = Leaf(size_mm=5)
    """
    own = History(
        [
            revision("4", thousandfold("toy.Leaf", "size_mm", "size_m", default=0)),
            revision("3", added("toy.Tree", "came")),
            revision("2", given_default("toy.Tree", "leaf", "leaves")),
            revision("1"),
        ],
        declare(source),
    )
    assert own.downgrade({"name": "x"}, "Tree", to="3") == {"name": "x"}
    assert own.downgrade({"name": "x"}, "Tree", to="1") == {
        "name": "x",
        "leaf": {"size_m": 2},
        "leaves": [{"size_m": 1}],
    }
    assert own.downgrade({"came": {"size_mm": 3000}}, "Tree", to="2") == {}
    assert [loss.path for loss in own.losses({"came": {"size_mm": 4000}}, "Tree", to="2")] == ["came"]
    tree = own.catalog.get("Tree")
    codec = codecs.get("json", revision="1", history=own)
    with pytest.raises(LossyDowngradeError, match=r"odd\.size_mm = 5: no whole number of size_m"):
        codec.encode(tree())
    assert codec.decode(codec.encode(tree(odd={"size_mm": 6000})), tree) == tree(odd={"size_mm": 6000})


def test_a_field_that_came_with_the_revision_that_converted_it(declare: Declare) -> None:  # noqa: F811
    own = History(
        [revision("2", thousandfold("toy.Leaf", "size_mm", "size_m"), added("toy.Leaf", "size_m")), revision("1")],
        declare("@message\nclass Leaf:\n    size_mm: int\n    name: str = ''\n"),
    )
    (loss,) = own.losses({"size_mm": 1000}, "Leaf", to="1")
    assert (loss.path, loss.value, loss.reason) == ("size_m", "1", "came with 2")
    assert own.upgrade({}, "Leaf", since="1", fill={"size_m": 2}) == {"size_mm": 2000}


def test_several_conversions_in_one_revision_run_in_their_order(declare: Declare) -> None:  # noqa: F811
    own = History(
        [
            revision(
                "2",
                thousandfold("toy.Leaf", "size_mm", "size_m"),
                renamed("toy.Leaf", size="size_m"),
                thousandfold("toy.Leaf", "size", "size_km"),
            ),
            revision("1"),
        ],
        declare("@message\nclass Leaf:\n    size_mm: int\n"),
    )
    assert own.upgrade({"size_km": 2}, "Leaf", since="1") == {"size_mm": 2_000_000}
    assert own.downgrade({"size_mm": 2_000_000}, "Leaf", to="1") == {"size_km": 2}
    assert own.losses({"size_mm": 2000}, "Leaf", to="1")[0].path == "size"


# Messages that were renamed

MOVED = """
@message
class Leaf:
    size_mm: int = 0


@message
class Node:
    leaf: Leaf | None = None
    either: Leaf | Twig | None = None


@message
class Twig:
    bent: bool
"""


def shifted(catalog: Catalog) -> History:
    return History(
        [
            revision("4", moved("toy.Blade", "toy.Leaf")),
            revision("3", thousandfold("toy.Blade", "size_mm", "size_m", default=0)),
            revision("2", moved("older.Needle", "toy.Blade"), moved("older.Leaf", "toy.Node")),
            revision("1", added("older.Needle", "size_m")),
            revision("0"),
        ],
        catalog,
    )


@pytest.fixture
def renaming(declare: Declare) -> History:  # noqa: F811
    return shifted(declare(MOVED.replace("Leaf | Twig | None", '"Leaf | Twig | None"')))


def test_a_message_goes_by_its_name_of_today_and_of_then(renaming: History) -> None:
    leaf, node = renaming.catalog.get("Leaf"), renaming.catalog.get("Node")
    for name in (leaf, "toy.Leaf", "Blade", "toy.Blade"):
        assert renaming.spec(name, "3").name == "toy.Blade"
        assert renaming.upgrade({"size_m": 1}, name, since="2") == {"size_mm": 1000}
    for name in (leaf, "toy.Leaf", "Needle", "older.Needle"):
        assert renaming.spec(name, "1").name == "older.Needle"
        assert renaming.upgrade({"size_m": 1}, name, since="1") == {"size_mm": 1000}
        assert renaming.downgrade({"size_mm": 1000}, name, to="1") == {"size_m": 1}
        assert [loss.path for loss in renaming.losses({"size_mm": 5}, name, to="1")] == ["size_mm"]
        assert list(renaming.fields(name, "1")) == ["size_m"]
        assert renaming.detect({"size_m": 1}, name) == (Candidate("toy.Leaf", "1", "2"),)
    # Of two messages the one that had the name then is meant, where a release is told; else the one that has it.
    assert renaming.cls("older.Leaf", "1") is node
    assert renaming.cls("Leaf", "1") is leaf
    assert renaming.cls("Leaf") is leaf
    assert renaming.name("older.Leaf") == "toy.Node"
    assert renaming.since("toy.Leaf", "size_mm") == "3"
    assert renaming.since("older.Needle") == "0"
    with pytest.raises(UnknownMessageError, match="no message is called 'Stem'"):
        renaming.upgrade({}, "Stem", since="1")
    with pytest.raises(UnknownMessageError):
        renaming.spec("older.Needle", "4")


def test_renamed_messages_within_others(renaming: History) -> None:
    old = {"leaf": {"size_m": 1}, "either": {"size_m": 2}}
    new = {"leaf": {"size_mm": 1000}, "either": {"size_mm": 2000}}
    node = renaming.catalog.get("Node")
    for release in ("1", "2"):
        assert renaming.upgrade(old, "Node", since=release) == new
        assert renaming.downgrade(new, "Node", to=release) == old
    for release in renaming.revisions[1:]:
        for name in CODECS:
            codec = codecs.get(name, revision=release, history=renaming)
            assert codec.decode(codec.encode(from_plain(node, new)), node) == from_plain(node, new)
    assert renaming.upgrade({"either": {"bent": True}}, "Node", since="0") == {"either": {"bent": True}}
    assert renaming.detect(old) == (Candidate("toy.Node", "1", "2"),)
    assert renaming.identify(old).message == "toy.Node"


def test_envelopes_name_messages_as_their_revision_does(renaming: History) -> None:
    leaf = renaming.catalog.get("Leaf")
    written = codecs.get("dict", revision="1", history=renaming).encode_envelope(leaf(size_mm=1000))
    assert written == envelope.wrap({"size_m": 1}, "older.Needle", "1")
    for name in ("older.Needle", "toy.Leaf"):
        record = envelope.wrap({"size_m": 1}, name, "1")
        assert codecs.get("dict", history=renaming).decode_envelope(record) == leaf(size_mm=1000)
        sorted_ = Sorter(history=renaming).sort(json.dumps(record).encode())
        assert (sorted_.message, sorted_.since) == ("toy.Leaf", "1")
        upgraded = Upgrader(history=renaming).upgrade(json.dumps(record).encode())
        assert json.loads(upgraded.record or b"") == {"size_mm": 1000}
        upgraded = Upgrader(Options(envelope=True), history=renaming).upgrade(json.dumps(record).encode())
        assert json.loads(upgraded.record or b"") == envelope.wrap({"size_mm": 1000}, "toy.Leaf", "4")


def test_archives_take_the_name_of_then(renaming: History) -> None:
    record = b'{"size_m": 1}'
    for message, since in (("older.Needle", "1"), ("Needle", None), ("toy.Leaf", "1"), ("Leaf", None)):
        upgraded = Upgrader(Options(message, since), history=renaming).upgrade(record)
        assert (upgraded.message, json.loads(upgraded.record or b"")) == ("toy.Leaf", {"size_mm": 1000})
    assert Sorter("Needle", history=renaming).sort(record).message == "toy.Leaf"
    assert Sorter("Needle", history=renaming).sort(b'{"size": 1}').verdict == "unknown"
    assert not validate_stream(io.BytesIO(b'{"size_m": "x"}'), Rules("Needle", since="1"), history=renaming).is_valid
    assert validate_stream(io.BytesIO(record), Rules("Needle", revision="1"), history=renaming).is_valid
    assert validate_stream(io.BytesIO(record), Rules("Leaf", since="1", consistent=True), history=renaming).is_valid


# Detection


def test_detection_tells_the_forms_apart(own: History) -> None:
    for release, part in PARTS.items():
        assert own.detect(part) == (Candidate("toy.Part", release, release),)
        assert own.identify(part).since == release
    assert own.detect_all([{"id": "x", "parts": [PARTS["3"]]}]) == ("3",)


def test_a_conversion_that_leaves_the_shape_makes_it_ask(declare: Declare) -> None:  # noqa: F811
    own = History(
        [
            revision(
                "2",
                converted(
                    "toy.Leaf",
                    before={"size": was(int, default=0)},
                    after=("size",),
                    up=lambda values: {"size": values["size"] * 10},
                    down=lambda values: {"size": values["size"] // 10},
                    lossy="whole tens",
                ),
            ),
            revision("1"),
        ],
        declare("@message\nclass Leaf:\n    size: int = 0\n    name: str = ''\n"),
    )
    assert own.detect({"size": 1}) == (Candidate("toy.Leaf", "1", "2"),)
    with pytest.raises(AmbiguousPayloadError):
        own.identify({"size": 1})
    assert own.identify({"size": 0}).since == "2"
    assert own.identify({"name": "a"}).since == "2"
    assert own.identify({"size": 1}, among=["1"]).since == "1"
    assert own.upgrade({"size": 1}, "Leaf", since="1") == {"size": 10}
    assert own.downgrade({"size": 10}, "Leaf", to="1") == {"size": 1}


# No message pays for what it does not use


def test_messages_that_no_conversion_touches_go_as_ever(own: History) -> None:
    plain = History([revision("2"), revision("1")], own.catalog)
    for release in own.revisions:
        assert own.upgrades(release).upgrade("toy.Alone") is None
        assert own.upgrades(release).stops(own.catalog.get("Alone")) == ()
        assert own.downgrades(release).same(own.catalog.get("Alone"))
        assert not own.downgrades(release).same(own.catalog.get("Whole")) or release == own.latest
    assert own.upgrade({"x": 1}, "Alone", since="1") == plain.upgrade({"x": 1}, "Alone", since="1")
    payload = {"x": 1}
    assert own.downgrades("1").message(own.catalog.get("Alone"), payload, None, None) is payload  # type: ignore[arg-type]


def test_there_are_routes_only_where_no_values_are_converted(own: History) -> None:
    finder = own.routes()
    whole = own.catalog.get("Whole")
    with pytest.raises(Unsure):
        finder.known({"waits": 2}, "toy.Part", "1", lambda _: None)
    with pytest.raises(Unsure):
        finder.known({"id": "x"}, "toy.Whole", "1", lambda today: from_plain(whole, today))
    route = finder.known({"title": "a"}, "toy.Part", "5", lambda _: None)
    assert route.today({"title": "b"}) == {"name": "b"}


def test_a_batch_becomes_what_its_records_become(own: History) -> None:
    payloads = [
        *(
            {"id": f"x{i}", "parts": [{"waits": i}, {"title": "t"}], "drawn": {"shape": "circle", "radius_m": i}}
            for i in range(60)
        ),
        *({"waits": i, "title": "t"} for i in range(60)),
        *({"waits_min": i} for i in range(20)),
        *({"blades": 3, "speed_rpm": 60} for _ in range(20)),
    ]
    records = [json.dumps(payload).encode() for payload in payloads]
    one_by_one = [Upgrader(history=own).upgrade(record).record or record for record in records]
    batch = Upgrader(history=own).upgrade_batch(records)
    assert batch.records == one_by_one


# Costs are bounded


def test_what_multiplies_is_refused_and_what_nests_deep_is_walked(own: History) -> None:
    deep: dict[str, Any] = {"id": "x", "part": {"waits": 1}}
    for _ in range(60):
        deep = {"id": "x", "within": deep}
    upgraded = own.upgrade(deep, "Whole", since="1")
    assert own.downgrade(upgraded, "Whole", to="1") == deep
    for _ in range(60):
        upgraded = upgraded["within"]
    assert upgraded["part"] == {"timeout_ms": 60_000}
    many: Any = [{"waits": 1}]
    for _ in range(40):
        many = [many, many]
    with pytest.raises(DecodeError, match="in too many places"):
        own.upgrade({"id": "x", "parts": many}, "Whole", since="1")
