"""Whatever a protocol went through: all ways to bring a payload forward, take it back and tell what it is agree."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings, strategies as st

from evolving.__main__ import attempt, main
from evolving.laws import LAWS, Draw, Tally
from sagellm_protocol import testing
from sagellm_protocol.history import History, changes
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.testing.sample import SAMPLE
from sagellm_protocol.testing.undoable import KINDS
from toys import Declare, declare  # noqa: F401 - the fixture

EXAMPLES = 25
ANY = settings(
    max_examples=500, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
NO_STEPS = {"against_retyping", "revision", "was"}


@pytest.mark.parametrize("name", LAWS)
def test_a_law(name: str) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        LAWS[name](data.draw, Tally())

    holds()


def test_every_kind_of_step_is_drawn() -> None:
    assert KINDS.keys() == {name for name in changes.__all__ if name.islower()} - NO_STEPS


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_of_one_kind(kind: str) -> None:
    def has_steps(history: History) -> bool:
        found = {type(step) for name in history.revisions for step in history.changed_in(name).changes}
        assert len(found) <= 1
        return bool(found)

    find(testing.histories(kinds=(kind,)), has_steps, settings=ANY)


@given(testing.histories(revisions=3, kinds=("added", "rescaled")))
def test_what_is_drawn_is_what_was_asked_for(history: History) -> None:
    assert len(history.revisions) <= 3
    steps = [step for name in history.revisions for step in history.changed_in(name).changes]
    assert {type(step) for step in steps} <= {changes.Added, changes.Rescaled}
    assert history.catalog is SAMPLE


@pytest.mark.once
@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        # Renaming makes these two alike, which is refused where values are converted as well.
        (
            "class A:\n    x: int\n\n@message\nclass B:\n    y: int\n\n@message\nclass C:\n    it: A | B",
            ("renamed", "converted"),
        ),
        ("class A:\n    word: str = ''\n    free: Any = None\n    maybe: int | None = None", ("retyped",)),
    ],
)
def test_of_a_small_catalog(declare: Declare, source: str, kinds: tuple[str, ...]) -> None:  # noqa: F811
    found: set[str] = set()

    @settings(max_examples=300, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(testing.histories(declare("@message\n" + source), kinds=kinds))
    def drawn(history: History) -> None:
        found.update(
            type(step).__name__.lower() for name in history.revisions for step in history.changed_in(name).changes
        )

    drawn()
    assert found == set(kinds)


@pytest.mark.once
def test_it_shrinks_to_few_steps() -> None:
    def renames(history: History) -> bool:
        return any(isinstance(step, changes.Renamed) for step in history.changed_in(history.latest).changes)

    least = find(testing.histories(), renames, settings=settings(max_examples=500, database=None))
    assert least.revisions == ("1", "2")
    assert len(least.changed_in("2").changes) <= 2


def test_a_history_of_messages_of_your_own(declare: Declare) -> None:  # noqa: F811 - the fixture
    catalog = declare("@message\nclass Only:\n    number: int = 0")

    @settings(max_examples=50, suppress_health_check=list(HealthCheck))
    @given(testing.histories(catalog))
    def drawn(history: History) -> None:
        assert [spec.cls for spec in history.specs("1").values()] == [catalog.get("Only")]

    drawn()


def test_the_command_tries_and_tells_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    law = "the_lock_holds_and_the_gate_proposes_what_passes"
    assert main([law, "--seconds", "0.1", "--seed", "1"]) == 0
    assert "seed 1" in capsys.readouterr().out

    def broken(draw: Draw, tally: Tally) -> None:
        assert draw(st.integers(0, 10)) < 5

    assert "AssertionError" in str(attempt(broken, Tally(), 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"revisions": 0}, "revisions=0: a history has at least one revision"),
        ({"kinds": ()}, "kinds is empty: name the steps that are to be drawn"),
        ({"kinds": ("rename",)}, r"no step is called 'rename' \(did you mean renamed\?\)"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        testing.histories(**arguments)  # type: ignore[arg-type]
