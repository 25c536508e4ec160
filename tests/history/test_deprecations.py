"""What revisions say of themselves: their day, a note, and what they deprecate, which is followed through renamings."""

from __future__ import annotations

import datetime
import gc
from typing import Any

import pytest

from sagellm_protocol import codecs, history, schema
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import Deprecation, History, HistoryError
from sagellm_protocol.history.changes import (
    Revision,
    added,
    introduced,
    members_added,
    members_renamed,
    moved,
    removed,
    renamed,
    revision,
)
from toys import Declare, declare  # noqa: F401 - the fixture

SOURCE = """
    class Colour(Enum):
        RED = "red"
        \"\"\"Like blood.\"\"\"
        BLUE = "blue"
        AZURE = "blue"
        GREEN = "green"

    @message
    class Leaf:
        size: int = 0

    @message
    class Tree:
        \"\"\"It grows.\"\"\"

        height: int = 0
        \"\"\"From the ground.\"\"\"
        leaves: Sequence[Leaf] = ()
        colour: Colour = Colour.GREEN
        free: Any = None
        name: str = ""
"""


def listed() -> list[Revision]:
    return [
        revision("4.0", removed("toy.Tree", "girth", int, default=0, after="height"), date=datetime.date(2025, 3, 1)),
        revision("3.0", renamed("toy.Tree", tall="height", width="girth"), added("toy.Tree", "name")),
        revision(
            "2.0",
            members_added("toy.Colour", "GREEN"),
            renamed("toy.Tree", high="tall"),
            date="2025-02-28",
            note="""
                Colours of
                all kinds.
            """,
            deprecates={"toy.Colour.RED": "use GREEN", "toy.Leaf": "it fell", "toy.Tree.free": "nobody knows what"},
        ),
        revision("1.0", date="2025-02-28", deprecates={"toy.Tree.high": "use name.", "toy.Tree.width": "say nothing!"}),
    ]


@pytest.fixture
def trees(declare: Declare) -> History:  # noqa: F811
    return History(listed(), declare(SOURCE))


def texts(found: Any) -> dict[str, str]:
    return {path: str(it) for path, it in sorted(found.items())}


def test_what_a_revision_says_of_itself(trees: History) -> None:
    said = trees.changed_in("2.0")
    assert said.date == datetime.date(2025, 2, 28)
    assert said.note == "Colours of all kinds."
    assert said.deprecates == {
        "toy.Colour.RED": "use GREEN",
        "toy.Leaf": "it fell",
        "toy.Tree.free": "nobody knows what",
    }
    silent = trees.changed_in("3.0")
    assert (silent.date, silent.note, silent.deprecates) == (None, "", {})
    hash(said)
    with pytest.raises(TypeError):
        said.deprecates["toy.Tree"] = "x"  # type: ignore[index]


def test_deprecated_from_its_revision_on_under_the_names_of_each(trees: History) -> None:
    since_1 = {
        "toy.Tree.tall": "Deprecated since 1.0: use name.",
        "toy.Tree.girth": "Deprecated since 1.0: say nothing!",
    }
    since_2 = {
        "toy.Colour.RED": "Deprecated since 2.0: use GREEN.",
        "toy.Leaf": "Deprecated since 2.0: it fell.",
        "toy.Tree.free": "Deprecated since 2.0: nobody knows what.",
    }
    tall, girth = since_1.values()
    assert texts(trees.deprecated("1.0")) == {"toy.Tree.high": tall, "toy.Tree.width": girth}
    assert texts(trees.deprecated("2.0")) == {**since_2, "toy.Tree.tall": tall, "toy.Tree.width": girth}
    assert texts(trees.deprecated("3.0")) == {**since_2, "toy.Tree.girth": girth, "toy.Tree.height": tall}
    assert texts(trees.deprecated()) == {**since_2, "toy.Tree.height": tall}
    assert trees.deprecated() is trees.deprecated("4.0")


def test_what_later_revisions_deprecate(trees: History) -> None:
    ahead = trees.deprecated("1.0", ahead=True)
    assert ahead["toy.Tree.high"] == Deprecation("toy.Tree.height", "1.0", "use name.")
    assert ahead["toy.Tree.width"].path == "toy.Tree.girth", "the last name of what is gone"
    assert ahead["toy.Colour.RED"] == trees.deprecated()["toy.Colour.RED"]
    assert len(ahead) == 5
    assert trees.deprecated("4.0", ahead=True) == trees.deprecated("4.0")


def test_names_that_change_places(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Pair:\n    a: int = 0\n    b: int = 0")
    swapped = History(
        [
            revision("3", renamed("toy.Pair", a="b", b="a")),
            revision("2", removed("toy.Pair", "c", int, default=0), removed("toy.Pair", "d", int, default=0)),
            revision("1", renamed("toy.Pair", c="d", d="c"), deprecates={"toy.Pair.a": "1", "toy.Pair.c": "2"}),
            revision("0", deprecates={"toy.Pair.c": "3"}),
        ],
        catalog,
    )
    assert texts(swapped.deprecated("3")) == {"toy.Pair.b": "Deprecated since 1: 1."}
    assert {path: it.text for path, it in swapped.deprecated("1").items()} == {
        "toy.Pair.a": "1",
        "toy.Pair.c": "2",
        "toy.Pair.d": "3",
    }


def test_a_name_that_came_again_is_another_field(declare: Declare) -> None:  # noqa: F811
    catalog = declare("@message\nclass Box:\n    a: int = 0")
    found = History(
        [
            revision("4", added("toy.Box", "a")),
            revision("3", removed("toy.Box", "a", int, default=0)),
            revision("2", added("toy.Box", "a")),
            revision("1", removed("toy.Box", "a", int, default=0)),
            revision("0", deprecates={"toy.Box.a": "too small"}),
        ],
        catalog,
    )
    assert [sorted(found.deprecated(name, ahead=True)) for name in found.revisions] == [["toy.Box.a"], [], [], [], []]


def test_what_moved_stays_deprecated(declare: Declare) -> None:  # noqa: F811
    catalog = declare("""
        class Hue(Enum):
            CRIMSON = "red"
            BLUE = "blue"

        class Colour(Enum):
            RED = "red"

        @message
        class Plant:
            height: int = 0
            hue: Hue = Hue.BLUE
    """)
    marks = {"toy.Colour.RED": "bloody", "old.Tree": "felled", "old.Tree.size": "small", "toy.Colour.BLUE": "cold"}
    found = History(
        [
            revision("5", introduced("toy.Colour")),
            revision("4", members_renamed("toy.Hue", RED="CRIMSON"), moved("toy.Colour", "toy.Hue")),
            revision("3", renamed("toy.Plant", size="height"), moved("old.Tree", "toy.Plant")),
            revision("2", deprecates=marks),
            revision("1", members_added("toy.Colour", "BLUE")),
            revision("0"),
        ],
        catalog,
    )
    names = {release: {it.text: path for path, it in found.deprecated(release).items()} for release in found.revisions}
    now = {"felled": "toy.Plant", "small": "toy.Plant.height", "bloody": "toy.Hue.CRIMSON", "cold": "toy.Hue.BLUE"}
    then = {text: path for path, text in marks.items()}
    assert names["5"] == names["4"] == now
    assert names["3"] == {**now, "bloody": "toy.Colour.RED", "cold": "toy.Colour.BLUE"}
    assert names["2"] == then
    assert names["1"] == names["0"] == {}
    del then["cold"]
    assert {it.text: path for path, it in found.deprecated("0", ahead=True).items()} == then
    assert {it.path for it in found.deprecated("0", ahead=True).values()} == set(now.values()) - {"toy.Hue.BLUE"}
    hue = schema.json_schema("Plant", history=found)["$defs"]["toy.Hue"]
    assert hue["x-enum-deprecated"] == ["red", "blue"]
    told: list[Any] = []
    for release in found.revisions:
        codec = codecs.get("json", history=found, revision=release, on_deprecated=told.append)
        size = "height" if release in "543" else "size"
        payload = {size: 1, "hue": "red"}
        codec.decode(codec.format.dumps(payload), catalog.get("Plant"))
        name = "toy.Plant" if release in "543" else "old.Tree"
        codec.decode_envelope(codec.format.dumps({"protocol": release, "message": name, "payload": payload}))
    assert told == [{"toy.Plant": 1, "toy.Plant.height": 1, "toy.Hue.CRIMSON": 1}] * 12


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"date": "2025-2-1"}, "date must be a datetime.date or a day like '2025-11-30', got '2025-2-1'"),
        ({"date": "2025-02-30"}, "date must be a datetime.date"),
        ({"date": "20250201"}, "date must be a datetime.date"),
        ({"date": datetime.datetime(2025, 2, 1)}, "date must be a datetime.date"),
        ({"date": 20250201}, "date must be a datetime.date"),
        ({"note": "One.\n  \nTwo."}, "note must be a text of one paragraph"),
        ({"note": None}, "note must be a text of one paragraph, got None"),
        ({"deprecates": ["types.Request.prompt"]}, "deprecates must be a mapping of paths to what to use instead"),
        ({"deprecates": {1: "a"}}, "deprecates must be a mapping of paths"),
        ({"deprecates": {"a.B": 1}}, "the text for a.B must be a text of one paragraph, got 1"),
    ],
)
def test_what_no_revision_can_say(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(HistoryError) as raised:
        revision("1.0", **said)
    assert raised.value.revision == "1.0"
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("deprecates", "reason"),
    [
        ({"toy.Tree.hight": "x"}, "it deprecates 'toy.Tree.hight', which is no message, field of one or member"),
        ({"toy.Tree.hight": "x"}, "at this revision (did you mean toy.Tree.height?)"),
        ({"toy.Tree.tall": "x"}, "it deprecates 'toy.Tree.tall'"),
        ({"toy.Colour": "x"}, "it deprecates 'toy.Colour'"),
        ({"toy.Colour.AZURE": "x"}, "it deprecates 'toy.Colour.AZURE'"),
        ({"Tree": "x"}, "it deprecates 'Tree'"),
        ({"": "x"}, "it deprecates ''"),
        ({"toy.Leaf": "x"}, "toy.Leaf is deprecated by 2.0 already"),
        ({"toy.Tree.height": "x"}, "toy.Tree.height is deprecated by 1.0 already"),
        ({"toy.Tree.name": " "}, "it does not say why toy.Tree.name is deprecated, or what to use instead"),
    ],
)
def test_nonsense_is_named(deprecates: dict[str, str], reason: str, declare: Declare) -> None:  # noqa: F811
    wrong = History([revision("5.0", deprecates=deprecates), *listed()], declare(SOURCE))
    with pytest.raises(HistoryError) as raised:
        wrong.upgrade({}, "Tree", since="1.0")
    assert raised.value.revision == "5.0"
    assert reason in str(raised.value)
    assert wrong.catalog.get("Tree").__doc__.startswith("It grows.\n\nFields:"), "help says what there is"  # type: ignore[union-attr]


def test_days_go_with_the_order(declare: Declare) -> None:  # noqa: F811
    catalog = Catalog([])
    with pytest.raises(HistoryError) as raised:
        History([revision("3", date="2025-01-01"), revision("2"), revision("1", date="2025-01-02")], catalog)
    assert raised.value.revision == "1"
    assert "its date is 2025-01-02, after that of 3, which is 2025-01-01" in str(raised.value)
    History([revision("2", date="2025-01-01"), revision("1", date="2025-01-01")], catalog)


def test_the_protocol_itself_deprecates_nothing_and_tells_what_each_revision_is_about() -> None:
    assert [dict(history.deprecated(name, ahead=True)) for name in history.revisions] == [{}] * len(history.revisions)
    assert all(history.changed_in(name).note for name in history.revisions[1:])


# Where it is shown


def test_in_json_schema(trees: History) -> None:
    def marked(release: str) -> dict[str, str]:
        return {
            f"{name}.{field}": found["description"]
            for name, message in schema.bundle(release, trees)["$defs"].items()
            for field, found in message.get("properties", {}).items()
            if found is not True and found.get("deprecated")
        }

    assert marked("1.0") == {
        "toy.Tree.high": "From the ground. Today called `height`. Deprecated since 1.0: use name.",
        "toy.Tree.width": "Today's message has no such field. Deprecated since 1.0: say nothing!",
    }
    assert marked("4.0") == {
        "toy.Tree.height": "From the ground. Deprecated since 1.0: use name.",
        "toy.Tree.free": "Deprecated since 2.0: nobody knows what.",
    }
    definitions = {name: schema.bundle(name, trees)["$defs"] for name in ("1.0", "2.0")}
    assert [definitions[name]["toy.Leaf"].get("deprecated") for name in definitions] == [None, True]
    assert definitions["2.0"]["toy.Leaf"]["description"] == "Deprecated since 2.0: it fell."
    assert definitions["1.0"]["toy.Tree"]["description"] == definitions["2.0"]["toy.Tree"]["description"]
    colours = schema.json_schema("Tree", "2.0", trees)["$defs"]["toy.Colour"]
    assert colours["x-enum-deprecated"] == ["red"]
    assert colours["x-enum-descriptions"] == ["Like blood. Deprecated since 2.0: use GREEN.", "", ""]
    assert "x-enum-deprecated" not in definitions["1.0"]["toy.Colour"]
    assert schema.json_schema("Leaf", "2.0", trees)["deprecated"] is True


def test_in_typescript(trees: History) -> None:
    written = schema.typescript(revision="2.0", history=trees)
    assert "/** @deprecated since 2.0: it fell. */\nexport interface Leaf {" in written
    assert "   * @defaultValue 0\n   * @deprecated since 1.0: use name.\n   */\n  readonly tall?: number;" in written
    assert '/** - `"red"`: Like blood. Deprecated since 2.0: use GREEN. */\nexport type Colour' in written
    before = schema.typescript(revision="1.0", history=trees)
    assert before.count("@deprecated") == 2
    assert "Deprecated" not in before


def test_in_help_and_notebooks(trees: History) -> None:
    tree, leaf = trees.catalog.get("Tree"), trees.catalog.get("Leaf")
    assert tree.__doc__ is not None
    assert "    height: int = 0\n        From the ground. Deprecated since 1.0: use name.\n" in tree.__doc__
    assert "free: Any = None\n        Deprecated since 2.0: nobody knows what.\n" in tree.__doc__
    assert (leaf.__doc__ or "").startswith("Deprecated since 2.0: it fell.\n\nFields:")
    shown: str = tree()._repr_html_()  # type: ignore[attr-defined]
    assert '<tr title="From the ground. Deprecated since 1.0: use name.">' in shown


def test_for_pydantic(trees: History) -> None:
    from pydantic import TypeAdapter

    found = TypeAdapter(trees.catalog.get("Tree")).json_schema()
    assert found["properties"]["height"]["deprecated"] is True
    assert found["$defs"]["Leaf"]["deprecated"] is True
    assert found["$defs"]["Colour"]["x-enum-deprecated"] == ["red"]


def test_nothing_is_told_of_classes_of_a_history_that_is_gone(declare: Declare) -> None:  # noqa: F811
    catalog = declare(SOURCE)
    known = History(listed(), catalog)
    assert "Deprecated" in (catalog.get("Tree").__doc__ or "")
    del known
    gc.collect()
    assert "Deprecated" not in (catalog.get("Tree").__doc__ or "")
