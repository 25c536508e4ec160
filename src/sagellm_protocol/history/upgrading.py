"""Payloads brought forward within an era: one generated function for each (message, revision) that differs later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from sagellm_protocol.history.defaults import is_plain, may_lack, plain_default, same_default
from sagellm_protocol.history.eras import Frame
from sagellm_protocol.history.holding import Holding, Upgrade
from sagellm_protocol.history.hooks import Repair, run_hooks
from sagellm_protocol.history.payloads import alike, not_an_object, owned
from sagellm_protocol.history.tables import reachable
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.once import Once
from sagellm_protocol.model.reading import ABSENT
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import REQUIRED, Field, Spec


@attrs.frozen
class _Future:
    """What becomes of one field in an upgrade. Values are expressions."""

    field: Field
    before: Field | None
    """The same field then; None where it came later."""
    absent: str | None
    """What stands in it where the payload does not say; None where nothing does."""
    filled: str = ""
    """What ``fill`` calls it, where that goes before."""
    null_ends: bool = False
    """Whether null, where it could be given, stood for what later took its place."""
    null: str | None = None
    """What takes the place of null; None where leaving the field out does."""


@attrs.define
class Upgrades:
    """The functions that bring payloads from one place to another, each written when it is first needed.

    They take plain payloads (:mod:`.payloads`).
    """

    frame: Frame
    """The history as seen from the place to which they bring them, which is today's for most."""
    place: int
    """The place from which they do."""
    revision: str
    """The revision whose hooks run first."""
    hooks: Mapping[str, Sequence[Repair]]
    """The site's hooks for payloads of that revision, by message."""
    written: Mapping[tuple[type, str], Any] = attrs.field(factory=dict)
    """What legs before this one wrote where a field was left out that goes now, by class and name."""
    specs: Mapping[str, Spec] = attrs.field(init=False)
    """The messages of then."""
    _differing: dict[str, bool] = attrs.field(factory=dict, init=False)
    _written: Once[str, Upgrade] = attrs.field(init=False)
    _holding: Holding = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.specs = self.frame.specs(self.place)
        self._written = Once(lambda message: self._write(self.specs[message]))
        self._holding = Holding(self.specs, self.upgrade)

    def upgrade(self, message: str) -> Upgrade | None:
        """The function for a message; None where nothing in it, at any depth, differs later."""
        differs = self._differing.get(message)
        if differs is None:
            held = (self.specs[name] for name in reachable(message, self.specs))
            differs = self._differing[message] = any(self._differs(old) for old in held)
        return self._written(message) if differs else None

    def _differs(self, old: Spec) -> bool:
        """Whether a message itself needs a step, whatever it holds."""
        if self.hooks.get(old.name) or any(field.today != field.name for field in old.fields):
            return True
        futures = self._futures(Function("steps"), old)
        return any(future.absent is not None or future.filled or future.null_ends for future in futures)

    def _write(self, old: Spec) -> Upgrade:
        to = Function("upgrade_" + old.name.replace(".", "_"))
        refuse = to.bind("not_an_object", not_an_object)
        to.add(f"if not _isinstance(_payload, _dict): raise {refuse}({old.name!r}, _payload)")
        if hooks := tuple(self.hooks.get(old.name, ())):
            to.add(
                f"_payload = {to.bind('run_hooks', run_hooks)}"
                f"({old.name!r}, {self.revision!r}, {to.bind('hooks', hooks)}, _payload)"
            )
        else:
            self._short_way(to, old)
        to.add("_payload = {**_payload}")
        self._steps(to, old)
        to.add("return _payload")
        return to.compile("_payload, _fill")

    def _futures(self, to: Function, old: Spec) -> Iterator[_Future]:
        """What becomes of each field: both ways are written from this."""
        known = {field.today: field for field in old.fields}
        for new in self.frame.aims[old.cls].fields:
            before = known.get(new.name)
            if before is None:
                said, filled = self.frame.first.before_it_came(old.cls, new)
                absent = None if said is REQUIRED else _constant(to, said)
                called = self.frame.today(old.cls, new.name) if filled else ""
                yield _Future(new, None, absent=absent, filled=called)
                continue
            null = before.null is not REQUIRED
            # What is made or derived comes of leaving the field out.
            instead = _constant(to, plain_default(before.null)) if null and is_plain(before.null) else None
            said = is_plain(before.left_out) and not same_default(before, new)
            absent = _constant(to, plain_default(before.left_out)) if said else None
            called = ""
            if may_lack(before, new):
                called, absent, null = self.frame.today(old.cls, new.name), instead, True
                instead = f"(_fill[{called!r}] if {called!r} in _fill else {instead})"
            yield _Future(new, before, absent=absent, filled=called, null_ends=null, null=instead)

    def _short_way(self, to: Function, old: Spec) -> None:
        """A shorter way for a payload that has just the fields of then: most of an archive is such payloads.

        There is none where a hook, a removed field or a default that must be made wants more than an expression.
        """
        if not all(field.today for field in old.fields):
            return
        items, locals_ = [], []
        for future in self._futures(to, old):
            name, before = future.field.name, future.before
            if before is not None:
                if future.null_ends and future.null is None:
                    return
                local = to.fresh(before.name)
                value = self._holding.expression(to, before.type, local) or local
                if future.null is not None:
                    value = f"{future.null} if {local} is None else {value}"
                locals_.append(f"{local} = _payload[{before.name!r}]")
                items.append(f"{name!r}: {value}")
            elif future.absent is not None:
                fill = f"_fill[{future.filled!r}] if {future.filled!r} in _fill else " if future.filled else ""
                items.append(f"{name!r}: {fill}{future.absent}")
            elif future.filled:
                return
        to.add(f"if _len(_payload) == {len(old.fields)}:")
        to.add("    try:")
        for line in locals_:
            to.add(f"        {line}")
        to.add(f"        return {{{', '.join(items)}}}")
        to.add("    except KeyError: pass")

    def _steps(self, to: Function, old: Spec) -> None:
        """The long way, for any payload: what becomes of its fields, one after the other."""
        for field in old.fields:
            if not field.today:
                drop = to.bind("drop", drop_removed)
                written = to.bind("written", self.written.get((old.cls, field.name), field.left_out))
                to.add(f"{drop}({old.name!r}, {to.bind('removed_' + field.name, field)}, {written}, _payload)")
        self._renames(to, old)
        for future in self._futures(to, old):
            name, before = future.field.name, future.before
            key = repr(name)
            if filled := future.filled and repr(future.filled):
                to.add(f"if {key} not in _payload and {filled} in _fill: _payload[{key}] = _fill[{filled}]")
            if future.absent is not None:
                to.add(f"if {key} not in _payload: _payload[{key}] = {future.absent}")
            if before is None:
                continue
            value = to.fresh("value")
            expression = self._holding.expression(to, before.type, value)
            if expression is not None:
                to.add(f"{value} = _payload.get({key})")
                to.add(f"if {value} is not None: _payload[{key}] = {expression}")
            if future.null_ends:
                instead = f"del _payload[{key}]" if future.null is None else f"_payload[{key}] = {future.null}"
                to.add(f"if {key} in _payload and _payload[{key}] is None: {instead}")

    def _renames(self, to: Function, old: Spec) -> None:
        """All old names go before a new one comes: two fields may have changed places."""
        renamed = [field for field in old.fields if field.today not in ("", field.name)]
        if not renamed:
            return
        absent, refuse = to.bind("ABSENT", ABSENT), to.bind("clash", clash)
        held = [to.fresh(field.name) for field in renamed]
        for field, local in zip(renamed, held, strict=True):
            to.add(f"{local} = _payload.pop({field.name!r}, {absent})")
        for field, local in zip(renamed, held, strict=True):
            to.add(f"if {local} is not {absent}:")
            clashing = f"{old.name!r}, {field.name!r}, {field.today!r}, _payload"
            to.add(f"    if {field.today!r} in _payload: raise {refuse}({clashing})")
            to.add(f"    _payload[{field.today!r}] = {local}")


def _constant(to: Function, value: Any) -> str:
    """An expression for a value that every payload gets a copy of its own of."""
    bound = to.bind("constant", value)
    return f"{to.bind('owned', owned)}({bound})" if isinstance(value, (dict, list)) else bound


def clash(message: str, old: str, new: str, payload: Mapping[str, Any]) -> ValidationError:
    """The error for a payload that holds a field under its old and its new name: neither value may be lost."""
    return ValidationError(message, [Violation(new, f"absent where its old name {old!r} is given", payload[new])])


def drop_removed(message: str, field: Field, written: Any, payload: dict[str, Any]) -> None:
    """Drop a field that no longer exists, where that loses nothing: it says what leaving it out does, or did.

    Raises:
        ValidationError: it says something, and no hook said what becomes of it.
    """
    if field.name not in payload:
        return
    value = payload[field.name]
    meant = field.null if value is None and field.null is not REQUIRED else value
    if not any(alike(plain_default(default), plain_default(meant)) for default in (field.left_out, written)):
        raise ValidationError(
            message, [Violation(field.name, "moved elsewhere by a hook, as today's message has no such field", value)]
        )
    del payload[field.name]
