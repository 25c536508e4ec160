"""A message class as the :mod:`dataclasses` module sees one: web frameworks ask that for what a body is."""

from __future__ import annotations

import dataclasses
from typing import Any

import attrs

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.scope import hints_of
from sagellm_protocol.model.signatures import DERIVED

_FACTORY: Any = attrs.Factory


def dataclass_fields(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    """The ``__dataclass_fields__`` of a message class or a plain subclass."""
    fields: dict[str, dataclasses.Field[Any]] = _stand_in(cls).__dataclass_fields__
    return fields


def dataclass_params(cls: Any) -> Any:
    """The ``__dataclass_params__`` of a message class or a plain subclass."""
    return _stand_in(cls).__dataclass_params__


def settle(self: Any) -> None:
    """The ``__post_init__`` of a message: who fills slots, as msgspec does, has them checked like arguments.

    Raises:
        ValidationError: with every violation.
    """
    values = {field: getattr(self, field.name) for field in attrs.fields(type(self))}
    arguments: dict[str, Any] = {field.alias: value for field, value in values.items() if value is not DERIVED}
    built = type(self)(**arguments)
    for field in values:
        object.__setattr__(self, field.name, getattr(built, field.name))


def _stand_in(cls: Any) -> Any:
    """A dataclass of the same fields; what it says of them is kept on the message class.

    Raises:
        AttributeError: a field has the name that another is given by, so that it is no dataclass.
    """
    message: Any = message_of(cls)
    given = {field.alias: field.name for field in attrs.fields(message)}
    for name in given.values():
        if given.get(name, name) != name:
            raise AttributeError(f"{full_name(message)} is no dataclass: {name}= is how {given[name]} is given")
    try:
        hints, final = hints_of(message), True
    except DeclarationError:  # An annotation names what is not there yet.
        hints, final = {}, False
    fields = [(field.name, hints.get(field.name, field.type), _field(field)) for field in attrs.fields(message)]
    made: Any = dataclasses.make_dataclass(message.__name__, fields, frozen=True, order="__lt__" in vars(message))
    for field in attrs.fields(message):
        if isinstance(field.default, dict):
            made.__dataclass_fields__[field.name].default = field.default
    if final:
        message.__dataclass_fields__ = made.__dataclass_fields__
        message.__dataclass_params__ = made.__dataclass_params__
    return made


def _field(field: attrs.Attribute[Any]) -> Any:
    own: Any = field.default
    # Python 3.10 takes every dict for one that can change, so such a default is put in later.
    default: dict[str, Any] = {"default": None if isinstance(own, dict) else own}
    factory: Any = own if isinstance(own, _FACTORY) else None
    if own is attrs.NOTHING:
        default = {}
    elif factory is not None:
        default = {"default_factory": _derived if factory.takes_self else factory.factory}
    return dataclasses.field(
        **default,
        repr=field.repr is not False,
        hash=field.hash,
        compare=bool(field.eq),
        metadata=field.metadata,
        kw_only=field.kw_only is not False,
    )


def _derived() -> Any:
    """The default of what follows from the rest of the message, which a dataclass has no way to say."""
    return DERIVED
