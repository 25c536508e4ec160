"""What a peer of before the newest revisions stashed: put back at its own revision, and brought forward from there."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import attrs
import orjson
import pytest
from annotated_types import Ge
from hypothesis import HealthCheck, assume, given, note, settings, strategies as st

import histories
from sagellm_protocol import codecs, history, testing
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    Change,
    Revision,
    added,
    converted,
    given_default,
    introduced,
    members_added,
    merged,
    moved,
    redefined,
    removed,
    renamed,
    required,
    rescaled,
    retyped,
    revision,
    values_renamed,
    was,
)
from sagellm_protocol.history.places import FIELD, KEY, is_free
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.exceptions import LossyDowngradeError, ProtocolError, ValidationError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.testing.sample import SAMPLE, Leaf, Thing
from sagellm_protocol.types import Request
from toys import Declare, declare  # noqa: F401 - the fixture

SOURCE = """
class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@message
class Part:
    title: str = ""
    extra: int = 0
    colour: Colour = Colour.RED


@message
class Placed:
    name: str
    extra: int = 0
    part: Part | None = None
    metadata: Mapping[str, Any] = {}


@message
class Job:
    name: str = ""
    must: int
    size: Annotated[int, Ge(0)] = 0
    low: int = 0
    high: int = 9
    wait_ms: float = 0.0
    part: Part | None = None
    parts: Sequence[Part] = ()
    by_name: Mapping[str, Part] = {}
    part_or_text: Part | str = ""
    usual: Part = Part(title="usual")
    placed: Sequence[Placed] = ()
    metadata: Mapping[str, Any] | None = None
"""

THEN = (
    revision(
        "2",
        members_added("toy.Colour", "BLUE"),
        added("toy.Part", "extra"),
        added("toy.Placed", "extra"),
        added("toy.Job", "size", "low", "high", "wait_ms", "usual"),
        added("toy.Job", "must", unsaid=0),
    ),
    revision("1"),
)
"""What an older peer knows; 2 is its newest."""


@attrs.frozen
class Step:
    """What came after, and how the classes are written since."""

    changes: tuple[Change, ...]
    written: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        source = SOURCE
        for before, after in self.written:
            assert before in source
            source = source.replace(before, after)
        return source


SIZE = "    size: Annotated[int, Ge(0)] = 0\n"

STEPS = {
    "added": Step(
        (added("toy.Job", "later"), introduced("toy.New"), added("toy.Part", "weight")),
        (
            (SIZE, SIZE + "    later: int = 3\n"),
            ("    extra: int = 0\n    colour", "    weight: float | None = None\n    extra: int = 0\n    colour"),
            ("@message\nclass Placed", "@message\nclass New:\n    x: int = 0\n\n\n@message\nclass Placed"),
        ),
    ),
    "renamed": Step(
        (renamed("toy.Job", size="bulk", by_name="named"), renamed("toy.Part", extra="more")),
        (
            (" size:", " bulk:"),
            (" by_name:", " named:"),
            ("    extra: int = 0\n    colour", "    more: int = 0\n    colour"),
        ),
    ),
    "two that changed places": Step(
        (renamed("toy.Job", low="high", high="low"),),
        (("    low: int = 0\n    high: int = 9\n", "    high: int = 0\n    low: int = 9\n"),),
    ),
    "retyped wider": Step(
        (retyped("toy.Job", "size", was=Annotated[int, Ge(0)]),), ((SIZE, "    size: int | str = 0\n"),)
    ),
    "given a default": Step((given_default("toy.Job", "must"),), (("    must: int\n", "    must: int = 4\n"),)),
    "required": Step((required("toy.Job", "size", unsaid=8),), ((SIZE, "    size: Annotated[int, Ge(0)]\n"),)),
    "another default": Step((redefined("toy.Job", "size", was=0),), ((SIZE, "    size: Annotated[int, Ge(0)] = 7\n"),)),
    "removed": Step((removed("toy.Job", "size", was=Annotated[int, Ge(0)], default=0),), ((SIZE, ""),)),
    "removed within": Step(
        (removed("toy.Part", "extra", was=int, default=0),),
        (("    extra: int = 0\n    colour", "    colour"),),
    ),
    "rescaled": Step((rescaled("toy.Job", wait_s="wait_ms", by=1000),), (("wait_ms", "wait_s"),)),
    "converted": Step(
        (
            converted(
                "toy.Part",
                before={"extra": was(int, default=0)},
                after=("much",),
                up=lambda then: {"much": str(then["extra"])},
                down=lambda now: {"extra": int(now["much"])},
            ),
        ),
        (("    extra: int = 0\n    colour", '    much: str = "0"\n    colour'),),
    ),
    "merged": Step(
        (
            merged(
                "toy.Job",
                "span",
                of={"low": was(int, default=0), "high": was(int, default=9)},
                by="-",
            ),
        ),
        (("    low: int = 0\n    high: int = 9\n", '    span: str = "0-9"\n'),),
    ),
    "values renamed": Step((values_renamed("toy.Colour", blue="azure"),), (('"blue"', '"azure"'),)),
    "moved": Step(
        (moved("toy.Part", "toy.Piece"), moved("toy.Colour", "toy.Shade"), moved("toy.Job", "toy.Task")),
        (("Part", "Piece"), ("Colour", "Shade"), ("class Job", "class Task")),
    ),
    "metadata renamed": Step(
        (renamed("toy.Job", metadata="notes"),),
        (("    metadata: Mapping[str, Any] | None = None", "    notes: Mapping[str, Any] | None = None"),),
    ),
    "metadata removed": Step(
        (removed("toy.Placed", "metadata", was=dict[str, Any], default={}),),
        (("    metadata: Mapping[str, Any] = {}\n", ""),),
    ),
    "several": Step(
        (
            renamed("toy.Job", bulk="much"),
            rescaled("toy.Job", wait_s="wait_ms", by=1000),
            renamed("toy.Job", size="bulk"),
            moved("toy.Part", "toy.Piece"),
        ),
        ((" size:", " much:"), ("wait_ms", "wait_s"), ("Part", "Piece")),
    ),
}


@attrs.frozen
class Peers:
    """Histories of one protocol, of which one lacks the newest revision."""

    older: History
    newer: History


@pytest.fixture
def peers(declare: Declare) -> Callable[..., Peers]:  # noqa: F811
    def made(step: Step, then: Sequence[Revision] = THEN) -> Peers:
        before = declare(SOURCE)
        older = History(then, before)
        assert older.specs("1")  # from the classes of then, before others take their place
        return Peers(older, History([revision("3", *step.changes), *then], declare(step.source)))

    return made


JOB: dict[str, Any] = {
    "name": "a",
    "must": 5,
    "size": 3,
    "low": 1,
    "high": 2,
    "wait_ms": 1500.0,
    "part": {"title": "t", "extra": 4, "colour": "blue"},
    "parts": [{"title": "u"}, {"title": "v", "extra": 6}],
    "by_name": {"k": {"title": "w", "extra": 7}},
    "part_or_text": {"title": "x", "extra": 8},
    "usual": {"title": "usual", "extra": 1},
    "placed": [
        {"name": "p", "extra": 9, "metadata": {"y": 2}},
        {"name": "q", "part": {"title": "z", "extra": 10}, "metadata": {}},
    ],
    "metadata": {"x": 1},
}


def outcome(make: Callable[[], Any]) -> Any:
    """What is made, or the paths of what is wrong with it."""
    try:
        return make()
    except ValidationError as error:
        return [(violation.path, violation.rule) for violation in error.violations]


def agree(peers: Peers, payload: dict[str, Any]) -> Any:
    """What the older peer stashed comes forward as what the older peer would have had of it."""
    older, newer = peers.older, peers.newer
    taken = older.downgrade(payload, "toy.Job", to="1", stash=True)
    sent = copy.deepcopy(taken)
    back = older.upgrade(taken, "toy.Job", since="1", stash=True)
    found = outcome(lambda: newer.upgrade(taken, "toy.Job", since="1", stash=True))
    assert found == outcome(lambda: newer.upgrade(back, "toy.Job", since="2"))
    assert taken == sent
    cls = newer.cls("toy.Job", "1")
    codec = codecs.get("dict", revision="1", history=newer, stash=True)
    read = outcome(lambda: codec.decode(taken, cls))
    assert read == (outcome(lambda: from_plain(cls, found)) if isinstance(found, dict) else found)
    return found


@pytest.mark.parametrize("name", STEPS)
def test_what_was_stashed_before_a_step(peers: Callable[..., Peers], name: str) -> None:
    both = peers(STEPS[name])
    found = agree(both, JOB)
    if isinstance(found, dict):
        assert KEY not in str(found)
        assert found == both.newer.upgrade(JOB, "toy.Job", since="2")
    else:
        gone = {"removed": "size", "removed within": "extra", "metadata removed": "metadata"}
        assert [path.rpartition(".")[2] for path, _ in found] == [gone[name]]

    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(testing.messages(both.older.cls("toy.Job")))
    def whatever_it_was(value: Any) -> None:
        try:
            agree(both, to_plain(value))
        except LossyDowngradeError:
            assume(False)

    whatever_it_was()


def test_what_was_removed_is_no_trouble_where_nothing_was_said(peers: Callable[..., Peers]) -> None:
    both = peers(STEPS["removed"])
    assert agree(both, {**JOB, "size": 0})["part"] == JOB["part"]
    both = peers(STEPS["metadata removed"])
    placed = {"name": "p", "extra": 9, "metadata": {}}
    assert agree(both, {**JOB, "placed": [placed]})["placed"] == [{"name": "p", "extra": 9}]


def test_what_a_peer_changed_goes_before_it(peers: Callable[..., Peers]) -> None:
    both = peers(STEPS["renamed"])
    taken = both.older.downgrade(JOB, "toy.Job", to="1", stash=True)
    taken["parts"] = taken["parts"][::-1]
    taken["size"] = 1
    back = both.newer.upgrade(taken, "toy.Job", since="1", stash=True)
    assert (back["parts"], back["bulk"]) == (taken["parts"], 1)
    assert back["named"] == {"k": {"title": "w", "more": 7}}


def test_the_protocols_own_revisions() -> None:
    request = {"request_id": "r", "trace_id": "t", "max_tokens": 1, "model": "m", "prompt": "p", "stream": False}
    release = "0.5.4.13"
    messages = [{"role": "user", "content": "Hi"}]
    stash = {"revision": release, "values": [{"path": ["messages"], "value": messages}]}
    payload = {**request, "metadata": {"x": 1, KEY: stash}}
    expected = {**request, "messages": messages, "metadata": {"x": 1}}
    assert history.upgrade(payload, "Request", since="0.4.0.8", stash=True) == expected
    codec = codecs.get("json", revision="0.4.0.8", stash=True)
    assert to_plain(codec.decode(orjson.dumps(payload), Request))["messages"][0]["content"] == "Hi"
    # A rule of that revision, not of today's: there a temperature of 0 could not be said.
    stash["values"] = [{"path": ["temperature"], "value": 0.0}]
    with pytest.raises(ValidationError, match=r"values\[0\]\.value: must be > 0, got 0\.0") as raised:
        history.upgrade(payload, "Request", since="0.4.0.8", stash=True)
    assert raised.value.message_name == "types.Request"
    assert raised.value.fault == "remote"
    # Whose relay brought it forward and did not ask for what was in it.
    stash["values"] = [{"path": ["messages"], "value": messages}]
    assert history.upgrade(payload, "Request", since=release, stash=True) == expected


WRONG = [
    ({"revision": "2"}, "", "a stash"),
    ({"revision": "2", "values": [1]}, ".values[0]", "an object with path"),
    ({"revision": "2", "values": [{"path": ["bulk"], "value": 1}]}, ".values[0].path", "names of fields that toy.Job"),
    ({"revision": "2", "values": [{"path": ["size"], "value": -1}]}, ".values[0].value", ">= 0"),
    ({"revision": "2", "values": [{"path": ["part"], "value": {"colour": "green"}}]}, ".values[0].value.colour", "one"),
    (
        {"revision": "0", "values": []},
        ".revision",
        "3, or a revision since 1 that had a place for a stash there: values",
    ),
    ({"revision": "4", "values": []}, ".revision", "values of other revisions are not put back"),
    (2, "", "a stash"),
]


@pytest.mark.parametrize(("stash", "where", "rule"), WRONG)
def test_a_stash_of_then_that_does_not_fit(peers: Callable[..., Peers], stash: Any, where: str, rule: str) -> None:
    newer = peers(STEPS["renamed"]).newer
    with pytest.raises(ValidationError) as raised:
        newer.upgrade({"metadata": {KEY: stash}}, "toy.Job", since="1", stash=True)
    assert raised.value.violations[0].path == f"metadata.{KEY}{where}"
    assert rule in raised.value.violations[0].rule
    codec = codecs.get("json", revision="1", history=newer, stash=True)
    with pytest.raises(ValidationError, match=re.escape(f"metadata.{KEY}{where}: ")):
        codec.decode(orjson.dumps({"metadata": {KEY: stash}}), newer.cls("toy.Job"))


class Items(list[Any]):
    def __iter__(self) -> Any:
        raise AssertionError


def test_a_payload_that_only_looks_as_if_there_were_one(peers: Callable[..., Peers]) -> None:
    newer = peers(STEPS["renamed"]).newer
    stash = {"revision": "2", "values": [{"path": ["extra"], "value": 1}]}
    payload = {"title": "t", "metadata": {KEY: stash}}
    back = newer.upgrade(payload, "toy.Part", since="1", stash=True)
    assert back == payload
    assert back is not payload
    shared = {KEY: {"revision": "2", "values": []}}
    assert newer.upgrade({"metadata": {"a": shared, "b": [shared]}}, "toy.Job", since="1", stash=True)
    codec = codecs.get("dict", revision="1", history=newer, stash=True, unknown="ignore")
    assert codec.decode({"site": Items([shared])}, newer.cls("toy.Job")) == codec.decode({}, newer.cls("toy.Job"))


def test_stashes_of_several_revisions_in_one_payload(declare: Declare) -> None:  # noqa: F811
    """A peer of the oldest put together what others, each with a newest of its own, took back to it."""
    listed = [
        revision("4", added("toy.Placed", "last")),
        revision("3", rescaled("toy.Placed", wait_s="wait_ms", by=1000), renamed("toy.Placed", more="extra")),
        *(revision("2", added("toy.Placed", "more"), added("toy.Box", "must", unsaid=0)), revision("1")),
    ]
    source = """
    @message
    class Placed:
        name: str
        extra: int = 0
        wait_s: float = 0.0
        last: int = 0
        metadata: Mapping[str, Any] = {}


    @message
    class Box:
        must: int
        placed: Sequence[Placed] = ()
        metadata: Mapping[str, Any] = {}
    """
    sources = [
        source.replace("extra", "more").replace("wait_s", "wait_ms").replace("        last: int = 0\n", ""),
        source.replace("        last: int = 0\n", ""),
        source,
    ]
    peers = []
    for index, written in enumerate(sources):
        peers.append(History(listed[2 - index :], declare(written)))
        assert peers[-1].specs("1")
    boxes = [
        {"must": 1, "placed": [{"name": "a", "more": 1, "wait_ms": 500.0, "metadata": {}}], "metadata": {"of": 2}},
        {"must": 2, "placed": [{"name": "b", "extra": 2, "wait_s": 1.5, "metadata": {"x": 1}}], "metadata": {"of": 3}},
        {"must": 3, "placed": [{"name": "c", "extra": 3, "last": 3, "metadata": {}}], "metadata": {"of": 4}},
    ]
    taken = [own.downgrade(box, "toy.Box", to="1", stash=True) for own, box in zip(peers, boxes, strict=True)]
    newest = peers[-1]
    expected = [
        {"name": "a", "extra": 1, "wait_s": 0.5, "metadata": {}},
        {"name": "b", "extra": 2, "wait_s": 1.5, "metadata": {"x": 1}},
        {"name": "c", "extra": 3, "last": 3, "metadata": {}},
    ]
    together = {**taken[1], "placed": [item for box in taken for item in box["placed"]]}
    back = newest.upgrade(together, "toy.Box", since="1", stash=True)
    assert back == {"must": 2, "placed": expected, "metadata": {"of": 3}}
    # What is filled in is not what was compared.
    codec = codecs.get("dict", revision="1", history=newest, stash=True, fill={"must": 77})
    cls = newest.cls("toy.Box")
    assert codec.decode(together, cls) == from_plain(cls, back)
    unsaid = {"placed": together["placed"]}
    assert codec.decode(unsaid, cls) == from_plain(cls, {"must": 77, "placed": expected})
    for box, of_then in zip(boxes, taken, strict=True):
        assert newest.upgrade(of_then, "toy.Box", since="1", stash=True, fill={"must": 77})["must"] == box["must"]
    # Nothing differs on the way to the one, and all the way to today, but what is stashed is put back.
    alone = {
        "name": "a",
        "metadata": {KEY: {"revision": "1", "values": [{"path": ["name"], "value": "b", "instead": "a"}]}},
    }
    for fill in (None, {"must": 7}):
        assert newest.upgrade(alone, "toy.Placed", since="1", stash=True, fill=fill)["name"] == "b"


def test_what_is_compared_with_has_no_stash_of_then_either(peers: Callable[..., Peers]) -> None:
    """Where something is filled in, both go the same way: today has no metadata for that stash to stand in."""
    newer = peers(STEPS["metadata removed"]).newer
    of_then = {"revision": "2", "values": [{"path": ["extra"], "value": 9}]}
    of_today = {"revision": "3", "values": [{"path": ["size"], "value": 4}]}
    payload = {"placed": [{"name": "p", "metadata": {KEY: of_then}}], "metadata": {KEY: of_today}}
    back = newer.upgrade(payload, "toy.Job", since="1", stash=True, fill={"must": 77})
    assert (back["must"], back["size"], back["placed"]) == (77, 4, [{"name": "p", "extra": 9}])


def test_hooks_run_once_each_and_where_they_stand(peers: Callable[..., Peers]) -> None:
    newer = peers(STEPS["rescaled"]).newer
    calls: list[str] = []

    def told(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def hook(payload: dict[str, Any]) -> dict[str, Any]:
            calls.append(f"{name}: {payload.get('size')}")
            return payload

        return hook

    hooks = {name: told(name) for name in ("1", "2")}
    for name, hook in hooks.items():
        newer.hook("toy.Job", since=name)(hook)
    entry = {"path": ["size"], "value": 4}
    payload = {"must": 1, "metadata": {KEY: {"revision": "2", "values": [entry]}}}
    assert newer.upgrade(payload, "toy.Job", since="1", stash=True)["size"] == 4
    assert calls == ["1: None", "2: 4"]
    calls.clear()
    assert newer.upgrade(payload, "toy.Job", since="2", stash=True)["size"] == 4
    assert calls == ["2: 4"]
    codec = codecs.get("dict", revision="1", history=newer, stash=True)
    cls = newer.cls("toy.Job")
    payload.pop("must")
    assert codec.decode(payload, cls).size == 4
    newer.unhook(hooks["2"])
    calls.clear()
    assert codec.decode(payload, cls).size == 4
    assert calls == ["1: None"]


def test_a_default_that_is_a_message_is_one_of_then(peers: Callable[..., Peers]) -> None:
    """What says the default in full is what leaving it out says."""
    newer = peers(STEPS["converted"]).newer
    usual = {"title": "usual", "extra": 0, "colour": "red"}
    stash = {"revision": "2", "values": [{"path": ["usual"], "value": {"title": "u", "extra": 3}, "instead": usual}]}
    back = newer.upgrade({"metadata": {KEY: stash}}, "toy.Job", since="1", stash=True)
    assert back["usual"] == {"title": "u", "much": "3"}


# Whatever a protocol went through


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_was_stashed_in_between_comes_forward_as_what_was_said_there(data: st.DataObject) -> None:
    own = data.draw(testing.histories(SAMPLE))
    assume(len(own.revisions) > 2)
    stashed = data.draw(st.sampled_from(own.revisions[1:-1]))
    since = data.draw(st.sampled_from(own.revisions[: own.revisions.index(stashed)]))
    cls = data.draw(st.sampled_from([Leaf, Thing]))
    note("\n".join(histories.told(own)))
    places, eras = own.eras.places, own.eras
    then: Any = eras.frame(places[stashed]).by_class(places[since]).get(cls)
    assume(then is not None)
    there = eras.frame(places[stashed]).aims[cls]
    name = next((field.name for field in then.fields if field.today == FIELD and is_free(field.type)), None)
    assume(name is not None and any(field.name == FIELD and is_free(field.type) for field in there.fields))
    value = to_plain(data.draw(testing.messages(cls)))
    try:
        said = own.downgrade({**value, FIELD: {"x": 1}}, cls, to=stashed, lossy=True)
        taken = own.downgrade({**value, FIELD: {"x": 1}}, cls, to=since, lossy=True)
        bare = own.upgrades(since, stashed).of(Nested(full_name(cls), cls))
        without = taken if bare is None else bare(taken, {})
    except ProtocolError:
        assume(False)
    entries = []
    for field in there.fields:
        sides = {"value": said.get(field.name, ABSENT), "instead": without.get(field.name, ABSENT)}
        if field.name != FIELD and sides["value"] != sides["instead"]:
            entries.append({"path": [field.name]} | {key: side for key, side in sides.items() if side is not ABSENT})
    taken = {**taken, name: {"x": 1, KEY: {"revision": stashed, "values": entries}}}
    assert outcome(lambda: own.upgrade(taken, cls, since=since, stash=True)) == outcome(
        lambda: own.upgrade(said, cls, since=stashed)
    )
