"""Annotations into specs: the one place that knows which Python types a field may be declared with."""

from __future__ import annotations

import enum
import functools
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, cast
from uuid import UUID

import annotated_types
import attrs

from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.choosing import tag_of
from sagellm_protocol.model.deriving import checked
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.scope import hints_of
from sagellm_protocol.model.spec import (
    REQUIRED,
    Choice,
    Derived,
    Either,
    Field,
    Flag,
    Free,
    Items,
    Made,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Spec,
    Table,
    Text,
    Type,
    Unknown,
    Uuid,
    nested_in,
    spec_of as spec_of,
    wire_kind as wire_kind,
)
from sagellm_protocol.model.units import Unit

_LEAVES: dict[Any, Type] = {
    str: Text(),
    bool: Flag(),
    int: Number(int),
    float: Number(float),
    UUID: Uuid(),
    Any: Free(),
}
_CONTAINERS = ("array", "object", "any")
_FACTORY: Any = attrs.Factory
_SEQUENCES = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)
_BOUNDS: dict[type, str] = {
    annotated_types.Ge: "ge",
    annotated_types.Gt: "gt",
    annotated_types.Le: "le",
    annotated_types.Lt: "lt",
}


def is_message(cls: Any) -> bool:
    """Whether ``cls`` was declared with ``@message``."""
    return isinstance(cls, type) and "__message__" in vars(cls)


def message_of(cls: Any) -> type | None:
    """The message class that a class is, or is a plain subclass of; None where it is neither."""
    return next((base for base in getattr(cls, "__mro__", ()) if is_message(base)), None)


def read_type(annotation: Any) -> Type:
    """The spec of an annotation.

    Raises:
        DeclarationError: the annotation has no form on the wire.
    """
    try:
        if annotation in _LEAVES:
            return _LEAVES[annotation]
    except TypeError:
        raise DeclarationError(f"{annotation!r} holds metadata that is not hashable") from None
    if is_message(annotation):
        return Nested(full_name(annotation), annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _member(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _constrained(read_type(args[0]), annotation.__metadata__)
    if origin is Literal and all(isinstance(value, str) for value in args):
        return OneOf(args)
    if origin in _SEQUENCES and args and (origin is not tuple or args[1:] == (...,)):
        return Items(read_type(args[0]), "tuple" if origin is tuple else "list")
    if origin in _MAPPINGS and args[:1] == (str,):
        return Table(read_type(args[1]))
    if origin in (Union, types.UnionType):
        return _union(args)
    raise DeclarationError(f"{annotation!r} is no type that a message can carry")


def _member(cls: type[enum.Enum]) -> Member:
    members = {name: member.value for name, member in cls.__members__.items()}
    if issubclass(cls, enum.Flag) or not all(type(value) in (str, int) for value in members.values()):
        raise DeclarationError(f"{cls!r}: the values of an enumeration on the wire are single texts or integers")
    return Member(full_name(cls), members, cls)


def _constrained(inner: Type, metadata: Sequence[Any]) -> Type:
    """``inner`` with the bounds and unit found beside it; a constraint that we would not check is refused."""
    if isinstance(inner, Nullable):
        return Nullable(_constrained(inner.inner, metadata))
    bounds: list[tuple[str, float]] = []
    unit: str | None = None
    for found in metadata:
        for item in found if isinstance(found, annotated_types.GroupedMetadata) else (found,):
            if type(item) in _BOUNDS:
                bounds.append((_BOUNDS[type(item)], getattr(item, _BOUNDS[type(item)])))
            elif isinstance(item, Unit):
                unit = item.symbol
            elif isinstance(item, annotated_types.BaseMetadata):
                raise DeclarationError(f"the constraint {item!r} is not supported; Ge, Gt, Le, Lt and Interval are")
    if not bounds and unit is None:
        return inner
    if not isinstance(inner, Number):
        raise DeclarationError(f"bounds and units belong on int and float, not on {inner!r}")
    if any(type(limit) not in (int, float) or not math.isfinite(limit) for _, limit in bounds):
        raise DeclarationError("bounds are finite numbers, int or float")
    return Number(inner.kind, (*inner.bounds, *bounds), unit or inner.unit)


def _union(args: Sequence[Any]) -> Type:
    options = tuple(read_type(arg) for arg in args if arg is not types.NoneType)
    inner: Type
    if len(options) == 1:
        inner = options[0]
    elif all(isinstance(option, Nested) for option in options):
        messages = cast("tuple[Nested, ...]", options)
        inner = Choice(messages, tag_of([_literals(message.cls) for message in messages]))
    else:
        kinds = [wire_kind(option) for option in options]
        if len(set(kinds)) < len(kinds) or "any" in kinds:
            raise DeclarationError(f"nothing on the wire tells {' from '.join(map(str, args))}")
        inner = Either(options)
    return Nullable(inner) if types.NoneType in args else inner


def _literals(cls: type) -> dict[str, Type]:
    """The fields of a message that may be its tag. Not its spec: it may hold the very union that is being read."""
    return {name: read_type(hint) for name, hint in hints_of(cls).items() if typing.get_origin(hint) is Literal}


def read_spec(cls: Any) -> Spec:
    """The spec of a message class, read anew.

    Raises:
        DeclarationError: a field's annotation has no form on the wire, or its default is none that it can hold.
    """
    hints = hints_of(cls)
    fields = []
    for attribute in attrs.fields(cls):
        try:
            kind = read_type(hints[attribute.name])
        except DeclarationError as error:
            raise DeclarationError(f"{full_name(cls)}.{attribute.name}: {error}") from None
        fields.append(
            Field(
                attribute.name,
                kind,
                _held_default(cls, attribute, kind),
                attribute.name,
                argument=attribute.alias,
                secret=attribute.repr is False,
            )
        )
    unknown: Unknown = cls.__message__
    return Spec(full_name(cls), tuple(fields), cls, unknown)


def _held_default(cls: type, attribute: attrs.Attribute[Any], kind: Type) -> Any:
    """A default as messages hold it: checked and frozen like any value, and refused where it is wrong."""

    def held(value: Any) -> Any:
        checker = Checker("python")
        found = checker.check(kind, value, (ROOT, attribute.name))
        if checker.violations:
            raise DeclarationError(f"{full_name(cls)}: the default of {checker.violations[0]}")
        return found

    default = _default(attribute)
    if default is REQUIRED:
        return default
    if isinstance(default, Derived):
        return Derived(checked(full_name(cls), attribute.name, kind, default.function, held), default.shown)
    if not isinstance(default, Made):
        return held(default)
    if default.factory in (list, dict, tuple):
        return held(default.factory())  # What is empty and cannot change need not be made anew.
    factory = default.factory
    return Made(functools.wraps(factory)(lambda: held(factory())) if wire_kind(kind) in _CONTAINERS else factory)


def _default(attribute: attrs.Attribute[Any]) -> Any:
    default: Any = attribute.default
    if default is attrs.NOTHING:
        return REQUIRED
    if not isinstance(default, _FACTORY):
        return default
    if default.takes_self:
        # ``derived`` says what tables show; of a method under ``@x.default`` they show the name.
        return Derived(default.factory, attribute.metadata.get("shown_default", Made(default.factory)))
    # A message cannot change, so one default serves all.
    return default.factory() if is_message(default.factory) else Made(default.factory)


def may_nest_without_end(kind: Type) -> bool:
    """Whether a value of this type can hold a message that holds, at any depth, one of its own kind."""

    def holds_itself(nested: Nested, within: frozenset[type]) -> bool:
        if nested.cls in within:
            return True
        inner = (found for field in spec_of(nested.cls).fields for found in nested_in(field.type))
        return any(holds_itself(found, within | {nested.cls}) for found in inner)

    return any(holds_itself(nested, frozenset()) for nested in nested_in(kind))
