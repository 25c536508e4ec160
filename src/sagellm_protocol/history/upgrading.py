"""Payloads brought forward: one generated function for each (message, revision) that differs from today."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.tables import has_plain_default, null_became, plain_default, reachable
from sagellm_protocol.model.annotations import spec_of, wire_kind
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.once import Once
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import (
    Choice,
    Either,
    Field,
    Items,
    Nested,
    Nullable,
    Spec,
    Table,
    Type,
)

Upgrade: TypeAlias = Callable[[Any, Mapping[str, Any]], Any]
"""Takes a payload and the values for what it does not say; gives today's payload, sharing what did not change."""

Hook: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""A site's own repair of a payload, before the published steps."""

_GUARDS = {"object": "_dict", "array": "(_list, _tuple)"}
"""What a value that holds messages is in Python, by what it is on the wire."""


@attrs.define
class Upgrades:
    """The functions that bring payloads of one revision forward, each written when it is first needed."""

    specs: Mapping[str, Spec]
    """That revision's messages."""
    unsaid: Mapping[tuple[str, str], Any]
    """What required fields that came later hold where nobody fills them in, by message and today's field."""
    hooks: Mapping[str, Sequence[Hook]]
    """The site's hooks for payloads of that revision, by message."""
    _differing: dict[str, bool] = attrs.field(factory=dict, init=False)
    _written: Once[str, Upgrade] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._written = Once(lambda message: self._write(self.specs[message]))

    def upgrade(self, message: str) -> Upgrade | None:
        """The function for a message; None where nothing in it, at any depth, differs from today."""
        differs = self._differing.get(message)
        if differs is None:
            held = (self.specs[name] for name in reachable(message, self.specs))
            differs = self._differing[message] = any(self._differs(old) for old in held)
        return self._written(message) if differs else None

    def _differs(self, old: Spec) -> bool:
        """Whether a message itself needs a step, whatever it holds."""
        to = Function("steps")
        self._steps(to, old)
        return bool(to.lines)

    def of(self, kind: Type) -> Upgrade | None:
        """The function for any type that holds messages; None where nothing in it differs from today."""
        if isinstance(kind, Nested):
            return self.upgrade(kind.name)
        to = Function("upgrade_value")
        expression = self._expression(to, kind, "_value")
        if expression is None:
            return None
        to.add(f"return {expression}")
        return to.compile("_value, _fill")

    def _write(self, old: Spec) -> Upgrade:
        to = Function("upgrade_" + old.name.replace(".", "_"))
        refuse = to.bind("not_an_object", not_an_object)
        to.add(f"if not _isinstance(_payload, _dict): raise {refuse}({old.name!r}, _payload)")
        self._whole(to, old)
        to.add("_payload = {**_payload}")
        self._steps(to, old)
        for field in old.fields:
            if field.origin:
                value = to.fresh("value")
                expression = self._expression(to, field.type, value)
                if expression is not None:
                    to.add(f"{value} = _payload.get({field.origin!r})")
                    to.add(f"if {value} is not None: _payload[{field.origin!r}] = {expression}")
        to.add("return _payload")
        return to.compile("_payload, _fill")

    def _whole(self, to: Function, old: Spec) -> None:
        """A shorter way for a payload that has just the fields of then: most of an archive is such payloads.

        There is none where a hook, a removed field or a default that must be made wants more than an expression.
        """
        known = {field.origin: field for field in old.fields}
        items, locals_ = [], []
        for field in spec_of(old.cls).fields:
            before = known.get(field.name)
            if before is not None:
                local = to.fresh(before.name)
                value = self._expression(to, before.type, local) or local
                if isinstance(before.type, Nullable) and not isinstance(field.type, Nullable):
                    if not has_plain_default(field):
                        return
                    default = to.bind("default_" + field.name, plain_default(field.default))
                    value = f"{default} if {local} is None else {value}"
                elif isinstance(before.type, Nullable) and value != local:
                    value = f"None if {local} is None else {value}"
                locals_.append(f"{local} = _payload[{before.name!r}]")
                items.append(f"{field.name!r}: {value}")
            elif (old.name, field.name) in self.unsaid:
                unsaid = to.bind("unsaid_" + field.name, self.unsaid[old.name, field.name])
                items.append(f"{field.name!r}: _fill.get({field.name!r}, {unsaid})")
            elif field.required:
                return
        if self.hooks.get(old.name) or not all(field.origin for field in old.fields):
            return
        to.add(f"if _len(_payload) == {len(old.fields)}:")
        to.add("    try:")
        for line in locals_:
            to.add(f"        {line}")
        to.add(f"        return {{{', '.join(items)}}}")
        to.add("    except KeyError: pass")

    def _steps(self, to: Function, old: Spec) -> None:
        """What becomes of the fields of a message, apart from the messages in them."""
        for hook in self.hooks.get(old.name, ()):
            to.add(f"_payload = {to.bind('hook', hook)}(_payload)")
        known = {field.origin: field for field in old.fields}
        today = spec_of(old.cls)
        for field in today.fields:
            if field.name in known:
                self._bring_forward(to, old, known[field.name], field)
            elif field.required and (old.name, field.name) in self.unsaid:
                unsaid = to.bind("unsaid_" + field.name, self.unsaid[old.name, field.name])
                to.add(f"if {field.name!r} not in _payload:")
                to.add(f"    _payload[{field.name!r}] = _fill.get({field.name!r}, {unsaid})")
            elif field.required:
                to.add(f"if {field.name!r} not in _payload and {field.name!r} in _fill:")
                to.add(f"    _payload[{field.name!r}] = _fill[{field.name!r}]")
        for field in old.fields:
            if not field.origin:
                drop = to.bind("drop", drop_removed)
                to.add(f"{drop}({old.name!r}, {to.bind('removed_' + field.name, field)}, _payload)")

    def _bring_forward(self, to: Function, spec: Spec, old: Field, new: Field) -> None:
        name = new.name
        if old.name != name:
            refuse = to.bind("clash", clash)
            to.add(f"if {old.name!r} in _payload:")
            to.add(f"    if {name!r} in _payload: raise {refuse}({spec.name!r}, {old.name!r}, {name!r}, _payload)")
            to.add(f"    _payload[{name!r}] = _payload.pop({old.name!r})")
        if new.required:
            return
        if isinstance(old.type, Nullable) and not isinstance(new.type, Nullable):
            # The default is what null was; one that is made or derived comes of leaving the field out.
            default = to.bind("default_" + name, plain_default(new.default)) if has_plain_default(new) else None
            instead = f"del _payload[{name!r}]" if default is None else f"_payload[{name!r}] = {default}"
            to.add(f"if {name!r} in _payload and _payload[{name!r}] is None: {instead}")
        if has_plain_default(old) and old.default != new.default and not null_became(old, new):
            was = to.bind("was_" + name, plain_default(old.default))
            to.add(f"if {name!r} not in _payload: _payload[{name!r}] = {was}")

    def _expression(self, to: Function, kind: Type, value: str) -> str | None:
        """How a value that holds messages is brought forward; None where nothing in it changed."""
        match kind:
            case Nullable(inner=inner):
                return self._expression(to, inner, value)
            case Nested(name=name):
                upgrade = self.upgrade(name)
                if upgrade is None:
                    return None
                return f"{to.bind('upgrade_' + name, upgrade)}({value}, _fill) if _type({value}) is _dict else {value}"
            case Items(item=inner):
                item = to.fresh("item")
                each = self._expression(to, inner, item)
                return each and f"[{each} for {item} in {value}] if _isinstance({value}, (_list, _tuple)) else {value}"
            case Table(value=inner):
                key, item = to.fresh("key"), to.fresh("item")
                each = self._expression(to, inner, item)
                pairs = f"{{{key}: {each} for {key}, {item} in {value}.items()}}"
                return each and f"{pairs} if _isinstance({value}, _dict) else {value}"
            case Choice():
                upgrades = {option.name: self.upgrade(option.name) for option in kind.options}
                if not any(upgrades.values()):
                    return None
                return f"{to.bind('upgrade_choice', self.choice(kind))}({value}, _fill)"
            case Either(options=options):
                found = [(option, self._expression(to, option, value)) for option in options]
                told = "".join(
                    f"({each}) if _isinstance({value}, {_GUARDS[wire_kind(option)]}) else "
                    for option, each in found
                    if each is not None
                )
                return told + value if told else None
            case _:
                return None

    def choice(self, choice: Choice) -> Upgrade:
        """The function for one of several messages, told apart as they were at that revision."""
        specs = [self.specs[option.name] for option in choice.options if option.name in self.specs]

        def upgrade_choice(payload: Any, fill: Mapping[str, Any]) -> Any:
            spec = chosen(specs, choice.tag, payload)
            upgrade = None if spec is None else self.upgrade(spec.name)
            return payload if upgrade is None else upgrade(payload, fill)

        return upgrade_choice


def not_an_object(message: str, payload: object) -> ValidationError:
    """The error for a payload that is no dict."""
    return ValidationError(message, [Violation("", "an object", payload)])


def clash(message: str, old: str, new: str, payload: Mapping[str, Any]) -> ValidationError:
    """The error for a payload that holds a field under its old and its new name: neither value may be lost."""
    return ValidationError(message, [Violation(new, f"absent where its old name {old!r} is given", payload[new])])


def drop_removed(message: str, field: Field, payload: dict[str, Any]) -> None:
    """Drop a field that no longer exists, where that loses nothing.

    Raises:
        ValidationError: it says something, and no hook said what becomes of it.
    """
    if field.name not in payload:
        return
    value = payload[field.name]
    if not has_plain_default(field) or plain_default(field.default) != value:
        raise ValidationError(
            message, [Violation(field.name, "moved elsewhere by a hook, as today's message has no such field", value)]
        )
    del payload[field.name]
