"""What the compiled core does for this package: functions of it, or None where there is no core or no plan."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from sagellm_protocol.model import native
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.plans import Inexpressible, Plans
from sagellm_protocol.model.spec import Unknown, spec_of
from sagellm_protocol.model.standing import Form, Omitting
from sagellm_protocol.model.statements import Origin
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching

_PLANS = Plans(UNTAUGHT)


def plans_of(teaching: Teaching) -> Plans:
    """The plans of those who were taught something: a set of their own, unless that is nothing."""
    return _PLANS if teaching is UNTAUGHT else Plans(teaching)


def install(cls: Any) -> None:
    """Let calls of a message class go through its plan, if it can have one."""
    if native.core is None or type(cls) is not type:
        return
    try:
        _PLANS.of(cls).install()
    except Inexpressible:
        return


def reader(plans: Plans, kind: Type, origin: Origin, unknown: Unknown | None) -> Callable[[Any], Any] | None:
    """A function that reads values of a type, and raises ``Doubt``; None where that is left to Python."""
    return _made(lambda core: core.Reader(plans.node(core, kind), core.ORIGINS[origin], _unknown(core, unknown)))


def _unknown(core: ModuleType, unknown: Unknown | None) -> int:
    return core.UNKNOWN["as it says" if unknown is None else unknown]  # type: ignore[no-any-return]


def struct_for(cls: Any, make: Callable[[Any], Any], *, binary: bool) -> Any:
    """What msgspec reads messages of a class as: a Struct of the same fields, of which one is kept with the plan.

    Who calls this makes sure that no other thread does.
    """
    try:
        plan = _PLANS.of(cls)
    except Inexpressible:
        return make(cls)
    if plan.source(binary) is None:
        plan.move_from(make(cls), tuple(field.name for field in spec_of(cls).fields), binary)
    return plan.source(binary)


def mover(kind: Type, *, binary: bool, unset: Any) -> Callable[[Any], Any] | None:
    """A function that makes messages of what msgspec read, in values of a type; None where that is left to Python."""
    origin = "struct of MessagePack" if binary else "struct of JSON"
    return _made(lambda core: core.Reader(_PLANS.node(core, kind), core.ORIGINS[origin], _unknown(core, None), unset))


def writer(
    plans: Plans, kind: Type, form: Form, omitting: Omitting, quote: Callable[[Any], bytes] | None
) -> Callable[[Any], Any] | None:
    """A function that writes values of a type, and raises ``Doubt``; None where that is left to Python."""
    return _made(lambda core: core.Writer(plans.node(core, kind), core.FORMS[form], core.OMITTING[omitting], quote))


def _made(make: Callable[[Any], Callable[[Any], Any]]) -> Callable[[Any], Any] | None:
    core = native.core
    if core is None:
        return None
    try:
        return make(core)
    except Inexpressible:
        return None


def chained(
    first: Callable[[Any], Any],
    second: Callable[[Any], Any] | None,
    failures: tuple[type[Exception], ...],
    long_way: Callable[[Any], Any],
    whole: Callable[..., Any],
    most: int = -1,
) -> Callable[..., Any]:
    """``second(first(value))``, and ``long_way(value)`` where that fails: in one call of the core.

    Args:
        first: given the value.
        second: given what the first gives; None where that is all.
        failures: what leads to the long way.
        long_way: given the value, in their place.
        whole: the same in Python. Without the core it is the answer, and with it for calls of another kind.
        most: how many bytes the value may have, which is ``bytes``; -1 where it is anything.
    """
    if native.core is None:
        return whole
    chain: Callable[..., Any] = native.core.Chain(first, second, failures, long_way, whole, most)
    return chain


def jointed(
    around: tuple[bytes, ...],
    pack: Callable[[Any], bytes],
    failures: tuple[type[Exception], ...],
    whole: Callable[..., bytes],
) -> Callable[..., bytes]:
    """A text, or a text and token ids, packed and put between bytes: in one call of the core.

    Args:
        around: the bytes before, between and after the values, which are one or two.
        pack: gives the bytes of a value.
        failures: what it raises where it cannot.
        whole: the same in Python. Without the core it is the answer, and with it for all that is no exact text and no
            list or tuple of exact integers, or cannot be packed.
    """
    if native.core is None:
        return whole
    joint: Callable[..., bytes] = native.core.Joint(around, pack, failures, whole)
    return joint
