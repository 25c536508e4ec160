"""What may follow what: the states of KV cache, of transfers, operations and scheduled requests, as tables.

``next(state, event)``, ``allowed(state)`` and ``path(states)`` ask the table of the enumeration that the state is of.
The methods of ``kv.types.KVHandle`` obey the one of :class:`~sagellm_protocol.kv.enums.KVBlockState`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from sagellm_protocol.lifecycle.blocks import BLOCK, FORCED, REFUSED, WHILE_MOVING, KVLifecycleError, following
from sagellm_protocol.lifecycle.scheduling import SCHEDULED_REQUEST
from sagellm_protocol.lifecycle.table import Condition, Lifecycle, LifecycleError, Path, Transition
from sagellm_protocol.lifecycle.transfers import HANDOVER, OPERATION, TRANSFER
from sagellm_protocol.model.shortening import short

__all__ = [
    "FORCED",
    "LIFECYCLES",
    "REFUSED",
    "WHILE_MOVING",
    "Condition",
    "KVLifecycleError",
    "Lifecycle",
    "LifecycleError",
    "Path",
    "Transition",
    "allowed",
    "following",
    "next",
    "of",
    "path",
]

S = TypeVar("S", bound=Enum)

LIFECYCLES: Mapping[type[Enum], Lifecycle[Any]] = {
    lifecycle.states: lifecycle for lifecycle in (BLOCK, TRANSFER, HANDOVER, SCHEDULED_REQUEST, OPERATION)
}
"""Every lifecycle, by the enumeration of its states."""


def of(states: type[S]) -> Lifecycle[S]:
    """The lifecycle whose states an enumeration lists.

    Raises:
        LifecycleError: it has none.
    """
    lifecycle = LIFECYCLES.get(states)
    if lifecycle is None:
        known = ", ".join(found.__name__ for found in LIFECYCLES)
        raise LifecycleError(f"{short(states)} has no lifecycle; there is one of {known}")
    return lifecycle


def next(state: S, event: str) -> tuple[S, ...]:
    """The states that an event can lead to, in the order of the table; none where it is not allowed.

    Raises:
        LifecycleError: the state is of no lifecycle, or that has no such event.
    """
    return of(type(state)).next(state, event)


def allowed(state: Enum) -> tuple[str, ...]:
    """The events that a state allows, be it under a condition; none where it is final.

    Raises:
        LifecycleError: the state is of no lifecycle.
    """
    return of(type(state)).allowed(state)


def path(states: Sequence[S]) -> Path[S]:
    """Whether a sequence of states was possible: one seen again is no step, and it may begin anywhere.

    Raises:
        LifecycleError: it is empty, of no lifecycle, or of several.
    """
    if not states:
        raise LifecycleError("a path has at least one state")
    return of(type(states[0])).path(states)
