"""Messages of a union that could be taken for each other in the midst of a revision, where payloads stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TypeAlias

from sagellm_protocol.history.defining import HistoryError
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.kinds import Choice, parts
from sagellm_protocol.model.spec import Spec

Specs: TypeAlias = Mapping[str, Spec]
Form: TypeAlias = "tuple[frozenset[str], frozenset[str]]"
"""The names of all fields of a message, and of those that are required: by these it is told from others."""


class ConfusionError(HistoryError):
    """A conversion stands where messages of a union cannot be told apart, in a form that no release wrote."""


def refuse_confusion(
    revision: str, conversion: object, touched: set[str], sides: tuple[Specs, ...], ends: tuple[Specs, ...]
) -> None:
    """Refuse a conversion at which payloads stop in a form that does not tell which message they are.

    Args:
        revision: the one that the conversion is a step of.
        conversion: that, as text for people.
        touched: the messages whose values it converts.
        sides: the messages just before it, and just after it.
        ends: those of the revision before, and of this one. What cannot be told apart in a form that was published
            never could, and is told where it is read.

    Raises:
        ConfusionError: naming the messages.
    """
    for specs in sides:
        for choice in _choices(touched, specs):
            for pair in combinations([specs[option.name] for option in choice.options], 2):
                if _may_be_either(*map(_form, pair)) and not any(_known(choice, pair, end) for end in ends):
                    names = " and ".join(spec.name for spec in pair)
                    raise ConfusionError(
                        revision,
                        f"{names} cannot be told apart at the step {conversion}, among others that change their"
                        " fields: put it before or after those, or into a revision of its own",
                    )


def _choices(touched: set[str], specs: Specs) -> Iterator[Choice]:
    """The unions in messages that stop for a conversion."""
    for name, spec in specs.items():
        found = [part for field in spec.fields for part in parts(field.type) if isinstance(part, Choice)]
        if found and not touched.isdisjoint(reachable(name, specs)):
            yield from found


def _known(choice: Choice, pair: tuple[Spec, Spec], end: Specs) -> bool:
    """Whether messages could not be told apart at an end either."""
    classes = {spec.cls: spec for spec in end.values()}
    if not all(spec.cls in classes for spec in pair):
        return False
    then = [_form(classes[spec.cls]) for spec in pair]
    # By a tag they can be, unless a payload leaves it out.
    return then == [_form(spec) for spec in pair] or (choice.tag is not None and _may_be_either(*then))


def _form(spec: Spec) -> Form:
    return spec.names, frozenset(field.name for field in spec.fields if field.required)


def _may_be_either(one: Form, other: Form) -> bool:
    """Whether a payload can have what both need, and nothing that either does not know."""
    return one[1] | other[1] <= one[0] & other[0]
