"""Numbers in another unit: each is so many times what it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any

import attrs

from sagellm_protocol.history.conversions.converted import Was
from sagellm_protocol.history.conversions.passing import Function, Values
from sagellm_protocol.history.conversions.sides import Side, close
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.kinds import Items, Limited, Nullable, Number, Table, Type, parts, replace
from sagellm_protocol.model.spec import REQUIRED, Field

SIZES: Mapping[str, tuple[str, Fraction]] = {
    "ns": ("time", Fraction(1, 10**9)),
    "us": ("time", Fraction(1, 10**6)),
    "ms": ("time", Fraction(1, 1000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "h": ("time", Fraction(3600)),
    "Mbps": ("speed", Fraction(1)),
    "Gbps": ("speed", Fraction(1000)),
}
"""What each unit measures, and how large it is: of those whose symbol means one thing, which that of MB does not."""


@attrs.frozen
class Rescaled(ValueConversion):
    """Numbers are measured in another unit."""

    names: Mapping[str, str] = attrs.field(hash=False)
    """Name of now to name of then."""
    by: Any
    """How many of the unit of then are one of now."""
    told: Any = None

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(self.names.values())

    @property
    def after(self) -> tuple[str, ...]:
        return tuple(self.names)

    @property
    def parts(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        return tuple(((old,), (new,)) for new, old in self.names.items())

    def was(self, tables: Tables) -> Mapping[str, Field]:
        if not self.names:
            raise tables.wrong(f'which fields of {self.message} were rescaled? Say new="old"')
        if not _is_factor(self.by):
            raise tables.wrong(f"by={self.by!r} is no factor: say how many of the old unit are one of the new one")
        if len(set(self.before)) < len(self.names):
            raise tables.wrong(f"two fields of {self.message} cannot have been one before they were rescaled")
        return {old: self._was(tables, tables.field(self.message, new), old) for new, old in self.names.items()}

    def _was(self, tables: Tables, now: Field, old: str) -> Field:
        place = f"{self.message}.{now.name}"
        told = self.told.annotation if isinstance(self.told, Was) else self.told
        try:
            kind = scaled_type(now.type, factor(self.by)) if told is None else read_type(told)
        except ValueError as error:
            raise tables.wrong(f"{place} {error}: say in was= what it was") from None
        for each in (now.type, kind):
            if not holds_numbers_alone(each):
                raise tables.wrong(f"{place} holds more than numbers: say converted(...), with functions")
        if not (self.lossy or always_exact(kind, now.type, factor(self.by))):
            raise tables.wrong(f"{place} cannot say every number that it was: say in lossy= that they are rounded")
        exactly = isinstance(self.told, Was)
        default = self.told.default if exactly else self._default(tables, kind, now, place)
        return Field(old, kind, default, now.today if old == now.name else "")

    def _default(self, tables: Tables, kind: Type, now: Field, place: str) -> Any:
        if now.required:
            return REQUIRED
        if not has_plain_default(now):
            raise tables.wrong(f"the default of {place} is computed: say it in was=was(..., default=...)")
        plain = plain_default(now.default)
        default = scaled(kind, plain, factor(self.by))
        if not close(scaled(now.type, default, 1 / factor(self.by)), plain):
            raise tables.wrong(f"{place} cannot have had its default: say it in was=was(..., default=...)")
        return default

    def functions(self, then: Side, now: Side) -> tuple[Function, Function]:
        (old,), (new,) = then.fields, now.fields
        by = factor(self.by)

        def up(values: Values) -> Values:
            made = scaled(new.type, values[old.name], 1 / by)
            if not self.lossy and not close(scaled(old.type, made, by), values[old.name]):
                raise ValueError("it has more digits than a float carries")
            return {new.name: made}

        def down(values: Values) -> Values:
            return {old.name: scaled(old.type, values[new.name], by)} if new.name in values else {}

        return up, down


def rescaled(
    message: str,
    *,
    by: float | Fraction,
    was: Any = None,
    lossy: str | None = None,
    order: Iterable[str] = (),
    **names: str,
) -> Rescaled:
    """Numbers are measured in another unit: ``rescaled("types.X", timeout_s="timeout_ms", by=1000)``.

    Lists, tables and null are as they were, the numbers in them rescaled. A float is rescaled as the decimal number
    that it is written as, and comes back but for its last place. An integer that would be rounded is a loss.

    Args:
        message: its full name.
        by: how many of the old unit are one of the new: what a number of now is multiplied by to be one of then.
        was: the annotation of then, where it was not that of now with unit and bounds rescaled; or what
            :func:`was` gives, where the default was not that of now rescaled, or there was none.
        lossy: that numbers are rounded, and to what; must be said where not every number of then is one of now.
        order: all fields of the message as they stood, where that is not where they stand.
        names: the fields of now, and what they were called: ``new="old"``, which may be the same.
    """
    return Rescaled(message, names, by, was, lossy=lossy, order=tuple(order))


def exact(number: Any) -> Fraction:
    """A number as it is written: 0.1 is a tenth."""
    return Fraction(repr(number)) if type(number) is float else Fraction(number)


def factor(by: Any) -> Fraction:
    """A factor exactly: a float is the simplest fraction that it stands for, so that 1 / 60 is a sixtieth."""
    simple = Fraction(by).limit_denominator(10**9)
    return simple if float(simple) == by else exact(by)


def scaled_type(kind: Type, by: Fraction) -> Type:
    """The type of numbers that are so many times those of another, bounds and unit with them.

    Raises:
        ValueError: no unit is known that is so many times smaller, or a function says which numbers may be.
    """

    def at(part: Type) -> Type:
        match part:
            case Number(kind=number, bounds=bounds, unit=unit):
                return Number(number, _scaled_bounds(bounds, by), unit and _unit(unit, by))
            case Limited(inner=inner, bounds=bounds):
                return Limited(inner, _scaled_bounds(bounds, by))
            case _:
                return part

    return replace(kind, at)


def _scaled_bounds(bounds: tuple[Bound, ...], by: Fraction) -> tuple[Bound, ...]:
    if any(bound.meaning.measure == "predicate" for bound in bounds):
        raise ValueError("is bound by a function")
    return tuple(
        bound if bound.meaning.measure == "length" else Bound(bound.name, _short(exact(bound.limit) * by))
        for bound in bounds
    )


def _unit(now: str, by: Fraction) -> str:
    measure, size = SIZES.get(now, (None, by))
    for unit, known in SIZES.items():
        if known == (measure, size / by):
            return unit
    raise ValueError(f"is measured in {now}, and was {by} times the number")


def scaled(kind: Type, value: Any, by: Fraction) -> Any:
    """A value of as many times the number, or the numbers in it, as a type holds them.

    Raises:
        ValueError: it is too large for a float.
    """
    match kind:
        case _ if value is None:
            return None
        case Nullable(inner=inner) | Limited(inner=inner):
            return scaled(inner, value, by)
        case Items(item=inner):
            return [scaled(inner, item, by) for item in value]
        case Table(value=inner):
            return {key: scaled(inner, item, by) for key, item in value.items()}
        case Number(kind=number) if number is int:
            return round(exact(value) * by)
        case _:
            try:
                return float(exact(value) * by)
            except OverflowError:
                raise ValueError("it is too large for a float") from None


def _is_factor(by: Any) -> bool:
    return isinstance(by, (int, float, Fraction)) and not isinstance(by, bool) and isfinite(by) and by > 0 and by != 1


def holds_numbers_alone(kind: Type) -> bool:
    """Whether a type is that of a number, or of numbers in lists and tables, null or not."""
    found = list(parts(kind))
    return isinstance(found[-1], Number) and all(
        isinstance(part, (Number, Nullable, Limited, Items, Table)) for part in found
    )


def always_exact(then: Type, now: Type, by: Fraction) -> bool:
    """Whether every number of then is one of now, up to what a float carries."""
    whole = [next(part.kind is int for part in parts(kind) if isinstance(part, Number)) for kind in (then, now)]
    return not whole[1] or (whole[0] and (1 / by).denominator == 1)


def _short(limit: Fraction) -> int | float:
    return limit.numerator if limit.denominator == 1 else float(limit)
