"""Fields that moved into a message within, or out of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.converted import fields_that_were
from sagellm_protocol.history.conversions.passing import Function, Values
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.tables import bare
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.kinds import Nested, Nullable, Type, nested_in
from sagellm_protocol.model.spec import Field, Spec


@attrs.frozen
class Nesting(ValueConversion):
    """Fields, and the message within that holds their values; one of these was before, the other is after."""

    field: str
    """The message within."""
    names: Mapping[str, str] = attrs.field(hash=False)
    """The field beside it to the field in it."""
    told: Mapping[str, Any] = attrs.field(hash=False)
    """What the fields of then were."""
    inwards: bool
    """Whether the message within is after."""

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(self.names) if self.inwards else (self.field,)

    @property
    def after(self) -> tuple[str, ...]:
        return (self.field,) if self.inwards else tuple(self.names)

    def was(self, tables: Tables) -> Mapping[str, Field]:
        if not self.names:
            raise tables.wrong(f"which fields moved to or from {self.message}.{self.field}?")
        if len(set(self.names.values())) < len(self.names):
            raise tables.wrong(f"two fields of {self.message} cannot be one in {self.field}")
        if not self.inwards:
            was = fields_that_were(self.message, self.told, tables)
            self._inner(tables, was[self.field].type)
            return was
        outer = tables.field(self.message, self.field)
        inner = {field.name: field for field in self._inner(tables, outer.type).fields}
        if strange := sorted(self.told.keys() - self.names.keys()):
            raise tables.wrong(f"was= tells of {', '.join(strange)}, which did not move into {self.field}")
        told = fields_that_were(self.message, self.told, tables)
        return {old: told.get(old) or _outside(old, inner[new], outer) for old, new in self.names.items()}

    def _inner(self, tables: Tables, kind: Type) -> Spec:
        """The message within, which has all the fields."""
        found = bare(kind)
        if not isinstance(found, Nested):
            raise tables.wrong(f"{self.message}.{self.field} holds no single message: say converted(...)")
        if found.name == self.message:
            raise tables.wrong(f"{self.message}.{self.field} holds another {self.message}: say converted(...)")
        for name in self.names.values():
            tables.field(found.name, name)
        return tables.message(found.name)

    def functions(self, then: Side, now: Side) -> tuple[Function, Function]:
        outside, within = (then, now) if self.inwards else (now, then)
        holder = within.fields[0]
        (inner,) = nested_in(holder.type)
        held = {field.name: field for field in within.specs[inner.name].fields}

        def into(values: Values) -> Values:
            if not outside.said(values) and holder.default is None:
                return {}
            found = {}
            for old, new in self.names.items():
                # Null outside says that there is nothing within, where that cannot be null.
                if old in values and (values[old] is not None or isinstance(held[new].type, Nullable)):
                    found[new] = values[old]
            return {self.field: found}

        def out_of(values: Values) -> Values:
            given = values.get(self.field)
            if given is None:
                return {}
            found = {}
            for old, new in self.names.items():
                if new in given:
                    found[old] = given[new]
                elif has_plain_default(held[new]):
                    found[old] = plain_default(held[new].default)
            return found

        return (into, out_of) if self.inwards else (out_of, into)


def nested(
    message: str,
    field: str,
    *names: str,
    was: Mapping[str, Any] | None = None,
    lossy: str | None = None,
    order: Iterable[str] = (),
    **renamed: str,
) -> Nesting:
    """Fields moved into a message within: ``nested("types.X", "size", "width", "height")``.

    They were what the fields within are. Where those are required and the message within can be null, they could be
    null, and were by default.

    Args:
        message: the full name of the message that has the message within.
        field: the field that holds that.
        names: the fields that moved there.
        was: annotations of then, or what :func:`was` gives, by name, of fields that were something else.
        lossy: what is lost on the way, and why, if anything is.
        order: all fields of the message as they stood, where they did not stand where the message within does.
        renamed: fields that moved there and are called otherwise there: ``old="new"``.
    """
    moved = {**{name: name for name in names}, **renamed}
    return Nesting(message, field, moved, dict(was or {}), True, lossy=lossy, order=tuple(order))


def flattened(
    message: str,
    field: str,
    *names: str,
    was: Any,
    lossy: str | None = None,
    order: Iterable[str] = (),
    **renamed: str,
) -> Nesting:
    """Fields moved out of a message within: ``flattened("types.X", "size", "width", "height", was=Size)``.

    Args:
        message: the full name of the message that had the message within.
        field: the field that held that.
        names: the fields that moved out of it.
        was: the annotation of the field that held it, or what :func:`was` gives, if it had a default.
        lossy: what is lost on the way, and why, if anything is.
        order: all fields of the message as they stood, where it did not stand where the first of these does.
        renamed: fields that moved out and are called otherwise now: ``old="new"``.
    """
    moved = {**{name: name for name in names}, **{new: old for old, new in renamed.items()}}
    return Nesting(message, field, moved, {field: was}, False, lossy=lossy, order=tuple(order))


def _outside(name: str, inner: Field, holder: Field) -> Field:
    """A field as it was before it moved into a message within."""
    default = holder.default
    if default is None and inner.required:
        kind = inner.type if isinstance(inner.type, Nullable) else Nullable(inner.type)
        return Field(name, kind, None, secret=inner.secret)
    if is_message(type(default)):
        return Field(name, inner.type, getattr(default, inner.today), secret=inner.secret)
    return Field(name, inner.type, inner.default, secret=inner.secret)
