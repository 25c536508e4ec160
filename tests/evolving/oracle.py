"""What an upgrade is: the steps one by one, as the list of revisions tells them, on every message in a payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    Added,
    Change,
    NullForbidden,
    Redefined,
    Removed,
    Renamed,
    Required,
)
from sagellm_protocol.history.conversions import Conversion
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.history.undoing import as_of_then, tables_of_today
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.kinds import Choice, Either, Items, Limited, Nested, Nullable, Table, Type, wire_kind
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import REQUIRED, Field, Spec

Specs = Mapping[str, Spec]


class Refused(Exception):
    """A value that has no place today."""


class Unclear(Exception):
    """A field that goes holds what an older revision meant by leaving it out: what that says is told elsewhere."""


class Told(dict[str, Any]):
    """A message that is one of several. Which it is is told by its fields of then, and not between two steps."""

    def __init__(self, payload: dict[str, Any], cls: type) -> None:
        super().__init__(payload)
        self.cls = cls


class Step(NamedTuple):
    """A change, and the messages on both sides of it."""

    change: Any
    before: Specs
    after: Specs


def steps(history: History, release: str) -> list[Step]:
    """The changes since a release, oldest first."""
    tables = tables_of_today(history.catalog, history.latest)
    found = []
    for name in reversed(history.revisions[history.revisions.index(history.resolve(release)) + 1 :]):
        for change in history.changed_in(name).changes:
            after = as_of_then(tables).messages
            tables = tables.before(name)
            change.undo(tables)
            found.append(Step(change, as_of_then(tables).messages, after))
    return found[::-1]


def forwards(history: History, message: str, release: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload brought forward, step after step.

    Raises:
        Refused: a value in it has no place today.
        Unclear: steps alone do not say.
    """
    cls = history.cls(message, release)
    touched: set[tuple[type, str]] = set()
    for step in steps(history, release):
        payload = _Stepping(step, touched).message(cls, payload)
    return payload


class _Stepping:
    """One step, on all messages that a payload holds."""

    def __init__(self, step: Step, touched: set[tuple[type, str]]) -> None:
        self.step, self.touched = step, touched
        self.specs = {spec.cls: spec for spec in step.before.values()}
        self.ups = {}
        if isinstance(step.change, Conversion):
            self.ups = step.change.upward(step.before, step.after)
        self._mark()

    def message(self, cls: type, payload: dict[str, Any]) -> dict[str, Any]:
        """A message, those in it first."""
        spec = self.specs[cls]
        types = spec.types
        taken = {name: self.inside(types[name], value) if name in types else value for name, value in payload.items()}
        if isinstance(self.step.change, Conversion):
            if spec.name not in self.ups:
                return taken
            try:
                return self.ups[spec.name](taken, ROOT)
            except ValidationError as error:
                raise Refused(str(error)) from None
        if getattr(self.step.change, "message", None) != spec.name:
            return taken
        after = {field.name: field for field in self.step.after[spec.name].fields}
        return changed(self.step.change, spec, after, taken, self.touched)

    def inside(self, kind: Type, value: Any) -> Any:
        match kind, value:
            case ((Nullable(inner=inner) | Limited(inner=inner)), _):
                return self.inside(inner, value)
            case Nested(cls=cls), dict():
                return self.message(cls, value)
            case Choice(options=options, tag=tag), dict():
                if isinstance(value, Told):
                    return Told(self.message(value.cls, value), value.cls)
                spec = chosen([self.specs[option.cls] for option in options], tag, value)
                return value if spec is None else Told(self.message(spec.cls, value), spec.cls)
            case Items(item=item), list():
                return [self.inside(item, each) for each in value]
            case Table(value=item), dict():
                return {key: self.inside(item, each) for key, each in value.items()}
            case Either(options=options), (dict() | list()):
                meant = "object" if isinstance(value, dict) else "array"
                option = next((option for option in options if wire_kind(option) == meant), None)
                return value if option is None else self.inside(option, value)
            case _:
                return value

    def _mark(self) -> None:
        """Keep in mind the fields of which leaving them out has meant several things."""
        change = self.step.change
        if isinstance(change, (NullForbidden, Redefined, Required)):
            cls = self.step.before[change.message].cls
            self.touched |= {(cls, name) for name in _names(change)}
        if isinstance(change, Renamed):
            cls = self.step.before[change.message].cls
            known = {name for each, name in self.touched if each is cls}
            self.touched -= {(cls, name) for name in known}
            self.touched |= {(cls, change.names.get(name, name)) for name in known}
        if isinstance(change, Conversion):
            for name in self.ups:
                cls = self.step.before[name].cls
                self.touched |= {(cls, field.name) for field in self.step.after[name].fields}


def _names(change: Change) -> Iterator[str]:
    yield from change.fields if isinstance(change, NullForbidden) else (change.field,)  # type: ignore[attr-defined]


def changed(
    change: Change, spec: Spec, after: dict[str, Field], payload: dict[str, Any], touched: set[tuple[type, str]]
) -> dict[str, Any]:
    """What one change that converts nothing makes of a message from just before it."""
    match change:
        case Added(fields=fields, unsaid=unsaid):
            new = {name: unsaid for name in fields if after[name].required and unsaid is not None}
            return new | payload
        case Removed(field=field):
            if field.name in payload and not alike(plain(field.left_out), payload[field.name]):
                raise Unclear if (spec.cls, field.name) in touched else Refused(field.name)
            if (spec.cls, field.name) in touched:
                raise Unclear
            return {name: value for name, value in payload.items() if name != field.name}
        case Renamed(names=names):
            return {names.get(name, name): value for name, value in payload.items()}
        case NullForbidden(fields=fields):
            # What null stood for is written out: leaving it out may come to mean something else later.
            told = {name: plain(after[name].left_out) for name in fields if has_plain_default(after[name])}
            said = {name: value for name, value in payload.items() if value is not None or name not in fields}
            return told | said
        case Redefined(field=name, was=was):
            return payload if name in payload else payload | {name: null_of(was, after[name])}
        case Required(field=name, was=was, unsaid=unsaid):
            nulls = was is None and not isinstance(after[name].type, Nullable)
            if nulls and payload.get(name) is None:
                return payload if unsaid is REQUIRED else payload | {name: unsaid}
            return payload if name in payload else payload | {name: was}
        case _:
            return payload


def plain(value: Any) -> Any:
    return plain_default(value)


def null_of(was: Any, field: Field) -> Any:
    return plain(field.null) if was is None and field.null is not REQUIRED else was
