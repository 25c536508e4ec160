"""What hooks raise, a user's or those of cattrs, told as our own errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import cattrs
from cattrs import IterableValidationNote

from sagellm_protocol.codecs.formats import refusal
from sagellm_protocol.model.exceptions import (
    DeclarationError,
    DecodeError,
    EncodeError,
    ProtocolError,
    ValidationError,
    Violation,
)
from sagellm_protocol.model.paths import below
from sagellm_protocol.model.shortening import short


def told(hook: Callable[[Any, Any], Any], cls: Any) -> Callable[[Any], Any]:
    """A hook for reading a class, as a function that raises a ``ValidationError`` or another error of ours."""
    name = getattr(cls, "__name__", str(cls))

    def structure(payload: Any) -> Any:
        try:
            return hook(payload, cls)
        except (DeclarationError, ProtocolError):
            raise
        except cattrs.BaseValidationError as error:
            raise ValidationError(name, *violations_of(error)) from error
        except Exception as error:  # whatever a hook, or a class of the caller's, raises
            raise ValidationError(name, [_violation("", error, payload)]) from error

    return structure


def written(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hook for writing, as a function that raises an ``EncodeError`` or another error of ours."""

    def unstructure(value: Any) -> Any:
        try:
            return hook(value)
        except ProtocolError:
            raise
        except RecursionError:
            raise refusal(None) from None
        except Exception as error:  # whatever a hook, or a class of the caller's, raises
            raise EncodeError(f"{short(value)} cannot be turned into a payload: {error!r}") from error

    return unstructure


def violations_of(error: BaseException) -> tuple[list[Violation], int]:
    """What cattrs found wrong with a class of the user's that holds messages, and what is wrong with the messages.

    The second number is how many violations the messages did not tell of.
    """
    found: list[Violation] = []
    more = 0

    def collect(error: BaseException, path: str) -> None:
        nonlocal more
        if isinstance(error, DecodeError):
            raise DecodeError(below(path, error.reason), error.offset)
        if isinstance(error, ValidationError):
            found.extend(attrs.evolve(it, path=below(path, it.path)) for it in error.violations)
            more += error.more
        elif isinstance(error, (cattrs.ClassValidationError, cattrs.IterableValidationError)):
            inside, outside = error.group_exceptions()
            for inner, note in inside:
                step = f"[{short(note.index)}]" if isinstance(note, IterableValidationNote) else note.name
                collect(inner, below(path, step))
            for inner in outside:
                collect(inner, path)
        elif isinstance(error, KeyError):
            found.append(Violation(path, "required", None))
        else:
            found.append(_violation(path, error, None))

    collect(error, "")
    return found, more


def _violation(path: str, error: BaseException, value: object) -> Violation:
    return Violation(path, f"convertible ({error})", value)
