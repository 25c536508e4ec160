"""Conversions of the values of some fields of one message, each way by a function."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.conversion import Conversion, Down, Up
from sagellm_protocol.history.conversions.passing import Function, Passing, Values
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.kinds import Member, Type, replace
from sagellm_protocol.model.paths import ROOT, Path
from sagellm_protocol.model.shortening import SECRETS
from sagellm_protocol.model.spec import Field, Spec


@attrs.frozen
class ValueConversion(Conversion):
    """Some fields of a message became others, or hold other values.

    Subclasses say which fields, and give the functions; what follows from these is here.
    """

    message: str
    lossy: str | None = attrs.field(default=None, kw_only=True)
    order: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """All fields of the message as they stood; where it is empty, those of before stood where those of after do."""

    @abstractmethod
    def was(self, tables: Tables) -> Mapping[str, Field]:
        """The fields as they were, by name, from the tables after the change.

        Raises:
            HistoryError: they cannot have been.
        """

    @property
    @abstractmethod
    def after(self) -> tuple[str, ...]:
        """The names of the fields as they are."""

    @property
    @abstractmethod
    def before(self) -> tuple[str, ...]:
        """The names of the fields as they were."""

    @property
    def parts(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """Which fields of before became which of after, where each became its own."""
        return ((self.before, self.after),)

    @abstractmethod
    def functions(self, then: Side, now: Side) -> tuple[Function | None, Function | None]:
        """What makes values of then into those of now, and back; None where nothing does."""

    def __str__(self) -> str:
        return f"{self.message}: {', '.join(self.before)} into {', '.join(self.after)}"

    # What follows

    def undo(self, tables: Tables) -> None:
        spec = tables.message(self.message)
        now = {name: tables.field(self.message, name) for name in self.after}
        was = self.was(tables)
        fields = [was.get(field.name, field) for field in spec.fields if field.name in was or field.name not in now]
        place = self._place(spec, was)
        fields[place:place] = [field for name, field in was.items() if name not in now]
        if any(field.secret for field in now.values()):
            fields = [attrs.evolve(field, secret=True) if field.name in was else field for field in fields]
            SECRETS.update(was)
        self._refuse_taken_names(tables, spec, was)
        tables.put(self.message, self._ordered(tables, fields))
        self._refuse_wrong_defaults(tables)

    def _place(self, spec: Spec, was: Mapping[str, Field]) -> int:
        """Where the fields of before stood: in the place of the first that came for them, or behind the last shared."""
        stays = [field.name for field in spec.fields if field.name in was or field.name not in self.after]
        names = [field.name for field in spec.fields]
        came = [name for name in names if name in self.after and name not in was]
        if came:
            return sum(names.index(name) < names.index(came[0]) for name in stays)
        return 1 + max(stays.index(name) for name in self.after)

    def _refuse_taken_names(self, tables: Tables, spec: Spec, was: Mapping[str, Field]) -> None:
        for field in spec.fields:
            if field.name in was and field.name not in self.after:
                raise tables.wrong(
                    f"{self.message}.{field.name} is there after the conversion as well:"
                    " name it among those of after, or rename it in a step above"
                )

    def _ordered(self, tables: Tables, fields: list[Field]) -> Iterable[Field]:
        if not self.order:
            return fields
        by_name = {field.name: field for field in fields}
        if sorted(self.order) != sorted(by_name):
            raise tables.wrong(f"order= names all fields of {self.message} as they stood: {', '.join(by_name)}")
        return [by_name[name] for name in self.order]

    def _refuse_wrong_defaults(self, tables: Tables) -> None:
        def as_of_then(kind: Type) -> Type:
            if isinstance(kind, Member):
                return Member(kind.name, tables.enums.get(kind.name, kind.members))
            return kind

        checker = Checker("wire", "ignore", tables.messages)
        for field in Side.of(self.message, self.before, tables.messages).fields:
            if has_plain_default(field):
                checker.check(replace(field.type, as_of_then), plain_default(field.default), (ROOT, field.name))
        if checker.violations:
            raise tables.wrong(f"the default of {self.message}.{checker.violations[0]}")

    def upward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Up]:
        passing = self._passing(before, after)

        def up(payload: Values, path: Path) -> Values:
            for each in passing:
                payload = each.forwards(payload, path)
            return payload

        return {self.message: up}

    def downward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Down]:
        passing = self._passing(before, after)

        def down(payload: Values, path: Path, losses: Losses) -> Any:
            taken = [each.backwards(payload, path, losses) for each in passing]
            return UNSAYABLE if any(each is UNSAYABLE for each in taken) else payload

        return {self.message: down}

    def _passing(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> list[Passing]:
        passing = []
        for was, now in self.parts:
            sides = Side.of(self.message, was, before), Side.of(self.message, now, after)
            passing.append(Passing(self.message, *sides, *self.functions(*sides), self.lossy))
        return passing
