"""Field tables: what a message holds at a revision, as plain data for docs, digests and comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagellm_protocol.history.defaults import plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.bounds import Bound
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
    Text,
    Type,
    assert_never,
    nested_in,
)
from sagellm_protocol.model.spec import Derived, Field, Made, Spec


def type_text(kind: Type) -> str:
    """A type as field tables write it: ``list[kv.types.KVHandle] | None``."""
    match kind:
        case Text():
            return "str"
        case Flag():
            return "bool"
        case Number():
            return kind.kind.__name__
        case Converted():
            return kind.name
        case Free():
            return "Any"
        case Member() | Nested():
            return kind.name
        case OneOf():
            return f"Literal[{', '.join(map(repr, kind.values))}]"
        case Items(item=item, declared="tuple"):
            return f"tuple[{type_text(item)}, ...]"
        case Items(item=item):
            return f"list[{type_text(item)}]"
        case Table(value=value):
            return f"dict[str, {type_text(value)}]"
        case Nullable(inner=inner):
            return f"{type_text(inner)} | None"
        case Limited(inner=inner):
            return type_text(inner)
        case Choice() | Either():
            return " | ".join(type_text(option) for option in kind.options)
        case _:
            assert_never(kind)


def bare(kind: Type) -> Type:
    """A type less null and limits."""
    return bare(kind.inner) if isinstance(kind, (Nullable, Limited)) else kind


def limits(kind: Type) -> tuple[Bound, ...]:
    """The bounds on what a field holds, directly or as an item."""
    match kind:
        case Number():
            return kind.bounds
        case Limited(inner=inner, bounds=bounds):
            return (*limits(inner), *bounds)
        case Nullable(inner=inner) | Items(item=inner) | Table(value=inner):
            return limits(inner)
        case _:
            return ()


def field_row(field: Field) -> dict[str, Any]:
    """One row: ``type``, then ``bounds`` where there are any, then ``required`` or ``default``."""
    row: dict[str, Any] = {"type": type_text(field.type)}
    if found := limits(field.type):
        row["bounds"] = _bounds_row(found)
    if field.required:
        row["required"] = True
    else:
        row["default"] = _default_row(field.default, bare(field.type))
    return row


def _bounds_row(found: tuple[Bound, ...]) -> dict[str, Any]:
    """The limits by name; of several of one name the last, of predicates all."""
    row: dict[str, Any] = {}
    for bound in found:
        before = row.get(bound.name) if bound.meaning.measure == "predicate" else None
        row[bound.name] = bound.shown if before is None else f"{before}, {bound.shown}"
    return row


def _default_row(default: Any, kind: Type) -> dict[str, Any]:
    match default:
        case Derived(shown=shown):
            return _default_row(shown, kind)
        case Made(factory=factory):
            return {"factory": getattr(factory, "__name__", repr(factory))}
        case _ if isinstance(kind, Member) and default is not None:
            return {"value": {"enum": kind.name, "value": plain_default(default)}}
        case _ if isinstance(kind, Nested) and is_message(type(default)):
            return {"factory": kind.name}
        case _:
            return {"value": plain_default(default)}


def reachable(message: str, specs: Mapping[str, Spec]) -> set[str]:
    """The message and those that it holds, at any depth, as far as the revision has them."""
    found: set[str] = set()
    waiting = [message]
    while waiting:
        name = waiting.pop()
        if name in specs and name not in found:
            found.add(name)
            waiting += [nested.name for field in specs[name].fields for nested in nested_in(field.type)]
    return found


def message_table(spec: Spec) -> dict[str, Any]:
    """The rows of a message, in wire order."""
    return {field.name: field_row(field) for field in spec.fields}


def revision_table(revision: str, tables: Tables) -> dict[str, Any]:
    """All that a revision defines: messages, enumerations, typed dicts."""
    return {
        "revision": revision,
        "messages": {name: {"fields": message_table(spec)} for name, spec in tables.messages.items()},
        "enums": {name: dict(members) for name, members in tables.enums.items()},
        "typed_dicts": {name: {"fields": dict(fields)} for name, fields in tables.typed_dicts.items()},
    }
