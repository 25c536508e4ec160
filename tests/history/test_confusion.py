"""Messages of a union stay what they are on their way, or the list of revisions is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import HistoryError, introduced, renamed, retyped, revision, underived
from toys import Declare, declare  # noqa: F401 - the fixture

UNTAGGED = """
@message
class Point:
    x: int
    y: int = 0


@message
class Line:
    start: int
    end: int = 1


@message
class Plan:
    place: Point | Line | None = None


@message
class Other:
    line: Line | None = None
"""

TAGGED = """
@message
class Point:
    kind: Literal["point"] = "point"
    x: int
    y: int = 0


@message
class Line:
    kind: Literal["line"] = "line"
    start: int
    end: int = 1


@message
class Plan:
    places: Sequence[Point | Line] = ()
"""

OLD = renamed("toy.Line", old="b")
TO_START = renamed("toy.Line", b="start")
POINT = renamed("toy.Point", b="x")


def computed(_: Any) -> int:
    return 77


END = underived("toy.Line", "end", was=computed)


def history(catalog: Catalog, *revisions: Sequence[Any]) -> History:
    names = range(len(revisions) + 1, 1, -1)
    steps = [revision(str(name), *changes) for name, changes in zip(names, revisions, strict=True)]
    return History([*steps, revision("1")], catalog)


@pytest.mark.parametrize("source", [UNTAGGED, TAGGED], ids=["untagged", "tagged"])
def test_a_conversion_where_they_cannot_be_told_apart_is_refused(declare: Declare, source: str) -> None:  # noqa: F811
    found = history(declare(source), (POINT, TO_START, END, OLD))
    with pytest.raises(HistoryError) as raised:
        found.upgrade({}, "Plan", since="1")
    assert str(raised.value) == (
        "revision 2: toy.Point and toy.Line cannot be told apart at the step toy.Line: end, by default computed, into"
        " what it is, among others that change their fields: put it before or after those, or into a revision of its"
        " own: the history is wrong"
    )


@pytest.mark.parametrize(
    "revisions",
    [
        ((END, POINT, TO_START, OLD),),
        ((POINT, TO_START, OLD, END),),
        ((END,), (POINT, TO_START, OLD)),
        ((POINT, TO_START, OLD), (END,)),
    ],
)
def test_elsewhere_they_stay_what_they_are(declare: Declare, revisions: Sequence[Sequence[Any]]) -> None:  # noqa: F811
    found = history(declare(UNTAGGED), *revisions)
    assert found.upgrade({"place": {"old": 5}}, "Plan", since="1") == {"place": {"start": 5, "end": 77}}
    assert found.upgrade({"place": {"b": 5}}, "Plan", since="1") == {"place": {"x": 5}}
    assert found.downgrade({"place": {"start": 5}}, "Plan", to="1") == {"place": {"old": 5, "end": 1}}


def test_messages_that_do_not_stop_there_may_be_confused(declare: Declare) -> None:  # noqa: F811
    """What has no place of its own in the list is told apart where payloads are."""
    plain = history(declare(UNTAGGED), (POINT, TO_START, OLD))
    assert plain.upgrade({"place": {"old": 5}}, "Plan", since="1") == {"place": {"start": 5}}
    source = UNTAGGED + "\n\n@message\nclass Alone:\n    n: int = 0\n"
    alone = history(declare(source), (POINT, TO_START, underived("toy.Alone", "n", was=computed), OLD))
    assert alone.upgrade({"place": {"old": 5}}, "Plan", since="1") == {"place": {"start": 5}}
    assert alone.upgrade({}, "Alone", since="1") == {"n": 77}


@pytest.mark.parametrize("source", [UNTAGGED, TAGGED], ids=["untagged", "tagged"])
def test_what_never_could_be_told_apart_is_no_reason(declare: Declare, source: str) -> None:  # noqa: F811
    """In the form of the older revision as well: there payloads say nothing either, without a tag."""
    names = renamed("toy.Line", x="start", y="end")
    found = history(declare(source), (names, underived("toy.Point", "y", was=computed)))
    assert found.upgrade({}, "Plan", since="1") == {}
    wider = retyped("toy.Line", "start", was=int)
    assert history(declare(source), (wider, names, underived("toy.Point", "y", was=computed))).fields("Plan", "1")


def test_messages_that_came_with_the_revision(declare: Declare) -> None:  # noqa: F811
    came = history(declare(UNTAGGED), (POINT, TO_START, END, OLD, introduced("toy.Point")))
    with pytest.raises(HistoryError, match="cannot be told apart"):
        came.upgrade({}, "Plan", since="1")
