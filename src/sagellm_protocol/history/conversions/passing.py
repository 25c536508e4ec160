"""Payloads passing through the functions of a conversion, each way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.conversions.conversion import ConversionError
from sagellm_protocol.history.conversions.sides import Side
from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.history.payloads import owned, plain
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.shortening import short

Values: TypeAlias = dict[str, Any]
"""Values by the name of their field, as payloads hold them."""

Function: TypeAlias = Callable[[Values], Values]
"""Makes values of one side into those of the other; a ``ValueError`` says that they cannot be."""


@attrs.define(slots=False)
class Passing:
    """The two sides of a conversion, and what leads from one to the other."""

    message: str
    then: Side
    now: Side
    up: Function | None
    """None where nothing makes values of then into those of now; likewise ``down``."""
    down: Function | None
    lossy: str | None

    def forwards(self, payload: Values, path: Path) -> Values:
        """A payload of then, which is changed, as it is now."""
        given = self.then.taken(payload)
        if not given and any(field.name in payload for field in self.now.fields):
            return payload  # As a field that was not known then keeps its value where it came later.
        checker = self.then.checked(given, path)
        if given:
            for field in self.now.fields:
                if field.name in payload:
                    rule = f"absent where what it was ({', '.join(given)}) is given"
                    checker.broken((path, field.step), rule, payload[field.name])
        checker.raise_for(self.message)
        made = self._forwards(given, path, checker)
        checker.raise_for(self.message)
        self.now.checked(made, path).raise_for(self.message)
        payload.update(owned(made))
        return payload

    def _forwards(self, given: Values, path: Path, checker: Checker) -> Values:
        if self.up is None:
            for field in self.then.said(given):
                rule = f"left out, as nothing became of it ({self.lossy})"
                checker.broken((path, field.step), rule, given[field.name])
            return {}
        try:
            return self._called("up", self.up, self.then.arguments(given), self.now) if given else self._said_by_nothing
        except ConversionError:
            raise
        except ValueError as error:
            where, value = self.then.place(path, given)
            told = self.then.told(error)
            checker.broken(where, f"convertible into {self.now}" + (f" ({told})" if told else ""), value)
            return {}

    @cached_property
    def _said_by_nothing(self) -> Values:
        """What stands now where a payload of then says nothing: nothing, if that means the same."""
        made = {} if self.up is None else self._called("up", self.up, self.then.arguments({}), self.now)
        return made if self.now.said(made) else {}

    def backwards(self, payload: Values, path: Path, losses: Losses) -> Any:
        """A payload of now, which is changed, as it was then; ``UNSAYABLE`` where nothing valid is left."""
        given = self.now.taken(payload)
        for field in self.then.fields:
            if field.name in payload:  # The message of now has no such field, whatever it means by it.
                losses.add((path, field.step), payload.pop(field.name), f"its name is that of what {self.now} was")
        made = self._backwards(given, path, losses)
        if made is None:
            return UNSAYABLE if any(field.required for field in self.then.fields) else payload
        payload.update(owned(made))
        return payload

    def _backwards(self, given: Values, path: Path, losses: Losses) -> Values | None:
        """The values of then; None where there are none, which has been told."""
        where, value = self.now.place(path, given)
        checker = self.now.checked(given, path)
        if checker.violations:
            losses.add(where, value, str(checker.violations[0]))
            return None
        try:
            made = {} if self.down is None else self._called("down", self.down, self.now.arguments(given), self.then)
            checker = self.then.checked(made, None)
            if checker.violations:
                losses.add(where, value, self.lossy or f"before, {checker.violations[0]}")
                return None
            self._tell_what_does_not_come_back(made, given, path, losses)
        except ConversionError:
            raise
        except ValueError as error:
            losses.add(where, value, self.now.told(error) or "cannot be converted")
            return None
        return made if given or self.then.said(made) else {}

    def _tell_what_does_not_come_back(self, made: Values, given: Values, path: Path, losses: Losses) -> None:
        # What nothing makes into values of now, or of then, comes back as the defaults.
        again: Values = {}
        if self.up is not None and self.down is not None:
            again = self._called("up", self.up, self.then.whole(made), self.now)
        back, sent = self.now.whole(again), self.now.whole(given)
        for field in self.now.differing(again, given):
            shown = "" if field.secret else f" as {short(back.get(field.name))}"
            losses.add((path, field.step), sent.get(field.name), self.lossy or f"would come back{shown}")

    def _called(self, way: str, function: Function, values: Values, onto: Side) -> Values:
        """What a function makes of values, as plain ones.

        Raises:
            ConversionError: it failed, or gave what it is not asked for.
            ValueError: the values cannot be converted.
        """

        def failed(reason: str) -> ConversionError:
            sides = (self.then, self.now) if way == "up" else (self.now, self.then)
            return ConversionError(self.message, f"{way} of {sides[0]} into {sides[1]}", reason)

        try:
            answer: Any = function(values)
        except ValueError:
            raise
        except Exception as error:  # whatever the function raises
            raise failed(f"raised {type(error).__name__}: {error}") from error
        if not isinstance(answer, dict):
            raise failed(f"must return a dict, and returned {short(answer)}")
        if strange := [name for name in answer if name not in onto.names]:
            raise failed(f"gave {short(strange)}, and is asked for {onto}")
        try:
            return plain(self.message, answer)
        except ProtocolError as error:
            raise failed(f"returned what is no payload: {error}") from error
