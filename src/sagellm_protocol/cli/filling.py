"""``--fill FIELD=VALUE``: what a field is where an old record does not say."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from sagellm_protocol.archive.explaining import one_line
from sagellm_protocol.model.exceptions import ValidationError

T = TypeVar("T", bound=Callable[..., Any])


class Given(NamedTuple):
    """What one ``--fill`` says of its field."""

    value: Any
    text: str
    """As it was typed."""


def fill_option(function: T) -> T:
    """``--fill``: as ``fill``, by field."""
    return click.option(
        "--fill",
        metavar="FIELD=VALUE",
        multiple=True,
        callback=_parsed,
        help="What a field is where an old record does not say, e.g. engine_id=engine-7; the value is JSON, or else "
        """text ('engine_id="7"' where the text looks like JSON). """
        'Where nobody says, such a field becomes "unknown". May be repeated.',
    )(function)


def _parsed(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, Given]:
    fill = {}
    for value in values:
        name, given, text = value.partition("=")
        if not name or not given:
            raise click.BadParameter(f"{value!r} is not FIELD=VALUE", context, parameter)
        if name in fill:
            raise click.BadParameter(f"{name} is given twice", context, parameter)
        try:
            fill[name] = Given(json.loads(text, parse_constant=_no_json, parse_int=_integer), text)
        except RecursionError:
            raise click.BadParameter(f"the value of {name} nests too deep", context, parameter) from None
        except ValueError:
            fill[name] = Given(text, text)
    return fill


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _integer(digits: str) -> int:
    # Python refuses to convert thousands of digits. The first hundred are as much past 64 bits, and refused as that.
    return int(digits[:100])


@contextlib.contextmanager
def quoting(fill: Mapping[str, Given]) -> Iterator[None]:
    """Tells how to quote what was to be text and is JSON of another type.

    Raises:
        click.UsageError: such a value was refused.
    """
    try:
        yield
    except ValidationError as error:
        for name, given in fill.items():
            if any(it.path == f"fill.{name}" and it.rule == "str" for it in error.violations):
                quoted = shlex.quote(f"{name}={json.dumps(given.text)}")
                raise click.UsageError(f"{one_line(error)}; text is --fill {quoted}") from None
        raise
