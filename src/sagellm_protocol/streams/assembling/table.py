"""What a table of stream rules is: in which state an event leads on, to where, and which rules it must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeVar

import attrs

from sagellm_protocol.lifecycle import Lifecycle, Transition
from sagellm_protocol.model.shortening import short
from sagellm_protocol.streams.exceptions import StreamError

S = TypeVar("S", bound=Enum)


def _never(_: Any, __: Any) -> bool:
    return False


@attrs.frozen
class StreamRule:
    """What must hold of an event, as it comes."""

    name: str
    """What programs know it by."""
    text: str
    """What must hold, as people read it."""
    why: str
    """The reason for it."""
    holds: Callable[[Any, Any], bool] = _never
    """Is given what came so far, and the event; never holds, where an event is out of place whatever it says."""
    field: str = ""
    """The field of the event that it looks at first; empty where it is the event as a whole."""

    def broken(self, event: Any, *, index: int, request_id: str | None, part: Any = None, at: str = "") -> StreamError:
        """The error that names it and the event; ``part`` is what breaks it, where that is only a part of the event."""
        found = event if part is None else part
        path = ".".join(filter(None, (at, self.field)))
        value = short(getattr(found, self.field) if self.field else found)
        reason = f"{path}: {self.text}, got {value}" if path else f"{self.text}, got {value}"
        return StreamError(self.name, reason, index=index, event=event, request_id=request_id)


def same_as(came: str, words: str, field: str, name: str, why: str) -> StreamRule:
    """The rule that a field is that of what is held as ``came``, which people call ``words``."""
    now, then = attrgetter(field), attrgetter(f"{came}.{field}")
    return StreamRule(name, f"must be that of {words}", why, lambda held, event: bool(now(event) == then(held)), field)


def within_the_limit(has_room: Callable[[Any, Any], bool]) -> StreamRule:
    """The rule that there is room for what an event adds."""
    text = "no more characters and tokens may be held than the limit says"
    return StreamRule("within-the-limit", text, "A stream that never ends must not take all memory.", has_room)


@attrs.frozen
class Step(Generic[S]):
    """What an event does in a state."""

    state: S
    event: str
    to: S
    """The state that follows; the same one where it may not come at all."""
    rules: tuple[StreamRule, ...] = ()
    """What it must keep, in the order in which it is asked; one that never holds, where it may not come at all."""

    @property
    def allowed(self) -> bool:
        """Whether it may come at all."""
        return all(rule.holds is not _never for rule in self.rules)


@attrs.frozen(slots=False, eq=False)
class StreamTable(Generic[S]):
    """The rules of a kind of stream: every event in every state."""

    states: type[S]
    initial: S
    steps: tuple[Step[S], ...]

    @cached_property
    def by_state(self) -> Mapping[S, Mapping[str, Step[S]]]:
        """Each step by its state and then its event."""
        return {state: {step.event: step for step in self.steps if step.state is state} for state in self.states}

    @cached_property
    def rules(self) -> tuple[StreamRule, ...]:
        """Every rule, in the order of the table."""
        return tuple(dict.fromkeys(rule for step in self.steps for rule in step.rules))

    @cached_property
    def lifecycle(self) -> Lifecycle[S]:
        """What is allowed, for pictures and for paths through it."""
        allowed = (Transition(step.state, step.event, step.to) for step in self.steps if step.allowed)
        return Lifecycle(self.states, self.initial, tuple(allowed))
