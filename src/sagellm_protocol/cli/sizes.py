"""Sizes and shares as people write them: ``64MiB``, ``0.1%``."""

from __future__ import annotations

import re
from decimal import Decimal

import click

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(b|[kmgt]i?b)?", re.IGNORECASE | re.ASCII)
_SHARE = re.compile(r"([0-9]*\.?[0-9]+)\s*(%?)", re.ASCII)
_UNITS = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


def size(value: str | int) -> int:
    """Bytes, out of ``1000``, ``64MiB``, ``1.5GB``: the type of an option.

    Raises:
        click.BadParameter: it is no size.
    """
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    read = 0 if found is None else int(Decimal(found[1]) * _UNITS[(found[2] or "").lower()])
    if read < 1:
        raise click.BadParameter(f"{value!r} is no size: write bytes, 1 or more, as 1000, 64MiB or 1.5GB")
    return read


def share(value: str | float) -> float:
    """From 0 to 1, out of ``0.1%``, ``0.001``: the type of an option.

    Raises:
        click.BadParameter: it is no share.
    """
    if not isinstance(value, str):
        return value
    found = _SHARE.fullmatch(value.strip())
    read = -1.0 if found is None else float(Decimal(found[1]) / (100 if found[2] else 1))
    if not 0 <= read <= 1:
        raise click.BadParameter(f"{value!r} is no share: write 0.1% or 0.001, 100% or 1 at the most")
    return read
