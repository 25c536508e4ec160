"""Payloads taken back to what an older revision can say, with an account of what it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.tables import has_plain_default, null_became, plain_default, reachable
from sagellm_protocol.model import from_plain, to_plain
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.exceptions import Loss
from sagellm_protocol.model.spec import (
    Choice,
    Derived,
    Either,
    Field,
    Items,
    Made,
    Nested,
    Nullable,
    Spec,
    Table,
    Type,
    nested_in,
)
from sagellm_protocol.model.wording import join

UNSAYABLE: Any = object()
"""Stands for a value of which nothing is left that the older revision can say."""


@attrs.define
class Downgrades:
    """What it takes to take payloads back to one revision."""

    revision: str
    specs: Mapping[str, Spec]
    """That revision's messages."""
    unsaid: Mapping[tuple[str, str], Any]
    """Values that only mean "the older payload does not say", by message and today's field."""
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
            before == now and before.name == before.origin and before.default == now.default
            for before, now in zip(old.fields, today.fields, strict=True)
        )

    def message(self, name: str, payload: dict[str, Any], path: str, losses: list[Loss]) -> Any:
        """A payload of today as that revision writes it; what it cannot say is left out and added to ``losses``."""
        if self.same(name):
            return payload
        old = self.specs.get(name)
        if old is None:
            losses.append(Loss(path, payload, f"{name} came with {self.since(name, None)}"))
            return UNSAYABLE
        before = {field.origin: field for field in old.fields}
        today = {field.name: field for field in spec_of(old.cls).fields}
        renamed = {field.name: field.origin for field in old.fields if field.origin and field.name != field.origin}
        taken: dict[str, Any] = {}
        unsayable = False
        for field, value in payload.items():
            if field not in today:
                if field in renamed:
                    reason = f"its name is what {renamed[field]} is called in {self.revision}"
                    losses.append(Loss(join(path, field), value, reason))
                else:
                    taken[field] = value
            elif field not in before:
                if not self._droppable(name, today[field], value):
                    losses.append(Loss(join(path, field), value, f"came with {self.since(name, field)}"))
            else:
                held = self._value(before[field], today[field], value, join(path, field), losses)
                if held is not UNSAYABLE:
                    taken[before[field].name] = held
                else:
                    unsayable = unsayable or before[field].required
        for field, known in today.items():
            if field not in payload and field in before:
                _say_default(old.cls, before[field], known, payload, taken)
        for removed in old.fields:
            if not removed.origin and removed.required:
                losses.append(Loss(join(path, removed.name), None, f"required in {self.revision}, and gone since"))
                unsayable = True
        for rule in old.rules:
            if all(taken.get(field) is None for field in rule.fields):
                left_out = {field.name: today.get(field.origin) for field in old.fields if field.name not in taken}
                said = {field: _said_by_absence(left_out.get(field)) for field in rule.fields}
                taken |= {field: value for field, value in said.items() if value is not None}
                if not any(value is not None for value in said.values()):
                    losses.append(Loss(path, payload, f"must be {rule} in {self.revision}"))
                    unsayable = True
        return UNSAYABLE if unsayable else taken

    def _droppable(self, message: str, field: Field, value: Any) -> bool:
        """Whether a field that came later says nothing: it holds its default, or that nobody said."""
        if (message, field.name) in self.unsaid and value == self.unsaid[message, field.name]:
            return True
        return has_plain_default(field) and _identical(value, plain_default(field.default))

    def _value(self, old: Field, new: Field, value: Any, path: str, losses: list[Loss]) -> Any:
        taken = self._nested(new.type, value, path, losses)
        if taken is UNSAYABLE or old.type == new.type:
            return taken
        checker = Checker("wire", "ignore", self.specs)
        checker.check(old.type, taken, (None, path))
        if not checker.violations:
            return taken
        losses.extend(
            Loss(wrong.path, wrong.value, f"must be {wrong.rule} in {self.revision}") for wrong in checker.violations
        )
        return UNSAYABLE

    def _nested(self, kind: Type, value: Any, path: str, losses: list[Loss]) -> Any:
        """A value of today's type with the messages in it, if any, taken back."""
        if not nested_in(kind):
            return value
        match kind:
            case Nullable():
                return None if value is None else self._nested(kind.inner, value, path, losses)
            case Nested() if isinstance(value, dict):
                return self.message(kind.name, value, path, losses)
            case Choice() if isinstance(value, dict):
                option = chosen([spec_of(option.cls) for option in kind.options], kind.tag, value)
                return value if option is None else self.message(option.name, value, path, losses)
            case Items() if isinstance(value, (list, tuple)):
                items = [self._nested(kind.item, item, f"{path}[{index}]", losses) for index, item in enumerate(value)]
                return [item for item in items if item is not UNSAYABLE]
            case Table() if isinstance(value, dict):
                table = {key: self._nested(kind.value, item, join(path, key), losses) for key, item in value.items()}
                return {key: item for key, item in table.items() if item is not UNSAYABLE}
            case Either():
                for part in kind.options:
                    value = self._nested(part, value, path, losses)
                return value
            case _:
                return value


def _say_default(cls: type, old: Field, new: Field, payload: Mapping[str, Any], taken: dict[str, Any]) -> None:
    """Write a field left to its default, where leaving it out means something else in the older revision."""
    if isinstance(new.default, Derived) or (isinstance(new.default, Made) and old.required):
        value = to_plain(from_plain(cls, dict(payload), unknown="ignore"))[new.name]
        if not has_plain_default(old) or plain_default(old.default) != value:
            taken[old.name] = value
    elif has_plain_default(new) and (old.required or (old.default != new.default and not null_became(old, new))):
        taken[old.name] = plain_default(new.default)


def _said_by_absence(field: Field | None) -> Any:
    """What leaving a field out means today, as a payload says it; None where that is null, or nothing in particular."""
    return plain_default(field.default) if field is not None and has_plain_default(field) else None


def _identical(left: Any, right: Any) -> bool:
    """Equal, and not merely as 0 and False are."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
