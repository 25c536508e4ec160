"""Defaults that a function gives, checked like what is given: ``derived(...)``, ``@x.default`` and ``factory=``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sagellm_protocol.model.exceptions import ValidationError, Violation, blaming
from sagellm_protocol.model.kinds import Type
from sagellm_protocol.model.source import DOUBTS, Function
from sagellm_protocol.model.statements import CheckStatements
from sagellm_protocol.model.validating import words


def made(kind: Type, make: Callable[[], Any]) -> Callable[[], Any]:
    """``factory=`` for readers: raises ``Doubt`` where its value is not plainly right. Constructors check anyway."""
    hold = _plainly_held(kind)
    return lambda: hold(make())


def _plainly_held(kind: Type) -> Callable[[Any], Any]:
    to = Function("held")
    CheckStatements("python").write(to, kind, "_value")
    to.add("return _value")
    return to.compile("_value")


def checked(
    message_name: str, name: str, kind: Type, derive: Callable[[Any], Any], held: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """``derive``, whose value is checked and frozen like one that is given.

    Raises (the function does):
        ValidationError: ``derive`` raises, whatever that is; the message is then not to be had.
        DeclarationError: its value is not of the type, as ``held`` says.
    """
    plainly_held = _plainly_held(kind)

    @functools.wraps(derive)
    def derive_and_check(message: Any) -> Any:
        try:
            value = derive(message)
        except Exception as error:  # whatever a function of the user's raises
            found = Violation(name, f"given, since its default fails ({words(error)})", None)
            # Where it is a payload's, who reads that says so.
            raise blaming("local", ValidationError(message_name, [found])) from error
        try:
            return plainly_held(value)
        except DOUBTS:
            return held(value)

    return derive_and_check
