"""Decimals as text: exact, finite, and never of more digits than a reader can bear."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sagellm_protocol.model.source import Doubt

MOST_DIGITS = 1000
"""How many digits a decimal may have."""
MOST_EXPONENT = 999
"""How far from 1 its first digit may stand: written out in full, none is longer than about 2,000 characters."""
LONGEST = 2 * MOST_DIGITS + 10
"""How long a text may be."""
DECIMAL = "[+-]?[0-9]+(?:[.][0-9]+)?(?:[Ee][+-]?[0-9]{1,4})?"
"""A decimal, as a regular expression that Python and JSON Schema read alike."""

_decimal = re.compile(DECIMAL)


def decimal_of(text: Any) -> Decimal:
    """The decimal of a text; ``Doubt`` on anything else."""
    if type(text) is not str or len(text) > LONGEST or _decimal.fullmatch(text) is None:
        raise Doubt
    return finite(Decimal(text))


def finite(value: Any) -> Decimal:
    """A decimal as messages hold it; ``Doubt`` on one of a subclass, not finite, too long, too large or too small."""
    if type(value) is not Decimal or not _fits(value):
        raise Doubt
    return value


def _fits(value: Decimal) -> bool:
    near = value.is_finite() and -MOST_EXPONENT <= value.adjusted() <= MOST_EXPONENT
    return near and len(value.as_tuple().digits) <= MOST_DIGITS


def strategy(st: Any, least: Any, most: Any) -> Any:
    """Decimals between two."""
    drawn = st.decimals(least, most, allow_nan=False, allow_infinity=False).filter(_fits)
    if least is not None or most is not None:
        return drawn
    return drawn | st.sampled_from([Decimal(text) for text in ("-0", "1.50", "1E+3", "0E-7", "1E-999", "9.9E+999")])
