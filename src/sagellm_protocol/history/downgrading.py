"""Payloads taken back to what an older revision can say, with an account of what it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.changes import Tables
from sagellm_protocol.history.defaults import has_plain_default, is_plain, plain_default, same_default
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.exceptions import MOST_TOLD, Loss, LossyDowngradeError
from sagellm_protocol.model.kinds import Choice, Either, Items, Limited, Nested, Nullable, Table, Type, nested_in
from sagellm_protocol.model.paths import ROOT, Path, is_hidden, told
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.shortening import HIDDEN, short
from sagellm_protocol.model.spec import REQUIRED, Derived, Field, Made, Spec, spec_of

UNSAYABLE: Any = object()
"""Stands for a value of which nothing is left that the older revision can say."""


@attrs.define
class Losses:
    """What an older revision cannot say, as it is found."""

    most: int | None = None
    """How many are held; all, where it is None."""
    found: list[Loss] = attrs.field(factory=list, init=False)
    more: int = attrs.field(default=0, init=False)
    """How many there are besides."""

    def add(self, path: Path, value: object, reason: str) -> None:
        """Note one."""
        if self._has_room():
            self.found.append(Loss(told(path), HIDDEN if is_hidden(path) else value, reason))

    def refused(self, checker: Checker, revision: str) -> None:
        """Note what a check found."""
        for wrong in checker.violations:
            if self._has_room():
                self.found.append(Loss(wrong.path, wrong.value, f"must be {wrong.rule} in {revision}"))
        self.more += checker.more

    def _has_room(self) -> bool:
        """Whether one more is held; else it is counted."""
        room = self.most is None or len(self.found) < self.most
        self.more += not room
        return room


@attrs.define
class Downgrades:
    """What it takes to take payloads back to one revision."""

    revision: str
    specs: Mapping[str, Spec]
    """That revision's messages."""
    first: Tables
    """What was before all revisions: it knows how each field came."""
    since: Callable[[str, str | None], str]
    """The revision with which a message, or a field of it, came."""
    _alike: dict[str, bool] = attrs.field(factory=dict, init=False)

    def same(self, message: str) -> bool:
        """Whether nothing in a message, at any depth, differs between that revision and today."""
        alike = self._alike.get(message)
        if alike is None:
            held = (self.specs[name] for name in reachable(message, self.specs))
            alike = self._alike[message] = message in self.specs and all(self._same(old) for old in held)
        return alike

    def _same(self, old: Spec) -> bool:
        """Whether a message itself is the same, whatever differs in those that it holds."""
        today = spec_of(old.cls)
        if len(old.fields) != len(today.fields) or old.rules:
            return False
        return all(
            before == now and before.name == before.today and same_default(before, now)
            for before, now in zip(old.fields, today.fields, strict=True)
        )

    def taken_back(self, message: str, payload: dict[str, Any], *, lossy: bool) -> dict[str, Any]:
        """A plain payload of today as that revision writes it.

        Raises:
            LossyDowngradeError: naming each value that would be lost; where ``lossy``, only if nothing valid is left.
        """
        losses = Losses(MOST_TOLD)
        taken = self.message(message, payload, ROOT, losses)
        if losses.found and (taken is UNSAYABLE or not lossy):
            raise LossyDowngradeError(message, self.revision, losses.found, losses.more)
        held: dict[str, Any] = taken
        return held

    def message(self, name: str, payload: dict[str, Any], path: Path, losses: Losses) -> Any:
        """A payload of today as that revision writes it; what it cannot say is left out and added to ``losses``."""
        if self.same(name):
            return payload
        old = self.specs.get(name)
        if old is None:
            losses.add(path, payload, f"{name} came with {self.since(name, None)}")
            return UNSAYABLE
        before = {field.today: field for field in old.fields if field.today}
        today = {field.name: field for field in spec_of(old.cls).fields}
        taken: dict[str, Any] = {}
        unsayable = False
        steps = spec_of(old.cls).steps
        for field, value in payload.items():
            step = steps.get(field, field)
            if field not in today:
                if reason := self._taken_name(old, field):
                    losses.add((path, field), value, reason)
                else:
                    taken[field] = value
            elif field not in before:
                if not self._droppable(name, today[field], value):
                    losses.add((path, step), value, f"came with {self.since(name, field)}")
            else:
                unsayable |= self._take(taken, before[field], today[field], value, (path, step), losses)
        for field, known in today.items():
            if field in payload:
                continue
            if field in before:
                value = _said_default(old.cls, before[field], known, payload)
                if value is not ABSENT:
                    unsayable |= self._take(taken, before[field], known, value, (path, known.step), losses)
            elif is_plain(known.default):
                value = plain_default(known.default)
                if not self._droppable(name, known, value):
                    losses.add((path, known.step), value, f"came with {self.since(name, field)}")
        for removed in old.fields:
            if not removed.today and removed.required:
                losses.add((path, removed.name), None, f"required in {self.revision}, and gone since")
                unsayable = True
        for rule in old.rules:
            if all(taken.get(field) is None for field in rule.fields):
                left_out = {field.name: today.get(field.today) for field in old.fields if field.name not in taken}
                said = {field: _said_by_absence(left_out.get(field)) for field in rule.fields}
                taken |= {field: value for field, value in said.items() if value is not None}
                if not any(value is not None for value in said.values()):
                    losses.add(path, payload, f"must be {rule} in {self.revision}")
                    unsayable = True
        return UNSAYABLE if unsayable else taken

    def _taken_name(self, old: Spec, name: str) -> str | None:
        """Why a field that today does not know cannot keep its name; None where it can."""
        for field in old.fields:
            if field.name == name:
                if field.today:
                    return f"its name is what {field.today} is called in {self.revision}"
                return f"its name is that of another field in {self.revision}, which is gone since"
        return None

    def _droppable(self, message: str, field: Field, value: Any) -> bool:
        """Whether a field that came later says what an upgrade would write if it were left out, or leave out."""
        said, _ = self.first.before_it_came(message, field)
        return _says(field.default if said is REQUIRED else said, value)

    def _take(self, taken: dict[str, Any], old: Field, new: Field, value: Any, path: Path, losses: Losses) -> bool:
        """Put a value into a payload of then; whether nothing valid can be left of that."""
        held = self._value(old, new, value, path, losses)
        if held is UNSAYABLE:
            return old.required
        if held is not ABSENT:
            taken[old.name] = held
        return False

    def _value(self, old: Field, new: Field, value: Any, path: Path, losses: Losses) -> Any:
        if value is None and old.null is not REQUIRED and isinstance(new.type, Nullable):
            losses.add(path, value, f"null stands for {short(plain_default(old.null))} in {self.revision}")
            return UNSAYABLE
        taken = self._nested(new.type, value, path, losses)
        if taken is UNSAYABLE or old.type == new.type:
            return taken
        checker = Checker("wire", "ignore", self.specs)
        checker.check(old.type, taken, path)
        if not checker.violations:
            return taken
        if _says(old.left_out, value):
            return ABSENT
        losses.refused(checker, self.revision)
        return UNSAYABLE

    def _nested(self, kind: Type, value: Any, path: Path, losses: Losses) -> Any:
        """A value of today's type with the messages in it, if any, taken back."""
        if not nested_in(kind):
            return value
        match kind:
            case Nullable() | Limited():
                return None if value is None else self._nested(kind.inner, value, path, losses)
            case Nested() if isinstance(value, dict):
                return self.message(kind.name, value, path, losses)
            case Choice() if isinstance(value, dict):
                option = chosen([spec_of(option.cls) for option in kind.options], kind.tag, value)
                return value if option is None else self.message(option.name, value, path, losses)
            case Items() if isinstance(value, (list, tuple)):
                items = [self._nested(kind.item, item, (path, index), losses) for index, item in enumerate(value)]
                return [item for item in items if item is not UNSAYABLE]
            case Table() if isinstance(value, dict):
                table = {key: self._nested(kind.value, item, (path, key), losses) for key, item in value.items()}
                return {key: item for key, item in table.items() if item is not UNSAYABLE}
            case Either():
                for part in kind.options:
                    value = self._nested(part, value, path, losses)
                return value
            case _:
                return value


def _said_default(cls: type, old: Field, new: Field, payload: Mapping[str, Any]) -> Any:
    """What is written for a field left to its default; ``ABSENT`` where leaving it out means the same then."""
    if not old.required and same_default(old, new) and not isinstance(new.default, Derived):
        return ABSENT
    if has_plain_default(new):
        return plain_default(new.default)
    if not isinstance(new.default, (Derived, Made)):
        return ABSENT
    value = to_plain(from_plain(cls, dict(payload), unknown="ignore"))[new.name]
    return ABSENT if _says(old.left_out, value) else value


def _says(default: Any, value: Any) -> bool:
    """Whether a default is the same for every message, and is that value."""
    return is_plain(default) and alike(plain_default(default), value)


def _said_by_absence(field: Field | None) -> Any:
    """What leaving a field out means today, as a payload says it; None where that is null, or nothing in particular."""
    return plain_default(field.default) if field is not None and has_plain_default(field) else None
