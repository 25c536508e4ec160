"""The tables of every revision, derived by undoing changes; and what a history that is wrong says."""

from __future__ import annotations

import pickle
import re
from typing import Annotated, Any
from uuid import UUID

import pytest
from annotated_types import Ge, Gt

import published
from sagellm_protocol import __version__, codecs, history
from sagellm_protocol.catalog import Catalog, UnknownMessageError
from sagellm_protocol.history import HISTORY, LATEST, History, HistoryError
from sagellm_protocol.history.changes import (
    Change,
    Revision,
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
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.model.units import Unit
from toys import Declare, declare  # noqa: F401 - the fixture

# The protocol's own


def test_every_release_resolves_to_its_revision() -> None:
    assert history.releases == {**published.releases(), "0.6.0": "0.6.0"}
    assert history.revisions == (*published.revisions(), "0.6.0")
    for release, spoken in history.releases.items():
        assert history.resolve(release) == spoken
    assert history.resolve(LATEST) == history.latest == history.revisions[-1] == "0.6.0"


@pytest.mark.parametrize("release", ["", "0.4.0.9", "v0.4.0.8", "LATEST", "9.9", "0.6.0.dev1"])
def test_no_other_name_does(release: str) -> None:
    with pytest.raises(UnsupportedRevisionError, match="the revisions are 0.1.0, ") as raised:  # noqa: RUF043
        history.resolve(release)
    assert repr(release) in str(raised.value)


def test_the_version_of_the_package_speaks_todays_revision() -> None:
    assert HISTORY.version == __version__
    assert history.resolve(__version__) == history.latest
    assert codecs.get("json", revision=__version__) is codecs.get("json", revision=history.latest)
    assert HISTORY.without_hooks().resolve(__version__) == history.latest


def test_a_version_that_is_listed_speaks_what_the_list_says(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Ping:\n    x: int = 0")
    listed = [revision("2.0", added("toy.Ping", "x")), revision("1.0", also=("1.1",))]
    found = {
        version: History(listed, catalog, version=version).resolve(version) for version in ("2.0", "1.1", "2.1.dev1")
    }
    assert found == {"2.0": "2.0", "1.1": "1.0", "2.1.dev1": "2.0"}
    with pytest.raises(UnsupportedRevisionError):
        History(listed, catalog).resolve(None)  # type: ignore[arg-type]


def test_changes_of_a_revision() -> None:
    found = history.changed_in("0.4.0.8")
    assert found.name == "0.4.0.7"
    assert found.releases == ("0.4.0.7", "0.4.0.8")
    assert found.changes == (
        introduced("sampling.DecodingStrategy", "sampling.SamplingParams", "sampling.SamplingPreset"),
    )
    assert history.changed_in("0.1.0").changes == ()


@pytest.mark.parametrize(
    ("message", "field", "since"),
    [
        ("types.Metrics", None, "0.1.0"),
        ("types.Metrics", "itl_list", "0.1.0.2"),
        ("types.StreamEventDelta", "content", "0.1.0"),
        ("types.StreamEventDelta", "engine_id", "0.1.0.1"),
        ("sampling.SamplingParams", None, "0.4.0.7"),
    ],
)
def test_since_when(message: str, field: str | None, since: str) -> None:
    assert HISTORY.since(message, field) == since


def test_since_never() -> None:
    for field in ("no_such", "chunk"):
        with pytest.raises(UnsupportedRevisionError, match=f"no field '{field}'"):
            HISTORY.since("types.StreamEventDelta", field)


def test_specs_know_the_names_of_today() -> None:
    origins = {field.name: field.today for field in HISTORY.spec("StreamEventDelta", "0.4.0.8").fields}
    assert origins["chunk"] == "content"
    assert origins["engine_id"] == "engine_id"


def test_a_message_before_it_came() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"sampling.SamplingParams came with 0\.4\.0\.7; 0\.1\.0 has no"):
        history.fields("SamplingParams", "0.1.0")
    with pytest.raises(UnknownMessageError):
        history.fields("NoSuchMessage", "0.1.0")


def test_tables_may_be_changed_by_whoever_asked() -> None:
    history.table("0.1.0")["enums"]["errors.ErrorCode"].clear()
    history.fields("Metrics", "0.1.0").clear()
    assert history.table("0.1.0")["enums"]["errors.ErrorCode"]
    assert history.fields("Metrics", "0.1.0")


# Every kind of change

TOY = """
class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Row(TypedDict):
    number: int
    texts: list[str]


@message
class Leaf:
    title: str
    size: int = 0
    colour: Colour = Colour.RED
    colours: Mapping[str, Sequence[Colour | None]] = {}


@message
class Circle:
    radius: float


@message
class Square:
    side: float


@message
class Oval:
    width: float


@message
class Box:
    leaf: Leaf
    shape: Circle | Square | Oval | None = None
    text_or_colours: str | Sequence[Colour] = ""
"""


@pytest.fixture
def toys(declare: Declare) -> Catalog:  # noqa: F811
    return declare(TOY)


def before(toys: Catalog, *changes: Change) -> History:
    return History([revision("2", *changes), revision("1")], toys)


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (added("toy.Leaf", "size", "colour", "colours"), {"title": {"type": "str", "required": True}}),
        (
            renamed("toy.Leaf", name="title", width="size"),
            {
                "name": {"type": "str", "required": True},
                "width": {"type": "int", "default": {"value": 0}},
                "colour": ...,
            },
        ),
        (given_default("toy.Leaf", "size"), {"title": ..., "size": {"type": "int", "required": True}}),
        (
            null_forbidden("toy.Leaf", "size"),
            {"title": ..., "size": {"type": "int | None", "default": {"value": None}}},
        ),
        (
            retyped("toy.Leaf", "size", was=Annotated[int, Gt(0)]),
            {"title": ..., "size": {"type": "int", "bounds": {"gt": 0}, "default": {"value": 0}}},
        ),
        (redefined("toy.Leaf", "size", was=7), {"title": ..., "size": {"type": "int", "default": {"value": 7}}}),
        (
            redefined("toy.Leaf", "colour", was="blue"),
            {
                "title": ...,
                "size": ...,
                "colour": {"type": "toy.Colour", "default": {"value": {"enum": "toy.Colour", "value": "blue"}}},
            },
        ),
        (
            removed("toy.Leaf", "weight", float | None, default=None),
            {"weight": {"type": "float | None", "default": {"value": None}}, "title": ...},
        ),
        (
            removed("toy.Leaf", "weight", Annotated[float, Gt(0)], after="title"),
            {"title": ..., "weight": {"type": "float", "bounds": {"gt": 0}, "required": True}, "size": ...},
        ),
        (rule_dropped("toy.Leaf", NotAllNull(("title", "size"))), {"title": ..., "size": ...}),
        (members_added("toy.Colour", "GREEN"), {"title": ..., "size": ...}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_each_kind_of_change_undoes_itself(toys: Catalog, change: Change, rows: dict[str, Any]) -> None:
    own = before(toys, change)
    today = own.fields("Leaf")
    found = own.fields("Leaf", "1")
    assert list(found)[: len(rows)] == list(rows)
    for name, row in rows.items():
        assert found[name] == (today[name] if row is ... else row)
    assert own.fields("Leaf", "2") == today


def test_members_are_those_of_then_everywhere(toys: Catalog) -> None:
    own = before(toys, members_added("toy.Colour", "BLUE", "GREEN"))
    assert own.table("1")["enums"]["toy.Colour"] == {"RED": "red"}
    assert own.table()["enums"]["toy.Colour"] == {"RED": "red", "BLUE": "blue", "GREEN": "green"}
    for payload in ({"colour": "blue"}, {"colours": {"k": [None, "green"]}}):
        assert own.detect({"title": "t", **payload}, "Leaf")[0].first == "2"
    assert own.detect({"leaf": {"title": "t"}, "text_or_colours": ["blue"]})[0].first == "2"
    assert own.detect({"title": "t", "colour": "red"}, "Leaf")[0].first == "1"


def test_messages_enumerations_and_typed_dicts_are_introduced(toys: Catalog) -> None:
    own = before(toys, introduced("toy.Box", "toy.Row"), introduced("toy.Leaf", "toy.Colour"))
    table = own.table("1")
    assert list(table["messages"]) == ["toy.Circle", "toy.Oval", "toy.Square"]
    assert table["enums"] == table["typed_dicts"] == {}
    assert own.table("2")["typed_dicts"] == {"toy.Row": {"fields": {"number": "int", "texts": "list[str]"}}}


def test_a_union_held_fewer_messages(toys: Catalog) -> None:
    two = before(toys, introduced("toy.Oval"))
    assert two.fields("Box", "1")["shape"]["type"] == "toy.Circle | toy.Square | None"
    one = before(toys, introduced("toy.Oval", "toy.Square"))
    assert one.fields("Box", "1")["shape"]["type"] == "toy.Circle | None"
    assert one.downgrade({"leaf": {"title": "t"}, "shape": {"radius": 1.0}}, "Box", to="1")["shape"] == {"radius": 1.0}
    (loss,) = one.losses({"leaf": {"title": "t"}, "shape": {"side": 1.0}}, "Box", to="1")
    assert (loss.path, loss.reason) == ("shape", "toy.Square came with 2")


def test_changes_of_one_revision_are_undone_in_order(toys: Catalog) -> None:
    """Each sees the tables that those before it in the list left."""
    own = before(toys, renamed("toy.Leaf", name="title"), retyped("toy.Leaf", "name", was=UUID))
    assert own.fields("Leaf", "1")["name"] == {"type": "UUID", "required": True}
    with pytest.raises(HistoryError, match="no field 'name'"):
        before(toys, retyped("toy.Leaf", "name", was=UUID), renamed("toy.Leaf", name="title")).table("1")


# A history that is wrong


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (introduced("toy.Nope"), r"toy\.Nope does not exist"),
        (added("toy.Leaf", "nope", "size"), r"toy\.Leaf has no field 'nope'"),
        (renamed("toy.Leaf", name="nope"), r"toy\.Leaf has no field 'nope'"),
        (given_default("toy.Leaf", "nope"), "'nope'"),
        (null_forbidden("toy.Leaf", "nope"), "'nope'"),
        (retyped("toy.Leaf", "nope", was=int), "'nope'"),
        (redefined("toy.Leaf", "nope", was=0), "'nope'"),
        (removed("toy.Leaf", "weight", int, after="nope"), "'nope'"),
        (introduced("toy.Leaf"), r"toy\.Box\.leaf holds toy\.Leaf before it came"),
        (introduced("toy.Circle", "toy.Square", "toy.Oval"), r"toy\.Box\.shape holds toy\.Circle before it came"),
    ],
)
def test_a_change_that_does_not_fit_is_named(toys: Catalog, change: Change, named: str) -> None:
    own = before(toys, change)
    with pytest.raises(HistoryError, match=f"{named}.*: the history is wrong"):
        own.table("1")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (added("toy.Nope", "size"), r"toy\.Nope"),
        (renamed("toy.Nope", name="title"), r"toy\.Nope"),
        (rule_dropped("toy.Nope", NotAllNull(("title",))), r"toy\.Nope"),
        (rule_dropped("toy.Leaf", NotAllNull(("title", "nope"))), r"toy\.Leaf has no field 'nope'"),
        (removed("toy.Nope", "weight", int), r"toy\.Nope"),
        (members_added("toy.Colour", "NOPE"), "NOPE"),
        (members_added("toy.Nope", "RED"), r"toy\.Nope"),
    ],
)
def test_a_change_of_what_is_not_there_is_named(toys: Catalog, change: Change, named: str) -> None:
    own = before(toys, change)
    with pytest.raises(HistoryError, match=f"{named}.*the history is wrong"):
        own.table("1")


SPEEDS = """
@message
class Run:
    name: str
    lasts: Milliseconds = 1.0
    ratio: Annotated[float, Ge(0), Le(1)] = 0.5
    maybe: int | None = None
    must: int
    colour: Literal["red", "blue"] = "red"
    text: str = ""
"""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([renamed("toy.Run", a="name", b="name")], "renamed to one name"),
        ([renamed("toy.Run", text="name")], r"two fields called 'text' before"),
        ([removed("toy.Run", "text", was=str, default="")], r"two fields called 'text' before"),
        ([removed("toy.Run", "old", was=str), removed("toy.Run", "old", was=int)], "two fields called 'old'"),
        ([renamed("toy.Run", **{"no-name": "name"})], "a field called 'no-name'"),
        ([renamed("toy.Run", _name="name")], "a field called '_name'"),
        ([given_default("toy.Run", "name")], "toy.Run.name has no default"),
        ([null_forbidden("toy.Run", "must")], "toy.Run.must can be null, or has no default"),
        ([null_forbidden("toy.Run", "maybe")], "toy.Run.maybe can be null, or has no default"),
        ([redefined("toy.Run", "must", was=1)], "toy.Run.must cannot be left out"),
        ([added("toy.Run", "text", "lasts", unsaid="?")], r"none of \['text', 'lasts'\] is one"),
        ([retyped("toy.Run", "lasts", was=Annotated[float, Ge(0), Unit("s")])], "measured in s and is now in ms"),
        ([retyped("toy.Run", "text", was=Annotated[float, Unit("s")])], "measured in s and is now in no unit"),
        ([retyped("toy.Run", "ratio", was=float)], "toy.Run.ratio does not take every value that it took"),
        ([retyped("toy.Run", "must", was=float)], "does not take every value"),
        ([retyped("toy.Run", "must", was=int | None)], "does not take every value"),
        ([retyped("toy.Run", "colour", was=str)], "does not take every value"),
        ([rule_dropped("toy.Run", NotAllNull(("maybe",))), added("toy.Run", "maybe")], r"rule of toy.Run .*'maybe'"),
    ],
)
def test_what_cannot_have_been_is_refused(changes: list[Change], reason: str, declare: Declare) -> None:  # noqa: F811
    own = History([revision("2", *changes), revision("1")], declare(SPEEDS))
    with pytest.raises(HistoryError, match=f"^revision 2: .*{reason}.*: the history is wrong$") as raised:
        own.upgrade({}, "Run", since="1")
    assert raised.value.revision == "2"
    assert pickle.loads(pickle.dumps(raised.value)).args == raised.value.args
    with pytest.raises(HistoryError):
        own.detect({})


def test_a_default_of_then_is_a_member_where_null_may_stand_too(declare: Declare) -> None:  # noqa: F811
    source = TOY.replace("colour: Colour = Colour.RED", "colour: Colour | None = None")
    own = before(declare(source), redefined("toy.Leaf", "colour", was="blue"))
    assert own.fields("Leaf", "1")["colour"]["default"] == {"value": {"enum": "toy.Colour", "value": "blue"}}
    own = before(declare(source), redefined("toy.Leaf", "colour", was=None))
    assert own.fields("Leaf", "1")["colour"]["default"] == {"value": None}


def test_a_default_that_no_member_has_is_refused(toys: Catalog) -> None:
    with pytest.raises(HistoryError, match=r"toy\.Leaf\.colour cannot have been 'pink'"):
        before(toys, redefined("toy.Leaf", "colour", was="pink")).table("1")


@pytest.mark.parametrize(
    ("revisions", "named", "reason"),
    [
        ([revision("1"), revision("2")], "2", "2 stands below 1: revisions are listed newest first"),
        ([revision("0.10"), revision("0.9"), revision("0.11")], "0.11", "0.11 stands below 0.9"),
        ([revision("1", also=("1.2", "1.1"))], "1", "1.2 stands below 1.1"),
        ([revision("2", also=("3",)), revision("1", also=("2.1",))], "1", "2.1 stands below 2"),
        ([revision("1"), revision("1")], "1", "the release 1 is named twice"),
        ([revision("1.0"), revision("1")], "1", "the release 1 is named twice"),
        ([revision("2", also=("2",)), revision("1")], "2", "the release 2 is named twice"),
        ([revision("v2"), revision("1")], "v2", "'v2' is no version"),
        ([revision("1", also=("latest",))], "1", "'latest' is no version"),
        ([revision("")], "", "'' is no version"),
    ],
)
def test_revisions_in_the_wrong_order_are_refused(
    revisions: list[Revision], named: str, reason: str, toys: Catalog
) -> None:
    with pytest.raises(HistoryError, match=re.escape(f"revision {named}: {reason}")):
        History(revisions, toys)


def test_versions_compare_by_number(toys: Catalog) -> None:
    names = ["1.10.0", "1.9.11", "1.9.2", "1", "0.99", "0"]
    assert History(map(revision, names), toys).revisions == tuple(reversed(names))


def test_a_history_has_a_revision(toys: Catalog) -> None:
    with pytest.raises(ValueError, match="at least one revision"):
        History([], toys)


def test_fields_may_change_places_and_names_be_used_again(toys: Catalog) -> None:
    own = History(
        [
            revision("4", renamed("toy.Leaf", size="title", title="size")),
            revision("3", renamed("toy.Leaf", weight="title")),
            revision("2", added("toy.Leaf", "size", unsaid="?"), removed("toy.Leaf", "size", was=float, default=0.0)),
            revision("1"),
        ],
        toys,
    )
    assert [list(own.fields("Leaf", name))[:2] for name in "4321"] == [
        ["title", "size"],
        ["size", "title"],
        ["size", "weight"],
        ["size", "weight"],
    ]
    assert own.fields("Leaf", "2")["size"] == {"type": "str", "required": True}
    assert own.fields("Leaf", "1")["size"] == {"type": "float", "default": {"value": 0.0}}
    assert own.upgrade({"size": "t", "title": 7}, "Leaf", since="3") == {"title": "t", "size": 7}
    assert own.upgrade({"size": "t", "title": 7, "site": 1}, "Leaf", since="3") == {"title": "t", "size": 7, "site": 1}
    assert own.upgrade({"size": "t", "weight": 7}, "Leaf", since="2") == {"title": "t", "size": 7}
    for size in ({}, {"size": 0.0}):
        assert own.upgrade({**size, "weight": 7}, "Leaf", since="1") == {"title": "?", "size": 7}
    with pytest.raises(ValidationError, match="size: must be moved elsewhere"):
        own.upgrade({"size": 1.5, "weight": 7}, "Leaf", since="1")
    with pytest.raises(ValidationError, match="title: must be absent where its old name 'size'"):
        own.upgrade({"weight": 7, "size": "t", "title": 8, "site": 1}, "Leaf", since="2")
    assert own.downgrade({"title": "t", "size": 7}, "Leaf", to="3") == {"size": "t", "title": 7}
    assert own.downgrade({"title": "?", "size": 7}, "Leaf", to="1") == {"weight": 7}
    (loss,) = own.losses({"title": "t", "size": 7}, "Leaf", to="1")
    assert (loss.path, loss.reason) == ("title", "came with 2")


def test_null_of_a_field_that_went_is_what_took_its_place(toys: Catalog) -> None:
    own = History(
        [
            revision("3", removed("toy.Leaf", "old", was=int, default=5)),
            revision("2", null_forbidden("toy.Leaf", "old")),
            revision("1"),
        ],
        toys,
    )
    for old in ({}, {"old": None}, {"old": 5}):
        assert own.upgrade({"title": "t", **old}, "Leaf", since="1") == {"title": "t"}
    for wrong, since in ((6, "1"), (None, "2"), (False, "1")):
        with pytest.raises(ValidationError, match="old: must be moved elsewhere"):
            own.upgrade({"title": "t", "old": wrong}, "Leaf", since=since)
    required = History([revision("2", removed("toy.Leaf", "old", was=int)), revision("1")], toys)
    for value in (None, 0):
        with pytest.raises(ValidationError, match="moved elsewhere"):
            required.upgrade({"title": "t", "old": value}, "Leaf", since="1")


def test_a_name_of_what_is_gone_is_not_free(toys: Catalog) -> None:
    own = History([revision("2", removed("toy.Leaf", "weight", was=int, default=0)), revision("1")], toys)
    (loss,) = own.losses({"title": "t", "weight": 9}, "Leaf", to="1")
    assert str(loss) == "weight = 9: its name is that of another field in 1, which is gone since"


def test_a_rule_follows_fields_that_change_places(toys: Catalog) -> None:
    swap = renamed("toy.Leaf", size="title", title="size")
    for rule in (("title", "colour"), ("size", "colour")):
        own = History(
            [revision("3", rule_dropped("toy.Leaf", NotAllNull(rule))), revision("2", swap), revision("1")], toys
        )
        other = {"title": "size", "size": "title"}[rule[0]]
        assert own.spec("Leaf", "2").rules == (NotAllNull(rule),)
        assert own.spec("Leaf", "1").rules == (NotAllNull((other, "colour")),)


def test_a_union_is_told_by_the_tag_of_then(declare: Declare) -> None:  # noqa: F811
    """A tag that its messages did not have yet, or called otherwise, tells nothing."""
    catalog = declare(
        """
        @message
        class Circle:
            shape: Literal["circle"] = "circle"
            radius: float


        @message
        class Square:
            shape: Literal["square"] = "square"
            side: float


        @message
        class Box:
            holds: Circle | Square
        """
    )
    own = History(
        [
            revision("3", renamed("toy.Circle", kind="shape"), renamed("toy.Square", kind="shape")),
            revision("2", added("toy.Circle", "kind")),
            revision("1"),
        ],
        catalog,
    )
    tags = [own.spec("Box", name).fields[0].type.tag for name in "321"]  # type: ignore[union-attr]
    assert tags == ["shape", "kind", None]
    for since, held in (("2", {"kind": "circle", "radius": 1.0}), ("1", {"radius": 1.0})):
        upgraded = own.upgrade({"holds": held}, "Box", since=since)
        assert upgraded["holds"].get("shape", "circle") == "circle"
        assert upgraded["holds"]["radius"] == 1.0
        assert own.detect({"holds": held}, "Box")[0].first <= since
        assert own.downgrade(upgraded, "Box", to=since) == {"holds": held}


def test_a_field_that_came_and_went_is_of_the_revision_between_alone(toys: Catalog) -> None:
    history = History(
        [
            revision("3", removed("toy.Leaf", "weight", int, default=0, after="title")),
            revision("2", added("toy.Leaf", "weight")),
            revision("1"),
        ],
        toys,
    )
    assert ["weight" in history.fields("toy.Leaf", name) for name in ("1", "2", "3")] == [False, True, False]
    # Between the two it held a value that today's message has no place for.
    assert history.upgrade({"title": "t", "weight": 0}, "toy.Leaf", since="2") == {"title": "t"}
    with pytest.raises(ValidationError, match="weight"):
        history.upgrade({"title": "t", "weight": 7}, "toy.Leaf", since="2")
