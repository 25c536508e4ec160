"""Changes of whether a field may be left out, and of what that means."""

from __future__ import annotations

from typing import Any

import attrs

from sagellm_protocol.history.defining import Tables
from sagellm_protocol.model.kinds import Member, Nullable, Type
from sagellm_protocol.model.spec import REQUIRED, Derived


@attrs.frozen
class GivenDefault:
    """Required fields got a default."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            if tables.field(self.message, name).required:
                raise tables.wrong(f"{self.message}.{name} has no default")
            tables.change_field(self.message, name, lambda field: attrs.evolve(field, default=REQUIRED))


@attrs.frozen
class Required:
    """A field can no longer be left out."""

    message: str
    field: str
    was: Any
    unsaid: Any

    def undo(self, tables: Tables) -> None:
        found = tables.field(self.message, self.field)
        place = f"{self.message}.{self.field}"
        if not found.required:
            raise tables.wrong(f"{place} can be left out still: say redefined(...), if that means something else")
        if self.was is REQUIRED:
            raise tables.wrong(f"{place} was required before: there is nothing to say")
        # Null, where it took the place of a value that is required now, stands for what is said in its place.
        nulls = self.was is None and not isinstance(found.type, Nullable)
        if self.unsaid is not REQUIRED and not nulls:
            raise tables.wrong(f"{place} left out was {self.was!r}, and stays that: unsaid stands in the place of null")
        kind = Nullable(found.type) if nulls else found.type
        then = attrs.evolve(found, type=kind, default=self.was, null=self.unsaid if nulls else REQUIRED)
        if nulls and found.today:
            tables.unsaid[tables.message(self.message).cls, found.today] = self.unsaid
        tables.change_field(self.message, self.field, lambda _: then)


@attrs.frozen
class NullForbidden:
    """Fields can no longer be null."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            found = tables.field(self.message, name)
            if found.required or isinstance(found.type, Nullable):
                raise tables.wrong(f"{self.message}.{name} can be null, or has no default that takes the place of null")
            then = attrs.evolve(found, type=Nullable(found.type), default=None, null=found.left_out)
            tables.change_field(self.message, name, lambda _, then=then: then)  # type: ignore[misc]


@attrs.frozen
class NullAllowed:
    """Fields can be null as well, which means what leaving them out does."""

    message: str
    fields: tuple[str, ...]

    def undo(self, tables: Tables) -> None:
        for name in self.fields:
            found = tables.field(self.message, name)
            if found.required or not isinstance(found.type, Nullable):
                raise tables.wrong(f"{self.message}.{name} cannot be null, or cannot be left out")
            if found.default is None:
                raise tables.wrong(f"{self.message}.{name} is null by default: say retyped(...) and redefined(...)")
            if found.today:
                tables.null_unsaid.add((tables.message(self.message).cls, found.today))
            then = attrs.evolve(found, type=found.type.inner)
            tables.change_field(self.message, name, lambda _, then=then: then)  # type: ignore[misc]


@attrs.frozen
class Redefined:
    """Leaving a field out means something else."""

    message: str
    field: str
    was: Any

    def undo(self, tables: Tables) -> None:
        found = tables.field(self.message, self.field)
        if found.required:
            raise tables.wrong(f"{self.message}.{self.field} cannot be left out")
        default = self._held(found.type, tables)
        tables.change_field(self.message, self.field, lambda field: attrs.evolve(field, default=default))

    def _held(self, kind: Type, tables: Tables) -> Any:
        """The default of then as messages hold it."""
        inner = kind.inner if isinstance(kind, Nullable) else kind
        if not isinstance(inner, Member) or inner.cls is None or self.was is None:
            return self.was
        try:
            return inner.cls(self.was)
        except ValueError:
            raise tables.wrong(f"{self.message}.{self.field} cannot have been {self.was!r}") from None


@attrs.frozen
class BecameDerived(Redefined):
    """Leaving a field out means what is computed from the rest."""

    def undo(self, tables: Tables) -> None:
        if not isinstance(tables.field(self.message, self.field).default, Derived):
            raise tables.wrong(f"the default of {self.message}.{self.field} is not computed: say redefined(...)")
        super().undo(tables)


def given_default(message: str, *fields: str) -> GivenDefault:
    """Fields that were required got the default that they have now."""
    return GivenDefault(message, fields)


def required(message: str, field: str, *, was: Any = None, unsaid: Any = REQUIRED) -> Required:
    """A field that could be left out is required.

    Args:
        message: its full name.
        field: its field.
        was: its default, which stands where it was left out. Null, unless it is told; the field could be null then.
        unsaid: what stands where null was, or nothing, and nobody fills it in; where it is not told, only ``fill`` can.
    """
    return Required(message, field, was, unsaid)


def null_forbidden(message: str, *fields: str) -> NullForbidden:
    """Fields that could be null, and were by default, no longer can; null now is their default."""
    return NullForbidden(message, fields)


def null_allowed(message: str, *fields: str) -> NullAllowed:
    """Fields that can be left out can be null as well, which means the same: for older peers they are left out."""
    return NullAllowed(message, fields)


def redefined(message: str, field: str, *, was: Any) -> Redefined:
    """The shape stayed, the meaning of leaving the field out did not: it was ``was``, as written on the wire."""
    return Redefined(message, field, was)


def became_derived(message: str, field: str, *, was: Any) -> BecameDerived:
    """Leaving the field out means what is computed from the rest; it was ``was``, as written on the wire.

    A field that was required is ``given_default``; the way back, from computed to plain, is ``underived``.
    """
    return BecameDerived(message, field, was)
