"""Where the tables of older revisions come from: those of today, in which changes are undone one by one."""

from __future__ import annotations

import datetime
import re
import typing
from collections.abc import Sequence

import attrs

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history.changes import Revision
from sagellm_protocol.history.defining import HistoryError, Tables
from sagellm_protocol.model.choosing import tag_of
from sagellm_protocol.model.kinds import Choice, Member, Type, nested_in, replace
from sagellm_protocol.model.spec import Spec, spec_of


def tables_of_today(catalog: Catalog, revision: str) -> Tables:
    """The tables of today's classes, for changes to be undone in."""
    return Tables(
        revision,
        {name: spec_of(cls) for name, cls in catalog.messages.items()},
        {name: {key: item.value for key, item in cls.__members__.items()} for name, cls in catalog.enums.items()},
        {name: _typed_dict_fields(cls) for name, cls in catalog.typed_dicts.items()},
    )


def refuse_disorder(revisions: Sequence[Revision]) -> None:
    """Refuse revisions that are not listed newest first, each release once.

    Raises:
        HistoryError: naming the release that is in the wrong place, given twice, or no version, or the revision whose
            day is after that of a newer one.
    """
    if not revisions:
        raise ValueError("a history has at least one revision")
    later: str | None = None
    dated: tuple[str, datetime.date] | None = None
    for revision in revisions:
        if revision.date is not None:
            if dated is not None and revision.date > dated[1]:
                raise HistoryError(
                    revision.name, f"its date is {revision.date}, after that of {dated[0]}, which is {dated[1]}"
                )
            dated = revision.name, revision.date
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


def as_of_then(tables: Tables) -> Tables:
    """The tables with every type as it was: enumerations with their members of then, unions with their messages.

    Raises:
        HistoryError: a field holds a message that has not come yet.
    """

    def type_then(kind: Type) -> Type:
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
        fields = tuple(attrs.evolve(field, type=replace(field.type, type_then)) for field in spec.fields)
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
