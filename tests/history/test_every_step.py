"""The table in docs/own-messages.md of every step, and what it makes of payloads: each row is run, both ways."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from published import ROOT
from sagellm_protocol.history import changes
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.schema.lock import check, update
from sagellm_protocol.testing import conversion_laws

NO_STEPS = {"against_retyping", "revision", "was"}
WHOLE = {"1": {"title": "a", "state": "waiting", "scene": "s"}, "2": {"name": "a", "scene": "s"}}
"""What a job of a revision must say; since 3 it is the same as today."""


class Row(NamedTuple):
    """A row of the table."""

    revision: str
    step: str
    before: str
    after: str


def rows() -> list[Row]:
    text = (ROOT / "docs/own-messages.md").read_text(encoding="utf-8")
    table = text.partition("| in | step | before | after |\n")[2].partition("\n\n")[0]
    lines = (line.replace("\\|", "\0").split("|")[1:-1] for line in table.splitlines()[1:])
    return [Row(*(cell.replace("\0", "|").strip().strip("`") for cell in line)) for line in lines]


@pytest.fixture(scope="module")
def five() -> Iterator[Any]:
    """The module of the example."""
    sys.path.insert(0, str(ROOT / "examples"))
    yield importlib.import_module("five_revisions")
    sys.path.remove(str(ROOT / "examples"))


def test_every_step_of_the_example_has_its_row_and_every_kind_is_there(five: Any) -> None:
    told = {name: [eval(row.step, vars(five)) for row in rows() if row.revision == name] for name in "12345"}
    assert told == {name: list(five.HISTORY.changed_in(name).changes) for name in "12345"}
    kinds = {name for name in changes.__all__ if name.islower()} - NO_STEPS
    assert {row.step.partition("(")[0] for row in rows()} == kinds


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.step[:40])
def test_what_a_step_makes_of_payloads(row: Row, five: Any) -> None:
    history, old = five.HISTORY, str(int(row.revision) - 1)
    step = eval(row.step, vars(five))
    base, base_after = (WHOLE.get(name, {"name": "a", "owner": "b"}) for name in (old, row.revision))
    if isinstance(step, changes.Introduced):
        assert history.specs(row.revision).keys() - history.specs(old).keys() == set(step.names)
        return
    if isinstance(step, changes.Moved):
        assert [history.spec(step.new, name).name for name in (old, row.revision)] == [step.old, step.new]
        return
    after = eval(row.after)
    if not row.before:
        with pytest.raises(ProtocolError):
            said(five, base | after, old, row.revision)
        assert after.items() <= said(five, base_after | after, row.revision, row.revision).items()
        return
    before = eval(row.before)
    forwards = said(five, base | before, old, row.revision)
    names = before.keys() | after.keys()
    assert {name: forwards[name] for name in names if name in forwards} == after
    back = said(five, forwards, row.revision, old)
    assert said(five, back, old, row.revision) == forwards
    assert all(value is None or back.get(name, value) == value for name, value in before.items())


def said(five: Any, payload: dict[str, Any], since: str, to: str) -> dict[str, Any]:
    """A job of one revision as another says it, which a reader of that would take."""
    history, codec = five.HISTORY, five.codecs.get("dict", revision=since, history=five.HISTORY)
    codec.decode(payload, five.Job)
    found: dict[str, Any] = history.downgrade(history.upgrade(payload, five.Job, since=since), five.Job, to=to)
    return found


def test_its_laws_hold_and_so_does_a_lock(five: Any) -> None:
    assert conversion_laws(five.HISTORY, max_examples=20) == 9
    check(update("", five.HISTORY), five.HISTORY)
