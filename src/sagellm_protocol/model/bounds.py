"""What may be asked of a value beside its type: bounds, lengths, multiples, predicates. One row says all of each.

Checks at leisure, generated checks, wording, JSON Schema, field tables and comparison read this table and no other.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import annotated_types
import attrs

if TYPE_CHECKING:
    from sagellm_protocol.model.source import Function

Measure: TypeAlias = Literal["value", "length", "multiple", "offset", "predicate"]
"""What of a value is measured: bounds of one measure can imply each other."""


@attrs.frozen
class Meaning:
    """What a bound of one name means."""

    annotation: type
    """The class of ``annotated_types`` that declares it."""
    attribute: str
    """Where that holds the limit."""
    measure: Measure
    words: str
    """What must hold, with a place for the limit."""
    source: str
    """The condition in Python, with places for the value and the limit."""
    holds: Callable[[Any, Any], bool]
    """The same, called with both."""
    keywords: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """The keyword of JSON Schema for each kind of value on the wire that has one."""
    lower: bool = False
    """Whether it keeps values from being less, not more."""
    strict: bool = False
    """Whether the limit itself is out."""


@attrs.frozen
class Test:
    """A predicate of the user's, which may raise: what it raises on, it does not accept."""

    __test__ = False  # pytest takes it for tests

    function: Callable[[Any], Any] = attrs.field(hash=False)  # it need not have one
    negated: bool = False

    def __call__(self, value: Any) -> bool:
        """Whether it accepts a value."""
        return self.against(value) is None

    def against(self, value: Any) -> str | None:
        """Why it does not accept a value, for the end of the words; None where it does."""
        try:
            return None if bool(self.function(value)) is not self.negated else ""
        except Exception as error:  # whatever the user's function raises
            return f" (it raises {type(error).__name__})"

    def __str__(self) -> str:
        return f"{'not ' * self.negated}accepted by {getattr(self.function, '__name__', type(self.function).__name__)}"


def is_multiple(value: Any, limit: Any) -> bool:
    """Whether a value is a whole multiple of another of its kind, exactly."""
    if type(value) in (int, float) or not hasattr(value, "as_integer_ratio"):
        return not value % limit
    # What Decimal's own remainder can do ends where the context's precision does.
    numerator, denominator = value.as_integer_ratio()
    limits = limit.as_integer_ratio()
    return not numerator * limits[1] % (denominator * limits[0])


def _has_offset(value: datetime, offset: timedelta) -> bool:
    return value.utcoffset() == offset


_LENGTH = {"array": "Items", "object": "Properties", "text": "Length"}

MEANINGS: dict[str, Meaning] = {
    "ge": Meaning(
        *(annotated_types.Ge, "ge", "value", ">= {}", "{} >= {}", operator.ge, {"number": "minimum"}), lower=True
    ),
    "gt": Meaning(
        *(annotated_types.Gt, "gt", "value", "> {}", "{} > {}", operator.gt, {"number": "exclusiveMinimum"}),
        lower=True,
        strict=True,
    ),
    "le": Meaning(annotated_types.Le, "le", "value", "<= {}", "{} <= {}", operator.le, {"number": "maximum"}),
    "lt": Meaning(
        *(annotated_types.Lt, "lt", "value", "< {}", "{} < {}", operator.lt, {"number": "exclusiveMaximum"}),
        strict=True,
    ),
    "min_length": Meaning(
        annotated_types.MinLen,
        "min_length",
        "length",
        "at least {} long",
        "_len({}) >= {}",
        lambda value, limit: len(value) >= limit,
        {kind: f"min{name}" for kind, name in _LENGTH.items()},
        lower=True,
    ),
    "max_length": Meaning(
        annotated_types.MaxLen,
        "max_length",
        "length",
        "at most {} long",
        "_len({}) <= {}",
        lambda value, limit: len(value) <= limit,
        {kind: f"max{name}" for kind, name in _LENGTH.items()},
    ),
    "multiple_of": Meaning(
        annotated_types.MultipleOf,
        "multiple_of",
        "multiple",
        "a multiple of {}",
        "not {} % {}",
        is_multiple,
        {"number": "multipleOf"},
    ),
    "timezone": Meaning(
        annotated_types.Timezone, "tz", "offset", "at the UTC offset {}", "{}.utcoffset() == {}", _has_offset
    ),
    "predicate": Meaning(
        annotated_types.Predicate, "func", "predicate", "{}", "{1}({0})", lambda value, test: bool(test(value))
    ),
}
"""By name; the names of those that msgspec knows are the keywords of ``msgspec.Meta``."""

NAMES: dict[type, str] = {meaning.annotation: name for name, meaning in MEANINGS.items()}
"""The name of the bound that a class of ``annotated_types`` declares."""


@attrs.frozen
class Bound:
    """One thing asked of a value: a name of the table, and the limit. It unpacks into these two."""

    name: str
    limit: Any
    shown: Any = attrs.field(default=attrs.Factory(lambda self: self._shown(), takes_self=True), eq=False)
    """The limit in words, field tables and facts: a number itself, anything else as it stands on the wire."""

    def _shown(self) -> Any:
        return self.limit if type(self.limit) in (int, float) else str(self.limit)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.name, self.limit))

    @property
    def meaning(self) -> Meaning:
        """Its row of the table."""
        return MEANINGS[self.name]

    @property
    def words(self) -> str:
        """What must hold: ``>= 0``, ``at least 1 long``, ``accepted by islower``."""
        return self.meaning.words.format(self.shown)

    def holds(self, value: Any) -> bool:
        """Whether a value keeps within it."""
        return self.meaning.holds(value, self.limit)

    def against(self, value: Any) -> str:
        """What must hold of a value of which it does not."""
        return self.words + ((self.limit.against(value) or "") if isinstance(self.limit, Test) else "")

    def condition(self, to: Function, value: str) -> str:
        """The condition as source, for a local variable."""
        if type(self.limit) in (int, float):
            return self.meaning.source.format(value, repr(self.limit))
        limit = to.bind(self.name, self.limit)
        if self.meaning.measure == "multiple":
            return f"{to.bind('is_multiple', is_multiple)}({value}, {limit})"
        return self.meaning.source.format(value, limit)

    def implied_by(self, others: tuple[Bound, ...]) -> bool:
        """Whether what keeps within those bounds keeps within this one."""
        return self in others or any(self._follows(other) for other in others if self._comparable(other))

    def _comparable(self, other: Bound) -> bool:
        mine, theirs = self.meaning, other.meaning
        return mine.measure == theirs.measure and mine.lower == theirs.lower

    def _follows(self, other: Bound) -> bool:
        match self.meaning.measure:
            case "multiple":
                return is_multiple(other.limit, self.limit)
            case "value" | "length":
                beyond = other.limit > self.limit if self.meaning.lower else other.limit < self.limit
                return bool(beyond or (other.limit == self.limit and other.meaning.strict >= self.meaning.strict))
            case _:
                return False


def tightest(bounds: Iterable[Bound], *, lower: bool) -> Bound | None:
    """Of the bounds on values from below, or from above, the one that implies the others."""
    bounds = [bound for bound in bounds if bound.meaning.measure == "value" and bound.meaning.lower is lower]
    return next((bound for bound in bounds if all(other.implied_by((bound,)) for other in bounds)), None)


def integers_within(bounds: Iterable[Bound], least: int, most: int) -> tuple[int, int]:
    """The least and the most integer that keeps within bounds on values, and within those two."""
    for bound in bounds:
        if bound.meaning.lower:
            least = max(least, math.floor(bound.limit) + 1 if bound.meaning.strict else math.ceil(bound.limit))
        else:
            most = min(most, math.ceil(bound.limit) - 1 if bound.meaning.strict else math.floor(bound.limit))
    return least, most
