"""What an older revision cannot say, kept beside what it can, and put back when the payload is here again."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

import orjson
import pytest
from annotated_types import Ge, Le
from hypothesis import HealthCheck, assume, given, note, settings, strategies as st

import histories
from evolving import laws
from sagellm_protocol import codecs, evolve, history, testing
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import (
    added,
    introduced,
    members_added,
    moved,
    redefined,
    renamed,
    retyped,
    revision,
)
from sagellm_protocol.history.conversions.converted import converted, was
from sagellm_protocol.history.conversions.rescaled import rescaled
from sagellm_protocol.history.places import FIELD, KEY
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import DecodeError, LossyDowngradeError, ValidationError
from sagellm_protocol.types import Request
from toys import Declare, declare  # noqa: F401 - the fixture

LATEST = HISTORY.latest
REQUEST = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "model": "m", "prompt": "p", "stream": False}
LOSING: dict[str, Any] = {**REQUEST, "temperature": 0.0, "messages": [{"role": "user", "content": "Hi"}]}

PLACED = sorted(
    {
        (message, release)
        for release in HISTORY.revisions[:-1]
        for message in HISTORY.specs(release)
        if HISTORY.stashes(release).today.places.has(CATALOG.get(message))
    }
)
"""Every message with a place for a stash, at each revision at which it may lose something."""


def down(payload: dict[str, Any], to: str = "0.4.0.8", message: str = "Request", **options: Any) -> dict[str, Any]:
    return history.downgrade(payload, message, to=to, stash=True, **options)


def up(payload: dict[str, Any], since: str = "0.4.0.8", message: str = "Request", **options: Any) -> dict[str, Any]:
    return history.upgrade(payload, message, since=since, stash=True, **options)


def stash_of(payload: dict[str, Any]) -> Any:
    return payload[FIELD][KEY]


# The protocol's own messages


def test_which_messages_have_a_place() -> None:
    """Those with free metadata then and now, of which something differs."""
    assert {message for message, _ in PLACED} == {"types.Request"}
    assert [release for _, release in PLACED] == sorted(HISTORY.revisions[:-1])


def test_what_is_stashed_comes_back() -> None:
    taken = down(LOSING)
    assert stash_of(taken) == {
        "revision": LATEST,
        "values": [
            {"path": ["messages"], "value": LOSING["messages"]},
            {"path": ["temperature"], "value": 0.0},
            {"path": ["metadata"], "instead": {}},
        ],
    }
    assert "messages" not in taken
    assert "temperature" not in taken
    assert up(taken) == LOSING
    assert stash_of(history.upgrade(taken, "Request", since="0.4.0.8")) == stash_of(taken)  # nobody asked for it


@pytest.mark.no_cover
@pytest.mark.parametrize(("message", "release"), PLACED)
def test_down_with_a_stash_and_up_again_is_the_same(message: str, release: str) -> None:
    cls = CATALOG.get(message)
    json = codecs.get("json", revision=release, stash=True)
    msgpack = codecs.get("msgpack", revision=release, stash=True, omit_nulls=True, fill={"engine_id": "e"})

    @settings(max_examples=40)
    @given(testing.messages(cls))
    def comes_back(value: Any) -> None:
        payload = to_plain(value)
        original = copy.deepcopy(payload)
        taken = down(payload, release, message)
        assert payload == original
        sent = copy.deepcopy(taken)
        assert from_plain(cls, up(taken, release, message)) == value
        assert taken == sent
        codecs.get("dict", revision=release).decode(taken, cls)  # what a peer of then takes
        for codec in (json, msgpack):
            assert codec.decode(codec.encode(value), cls) == value
            assert codec.decode_envelope(codec.encode_envelope(value)) == value

    comes_back()


@pytest.mark.parametrize("release", [release for _, release in PLACED])
def test_a_peer_that_reads_it_and_writes_it_in_full_keeps_it(release: str) -> None:
    peer = codecs.get("json", revision=release)
    ours = codecs.get("json", revision=release, stash=True)

    @settings(max_examples=25)
    @given(testing.messages(Request))
    def is_kept(value: Request) -> None:
        relayed = peer.encode(peer.decode(ours.encode(value), Request))
        assert ours.decode(relayed, Request) == value

    is_kept()


def test_what_loses_nothing_gets_no_stash() -> None:
    payload = {**REQUEST, "metadata": {"a": 1}}
    assert down(payload) == history.downgrade(payload, "Request", to="0.4.0.8") == payload
    assert down(LOSING, "latest") == LOSING


def test_what_the_user_has_in_the_metadata_stays() -> None:
    payload = {**LOSING, "metadata": {"a": [1]}}
    taken = down(payload)
    assert taken["metadata"]["a"] == [1]
    assert up(taken) == payload


@pytest.mark.parametrize("metadata", [None, {}])
def test_metadata_that_was_empty_is_as_it_was(metadata: Any) -> None:
    payload = {**LOSING, "metadata": metadata}
    assert up(down(payload)) == payload
    assert from_plain(Request, up(down(LOSING))).metadata is None


def test_detection_sees_what_it_saw() -> None:
    plainly = history.downgrade(LOSING, "Request", to="0.1.0", lossy=True)
    stashed = down(LOSING, "0.1.0")
    assert history.detect(stashed) == history.detect({**plainly, "metadata": {"a": 1}})
    assert history.identify(stashed).message == "types.Request"


def test_a_message_without_a_place_loses_as_before() -> None:
    delta = {
        "event": "delta",
        "request_id": "r",
        "trace_id": "t",
        "engine_id": "e",
        "content": "",
        "content_tokens": [],
    }
    with pytest.raises(LossyDowngradeError, match="engine_id = 'e': came with") as raised:
        down(delta, "0.1.0", "StreamEventDelta")
    assert len(raised.value.losses) == 1
    taken = down(delta, "0.1.0", "StreamEventDelta", lossy="engine_id")
    assert taken == history.downgrade(delta, "StreamEventDelta", to="0.1.0", lossy=True)
    assert up(taken, "0.1.0", "StreamEventDelta")["engine_id"] == "unknown"


def test_a_message_that_cannot_be_said_at_all_is_not_stashed() -> None:
    own = HISTORY.without_hooks()
    own.hook("Request", since="0.1.0", down=lambda _: None)(lambda payload: payload)
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "prompt": "p"}
    for lossy in (False, True):
        with pytest.raises(LossyDowngradeError, match=r"types\.Request cannot be said in 0\.1\.0"):
            own.downgrade(request, "Request", to="0.1.0", stash=True, lossy=lossy)


# What a peer changed goes before what was stashed


def test_what_a_peer_says_in_place_of_what_was_stashed_stands() -> None:
    taken = {**down(LOSING), "temperature": 0.5}
    back = up(taken)
    assert back["temperature"] == 0.5
    assert back["messages"] == LOSING["messages"]


def test_what_a_peer_takes_away_is_gone() -> None:
    taken = down(LOSING)
    del taken["metadata"]
    back = up(taken)
    assert "messages" not in back
    assert down({**LOSING, "metadata": None})["metadata"].keys() == {KEY}


def test_what_a_peer_adds_to_the_metadata_stays() -> None:
    taken = down(LOSING)
    taken["metadata"]["seen"] = True
    assert up(taken)["metadata"] == {"seen": True}


# What does not fit


def stashed(values: Any, latest: Any = LATEST) -> dict[str, Any]:
    return {**REQUEST, "metadata": {KEY: {"revision": latest, "values": values}}}


WRONG = [
    ({**REQUEST, "metadata": {KEY: 1}}, "", "must be a stash: an object with revision and values, got 1"),
    ({**REQUEST, "metadata": {KEY: {"values": []}}}, "", "must be a stash"),
    ({**REQUEST, "metadata": {KEY: {"revision": LATEST, "values": [], "by": "x"}}}, "", "must be a stash"),
    (stashed([], "0.1.0"), ".revision", f"must be {LATEST}, or a revision since 0.1.2.4 that had a place for a stash"),
    (stashed([], "9"), ".revision", "values of other revisions are not put back, got '9'"),
    (stashed([], ["0.1.0"]), ".revision", "got ['0.1.0']"),
    (stashed([], 7), ".revision", "got 7"),
    (stashed({}), ".values", "must be a list, got {}"),
    (stashed([1]), ".values[0]", "must be an object with path, and value or instead or both, got 1"),
    (stashed([{"path": ["model"]}]), ".values[0]", "must be an object with path"),
    (stashed([{"value": 1}]), ".values[0]", "must be an object with path"),
    (stashed([{"path": ["model"], "value": 1, "if": 1}]), ".values[0]", "must be an object with path"),
    (stashed([{"path": [], "value": 1}]), ".values[0].path", "must be a list of names, got []"),
    (stashed([{"path": "model", "value": 1}]), ".values[0].path", "must be a list of names, got 'model'"),
    (stashed([{"path": [0], "value": 1}]), ".values[0].path", "must be a list of names, got [0]"),
    (stashed([{"path": ["mode"], "value": 1}]), ".values[0].path", "must be names of fields that types.Request shows"),
    (
        stashed([{"path": ["tp_size"], "value": 1}, {"path": ["temperature"], "value": 3}]),
        ".values[1].value",
        "must be <= 2, got 3",
    ),
    (
        stashed([{"path": ["messages"], "value": [{"role": "user"}, {"content": 3}]}]),
        ".values[0].value[1].role",
        "required",
    ),
]


@pytest.mark.parametrize(("payload", "where", "reason"), WRONG)
def test_a_stash_that_does_not_fit_is_refused(payload: dict[str, Any], where: str, reason: str) -> None:
    original = copy.deepcopy(payload)
    codec = codecs.get("json", revision="0.1.2.4", stash=True)
    for read in (lambda: up(payload, "0.1.2.4"), lambda: codec.decode(orjson.dumps(payload), Request)):
        with pytest.raises(ValidationError) as raised:
            read()
        assert f"{FIELD}.{KEY}{where}: " in str(raised.value)
        assert reason in str(raised.value)
        assert raised.value.fault == "remote"
        assert raised.value.message_name == "types.Request"
    assert payload == original


def test_what_is_put_back_obeys_all_the_rules_of_today() -> None:
    codec = codecs.get("json", revision="0.4.0.8", stash=True)
    payload = stashed([{"path": ["request_id"], "instead": "r"}])
    assert "request_id" not in up(payload)
    with pytest.raises(ValidationError, match="request_id: required"):
        codec.decode(orjson.dumps(payload), Request)


def test_what_does_not_agree_is_passed_over() -> None:
    payload = stashed([{"path": ["model"], "value": "theirs"}, {"path": ["sampling_params", "top_k"], "value": 1}])
    assert up(payload) == {**REQUEST, "metadata": {}}


def test_a_hostile_stash_is_no_trouble() -> None:
    deep: Any = []
    for _ in range(60):
        deep = [deep, deep]
    with pytest.raises(DecodeError, match="too many places"):
        up(stashed([{"path": ["messages"], "value": deep}]))
    with pytest.raises(ValidationError, match="and 900 more"):
        up(stashed([{"path": ["messages"], "value": [1] * 1000}]))
    many = [{"path": ["temperature"], "value": 0.0}] * 10_000
    assert up(stashed(many))["temperature"] == 0.0


class Odd(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        raise AssertionError


def test_metadata_of_a_class_of_the_callers() -> None:
    payload = {**down(LOSING)}
    payload["metadata"] = Odd(payload["metadata"])
    codec = codecs.get("dict", revision="0.4.0.8", stash=True)
    assert codec.decode(payload, Request) == from_plain(Request, LOSING)


def test_a_name_that_is_taken_is_not_written_over() -> None:
    payload = {**LOSING, "metadata": {KEY: "mine"}}
    codec = codecs.get("json", revision="0.4.0.8", stash=True)
    for write in (lambda: down(payload), lambda: codec.encode(from_plain(Request, payload))):
        with pytest.raises(ValidationError, match="the name is kept for what older revisions cannot say") as raised:
            write()
        assert raised.value.violations[0].path == f"{FIELD}.{KEY}"
        assert raised.value.fault == "local"
    taken = history.downgrade({**payload, "temperature": None, "messages": None}, "Request", to="0.4.0.8")
    assert stash_of(taken) == "mine"


# Messages in messages

SOURCE = """
class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@message
class Leaf:
    title: str
    extra: int = 0
    colour: Colour = Colour.RED


@message
class Placed:
    name: str
    extra: int = 0
    leaf: Leaf | None = None
    metadata: Mapping[str, Any] = {}


@message
class Circle:
    shape: Literal["circle"] = "circle"
    extra: int = 0


@message
class Square:
    shape: Literal["square"] = "square"
    side: int = 0


@message
class Secret:
    word: str = field(default="", repr=False)
    leaf: Leaf | None = field(default=None, repr=False)
    placed: Placed | None = field(default=None, repr=False)


@message
class Box:
    leaves: Sequence[Leaf] = ()
    placed: Sequence[Placed] = ()
    by_name: Mapping[str, Leaf] = {}
    one: Leaf | None = None
    drawn: Circle | Square | None = None
    leaf_or_text: Leaf | str = ""
    secret: Secret | None = None
    level: Annotated[int, Ge(0)] = 1
    metadata: Mapping[str, Any] | None = None


@message
class Bare:
    placed: Placed | None = None
    leaf: Leaf | None = None
    many: Sequence[Placed] = ()
    keyed: Mapping[str, Placed] = {}
    free: Any = None


@message
class Old:
    meta: Mapping[str, Any] = {}
    metadata: Sequence[str] = ()
    extra: int = 0


@message
class Tree:
    below: Sequence["Tree"] = ()
    extra: Any = None
    metadata: Mapping[str, Any] = {}
"""


@pytest.fixture
def boxes(declare: Declare) -> History:  # noqa: F811
    return History(
        [
            revision(
                "2",
                members_added("toy.Colour", "BLUE"),
                introduced("toy.Square"),
                added("toy.Leaf", "extra"),
                added("toy.Placed", "extra", droppable=True),
                added("toy.Circle", "extra"),
                added("toy.Secret", "word"),
                added("toy.Old", "extra"),
                added("toy.Tree", "extra"),
                renamed("toy.Old", notes="metadata"),
            ),
            revision("1"),
        ],
        declare(SOURCE),
    )


def entries(payload: dict[str, Any]) -> list[Any]:
    """What is stashed; that there was no metadata aside."""
    found = [(entry["path"], entry.get("value"), entry.get("instead")) for entry in stash_of(payload)["values"]]
    return [entry for entry in found if entry[0] != [FIELD]]


def around(own: History, payload: dict[str, Any], message: str = "Box") -> dict[str, Any]:
    """What is taken back; it comes forward again as it was."""
    taken = own.downgrade(payload, message, to="1", stash=True)
    cls = own.catalog.get(message)
    assert from_plain(cls, own.upgrade(taken, message, since="1", stash=True)) == from_plain(cls, payload)
    codec = codecs.get("dict", revision="1", history=own, stash=True)
    assert codec.decode(taken, cls) == codec.decode(codec.encode(from_plain(cls, payload)), cls)
    return taken


def test_by_path_through_messages_and_tables(boxes: History) -> None:
    payload = {
        "one": {"title": "t", "extra": 1, "colour": "blue"},
        "by_name": {"a.b": {"title": "t", "extra": 2}, "c": {"title": "t"}},
        "drawn": {"shape": "circle", "extra": 3},
        "leaf_or_text": {"title": "t", "extra": 4},
    }
    assert entries(around(boxes, payload)) == [
        (["by_name", "a.b", "extra"], 2, None),
        (["one", "extra"], 1, None),
        (["one", "colour"], "blue", None),
        (["drawn", "extra"], 3, None),
        (["leaf_or_text", "extra"], 4, None),
    ]
    assert entries(around(boxes, {"drawn": {"shape": "square"}})) == [(["drawn"], {"shape": "square"}, None)]


def test_a_list_is_stashed_whole(boxes: History) -> None:
    leaves = [{"title": "a"}, {"title": "b", "extra": 1}]
    bare = [{"title": "a"}, {"title": "b"}]
    taken = around(boxes, {"leaves": leaves})
    assert entries(taken) == [(["leaves"], leaves, bare)]
    for changed in ([{"title": "b"}, {"title": "a"}], [{"title": "a"}]):
        assert boxes.upgrade({**taken, "leaves": changed}, "Box", since="1", stash=True)["leaves"] == changed
    full = [{"title": "a", "colour": "red"}, {"title": "b", "colour": "red"}]
    assert boxes.upgrade({**taken, "leaves": full}, "Box", since="1", stash=True)["leaves"] == leaves


def test_a_list_of_which_items_go_is_stashed_whole(declare: Declare) -> None:  # noqa: F811
    own = History([revision("2", retyped("toy.Leaf", "title", was=Literal["a"])), revision("1")], declare(SOURCE))
    for payload in (
        {"leaves": [{"title": "a"}, {"title": "b"}]},
        {"by_name": {"x": {"title": "a"}, "y": {"title": "b"}}},
    ):
        (name, value), *_ = payload.items()
        ((path, kept, _),) = entries(around(own, payload))
        assert (path, kept) == ([name], value)


def test_messages_with_places_of_their_own_use_them(boxes: History) -> None:
    """So that a list of them may be put in another order."""
    placed = [
        {"name": "a", "extra": 1, "metadata": {}},
        {"name": "b", "leaf": {"title": "t", "extra": 2}, "metadata": {"x": 1}},
    ]
    for message, payload in (
        ("Box", {"placed": placed}),
        ("Bare", {"many": placed, "placed": placed[1], "keyed": {"k": placed[0]}}),
    ):
        taken = around(boxes, payload, message)
        assert KEY not in (taken.get("metadata") or {})
        name = "placed" if message == "Box" else "many"
        assert [entries(item) for item in taken[name]] == [[(["extra"], 1, None)], [(["leaf", "extra"], 2, None)]]
        if message == "Bare":
            assert entries(taken["keyed"]["k"]) == [(["extra"], 1, None)]
        turned = {**taken, name: taken[name][::-1]}
        assert boxes.upgrade(turned, message, since="1", stash=True)[name] == placed[::-1]


def test_what_finds_no_place_stays_a_loss(boxes: History) -> None:
    payload = {"placed": {"name": "a", "extra": 1}, "leaf": {"title": "t", "extra": 7}}
    with pytest.raises(LossyDowngradeError) as raised:
        boxes.downgrade(payload, "Bare", to="1", stash=True)
    assert [loss.path for loss in raised.value.losses] == ["leaf.extra"]
    for lossy in (True, "leaf.extra", lambda loss: loss.value == "7"):
        taken = boxes.downgrade(payload, "Bare", to="1", stash=True, lossy=lossy)
        back = boxes.upgrade(taken, "Bare", since="1", stash=True)
        assert from_plain(boxes.catalog.get("Bare"), back) == from_plain(
            boxes.catalog.get("Bare"), {**payload, "leaf": {"title": "t"}}
        )


def test_what_is_not_shown_is_not_stashed(boxes: History) -> None:
    """It would stand in metadata, which is shown."""
    for secret in ({"word": "psst"}, {"leaf": {"title": "t", "extra": 77}}):
        with pytest.raises(LossyDowngradeError) as raised:
            boxes.downgrade({"secret": secret}, "Box", to="1", stash=True)
        assert "psst" not in str(raised.value)
        assert "77" not in str(raised.value)
        taken = boxes.downgrade({"secret": secret}, "Box", to="1", stash=True, lossy=True)
        assert KEY not in (taken.get("metadata") or {})
    payload = {"secret": {"placed": {"name": "a", "extra": 1}}}
    assert entries(around(boxes, payload)["secret"]["placed"]) == [(["extra"], 1, None)]  # which is not shown itself


def test_a_message_that_holds_what_is_not_shown_is_not_stashed_whole(declare: Declare) -> None:  # noqa: F811
    own = History([revision("2", introduced("toy.Secret"), added("toy.Box", "secret")), revision("1")], declare(SOURCE))
    with pytest.raises(LossyDowngradeError):
        own.downgrade({"secret": {"word": "psst"}}, "Box", to="1", stash=True)


def test_metadata_then_and_now(boxes: History) -> None:
    """A field of that name of another type is no place, nor one that was called so."""
    with pytest.raises(LossyDowngradeError):
        boxes.downgrade({"extra": 1, "metadata": ["a"]}, "Old", to="1", stash=True)


def test_what_does_not_fit_into_free_json_stays_a_loss(boxes: History) -> None:
    deep: Any = "x"
    for _ in range(98):
        deep = [deep]
    for extra in (deep, float("nan")):
        with pytest.raises(LossyDowngradeError, match="extra"):
            boxes.downgrade({"extra": extra}, "Tree", to="1", stash=True)
    shared: Any = []
    for _ in range(30):
        shared = [shared, shared]
    with pytest.raises(DecodeError, match="too many places"):
        boxes.downgrade({"free": shared, "leaf": {"title": "t", "extra": 1}}, "Bare", to="1", stash=True)


def test_a_stash_nests_no_deeper_than_can_be_read(boxes: History) -> None:
    """The message may nest as deep as any, and in an envelope."""

    def nest(extra: Any) -> Any:
        for _ in range(58):
            extra = {"below": [extra]}
        return extra

    codec = codecs.get("json", history=boxes, revision="1", stash=True)
    tree = from_plain(boxes.catalog.get("Tree"), nest({"extra": [[[[[7]]]]]}))
    assert codec.decode_envelope(codec.encode_envelope(tree)) == tree
    with pytest.raises(LossyDowngradeError, match="extra"):
        boxes.downgrade(nest({"extra": [[[[[[7]]]]]]}), "Tree", to="1", stash=True)


def test_paths_of_a_stash_lead_through_names_alone(boxes: History) -> None:
    cases = [
        (["leaves", "0"], "lead into no list"),
        (["one", "titel"], "names of fields that toy.Leaf shows"),
        (["secret", "word"], "names of fields that toy.Secret shows"),
    ]
    payload = {"leaves": [{"title": "t"}], "one": {"title": "t"}, "by_name": {"k": {"title": "t"}}, "secret": {}}
    for path, reason in cases:
        stash = {"revision": "2", "values": [{"path": path, "value": "x"}]}
        with pytest.raises(ValidationError, match=reason):
            boxes.upgrade({**payload, "metadata": {KEY: stash}}, "Box", since="1", stash=True)
    many = [{"path": ["by_name", "k", "extra"], "value": number} for number in (1, 2)]
    gone = [{"path": ["by_name", "other", "extra"], "value": 1}, {"path": ["drawn", "extra"], "value": 1}]
    stash = {"revision": "2", "values": [*many, *gone, {"path": ["leaf_or_text", "extra"], "value": 1}]}
    given = {**payload, "metadata": {KEY: stash}}
    back = boxes.upgrade(given, "Box", since="1", stash=True)
    assert back == {**payload, "by_name": {"k": {"title": "t", "extra": 2}}, "metadata": {}}
    assert given["by_name"] == {"k": {"title": "t"}}
    stash["values"] = [{"path": ["by_name", "k"], "value": {"title": "t"}}]
    assert boxes.upgrade({"metadata": {KEY: stash}}, "Box", since="1", stash=True) == {"metadata": {}}


def test_fields_of_others_do_not_hinder(boxes: History) -> None:
    payload = {"one": {"title": "t", "extra": 1, "site": [1]}, "level": 1, "site": 1}
    taken = boxes.downgrade(payload, "Box", to="1", stash=True)
    assert boxes.upgrade(taken, "Box", since="1", stash=True) == payload
    leaves = {"leaves": [{"title": "t", "extra": 1, "site": [1]}]}
    taken = boxes.downgrade(leaves, "Box", to="1", stash=True)
    assert boxes.upgrade(taken, "Box", since="1", stash=True)["leaves"] == leaves["leaves"]
    taken["leaves"][0]["site"] = [2]
    assert boxes.upgrade(taken, "Box", since="1", stash=True)["leaves"] == [{"title": "t", "site": [2]}]


def test_what_leaving_out_meant_is_kept(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Job:
            kind: Literal["a", "b", "c"] = "c"
            size: int = derived(lambda self: self.base + 1, default=0)
            key: UUID = field(factory=uuid4)
            base: int = 1
            came: int
            metadata: Mapping[str, Any] | None = {"a": 1}
        """
    )
    own = History(
        [
            revision(
                "2",
                retyped("toy.Job", "size", was=Annotated[int, Le(5)]),
                redefined("toy.Job", "size", was=1),
                retyped("toy.Job", "kind", was=Literal["a", "b"]),
                redefined("toy.Job", "kind", was="a"),
                added("toy.Job", "came", unsaid=0),
            ),
            revision("1"),
        ],
        catalog,
    )
    cls = catalog.get("Job")
    for payload in ({"base": 3, "came": 4}, {"base": 9, "came": 0}, {"base": 9, "came": 3, "metadata": None}):
        taken = own.downgrade(payload, "Job", to="1", stash=True)
        for fill in (None, {"came": 77}):
            back = own.upgrade(taken, "Job", since="1", stash=True, fill=fill)
            read, expected = from_plain(cls, back), from_plain(cls, payload)
            filled = fill is not None and payload["came"] == 0  # which nobody said, as far as that revision goes
            assert (read.kind, read.size, read.came) == ("c", expected.size, 77 if filled else expected.came)
            assert read.metadata == expected.metadata
        codec = codecs.get("dict", revision="1", history=own, stash=True, fill={"came": 77})
        assert codec.decode(taken, cls).size == from_plain(cls, payload).size


def test_with_hooks_it_is_what_they_would_make_of_it_that_a_stash_makes_good(boxes: History) -> None:
    @boxes.hook("toy.Leaf", since="1")
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"extra": 5}

    payload = {"one": {"title": "t", "extra": 1}}
    taken = boxes.downgrade(payload, "Box", to="1", stash=True)
    assert entries(taken) == [(["one", "extra"], 1, 5)]
    assert boxes.upgrade(taken, "Box", since="1", stash=True) == payload
    # A codec that was made before the hook obeys it as well.
    codec = codecs.get("dict", revision="1", history=boxes, stash=True)
    boxes.unhook(repair)
    box = from_plain(boxes.catalog.get("Box"), payload)
    assert codec.decode(codec.encode(box), type(box)) == box


def test_hooks_that_do_not_say_the_same_twice(boxes: History) -> None:
    placed = {"name": "a", "extra": 1, "metadata": {}}
    taken = boxes.downgrade({"placed": [placed]}, "Box", to="1", stash=True)
    calls: list[int] = []

    @boxes.hook("toy.Box", since="1")
    def grow(payload: dict[str, Any]) -> dict[str, Any]:
        calls.append(1)
        return payload | {"placed": payload["placed"] * len(calls)}

    assert boxes.upgrade(taken, "Box", since="1", stash=True)["placed"] == [placed]
    calls.clear()
    back = boxes.upgrade(taken, "Box", since="1", stash=True, fill={"extra": 7})
    assert len(calls) == 2
    assert back["placed"] == taken["placed"]


# Values that were converted


def test_a_stash_over_conversions(declare: Declare) -> None:  # noqa: F811
    """Losses are told where the values stood then; what counts is that all comes back."""
    catalog = declare(
        """
        @message
        class Limits:
            timeout_s: float = 1.0
            tries: int = 3


        @message
        class Job:
            name: str
            limits: Limits | None = None
            wait_s: float = 1.0
            metadata: Mapping[str, Any] = {}


        @message
        class Jobs:
            jobs: Sequence[Job] = ()
            free: Mapping[str, Any] = {}
        """
    )
    own = History(
        [
            revision(
                "4",
                rescaled("toy.Job", wait_s="wait_ms", by=1000),
                moved("toy.Task", "toy.Job"),
                renamed("toy.Limits", attempts="tries"),
            ),
            revision(
                "3",
                renamed("toy.Task", title="name"),
                converted(
                    "toy.Limits",
                    before={"timeout": was(Annotated[int, Ge(0)], default=1)},
                    after=("timeout_s",),
                    up=lambda then: {"timeout_s": float(then["timeout"])},
                    down=lambda now: {"timeout": round(now["timeout_s"])},
                    lossy="a timeout was a whole number of seconds",
                ),
            ),
            revision("2", added("toy.Limits", "attempts")),
            revision("1"),
        ],
        catalog,
    )
    job = {"name": "a", "limits": {"timeout_s": 0.4, "tries": 5}, "wait_s": 2.5, "metadata": {"x": 1}}
    assert [loss.path for loss in own.losses(job, "Job", to="1")] == ["limits.timeout_s", "limits.attempts"]
    for release in ("1", "2"):
        for message, payload in (("Job", job), ("Jobs", {"jobs": [job, {**job, "name": "b", "metadata": {}}]})):
            cls = catalog.get(message)
            assert own.losses(payload, message, to=release)
            taken = own.downgrade(payload, message, to=release, stash=True)
            assert own.upgrade(taken, message, since=release, stash=True) == payload
            assert from_plain(cls, own.upgrade(taken, message, since=release)) != from_plain(cls, payload)
            if message == "Job":
                codec = codecs.get("dict", revision=release, history=own, stash=True)
                assert codec.decode(codec.encode(from_plain(cls, payload)), cls) == from_plain(cls, payload)
                assert {tuple(path) for path, _, _ in entries(taken)} <= {("limits", "timeout_s"), ("limits", "tries")}


def test_nothing_is_stashed_beside_what_cannot_be_brought_forward(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        "@message\nclass Job:\n    wait_ms: int\n    came: int = 0\n    metadata: Mapping[str, Any] | None = None\n"
    )
    steps = rescaled("toy.Job", wait_ms="wait_s", by=0.001), added("toy.Job", "came")
    own = History([revision("2", *steps), revision("1")], catalog)
    job = {"wait_ms": 300 - 2**63, "came": 1}
    with pytest.raises(LossyDowngradeError, match="would come back as -9223372036854776000") as raised:
        own.downgrade(job, "Job", to="1", stash=True)
    assert {loss.path for loss in raised.value.losses} == {"wait_ms", "came"}
    assert own.downgrade(job, "Job", to="1", stash=True, lossy=True) == {"wait_s": -9223372036854776}


# Whatever a protocol went through


@pytest.mark.no_cover
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_down_with_a_stash_is_the_same_again_or_a_named_loss(data: st.DataObject) -> None:
    drawn = data.draw(histories.drawn())
    own, message, release = drawn
    note("\n".join(histories.told(own)))
    cls = drawn.cls
    value = data.draw(testing.messages(cls))
    short = codecs.get("dict", omit_defaults=True, history=own).encode(value)
    payload = data.draw(st.sampled_from([to_plain(value), short]))
    # What is droppable is left out without a word where there is no place to keep it.
    assume(not any(loss.droppable for loss in own.losses(payload, message, to=release)))
    try:
        taken = own.downgrade(payload, message, to=release, stash=True)
    except LossyDowngradeError:
        assert own.losses(payload, message, to=release)
        return
    codec = codecs.get("dict", revision=release, history=own, stash=True)
    again = from_plain(cls, own.upgrade(taken, message, since=release, stash=True))
    # A null that means what leaving out does is no loss, and comes back as that; floats come back but for a last place.
    meant = evolve(value, **{name: getattr(again, name) for name in laws.unsaid_in(drawn, value)})
    assert laws.same(to_plain(again), to_plain(meant))
    assert again == codec.decode(taken, cls) == codec.decode(codec.encode(value), cls)
