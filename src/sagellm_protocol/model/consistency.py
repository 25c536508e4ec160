"""Whether messages keep the rules between their fields: in all that they hold, and told like any violation.

What it costs to look is bounded by what there is to look at: a message that stands in many places is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import MOST_TOLD, ValidationError, Violation, stranger
from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.model.kinds import Nested, Type, nested_in
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.paths import ROOT, Hidden, Path, is_hidden, told
from sagellm_protocol.model.rules import Rule, rules_of
from sagellm_protocol.model.shortening import HIDDEN, shown_fields
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.validating import words
from sagellm_protocol.model.wording import describe

Broken: TypeAlias = "tuple[Rule, Exception | None]"
"""A rule that does not hold, and what its predicate raised, if it did."""
Place: TypeAlias = "tuple[Path, Any]"
"""Where a message stands, and the message."""


def violations(message: Any) -> tuple[Violation, ...]:
    """The rules between fields that a message breaks, and those that the messages in it do.

    Each stands at the first field that its rule speaks of, with the rule's text as ``rule``, the rule's name as
    ``name`` and what the fields hold as ``value``. Those of a message come before those of the messages in it, which
    are in the order of its fields. The first 100 are given; :func:`check_consistent` tells how many more there are.

    Raises:
        ValidationError: it is no message.
    """
    _refuse_other(message)
    return () if is_consistent(message) else tuple(islice(_Survey(message).told(), MOST_TOLD))


def check_consistent(message: Any) -> None:
    """Raise where a message, or one in it, breaks rules between its fields.

    Raises:
        ValidationError: with what :func:`violations` gives, and how many there are besides; the fault is this
            program's, which holds the message. It is raised from the first error that a predicate did not raise on
            purpose.
    """
    _refuse_other(message)
    try:
        refuse_inconsistent(message, full_name(message_of(type(message)) or type(message)))
    except ValidationError as error:
        error.fault = "local"
        raise


def reading_consistent(read: Callable[[Any], Any], kind: Type, *, taught: bool = False) -> Callable[[Any], Any]:
    """A reader that refuses what breaks rules between fields.

    Args:
        read: reads values of the type.
        kind: the type.
        taught: whether hooks of a user's have made some of what is read: they may make messages of other classes.

    Raises (the function does):
        ValidationError: with every violation; the fault is that of whoever sent the payload.
    """
    if not taught and isinstance(kind, Nested) and not _has_any(kind):
        return read

    def read_consistent(payload: Any) -> Any:
        found = read(payload)
        refuse_inconsistent(found, name)
        return found

    name = describe(kind)
    return read_consistent


def refuse_inconsistent(value: Any, name: str) -> None:
    """Raise where messages that were decoded break rules between their fields.

    Args:
        value: a message, or messages in sequences or mappings.
        name: what the error calls it.

    Raises:
        ValidationError: with every violation; the fault is that of whoever sent the payload.
    """
    if not is_consistent(value):
        error, odd = _Survey(value).error(name)
        raise error from odd


def _has_any(kind: Nested) -> bool:
    """Whether there is anything to look at in messages of a class."""
    plan = _plan_of(kind.cls)
    return bool(plan.predicates or plan.holding)


def _refuse_other(value: Any) -> None:
    if "_message_plan" not in type(value).__dict__ and message_of(type(value)) is None:
        raise stranger(type(value).__qualname__, "a message", value)


@attrs.frozen
class _Plan:
    """What is to be looked at in messages of a class."""

    predicates: tuple[Callable[[Any], object], ...]
    holding: tuple[str, ...]
    """The fields that may hold messages."""


_NOTHING = _Plan((), ())


def _plan_of(cls: Any) -> _Plan:
    """The plan of a class: made when it is first needed, and kept there; there is nothing to look at in others."""
    plan: _Plan | None = cls.__dict__.get("_message_plan")
    if plan is not None:
        return plan
    message = message_of(cls)
    if message is None:
        return _NOTHING
    holding = tuple(field.name for field in spec_of(message).fields if nested_in(field.type))
    cls._message_plan = _Plan(tuple(found.predicate for found in rules_of(cls)), holding)
    made: _Plan = cls._message_plan
    return made


def is_consistent(value: Any) -> bool:
    """Whether a message, or the messages in a sequence or mapping, and all that they hold keep their rules."""
    waiting, seen = [value], set[int]()
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        cls = type(found)
        if cls is tuple:
            waiting += found
            continue
        if cls is FrozenDict:
            waiting += found.values()
            continue
        plan = cls.__dict__.get("_message_plan") or _plan_of(cls)
        try:
            for holds in plan.predicates:
                if not holds(found):
                    return False
        except Exception:  # whatever a predicate of the user's raises
            return False
        if plan.holding and id(found) not in seen:
            seen.add(id(found))
            waiting += [getattr(found, name) for name in plan.holding]
    return True


class _Survey:
    """What is broken in a value and all that it holds: counted once for each message, told for each of its places."""

    def __init__(self, value: Any) -> None:
        self._roots = list(_places(value, ROOT))
        self._broken: dict[int, list[Broken]] = {}
        self._inside: dict[int, list[Place]] = {}
        """The messages that a message holds, and where, from itself down."""
        self._count: dict[int, int] = {}
        """How many rules are broken in a message and all that it holds."""
        waiting = [(message, False) for _, message in self._roots]
        while waiting:
            message, counted = waiting.pop()
            key = id(message)
            if counted:
                inside = sum(self._count[id(inner)] for _, inner in self._inside[key])
                self._count[key] = len(self._broken[key]) + inside
            elif key not in self._broken:
                self._broken[key] = broken_rules(message)
                self._inside[key] = list(_held(message))
                waiting.append((message, True))
                waiting += [(inner, False) for _, inner in self._inside[key]]

    def told(self) -> Iterator[Violation]:
        """Every violation, at every place; what is whole is not gone into."""
        waiting = self._roots[::-1]
        while waiting:
            path, message = waiting.pop()
            for rule, error in self._broken[id(message)]:
                yield _violation(rule, error, message, path)
            waiting += [
                (_joined(path, below), inner)
                for below, inner in reversed(self._inside[id(message)])
                if self._count[id(inner)]
            ]

    def error(self, name: str) -> tuple[ValidationError, Exception | None]:
        """The error for all of it, and the first that a predicate raised and no predicate raises on purpose."""
        total = sum(self._count[id(message)] for _, message in self._roots)
        found = list(islice(self.told(), MOST_TOLD))
        raised = (error for broken in self._broken.values() for _, error in broken if error is not None)
        odd = next((error for error in raised if not isinstance(error, (ValueError, TypeError))), None)
        return ValidationError(name, found, total - len(found)), odd


def broken_rules(message: Any) -> list[Broken]:
    """The rules that a message itself breaks, in their order; those of the messages in it are not asked."""
    found: list[Broken] = []
    for rule in rules_of(type(message)):
        try:
            if not rule.predicate(message):
                found.append((rule, None))
        except Exception as error:  # noqa: PERF203 - whatever a predicate of the user's raises
            found.append((rule, error))
    return found


def _held(message: Any) -> Iterator[Place]:
    """The messages that a message holds directly."""
    cls = type(message)
    steps = spec_of(message_of(cls)).steps
    for name in _plan_of(cls).holding:
        yield from _places(getattr(message, name), (ROOT, steps[name]))


def _places(value: Any, path: Path) -> Iterator[Place]:
    """The messages in a value, however it holds them."""
    cls = type(value)
    if message_of(cls) is not None:
        yield path, value
    elif cls is tuple or cls is FrozenDict:
        pairs: Iterable[tuple[Any, Any]] = enumerate(value) if cls is tuple else value.items()
        for step, item in pairs:
            yield from _places(item, (path, step))


def _joined(path: Path, below: Path) -> Path:
    """A path from the root to a place that is told from a message in it."""
    return path if below is None else (_joined(path, below[0]), below[1])


def _violation(rule: Rule, error: Exception | None, message: Any, path: Path) -> Violation:
    spec = spec_of(message_of(type(message)))
    at = (path, spec.steps[rule.fields[0]])
    hidden = is_hidden(at)
    # The text of an error may hold what is not shown.
    said = "" if error is None or hidden or spec.stray is Hidden else words(error)
    value = HIDDEN if hidden else shown_fields(message, rule.fields)
    return Violation(told(at), f"{rule.text} ({said})" if said else rule.text, value, name=rule.name)
