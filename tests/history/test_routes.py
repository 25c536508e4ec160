"""Routes: whatever passes their questions is read and brought forward as the sample was."""

from __future__ import annotations

import copy
import json
from typing import Annotated, Any

import orjson
import pytest
from annotated_types import Ge
from hypothesis import HealthCheck, given, note, settings, strategies as st

import histories
from payloads import STRANGE, nested, places
from published import corpus, revisions
from sagellm_protocol import testing
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import (
    added,
    given_default,
    null_forbidden,
    removed,
    renamed,
    retyped,
    revision,
    rule_dropped,
)
from sagellm_protocol.history.routes import Route, Unsure
from sagellm_protocol.model import from_plain
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.nesting import holds_large_floats
from sagellm_protocol.model.spec import NotAllNull
from toys import Declare, declare  # noqa: F401 - the fixture

FILL = {"name": "filled", "title": "filled", "serial": 77, "size": 77, "a": 77, "note": "filled", "colour": "green"}


class Way:
    """What the history says of a payload at leisure, and the route for others like it."""

    def __init__(self, history: History, message: str | None, since: str | None, fill: dict[str, Any]) -> None:
        self.history, self.message, self.since, self.fill = history, message, since, fill
        self.finder = history.routes(None if since is None else [since], fill)

    def slow(self, payload: dict[str, Any]) -> Any:
        """Message, revision and payload of today; None where the payload is none, or has fields that are unknown."""
        try:
            if self.message is not None and self.since is not None:
                name, since = self.message, self.since
            else:
                found = self.history.identify(
                    payload, self.message, among=None if self.since is None else [self.since], fill=self.fill
                )
                name, since = found.message, found.since
            today = self.history.upgrade(payload, name, since=since, fill=self.fill)
            from_plain(self.history.catalog.get(name), today, unknown="forbid")
        except ProtocolError:
            return None
        return name, since, today

    def route(self, payload: dict[str, Any]) -> Route | None:
        """The route of a payload, if it becomes something and there is one."""
        known = self.slow(payload)
        if known is None:
            return None
        name, since, _ = known

        def check(today: Any) -> None:
            from_plain(self.history.catalog.get(name), today, unknown="forbid")

        try:
            if self.message is not None and self.since is not None:
                return self.finder.known(payload, name, since, check)
            return self.finder.found(payload, self.message, since, check)
        except Unsure:
            return None

    def obeyed(self, route: Route, sample: dict[str, Any], payload: dict[str, Any]) -> bool:
        """Whether a payload passes; then all that was said of the sample is to be true of it."""
        assert tuple(payload) == tuple(sample)
        taken = route.taken[0]
        today = route.today(payload)
        assert route.taken[0] == taken + (today is not None)
        if today is None:
            return False
        expected, of_sample = self.slow(payload), self.slow(sample)
        assert expected is not None, "what the history refuses passes"
        assert expected[:2] == of_sample[:2]
        # In the order of the fields as well, and 1 is not 1.0.
        assert json.dumps(today) == json.dumps(expected[2])
        assert (today is payload) == (json.dumps(payload) == json.dumps(expected[2]))
        return True


def parsed(payload: Any) -> Any:
    """As a parser gives it."""
    return orjson.loads(orjson.dumps(payload))


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.data())
def test_whatever_passes_is_what_the_sample_is(data: st.DataObject) -> None:
    own, message, release = data.draw(histories.drawn())
    note("\n".join(histories.told(own)))
    way = Way(
        own,
        data.draw(st.sampled_from((None, message))),
        data.draw(st.sampled_from((None, release))),
        data.draw(st.sampled_from(({}, FILL))),
    )
    sample = parsed(data.draw(testing.payloads(message, release, own)))
    route = way.route(sample)
    if route is None or not sample:
        return
    # Floats that may have been integers past 64 bits pass nowhere.
    assert way.obeyed(route, sample, sample) or holds_large_floats(sample)
    drawn = testing.payloads(message, release, own)
    for _ in range(6):
        other = parsed(data.draw(drawn))
        mixed = copy.deepcopy({name: other.get(name, value) for name, value in sample.items()})
        way.obeyed(route, sample, mixed)
        found = list(places(mixed))
        box, key = data.draw(st.sampled_from(found))
        box[key] = copy.deepcopy(data.draw(st.sampled_from(JSON)))
        way.obeyed(route, sample, mixed)


def _is_json(value: Any) -> bool:
    """Whether JSON can say it, and a parser gives it as it is."""
    try:
        return bool(parsed(value) == value)
    except (TypeError, ValueError):
        return False


JSON = tuple(value for value in STRANGE if _is_json(value))


def test_all_that_the_releases_wrote_has_routes() -> None:
    way = Way(HISTORY, None, None, {})
    for name in revisions():
        for recorded in corpus(name)[::12]:
            route = way.route(recorded.payload)
            if recorded.payload and way.slow(recorded.payload) is not None:
                assert route is not None, recorded
                assert way.obeyed(route, recorded.payload, parsed(recorded.payload)), recorded


# Where something can be shown, and where not

SMALL = """
@message
class Part:
    id: int
    name: str
    colour: str = ""
    kind: UUID | None = None

@message
class Whole:
    parts: Sequence[Part]
    part: Part | None = None

@message
class Same:
    one: int
    other: str

@message
class Likewise:
    one: int
    other: UUID

@message
class Tree:
    leaves: Sequence[int]
    branch: "Tree | None" = None

@message
class Told:
    size: int
    double: int = derived(lambda told: told.size * 2, default=0)

    def __attrs_post_init__(self) -> None:
        if self.size % 2:
            raise ValueError("odd")
"""


@pytest.fixture
def small(declare: Declare) -> History:  # noqa: F811
    return History(
        [
            revision(
                "2",
                removed("toy.Part", "was", int | None, default=None, after="id"),
                added("toy.Part", "name", unsaid="?"),
                renamed("toy.Part", color="colour"),
            ),
            revision("1"),
        ],
        declare(SMALL),
    )


@pytest.mark.parametrize(
    ("message", "payload", "today"),
    [
        ("Part", {"id": 1}, {"id": 1, "name": "?"}),
        ("Part", {"id": 1, "was": None, "color": "red"}, {"id": 1, "colour": "red", "name": "?"}),
        ("Whole", {"parts": [], "part": {"id": 1}}, None),
        ("Whole", {"parts": [{"id": 1}]}, None),
        ("Part", {"id": 1, "was": 0}, None),
        ("Part", {"id": 1, "site": 0}, None),
        ("Part", {"id": 1, "color": "red", "colour": "red"}, None),
        ("Same", {"one": 1, "other": "x"}, {"one": 1, "other": "x"}),
        ("Told", {"size": 2}, {"size": 2}),
        ("Tree", {"leaves": [1], "branch": {"leaves": []}}, {"leaves": [1], "branch": {"leaves": []}}),
    ],
)
def test_a_route_where_the_message_is_known(
    small: History, message: str, payload: dict[str, Any], today: dict[str, Any] | None
) -> None:
    finder = small.routes(["1"])
    if today is None:
        with pytest.raises(Unsure):
            finder.known(payload, f"toy.{message}", "1", lambda _: None)
    else:
        route = finder.known(payload, f"toy.{message}", "1", lambda _: None)
        assert json.dumps(route.today(payload)) == json.dumps(today)


def test_what_is_no_object_in_an_object_passes_not(small: History) -> None:
    payload = {"leaves": [1], "branch": {"leaves": [1]}}
    today = small.routes(["1"]).known(payload, "toy.Tree", "1", lambda _: None).today
    for branch in (None, [1], {"leaf": [1]}, {}, {"leaves": [True]}, {"leaves": [1, 2.0]}, {"leaves": [1], "x": 1}):
        assert today(payload | {"branch": branch}) is None
    assert today(payload | {"branch": {"leaves": [1, 2]}}) is not None


def test_what_only_todays_reader_can_tell_it_is_asked(small: History) -> None:
    way = Way(small, "toy.Told", "2", {})
    route = way.route({"size": 2})
    assert route is not None
    assert way.obeyed(route, {"size": 2}, {"size": 4})
    assert not way.obeyed(route, {"size": 2}, {"size": 3})


def test_messages_that_only_values_tell_apart(small: History) -> None:
    """Any UUID is a text as well: both messages fit, and no route says which."""
    way = Way(small, None, None, {})
    sample = {"one": 1, "other": "x"}
    route = way.route(sample)
    assert route is not None
    assert way.obeyed(route, sample, {"one": 2, "other": "y" * 32})
    assert not way.obeyed(route, sample, {"one": 2, "other": "12345678-1234-5678-1234-567812345678"})
    assert way.route({"one": 1, "other": "12345678-1234-5678-1234-567812345678"}) is None


def test_a_message_that_can_hold_itself_has_no_route(small: History) -> None:
    assert Way(small, None, None, {}).route({"leaves": [1]}) is None


def test_a_hook_looks_at_each_payload(small: History) -> None:
    @small.hook("Part", since="1")
    def repair(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    for message, since in ((None, None), ("toy.Part", "1")):
        assert Way(small, message, since, {}).route({"id": 1}) is None
    assert Way(small, None, "2", {}).route({"id": 1, "name": "n"}) is not None


def test_revisions_that_say_something_else_have_no_route(declare: Declare) -> None:  # noqa: F811
    catalog = declare(SMALL)
    narrow = retyped("toy.Same", "one", was=Annotated[int, Ge(0)])
    own = History([revision("2", narrow), revision("1")], catalog)
    way = Way(own, "toy.Same", None, {})
    both, newer = {"one": 1, "other": "x"}, {"one": -1, "other": "x"}
    for sample, other in ((both, newer), (newer, both)):
        route = way.route(sample)
        assert route is not None
        assert way.obeyed(route, sample, sample)
        assert not way.obeyed(route, sample, other)


def test_revisions_that_only_defaults_make_equal_have_no_route(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Part:\n    id: int\n    name: str = ''")
    came = revision("2", added("toy.Part", "name", unsaid=""))
    own = History([revision("3", given_default("toy.Part", "name")), came, revision("1")], catalog)
    assert own.identify({"id": 1}).since == "3"
    assert Way(own, None, None, {}).route({"id": 1}) is None
    assert Way(own, None, "1", {}).route({"id": 1}) is not None


def test_fields_that_only_some_revisions_know_in_a_list_have_no_route(declare: Declare) -> None:  # noqa: F811
    catalog = declare(SMALL)
    own = History([revision("2", added("toy.Part", "colour")), revision("1")], catalog)
    way = Way(own, None, None, {})
    plain, coloured = {"parts": [{"id": 1, "name": "n"}]}, {"parts": [{"id": 1, "name": "n", "colour": "red"}]}
    assert way.slow(coloured) is not None
    assert way.route(coloured) is None
    route = way.route(plain)
    assert route is not None
    assert way.obeyed(route, plain, {"parts": []})
    assert not way.obeyed(route, plain, coloured)


def test_a_rule_that_a_later_revision_dropped(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        "@message\nclass Time:\n    id: int = 0\n    first: int | None = None\n    later: int | None = None"
    )
    dropped = rule_dropped("toy.Time", NotAllNull(("first", "later")))
    narrow = retyped("toy.Time", "id", was=Annotated[int, Ge(0)])
    way = Way(History([revision("2", dropped, narrow), revision("1")], catalog), None, None, {})
    samples: list[dict[str, Any]] = [
        {"id": -1, "first": 1, "later": None},
        {"id": 1, "first": None, "later": 1},
        {"id": 1, "first": None, "later": None},
        {"id": 1, "first": 1, "later": None},
    ]
    for sample in samples:
        route = way.route(sample)
        assert route is not None
        assert way.obeyed(route, sample, sample)
        for other in samples:
            way.obeyed(route, sample, other)


def test_a_list_that_an_upgrade_puts_there(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        "@message\nclass Part:\n    id: int\n    free: Any\n    table: Mapping[str, Any]\n    tags: Sequence[str]"
    )
    own = History([revision("2", added("toy.Part", "tags", unsaid=["a"])), revision("1")], catalog)
    way = Way(own, "toy.Part", "1", {})
    sample = {"id": 1, "free": {"k": [1.5, None]}, "table": {"k": 1}}
    route = way.route(sample)
    assert route is not None
    assert way.obeyed(route, sample, sample | {"free": "x", "table": {}})
    assert way.obeyed(route, sample, sample | {"free": None, "table": {"k": {"k": [1.5]}}})
    assert not way.obeyed(route, sample, sample | {"free": 1e300})
    assert not way.obeyed(route, sample, sample | {"table": {"k": 1e300}})
    assert not way.obeyed(route, sample, sample | {"free": nested(120)})


def test_null_that_stood_for_something_else(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Part:\n    id: int\n    size: int = 7")
    way = Way(History([revision("2", null_forbidden("toy.Part", "size")), revision("1")], catalog), "toy.Part", "1", {})
    null, given = {"id": 1, "size": None}, {"id": 1, "size": 3}
    for sample, other in ((null, given), (given, null)):
        route = way.route(sample)
        assert route is not None
        assert way.obeyed(route, sample, sample)
        assert not way.obeyed(route, sample, other)
    assert way.slow(null)[2] == {"id": 1, "size": 7}
