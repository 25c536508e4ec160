"""A default that was computed from the payload, and no longer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.conversions.conversion import Conversion, ConversionError, Down, Up
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.defining import Tables
from sagellm_protocol.history.losing import Losses
from sagellm_protocol.model.exceptions import ValidationError, Violation
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.spec import Derived, Made, Spec

_SHOWN: Any = object()
"""Stands for a default that was shown as the name of the function."""


@attrs.frozen
class Underived(Conversion):
    """Leaving a field out meant what a function made of the rest of the payload; it no longer does."""

    message: str
    field: str
    function: Callable[[dict[str, Any]], Any]
    shown: Any = _SHOWN

    def undo(self, tables: Tables) -> None:
        now = tables.field(self.message, self.field)
        if isinstance(now.default, Derived):
            raise tables.wrong(f"the default of {self.message}.{self.field} is computed still")
        if isinstance(now.default, Made):
            raise tables.wrong(f"the default of {self.message}.{self.field} is made anew: it is no value to write down")
        if not callable(self.function):
            raise tables.wrong(
                f"was={self.function!r} computes nothing: redefined(...) says that another default became this one"
            )
        name: Any = self.function  # of which tables give the name alone
        shown = Made(name) if self.shown is _SHOWN else self.shown
        tables.change_field(
            self.message, self.field, lambda field: attrs.evolve(field, default=Derived(self.function, shown))
        )

    def upward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Up]:
        then = Side.of(self.message, before[self.message].names, before)
        held = Side.of(self.message, [self.field], after)

        def up(payload: dict[str, Any], path: Path) -> dict[str, Any]:
            if self.field not in payload:
                try:
                    value = self._computed(then, payload)
                except ConversionError:
                    raise
                except ValueError as error:
                    rule = f"given, as its default then cannot be computed ({error})"
                    raise ValidationError(self.message, [Violation(told((path, self.field)), rule, None)]) from None
                held.checked({self.field: value}, path).raise_for(self.message)
                payload[self.field] = value
            return payload

        return {self.message: up}

    def downward(self, before: Mapping[str, Spec], after: Mapping[str, Spec]) -> Mapping[str, Down]:
        now = next(field for field in after[self.message].fields if field.name == self.field)
        written = {self.field: plain_default(now.default)} if has_plain_default(now) else {}
        then = Side.of(self.message, written, before)
        sayable = not then.checked(written, ROOT).violations

        def down(payload: dict[str, Any], path: Path, losses: Losses) -> Any:
            # Left out it would be computed.
            if self.field not in payload and written:
                if sayable:
                    payload.update(written)
                else:
                    losses.add((path, now.step), written[self.field], "left out it was computed, and it was no value")
            return payload

        return {self.message: down}

    def _computed(self, then: Side, payload: dict[str, Any]) -> Any:
        try:
            return self.function(then.whole(payload))
        except ValueError:
            raise
        except Exception as error:  # whatever the function raises
            place = f"was of {self.field}"
            raise ConversionError(self.message, place, f"raised {type(error).__name__}: {error}") from error

    def __str__(self) -> str:
        return f"{self.message}: {self.field}, by default computed, into what it is"


def underived(message: str, field: str, *, was: Callable[[dict[str, Any]], Any], shown: Any = _SHOWN) -> Underived:
    """A field left out meant what a function made of the rest; now it means its plain default, or is required.

    Args:
        message: its full name.
        field: its field.
        was: what the field was by default, from the values of the other fields as payloads of then hold them, with
            their defaults. A ``ValueError`` says that it cannot be computed.
        shown: the default that field tables gave, as ``derived(default=...)`` said; where it is left out, they gave the
            name of the function.
    """
    return Underived(message, field, was, shown)
