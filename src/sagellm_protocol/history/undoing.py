"""The tables of every revision, made from those of today by undoing the changes one by one."""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import HistoryError, Revision, Tables
from sagellm_protocol.model.choosing import tag_of
from sagellm_protocol.model.kinds import Choice, Member, Type, nested_in, replace
from sagellm_protocol.model.spec import Spec, spec_of


def tables_of(catalog: Catalog, revisions: Sequence[Revision]) -> tuple[dict[str, Tables], Tables]:
    """The tables of each revision, by name, and those before all; ``revisions`` are given newest first.

    Raises:
        HistoryError: a change names what was not there, or makes what cannot have been.
    """
    tables = Tables(
        revisions[0].name,
        {name: spec_of(cls) for name, cls in catalog.messages.items()},
        {name: {key: item.value for key, item in cls.__members__.items()} for name, cls in catalog.enums.items()},
        {name: _typed_dict_fields(cls) for name, cls in catalog.typed_dicts.items()},
    )
    every = {}
    for revision in revisions:
        every[revision.name] = _as_of_then(attrs.evolve(tables, revision=revision.name))
        tables = tables.before(revision.name)
        for change in revision.changes:
            change.undo(tables)
    return every, tables


def refuse_disorder(revisions: Sequence[Revision]) -> None:
    """Refuse revisions that are not listed newest first, each release once.

    Raises:
        HistoryError: naming the release that is in the wrong place, given twice, or no version.
    """
    if not revisions:
        raise ValueError("a history has at least one revision")
    later: str | None = None
    for revision in revisions:
        for release in reversed(revision.releases):
            if not _VERSION.fullmatch(release):
                raise HistoryError(revision.name, f"{release!r} is no version: numbers with dots between them")
            if later is not None and _numbers(release) == _numbers(later):
                raise HistoryError(revision.name, f"the release {release} is named twice")
            if later is not None and _numbers(release) > _numbers(later):
                raise HistoryError(
                    revision.name, f"{release} stands below {later}: revisions are listed newest first, releases last"
                )
            later = release


_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


def _numbers(release: str) -> tuple[int, ...]:
    """A release as numbers that compare: 1.0 is 1."""
    numbers = [int(number) for number in release.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _as_of_then(tables: Tables) -> Tables:
    """The tables with every type as it was: enumerations with their members of then, unions with their messages."""

    def as_of_then(kind: Type) -> Type:
        match kind:
            case Member():
                members = tables.enums.get(kind.name, dict(kind.members))
                return kind if dict(kind.members) == members else Member(kind.name, members)
            case Choice(options=options):
                known = tuple(option for option in options if option.name in tables.messages)
                if len(known) > 1:
                    return Choice(known, tag_of([tables.messages[option.name].types for option in known]))
                return known[0] if known else kind
            case _:
                return kind

    def fields_then(spec: Spec) -> Spec:
        fields = tuple(attrs.evolve(field, type=replace(field.type, as_of_then)) for field in spec.fields)
        for field in fields:
            for nested in nested_in(field.type):
                if nested.name not in tables.messages:
                    raise tables.wrong(f"{spec.name}.{field.name} holds {nested.name} before it came")
        return attrs.evolve(spec, fields=fields)

    return attrs.evolve(tables, messages={name: fields_then(spec) for name, spec in tables.messages.items()})


def _typed_dict_fields(cls: type) -> dict[str, str]:
    hints = typing.get_type_hints(cls)
    return {
        name: hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
        for name, hint in hints.items()
    }
