"""The warning that every old name gives, at the line that uses it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short

GONE_IN = "0.7.0"
"""The release in which the old names are there no more."""

F = TypeVar("F", bound=Callable[..., Any])

_OURS = (__name__.rpartition(".")[0] + ".", "collections.abc")
"""Modules whose frames are nobody's use of a name."""


def warn(name: str, instead: str) -> None:
    """Warn that a name goes, where it is used."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
        level += 1
    words = f"{name} is pydantic's name and goes away in {GONE_IN}: write {instead}"
    warnings.warn(words, DeprecationWarning, stacklevel=level)


def old(instead: str) -> Callable[[F], F]:
    """A function that answers for an old name: each call warns, and says what to write instead."""

    def named(function: F) -> F:
        name = f"{function.__name__.rstrip('_')}()"

        @wraps(function)
        def answer(*arguments: Any, **options: Any) -> Any:
            warn(name, instead)
            return function(*arguments, **options)

        answer.__doc__ = f"Goes away in {GONE_IN}: write ``{instead}``.\n\n{function.__doc__}"
        return cast("F", answer)

    return named


def refuse(name: str, value: Any, instead: str) -> None:
    """Raise for an option that would be ignored, where it is given.

    Raises:
        OptionError: it is neither None nor False.
    """
    if value is not None and value is not False:
        raise OptionError(f"{name}={short(value)} would be ignored: {instead}")
