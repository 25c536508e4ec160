"""What stands beside a type in ``Annotated``: honoured on every path, or refused."""

from __future__ import annotations

import datetime
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import annotated_types

from sagellm_protocol.model.bounds import MEANINGS, NAMES, Bound, Measure, Test
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.kinds import (
    Converted,
    Items,
    Limited,
    Member,
    Nullable,
    Number,
    Table,
    Text,
    Type,
    nested_in,
)
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.units import Unit

_NEVER_FINITE = (math.isnan, math.isinf)


def constrained(inner: Type, metadata: Sequence[Any]) -> Type:
    """``inner`` with the bounds and unit found beside it; a constraint that we would not check is refused.

    Raises:
        DeclarationError: a constraint that is none for the type, or that is not known.
    """
    if isinstance(inner, Nullable):
        return Nullable(constrained(inner.inner, metadata))
    held, limits = (inner.inner, inner.bounds) if isinstance(inner, Limited) else (inner, ())
    bounds: list[Bound] = []
    for item in _flat(metadata):
        name = NAMES.get(type(item))
        if name == "timezone" and item.tz is ... and _is_time(held):
            continue  # times on the wire have an offset
        if name is not None:
            meaning = MEANINGS[name]
            bounds.append(_READ[meaning.measure](held, name, getattr(item, meaning.attribute)))
        elif isinstance(item, (Unit, annotated_types.Unit)):
            held = _measured(held, item.symbol if isinstance(item, Unit) else item.unit)
        elif isinstance(item, annotated_types.BaseMetadata):
            raise DeclarationError(
                f"the constraint {item!r} is not known; those of annotated_types are: write"
                " Annotated[..., Predicate(function)], where they do not say it"
            )
        elif isinstance(item, annotated_types.DocInfo):
            raise DeclarationError("doc() says something of a field: write it outermost, or a text below the field")
    if isinstance(held, Number):
        ours = [bound for bound in bounds if bound.meaning.measure == "value"]
        if ours:
            held = Number(held.kind, (*held.bounds, *ours), held.unit)
        bounds = [bound for bound in bounds if bound.meaning.measure != "value"]
    limits = (*limits, *bounds)
    return Limited(held, limits) if limits else held


def _flat(metadata: Sequence[Any]) -> Iterator[Any]:
    for found in metadata:
        if isinstance(found, annotated_types.GroupedMetadata):
            yield from _flat(tuple(found))
        else:
            yield found


def _measured(held: Type, unit: str) -> Number:
    if not isinstance(held, Number):
        raise DeclarationError(f"bounds and units belong on int and float, not on {held!r}")
    return Number(held.kind, held.bounds, unit)


def _value(held: Type, name: str, limit: Any) -> Bound:
    if isinstance(held, Converted):
        return _held_bound(held, name, limit)
    if not isinstance(held, Number):
        raise DeclarationError(f"bounds and units belong on int and float, not on {held!r}")
    if type(limit) not in (int, float) or not math.isfinite(limit):
        raise DeclarationError("bounds are finite numbers, int or float")
    return Bound(name, limit)


def _held_bound(held: Converted, name: str, limit: Any) -> Bound:
    """A bound by a value of the class of the field, of which others can be more or less."""
    if held.name == "Decimal" and type(limit) is int:
        limit = held.cls(limit)
    try:
        if not isinstance(limit, held.cls):
            raise Doubt
        found: Any = held.hold(limit)
        operator.le(found, found)
    except (Doubt, TypeError):
        raise DeclarationError(
            f"a bound of {held.name} is a {held.words} that can be more or less, not {limit!r}"
        ) from None
    return Bound(name, found, held.dump(found))


def _length(held: Type, name: str, limit: Any) -> Bound:
    sized = isinstance(held, (Text, Items, Table)) or (isinstance(held, Converted) and hasattr(held.cls, "__len__"))
    if not sized:
        raise DeclarationError(f"lengths belong on texts, sequences, mappings and bytes, not on {held!r}")
    if not isinstance(limit, int) or limit < 0:
        raise DeclarationError(f"a length is an integer from 0, not {limit!r}")
    return Bound(name, int(limit))


def _multiple(held: Type, name: str, limit: Any) -> Bound:
    if isinstance(held, Converted) and hasattr(held.cls, "__mod__") and not issubclass(held.cls, bytes):
        bound = _held_bound(held, name, limit)
        if not bound.limit:
            raise DeclarationError(f"nothing is a multiple of {limit!r}")
        return bound
    if not isinstance(held, Number):
        raise DeclarationError(f"MultipleOf belongs on int, float, Decimal and timedelta, not on {held!r}")
    if type(limit) not in (int, float) or not 0 < limit < math.inf:
        raise DeclarationError(f"MultipleOf takes a number above 0, not {limit!r}")
    if held.kind is int and limit != int(limit):
        raise DeclarationError(f"integers are multiples of integers, not of {limit!r}")
    if float(limit) != limit or _decimal_digits(limit) != limit.as_integer_ratio():
        raise DeclarationError(
            f"{limit!r} is no multiple of itself once it is a float: write a sum of powers of two (0.5, 0.25, 3), or"
            " declare the field as Decimal"
        )
    return Bound(name, int(limit) if limit == int(limit) else limit)


def _decimal_digits(limit: float) -> tuple[int, int]:
    """The number that the digits of a literal say, as a fraction: of 0.1 not the one that the float is."""
    from fractions import Fraction

    found = Fraction(repr(limit))
    return found.numerator, found.denominator


def _offset(held: Type, name: str, zone: Any) -> Bound:
    if not _is_time(held):
        raise DeclarationError(f"Timezone belongs on datetime, not on {held!r}")
    if zone == "UTC":
        zone = datetime.timezone.utc
    if not isinstance(zone, datetime.timezone) or zone.utcoffset(None) % datetime.timedelta(minutes=1):
        raise DeclarationError(
            f"Timezone({zone!r}): a time on the wire has an offset from UTC, and no zone: write Timezone(...) for any"
            " offset, Timezone(timezone.utc), or Timezone(timezone(timedelta(hours=1))), in whole minutes"
        )
    return Bound(name, zone.utcoffset(None), datetime.datetime(1, 1, 1, tzinfo=zone).isoformat()[-6:])


def _is_time(held: Type) -> bool:
    return isinstance(held, Converted) and issubclass(held.cls, datetime.datetime)


def _predicate(held: Type, name: str, function: Any) -> Bound:
    if nested_in(held) or isinstance(held, Member):
        raise DeclarationError(
            f"a predicate cannot be asked of {held!r}, which older revisions write otherwise: write"
            " field(validator=...), which is given the message"
        )
    negated = isinstance(function, annotated_types.Not)
    inner = function.func if isinstance(function, annotated_types.Not) else function
    if not callable(inner):
        raise DeclarationError(f"Predicate takes a function, not {inner!r}")
    if inner in ((math.isfinite,) if negated else _NEVER_FINITE):
        raise DeclarationError(f"no value is {'not ' * negated}{inner.__name__}: NaN and infinities are never carried")
    return Bound(name, Test(inner, negated))


_READ: dict[Measure, Callable[[Type, str, Any], Bound]] = {
    "value": _value,
    "length": _length,
    "multiple": _multiple,
    "offset": _offset,
    "predicate": _predicate,
}
