"""The tables of every revision, made from those of today by undoing the changes one by one."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Added, Revision, Tables
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.spec import Choice, Member, Spec, Type, nested_in, replace


def tables_of(catalog: Catalog, revisions: Iterable[Revision]) -> dict[str, Tables]:
    """The tables of each revision, by name; ``revisions`` are given newest first.

    Raises:
        LookupError: a change names what was not there.
    """
    tables = Tables(
        {name: spec_of(cls) for name, cls in catalog.messages.items()},
        {name: {key: item.value for key, item in cls.__members__.items()} for name, cls in catalog.enums.items()},
        {name: _typed_dict_fields(cls) for name, cls in catalog.typed_dicts.items()},
    )
    every = {}
    for revision in revisions:
        every[revision.name] = _as_of_then(tables)
        tables = tables.copy()
        for change in revision.changes:
            change.undo(tables)
    return every


def unsaid_in(revisions: Iterable[Revision], tables: Mapping[str, Tables]) -> dict[tuple[str, str], Any]:
    """What the changes say of required fields that came later, by message and today's field name."""
    found = {}
    for revision in revisions:
        for change in revision.changes:
            if isinstance(change, Added) and change.unsaid is not None:
                for field in tables[revision.name].messages[change.message].fields:
                    if field.name in change.fields:
                        found[change.message, field.origin] = change.unsaid
    return found


def _as_of_then(tables: Tables) -> Tables:
    """The tables with every type as it was: enumerations with their members of then, unions with their messages."""

    def as_of_then(kind: Type) -> Type:
        match kind:
            case Member():
                members = tables.enums.get(kind.name, dict(kind.members))
                return kind if dict(kind.members) == members else Member(kind.name, members)
            case Choice(options=options):
                known = tuple(option for option in options if option.name in tables.messages)
                return Choice(known, kind.tag) if len(known) > 1 else known[0] if known else kind
            case _:
                return kind

    def fields_then(spec: Spec) -> Spec:
        fields = tuple(attrs.evolve(field, type=replace(field.type, as_of_then)) for field in spec.fields)
        for field in fields:
            for nested in nested_in(field.type):
                if nested.name not in tables.messages:
                    raise LookupError(
                        f"{spec.name}.{field.name} holds {nested.name} before it came: the history is wrong"
                    )
        return attrs.evolve(spec, fields=fields)

    return attrs.evolve(tables, messages={name: fields_then(spec) for name, spec in tables.messages.items()})


def _typed_dict_fields(cls: type) -> dict[str, str]:
    hints = typing.get_type_hints(cls)
    return {
        name: hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
        for name, hint in hints.items()
    }
