"""What of a message can stand in a payload as it is held, and what the rest is held in."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Taught,
    Text,
    Type,
    assert_never,
    nested_in,
    parts,
)
from sagellm_protocol.model.spec import Field

Form: TypeAlias = Literal["orjson", "msgpack", "plain", "struct of JSON", "struct of MessagePack"]
"""Who takes the values next: orjson writes enumerations, tuples and FrozenDicts itself, msgpack all but enumerations
that are no text, and each of them the classes whose entry says so; ``plain`` is dict, list, str, int, float, bool and
None only. msgspec is given Structs in the place of messages, by the compiled core, and writes what orjson does."""

Omitting: TypeAlias = Literal["nothing", "defaults", "nulls"]
"""Which fields are left out: none, those at their defaults, or those that are None by default and None."""


def as_it_is(kind: Type, form: Form) -> bool:
    """Whether what a message holds can stand in the payload."""
    match kind:
        case Text() | Flag() | Number() | OneOf():
            return True
        case Taught(unstructure=unstructure) if unstructure is not None:
            return False
        case Converted(native=native):
            return ("msgspec" if form.startswith("struct") else form) in native
        case Member(members=members):
            texts = all(isinstance(value, str) for value in members.values())
            return form not in ("plain", "msgpack") or (form == "msgpack" and texts)
        case Items(item=inner) | Table(value=inner):
            return form != "plain" and as_it_is(inner, form)
        case Nullable(inner=inner) | Limited(inner=inner):
            return as_it_is(inner, form)
        case Either(options=options):
            return all(as_it_is(option, form) for option in options)
        case Free():
            return form != "plain"
        case Nested() | Choice():
            return False
        case _:
            assert_never(kind)


def shown_default(field: Field) -> tuple[str | None, bool]:
    """The ``repr()`` of a default, where ``==`` does not tell what is at it, and whether that tells alone."""
    if isinstance(field.type, Free) or isinstance(field.default, float):
        # 0, 0.0, -0.0 and False are equal, and not the same JSON.
        return repr(field.default), True
    told = all(part.told_by_equality for part in parts(field.type) if isinstance(part, Converted))
    return (None if told else repr(field.default)), False


def held_class(kind: Type) -> tuple[type, ...]:
    """The class that messages hold a value of this type in; none where it stands on the wire as it is held."""
    match kind:
        case Limited(inner=inner):
            return held_class(inner)
        case Items():
            return (tuple,)
        case Table():
            return (dict,)
        case Converted(cls=cls):
            return (cls,)
        case Member(cls=cls):
            return (cast("type", cls),)
        case _:
            return tuple(nested.cls for nested in nested_in(kind))
