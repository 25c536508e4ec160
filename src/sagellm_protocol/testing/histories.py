"""Histories drawn at random: steps of every kind, in any order, over several revisions.

The messages of today stay what they are. A history is drawn as it is read, newest revision first: each step is one that
may have led to the tables there are, and is undone for the next. What cannot have been is left out.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs
from hypothesis import reject, strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import Change, HistoryError, Tables, revision
from sagellm_protocol.history.confusion import ConfusionError
from sagellm_protocol.history.undoing import as_of_then, tables_of_today
from sagellm_protocol.model.exceptions import DeclarationError, OptionError
from sagellm_protocol.model.wording import did_you_mean
from sagellm_protocol.testing.sample import SAMPLE
from sagellm_protocol.testing.undoable import KINDS, place_in

_MOST_STEPS = 4
"""In one revision."""


def histories(
    catalog: Catalog = SAMPLE, *, revisions: int = 6, kinds: Collection[str] = tuple(KINDS)
) -> SearchStrategy[History]:
    """Histories that lead to the messages of a catalog, by steps of every kind, for the laws of whatever reads them.

    Args:
        catalog: the messages of today; a small protocol that holds each kind of field unless told otherwise.
        revisions: how many there are at the most.
        kinds: the steps that are drawn, by the names of their functions: ``("added", "renamed", "rescaled")``.

    Raises:
        OptionError: there is no such step, or no revision.
    """
    if revisions < 1:
        raise OptionError(f"revisions={revisions}: a history has at least one revision")
    if not kinds:
        raise OptionError("kinds is empty: name the steps that are to be drawn")
    for kind in kinds:
        if kind not in KINDS:
            raise OptionError(f"no step is called {kind!r}{did_you_mean(kind, KINDS)}")
    return _drawn(catalog, revisions, tuple(kinds))


@attrs.frozen
class _Past:
    """What is known of a history so far."""

    tables: Tables
    """Those before the steps."""
    steps: tuple[Change, ...] = ()
    """Of the revision, newest first."""
    field: object = None
    """What the newest of them was about: steps are to meet each other."""


@st.composite
def _drawn(draw: DrawFn, catalog: Catalog, most: int, kinds: tuple[str, ...]) -> History:
    past = _Past(as_of_then(tables_of_today(catalog, "0")))
    made: list[tuple[Change, ...]] = []
    while len(made) < most - 1 and (found := draw(_revision(past, kinds))) is not None:
        past = found
        made.append(past.steps)
    names = range(len(made) + 1, 1, -1)
    listed = [revision(str(name), *steps) for name, steps in zip(names, made, strict=True)]
    history = History([*listed, revision("1")], catalog)
    try:
        _ = history.eras
    except ConfusionError:
        reject()
    return history


# Whether there is one more stands in each, so that any can be left out where an example is made smaller.
_ONE_MORE = st.integers(0, 4)


@st.composite
def _revision(draw: DrawFn, past: _Past, kinds: tuple[str, ...]) -> _Past | None:
    """With one more revision; None where there are enough."""
    if not draw(_ONE_MORE):
        return None
    past = attrs.evolve(past, steps=())
    for _ in range(_MOST_STEPS):
        found = draw(_step(past, kinds))
        if found is None:
            break
        past = found
    return past


@st.composite
def _step(draw: DrawFn, past: _Past, kinds: tuple[str, ...]) -> _Past | None:
    """With one more step, if there can have been one; None where there are enough."""
    if not draw(_ONE_MORE):
        return None
    place = place_in(draw, past.tables, past.field)
    change = KINDS[draw(st.sampled_from(kinds))](place)
    before = None if change is None else _before(change, past.tables)
    if change is None or before is None:
        return past
    return _Past(before, (*past.steps, change), place.field.identity)


def _before(change: Change, tables: Tables) -> Tables | None:
    """The tables before a step; None where it cannot have led to these."""
    before = tables.before(tables.revision)
    try:
        change.undo(before)
    except (HistoryError, DeclarationError):
        return None
    return before if before.messages and all(spec.fields for spec in before.messages.values()) else None
