"""Histories drawn at random, and where a payload of one is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import strategies as st

from sagellm_protocol import testing
from sagellm_protocol.history import History
from sagellm_protocol.testing.undoable import KINDS

ALL = tuple(KINDS)


class Drawn(NamedTuple):
    """A history, and where a payload of it is from."""

    history: History
    message: str
    """Its name of then."""
    revision: str

    @property
    def cls(self) -> type:
        return self.history.cls(self.message, self.revision)


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """A history, a message, and a revision that has it: in half of all cases the oldest."""
    # Few kinds of step meet each other more often than many do.
    kinds = draw(st.just(ALL) | st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True))
    history = draw(testing.histories(kinds=kinds))
    release = draw(st.just(history.revisions[0]) | st.sampled_from(history.revisions))
    names = sorted(history.specs(release), key=lambda name: -len(history.spec(name, release).fields))
    return Drawn(history, draw(st.just(names[0]) | st.sampled_from(names)), release)


def told(history: History) -> Iterator[str]:
    """The list of revisions as text, for a test that fails."""
    for name in reversed(history.revisions):
        yield f"{name}: {'; '.join(map(repr, history.changed_in(name).changes))}"
