"""Values that became others, one by one, as a table says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.converted import Was
from sagellm_protocol.history.conversions.passing import Function, Values
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.spec import Field


@attrs.frozen
class ValuesMapped(ValueConversion):
    """The values of a field are others, as a table says."""

    field: str
    name: str
    """What the field was called."""
    values: tuple[tuple[Any, Any], ...] = attrs.field(hash=False)
    """Value of then and value of now."""
    told: Any

    @property
    def before(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def after(self) -> tuple[str, ...]:
        return (self.field,)

    def was(self, tables: Tables) -> Mapping[str, Field]:
        place = f"{self.message}.{self.field}"
        if not self.values:
            raise tables.wrong(f"no values of {place} are told: say {{old: new}}")
        targets = [_key(new) for _, new in self.values]
        if len(set(targets)) < len(targets) and not self.lossy:
            raise tables.wrong(f"two values of {place} became one, of which one comes back: say so in lossy=")
        now = tables.field(self.message, self.field)
        exactly = isinstance(self.told, Was)
        told = self.told if exactly else Was(self.told)
        default = told.default
        if not (exactly or now.required):
            if not has_plain_default(now):
                raise tables.wrong(f"the default of {place} is computed: say what it was, as was(..., default=...)")
            default = plain_default(now.default)
            if default is not None:
                known = [old for old, new in self.values if _key(new) == _key(default)]
                if not known:
                    raise tables.wrong(f"nothing became {default!r}, which {place} is by default: say what it was")
                default = known[0]
        return {self.name: Field(self.name, read_type(told.annotation), default, self._today(now))}

    def _today(self, now: Field) -> str:
        return now.today if self.name == now.name else ""

    def functions(self, then: Side, now: Side) -> tuple[Function, Function]:
        forwards = {_key(old): new for old, new in self.values}
        backwards = {_key(new): old for old, new in reversed(self.values)}

        def up(values: Values) -> Values:
            return {self.field: _among(forwards, values[self.name])}

        def down(values: Values) -> Values:
            return {self.name: _among(backwards, values[self.field])} if self.field in values else {}

        return up, down


def values_mapped(
    message: str,
    field: str,
    values: Mapping[Any, Any],
    *,
    was: Any,
    old: str | None = None,
    lossy: str | None = None,
    order: Iterable[str] = (),
) -> ValuesMapped:
    """The values of a field became others: ``values_mapped("types.X", "level", {0: "low", 1: "high"}, was=int)``.

    Null stays null, and a list or table of values becomes one of others. A value that the table does not have cannot be
    converted.

    Args:
        message: its full name.
        field: the field as it is.
        values: old value to new value. Where two became one, the first of them comes back.
        was: the annotation of then; or what :func:`was` gives, where the default was not what became that of now, or
            there was none.
        old: what the field was called, if otherwise.
        lossy: what is lost on the way, and why; must be said where two values became one.
        order: all fields of the message as they stood, where that is not where they stand.
    """
    return ValuesMapped(message, field, old or field, tuple(values.items()), was, lossy=lossy, order=tuple(order))


def _key(value: Any) -> tuple[bool, Any]:
    """A value that can be looked up: true is not 1."""
    return isinstance(value, bool), value


def _among(table: Mapping[tuple[bool, Any], Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_among(table, item) for item in value]
    if isinstance(value, dict):
        return {key: _among(table, item) for key, item in value.items()}
    if value is None:
        return None
    if _key(value) not in table:
        raise ValueError("none of the values that became others")
    return table[_key(value)]
