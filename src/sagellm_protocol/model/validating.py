"""The validators of a message: those of its fields, then ``__attrs_post_init__``, run when the types are right.

Where some fields are broken, the validators of the others run all the same, with a message that lacks the broken ones:
a validator that asks for one of these is passed over, since what is wrong is told already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.model.exceptions import ValidationError, Violation, blaming
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.refusing import refused
from sagellm_protocol.model.shortening import HIDDEN, short
from sagellm_protocol.model.source import Doubt

Broken: TypeAlias = "tuple[str, str, Any, Exception]"
"""The field (empty: the message itself), the rule, the value, and what was raised."""

_TEXT = 200
"""Characters of an error that are told."""
_SEVERAL: Any = type(attrs.validators.and_())
"""What attrs makes of a list of validators."""


class Validation:
    """What there is to run for one message class."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.fields = tuple(
            (field, _listed(field.validator)) for field in attrs.fields(cls) if field.validator is not None
        )
        self.looks_back = hasattr(cls, "__attrs_post_init__")
        self.names = [field.name for field in attrs.fields(cls)]

    def broken(self, message: Any, lacking: Collection[str] = ()) -> Iterator[Broken]:
        """What the validators refuse; of a message that lacks fields, ``__attrs_post_init__`` is not asked."""
        right = not lacking
        for field, validators in () if attrs.validators.get_disabled() else self.fields:
            if field.name in lacking:
                continue
            value = getattr(message, field.name)
            found = _first_refusal(validators, message, field, value)
            if found is not None and not _asked_for(lacking, message, found[1]):
                right = False
                yield field.name, _rule(*found, secret=field.repr is False), value, found[1]
        if right and self.looks_back:
            raised = self._look_back(message)
            if raised is not None:
                yield "", _rule(message.__attrs_post_init__, raised), message, raised

    def _look_back(self, message: Any) -> Exception | None:
        """What ``__attrs_post_init__`` raises; it may not change the message.

        Raises:
            DeclarationError: it did, or tried to.
        """
        before = [getattr(message, name) for name in self.names]
        found: Exception | None = None
        try:
            message.__attrs_post_init__()
        except attrs.exceptions.FrozenInstanceError:
            raise self._changes() from None
        except Exception as error:  # whatever a function of the user's raises
            found = error
        if any(getattr(message, name, None) is not value for name, value in zip(self.names, before, strict=True)):
            raise self._changes()
        return found

    def _changes(self) -> Exception:
        return refused(self.cls, "may check, and not change the message; use derived(...)", "__attrs_post_init__")

    def check(self, message: Any) -> None:
        """Raise all that is refused.

        Raises:
            ValidationError: with every violation.
        """
        found = list(self.broken(message))
        if found:
            # An error that no validator raises on purpose is shown where it came from.
            odd = next((error for *_, error in found if not isinstance(error, (ValueError, TypeError))), None)
            secret = {field.name for field, _ in self.fields if field.repr is False}
            violations = [Violation(name, rule, HIDDEN if name in secret else value) for name, rule, value, _ in found]
            raise blaming("local", ValidationError(full_name(self.cls), violations)) from odd

    def doubt(self, message: Any) -> None:
        """Raise ``Doubt`` where anything is refused: the thorough path tells what."""
        for _ in self.broken(message):
            raise Doubt


def validation_of(cls: Any) -> Validation | None:
    """The validators of a message class; None where it has none."""
    found: Validation | None = vars(cls).get("_message_validation")
    return found


def _listed(validator: Any) -> tuple[Callable[..., Any], ...]:
    return validator._validators if type(validator) is _SEVERAL else (validator,)


def lacking_some(cls: Any, fields: dict[str, Any]) -> Any:
    """A message that has some of its fields only. It is seen by validators and by nobody else."""
    message = object.__new__(cls)
    for name, value in fields.items():
        getattr(cls, name).__set__(message, value)
    return message


def _first_refusal(
    validators: Sequence[Callable[..., Any]], message: Any, field: attrs.Attribute[Any], value: Any
) -> tuple[Callable[..., Any], Exception] | None:
    """The first validator of a field that raises, and what."""
    validate = validators[0]
    try:
        for validate in validators:
            validate(message, field, value)
    except Exception as error:  # whatever a function of the user's raises
        return validate, error
    return None


def _asked_for(lacking: Collection[str], message: Any, error: Exception) -> bool:
    """Whether a validator failed because it asked the message for what it lacks."""
    return isinstance(error, AttributeError) and error.obj is message and error.name in lacking


def _rule(validate: Any, error: Exception, *, secret: bool = False) -> str:
    """``accepted by even (7 is odd)``; the text of a secret's error may hold the secret, and is not told."""
    name = getattr(validate, "__name__", None) or type(validate).__name__.lstrip("_")
    said = "" if secret else words(error)
    return f"accepted by {name} ({said})" if said else f"accepted by {name}"


def words(error: Exception) -> str:
    """What an error says, on one line and cut; of one that no validator raises on purpose, its class too."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else ", ".join(map(short, error.args[:3]))
    text = cut(" ".join(str.__str__(said)[: 10 * _TEXT].split()), _TEXT)
    expected = isinstance(error, (ValueError, TypeError))
    return text if expected else ": ".join(filter(None, (type(error).__name__, text)))
