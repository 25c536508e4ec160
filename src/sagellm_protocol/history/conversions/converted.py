"""The conversion of which all others are special cases: fields of before, fields of after, a function each way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.passing import Function
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.conversions.valuing import ValueConversion
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.spec import REQUIRED, Field


@attrs.frozen
class Was:
    """What a field was: its annotation and its default."""

    annotation: Any
    default: Any = REQUIRED

    def field(self, name: str, today: str = "") -> Field:
        """The field of then; ``today`` is its name today, where it is there still."""
        return Field(name, read_type(self.annotation), self.default, today)


def was(annotation: Any, *, default: Any = REQUIRED) -> Was:
    """What a field was, where it had a default; one that had none is told by its annotation alone."""
    return Was(annotation, default)


def fields_that_were(message: str, before: Mapping[str, Any], tables: Tables) -> dict[str, Field]:
    """Fields of then by name, of annotations or what :func:`was` gives; those that are there still are known today."""
    there = {field.name: field.today for field in tables.message(message).fields}
    told = {name: found if isinstance(found, Was) else Was(found) for name, found in before.items()}
    return {name: found.field(name, there.get(name, "")) for name, found in told.items()}


@attrs.frozen
class Converted(ValueConversion):
    """Fields became others, or hold other values, by a function each way."""

    fields: Mapping[str, Any] = attrs.field(hash=False)
    results: tuple[str, ...]
    up: Function | None
    down: Function | None

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(self.fields)

    @property
    def after(self) -> tuple[str, ...]:
        return self.results

    def was(self, tables: Tables) -> Mapping[str, Field]:
        if not self.fields:
            raise tables.wrong(f"nothing of {self.message} was converted: new fields are added(...)")
        if not self.after:
            raise tables.wrong(f"nothing became of {', '.join(self.before)} of {self.message}: removed(...) says so")
        if self.up is None and self.down is None:
            raise tables.wrong(f"no function converts {self.message}: say removed(...) and added(...)")
        if (self.up is None or self.down is None) and not self.lossy:
            raise tables.wrong(f"the conversion of {self.message} has no way back: say in lossy= what is lost, and why")
        return fields_that_were(self.message, self.fields, tables)

    def functions(self, then: Side, now: Side) -> tuple[Function | None, Function | None]:
        return self.up, self.down


def converted(
    message: str,
    *,
    before: Mapping[str, Any],
    after: Iterable[str],
    up: Function | None,
    down: Function | None,
    lossy: str | None = None,
    order: Iterable[str] = (),
) -> Converted:
    """Fields became others, or hold other values.

    The functions get values by the names of their fields, as payloads hold them and of the types of their side, with
    the defaults of fields that are left out; they give values likewise, of as many fields as there is something to say
    of. A ``ValueError`` says that a value cannot be converted: forwards that is a ``ValidationError``, backwards a
    ``Loss``. Backwards the values are brought forward again, and what does not come back as it was is a ``Loss``, too.

    Args:
        message: its full name.
        before: the fields as they were: name to annotation, or to what :func:`was` gives, if it had a default.
        after: the names of the fields as they are; those that are also among ``before`` hold something else.
        up: makes values of before into those of after; None where nothing does.
        down: the way back.
        lossy: what is lost on the way, and why; must be said where a function is None, or where not all values that go
            up come back.
        order: all fields of the message as they stood, where those of before did not stand where those of after do.
    """
    names = (after,) if isinstance(after, str) else tuple(after)
    return Converted(message, dict(before), names, up, down, lossy=lossy, order=tuple(order))
