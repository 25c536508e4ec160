"""Payloads taken back, within an era, to what an older revision can say, with an account of what it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.defaults import has_plain_default, is_plain, plain_default, same_default
from sagellm_protocol.history.eras import Eras, Frame
from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.kinds import (
    Choice,
    Either,
    Free,
    Items,
    Limited,
    Nested,
    Nullable,
    Table,
    Type,
    nested_in,
    parts,
)
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import REQUIRED, Derived, Field, Made, Spec


@attrs.define
class Downgrades:
    """What it takes to take payloads back from one place to another."""

    eras: Eras
    frame: Frame
    """The history as seen from the place from which they are taken back."""
    place: int
    """The place to which they are."""
    revision: str
    """What that is called."""
    goes_on: bool = False
    """Whether they go on from there, so that what only messages of today derive is to be written out."""
    written: Callable[[Any], Any] = to_plain
    """Gives a message of today, which is a default, as a payload of the place from which they are taken."""
    specs: Mapping[type, Spec] = attrs.field(init=False)
    """The messages of then, by class."""
    _alike: dict[type, bool] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.specs = self.frame.by_class(self.place)

    def same(self, message: type) -> bool:
        """Whether nothing in a message, at any depth, differs between the two."""
        alike = self._alike.get(message)
        if alike is None:
            old, specs = self.specs.get(message), self.frame.specs(self.place)
            held = () if old is None else (specs[name] for name in reachable(old.name, specs))
            alike = self._alike[message] = old is not None and all(self._same(spec) for spec in held)
        return alike

    def _same(self, old: Spec) -> bool:
        """Whether a message itself is the same, whatever differs in those that it holds."""
        return self._came_alone(old) == []

    def _came_alone(self, old: Spec) -> list[Field] | None:
        """The fields that came since, where nothing else in a message itself differs; None where more does."""
        today = self.frame.aims[old.cls]
        if old.rules or _forbids_kept(old, today):
            return None
        if self.goes_on and any(isinstance(field.default, Derived) for field in today.fields):
            return None
        names = {field.name for field in old.fields}
        stayed = [field for field in today.fields if field.name in names]
        alike = len(stayed) == len(old.fields) and all(
            before == now and before.name == before.today and same_default(before, now)
            for before, now in zip(old.fields, stayed, strict=True)
        )
        return [field for field in today.fields if field.name not in names] if alike else None

    def nulls(self, message: type) -> tuple[str, ...]:
        """The fields of a message that are left out: all that differs, at any depth, as long as they are null.

        None where more may differ.
        """
        old = self.specs.get(message)
        came = None if old is None else self._came_alone(old)
        if old is None or not came or not all(self._says_nothing(message, field, None) for field in came):
            return ()
        held = (nested.cls for field in old.fields for nested in nested_in(field.type))
        return tuple(field.name for field in came) if all(map(self.same, held)) else ()

    def message(self, cls: type, payload: dict[str, Any], path: Path, losses: Losses) -> Any:
        """A payload as the older place writes it; what that cannot say is left out and added to ``losses``."""
        if self.same(cls):
            return payload
        old, new = self.specs.get(cls), self.frame.aims[cls]
        if old is None:
            losses.add(path, payload, f"{new.name} {self._came(cls)}")
            return UNSAYABLE
        before = {field.today: field for field in old.fields if field.today}
        today = {field.name: field for field in new.fields}
        taken: dict[str, Any] = {}
        unsayable = False
        steps, stray = new.steps, new.stray
        unsaid: set[str] = set()
        for field, value in payload.items():
            step = steps[field] if field in today else stray(field)
            if value is None and self._means_left_out(cls, field, before.get(field)):
                unsaid.add(field)
            elif field not in today:
                if reason := self._taken_name(old, field):
                    losses.add((path, step), value, reason)
                elif _forbids_kept(old, new):
                    losses.add((path, step), value, f"{self.revision} has no field of that name, and keeps none")
                else:
                    taken[field] = value
            elif field not in before:
                self._leave_out(cls, today[field], value, (path, step), losses)
            else:
                unsayable |= self._take(taken, before[field], today[field], value, (path, step), losses)
        for field, known in today.items():
            if field in payload and field not in unsaid:
                continue
            if field in before:
                value = self._said_default(cls, before[field], known, payload)
                if value is not ABSENT:
                    unsayable |= self._take(taken, before[field], known, value, (path, known.step), losses)
                elif before[field].required and isinstance(known.default, Derived):
                    losses.add((path, known.step), None, f"required in {self.revision}, and derived since")
                    unsayable = True
            elif is_plain(known.default):
                value = plain_default(known.default, self.written)
                self._leave_out(cls, known, value, (path, known.step), losses)
        for removed in old.fields:
            if not removed.today and removed.required:
                losses.add((path, removed.name), None, f"required in {self.revision}, and gone since")
                unsayable = True
        if unsayable:
            losses.whole(path, payload, self.revision)
        for rule in old.rules:
            if all(taken.get(field) is None for field in rule.fields):
                left_out = {field.name: today.get(field.today) for field in old.fields if field.name not in taken}
                said = {field: _said_by_absence(left_out.get(field)) for field in rule.fields}
                taken |= {field: value for field, value in said.items() if value is not None}
                if not any(value is not None for value in said.values()):
                    losses.add(path, payload, f"must be {rule} in {self.revision}")
                    unsayable = True
        return UNSAYABLE if unsayable else taken

    def _means_left_out(self, cls: type, field: str, old: Field | None) -> bool:
        """Whether null says what leaving the field out does, and cannot be said, or said something else."""
        cannot = old is None or not isinstance(old.type, Nullable) or old.null is not REQUIRED
        return cannot and (cls, field) in self.frame.first.null_unsaid

    def _taken_name(self, old: Spec, name: str) -> str | None:
        """Why a field that today does not know cannot keep its name; None where it can."""
        for field in old.fields:
            if field.name == name:
                if field.today:
                    return f"its name is what {field.today} is called in {self.revision}"
                return f"its name is that of another field in {self.revision}, which is gone since"
        return None

    def _came(self, cls: type, field: str | None = None) -> str:
        return f"came with {self.eras.since(self.frame, cls, field)}"

    def _leave_out(self, cls: type, field: Field, value: Any, path: Path, losses: Losses) -> None:
        """Leave out a field that came later: a loss, unless it says nothing."""
        if self._says_nothing(cls, field, value):
            return
        if (cls, field.name) in self.frame.first.droppable:
            losses.drop(path, value, lambda: self._came(cls, field.name))
        else:
            losses.add(path, value, self._came(cls, field.name))

    def _says_nothing(self, cls: type, field: Field, value: Any) -> bool:
        """Whether an upgrade would write or leave out just that value of a field that came later."""
        said, _ = self.frame.first.before_it_came(cls, field)
        return self._says(field.default if said is REQUIRED else said, value)

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
        taken = self._nested(new.type, value, path, losses) if _may_hold_messages(old.type) else value
        if taken is UNSAYABLE or old.type == new.type:
            return taken
        checker = Checker("wire", "ignore", self.frame.specs(self.place))
        checker.check(old.type, taken, path)
        if not checker.violations:
            return taken
        if self._says(old.left_out, value):
            return ABSENT
        losses.refused(checker, self.revision, path, value)
        return UNSAYABLE

    def _nested(self, kind: Type, value: Any, path: Path, losses: Losses) -> Any:
        """A value of today's type with the messages in it, if any, taken back."""
        if not nested_in(kind):
            return value
        match kind:
            case Nullable() | Limited():
                return None if value is None else self._nested(kind.inner, value, path, losses)
            case Nested() if isinstance(value, dict):
                return self.message(kind.cls, value, path, losses)
            case Choice() if isinstance(value, dict):
                option = chosen([self.frame.aims[option.cls] for option in kind.options], kind.tag, value)
                return value if option is None else self.message(option.cls, value, path, losses)
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

    def _said_default(self, cls: type, old: Field, new: Field, payload: Mapping[str, Any]) -> Any:
        """What is written for a field left to its default; ``ABSENT`` where leaving it out means the same then."""
        if not old.required and same_default(old, new) and not isinstance(new.default, Derived):
            return ABSENT
        if has_plain_default(new):
            return plain_default(new.default, self.written)
        if self.frame.top and isinstance(new.default, Made):
            return plain_default(new.default.factory(), self.written)
        if self.frame.top or not isinstance(new.default, (Derived, Made)):
            # Only a message of today can be asked for what is derived; that was, if it was to be had.
            return ABSENT
        value = to_plain(from_plain(cls, dict(payload), unknown="ignore"))[new.name]
        return ABSENT if self._says(old.left_out, value) else value

    def _says(self, default: Any, value: Any) -> bool:
        """Whether a default is the same for every message, and is that value."""
        return is_plain(default) and alike(plain_default(default, self.written), value)


def _may_hold_messages(kind: Type) -> bool:
    return bool(nested_in(kind)) or any(isinstance(part, Free) for part in parts(kind))


def _forbids_kept(old: Spec, new: Spec) -> bool:
    """Whether what a message keeps is refused by those of then."""
    return new.kept is not None and old.unknown == "forbid"


def _said_by_absence(field: Field | None) -> Any:
    """What leaving a field out means today, as a payload says it; None where that is null, or nothing in particular."""
    return plain_default(field.default) if field is not None and has_plain_default(field) else None
