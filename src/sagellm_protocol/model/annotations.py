"""Annotations into specs: the one place that knows which Python types a field may be declared with."""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union

import annotated_types
import attrs

from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.choosing import tag_of
from sagellm_protocol.model.converted import entry_for
from sagellm_protocol.model.deriving import checked
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.keeping import PLACE
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
    Choice,
    Either,
    Flag,
    Free,
    Items,
    Kept,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.limiting import constrained
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.scope import hints_of
from sagellm_protocol.model.spec import REQUIRED, Derived, Field, Made, Spec, Unknown, spec_of

_LEAVES: dict[Any, Type] = {
    str: Text(),
    bool: Flag(),
    int: Number(int),
    float: Number(float),
    Any: Free(),
}
_CONTAINERS = ("array", "object", "any")
_FACTORY: Any = attrs.Factory
_SEQUENCES = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)


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
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return constrained(read_type(args[0]), annotation.__metadata__)
    try:
        found = _LEAVES.get(annotation) or entry_for(annotation)
    except TypeError:
        raise DeclarationError(f"{annotation!r} is not hashable") from None
    if found is not None:
        return found
    if is_message(annotation):
        return Nested(full_name(annotation), annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _member(annotation)
    if origin is Literal and all(map(_may_be_literal, args)):
        return OneOf(args)
    if origin in _SEQUENCES and args and (origin is not tuple or args[1:] == (...,)):
        return Items(read_type(args[0]), "tuple" if origin is tuple else "list")
    if origin in _MAPPINGS and args[:1] == (str,):
        return Table(read_type(args[1]))
    if origin in (Union, types.UnionType):
        return _union(args)
    own = "; model.field_type() makes a class of yours one" if isinstance(annotation, type) else ""
    raise DeclarationError(f"{annotation!r} is no type that a message can carry{own}")


def _may_be_literal(value: object) -> bool:
    return isinstance(value, str) or _is_carried(value)


def _is_carried(value: object) -> bool:
    """Whether a value is an integer that formats carry."""
    return type(value) is int and INT_MIN <= value <= INT_MAX


def known(cls: Any) -> Type | None:
    """The type that messages know a class as; None for what is not theirs."""
    try:
        return read_type(cls)
    except DeclarationError:
        return None


def _member(cls: type[enum.Enum]) -> Member:
    members = {name: member.value for name, member in cls.__members__.items()}
    if issubclass(cls, enum.Flag) or not all(type(value) is str or _is_carried(value) for value in members.values()):
        raise DeclarationError(f"{cls!r}: the values of an enumeration on the wire are single texts or integers")
    return Member(full_name(cls), members, cls)


def _union(args: Sequence[Any]) -> Type:
    options = tuple(_messages_as_one([read_type(arg) for arg in args if arg is not types.NoneType]))
    inner: Type
    if len(options) == 1:
        inner = options[0]
    else:
        kinds = [wire_kind(option) for option in options]
        if len(set(kinds)) < len(kinds) or "any" in kinds:
            raise DeclarationError(f"nothing on the wire tells {' from '.join(map(str, args))}")
        inner = Either(options)
    return Nullable(inner) if types.NoneType in args else inner


def _messages_as_one(options: Sequence[Type]) -> Iterator[Type]:
    """The types of a union, several messages among them as one choice, where the first of them stands."""
    messages = [option for option in options if isinstance(option, Nested)]
    for option in options:
        if option not in messages or len(messages) == 1:
            yield option
        elif option is messages[0]:
            yield Choice(tuple(messages), tag_of([_literals(message.cls) for message in messages]))


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
    kept: Field | None = None
    for attribute in attrs.fields(cls):
        annotation, text = _documented(hints[attribute.name])
        try:
            kind = read_type(annotation)
        except DeclarationError as error:
            raise DeclarationError(f"{full_name(cls)}.{attribute.name}: {error}") from None
        keeps = PLACE in attribute.metadata
        if keeps:
            kind = _kept(cls, attribute.name, kind)
        field = Field(
            attribute.name,
            kind,
            _held_default(cls, attribute, kind),
            attribute.name,
            argument=attribute.alias,
            secret=attribute.repr is False,
            text=text,
        )
        if keeps:
            kept = field
        else:
            fields.append(field)
    unknown: Unknown = cls.__message__
    return Spec(full_name(cls), tuple(fields), cls, unknown, kept=kept)


def _kept(cls: Any, name: str, kind: Type) -> Kept:
    """The type of the field that holds what the others do not."""
    if kind != Table(Free()):
        raise DeclarationError(f"{full_name(cls)}.{name}: what is kept is free JSON by name; declare it JsonObject")
    return Kept(frozenset(field.name for field in attrs.fields(cls)) - {name})


def _documented(annotation: Any) -> tuple[Any, str]:
    """The annotation of a field less its ``doc()``, and what that says."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation, ""
    inner, metadata = annotation.__origin__, annotation.__metadata__
    texts = [item.documentation for item in metadata if isinstance(item, annotated_types.DocInfo)]
    rest = tuple(item for item in metadata if not isinstance(item, annotated_types.DocInfo))
    # Written so for Python 3.10, which has no stars in subscripts.
    kept: Any = functools.reduce(lambda found, item: Annotated[found, item], rest, inner)
    return kept, "\n\n".join(texts)


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
