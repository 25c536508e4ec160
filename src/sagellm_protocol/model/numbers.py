"""Numbers taken for what they are, whatever their class."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, cast

Source: TypeAlias = Literal["python", "wire"]
"""Where values come from: arguments, or a payload, which has enumerations and UUIDs as text and messages as dicts."""

EXACT_IN_FLOAT = 2**53
"""Up to here every integer is a float of its own, so that a float can stand for it."""


def int_of(value: Any, source: Source) -> int | None:
    """A value as the integer that it is; None where it is none."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else int.__int__(value)
    if source == "wire":
        # To JSON, and to its Schema, 8.0 is an integer.
        number = float.__float__(value) if isinstance(value, float) else math.nan
        return int(number) if -EXACT_IN_FLOAT <= number <= EXACT_IN_FLOAT and number.is_integer() else None
    return cast("int | None", _number_of(value, numbers.Integral, operator.index))


def integers_of(items: list[Any]) -> list[Any]:
    """The items of a payload, where a plain float stands for an integer as that integer."""
    return [
        int(item) if type(item) is float and -EXACT_IN_FLOAT <= item <= EXACT_IN_FLOAT and item.is_integer() else item
        for item in items
    ]


def float_of(value: Any, source: Source) -> float | None:
    """A value as the float that it is; None where it is none, infinity where it is too large."""
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        try:
            return float(int.__int__(value))
        except OverflowError:
            return math.inf
    return None if source == "wire" else _number_of(value, numbers.Real, float)


def _number_of(value: Any, kind: type, convert: Callable[[Any], float]) -> float | None:
    """A number of a class of the caller's, such as numpy's."""
    if not isinstance(value, kind):
        return None
    try:
        return convert(value)
    except Exception:  # whatever that class raises: then it is no number
        return None
