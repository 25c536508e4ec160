"""What a lifecycle is: states, events, and which state follows; data that checks, diagrams and tests are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Any, Generic, TypeVar

import attrs

from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.shortening import short

S = TypeVar("S", bound=Enum)


class LifecycleError(ProtocolError):
    """What is asked of a lifecycle is none of its states or events, or does not follow."""

    fault = "local"


@attrs.frozen
class Condition:
    """What must hold of a thing for a transition, beside its state."""

    words: str
    """As people read it."""
    holds: Callable[[Any], bool]
    """Is given the thing, such as a handle."""


@attrs.frozen
class Transition(Generic[S]):
    """One way on: in a state, by an event, under a condition, to a state."""

    state: S
    event: str
    to: S
    when: Condition | None = None
    """None where it takes place in any case, or in any that those before it in the table leave."""


@attrs.frozen
class Path(Generic[S]):
    """Whether a sequence of states was possible, and by which events. True where it was."""

    states: tuple[S, ...]
    events: tuple[tuple[str, ...], ...]
    """For each step, the events that can have led from one state to the next; none where nothing need have happened,
    as the state is the same, and none any more behind what was impossible."""
    broken_at: int | None
    """Place of the first state that cannot have followed the one before it; None where all can have."""

    def __bool__(self) -> bool:
        return self.broken_at is None


@attrs.frozen(slots=False, eq=False)
class Lifecycle(Generic[S]):
    """The states of one enumeration, and what leads from one to the next."""

    states: type[S]
    initial: S
    """Where it begins."""
    transitions: tuple[Transition[S], ...]

    @cached_property
    def events(self) -> tuple[str, ...]:
        """Every event, in the order of the table."""
        return tuple(dict.fromkeys(transition.event for transition in self.transitions))

    @cached_property
    def final(self) -> tuple[S, ...]:
        """The states that nothing leads on from; where there are none, it ends where it began."""
        left = {transition.state for transition in self.transitions}
        return tuple(state for state in self.states if state not in left) or (self.initial,)

    @cached_property
    def _by_pair(self) -> dict[tuple[S, str], tuple[Transition[S], ...]]:
        pairs: dict[tuple[S, str], list[Transition[S]]] = {}
        for transition in self.transitions:
            pairs.setdefault((transition.state, transition.event), []).append(transition)
        return {pair: tuple(found) for pair, found in pairs.items()}

    def ways(self, state: S, event: str) -> tuple[Transition[S], ...]:
        """The transitions by an event, in the order in which their conditions are asked; none where it is not allowed.

        Raises:
            LifecycleError: it has no such event, or no such state.
        """
        ways = self._by_pair.get((state, event))
        if ways is not None and type(state) is self.states:
            return ways
        self._refuse_unknown(state)
        if event not in self.events:
            raise LifecycleError(f"{self.states.__name__} has no event {short(event)}; it has {', '.join(self.events)}")
        return ()

    def next(self, state: S, event: str) -> tuple[S, ...]:
        """The states that an event can lead to; none where it is not allowed.

        Raises:
            LifecycleError: it has no such event, or no such state.
        """
        return tuple(dict.fromkeys(transition.to for transition in self.ways(state, event)))

    def allowed(self, state: S) -> tuple[str, ...]:
        """The events that a state allows, be it under a condition; none where it is final.

        Raises:
            LifecycleError: it has no such state.
        """
        self._refuse_unknown(state)
        return tuple(event for event in self.events if (state, event) in self._by_pair)

    def path(self, states: Sequence[S]) -> Path[S]:
        """Whether a sequence of states was possible: one seen again is no step, and it may begin anywhere.

        Raises:
            LifecycleError: it has no such state.
        """
        for state in states:
            self._refuse_unknown(state)
        steps = list(self._steps(states))
        broken_at = next((place for place, found in enumerate(steps, 1) if found is None), None)
        return Path(tuple(states), tuple(found for found in steps if found is not None), broken_at)

    def _steps(self, states: Sequence[S]) -> Iterator[tuple[str, ...] | None]:
        for before, after in pairwise(states):
            events = tuple(event for event in self.events if after in self.next(before, event))
            if not events and before is not after:
                yield None
                return
            yield events

    def _refuse_unknown(self, state: object) -> None:
        if type(state) is not self.states:
            raise LifecycleError(f"{self.states.__name__} has no state {short(state)}")
