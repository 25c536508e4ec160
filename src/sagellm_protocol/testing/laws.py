"""The laws of conversions, tried with payloads drawn at random: what passes comes back, or its loss is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.completing import whole
from sagellm_protocol.history.conversions import Conversion
from sagellm_protocol.history.conversions.sides import close
from sagellm_protocol.history.eras import Crossing
from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.history.stops import back, over
from sagellm_protocol.history.walking import Walk
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import Mark, Spec
from sagellm_protocol.testing.strategies import payloads_of


def conversion_laws(history: History = HISTORY, *, max_examples: int = 100) -> int:
    """Try each conversion of a history on payloads drawn at random; gives how many conversions there are.

    A payload of before that is brought forward and taken back is what it was, or a loss is told, or the conversion says
    in ``lossy=`` what is lost. A payload of after that is taken back without a loss and brought forward is what it was.
    What comes out is valid, whichever way. Fields left out count as their defaults; last places of floats do not count.

    Args:
        history: the revisions and messages; the protocol's own unless told otherwise.
        max_examples: how many payloads are drawn for each message of each conversion, and each way.

    Raises:
        AssertionError: a law is broken, or nothing at all passed; it names the conversion and the least such payload.
        ConversionError: a function failed.
    """
    how = settings(max_examples=max_examples, deadline=None, suppress_health_check=_SLOW)
    for trial in trials(history):
        how(given(trial.of_before)(trial.forwards_and_back))()
        how(given(trial.of_after)(trial.back_and_forwards))()
        name = trial.before.name
        assert trial.passed, f"{trial.conversion}: no payload of {name} came through, either way"
    return len(history.eras.crossings)


def trials(history: History) -> Iterator[Trial]:
    """Every conversion of a history with each message that it touches."""
    for crossing in history.eras.crossings:
        yield from (Trial(crossing, cls) for cls in crossing.ups)


_SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)


@attrs.define(slots=False)
class Trial:
    """A conversion, and one message that it touches."""

    crossing: Crossing
    cls: type
    passed: int = attrs.field(default=0, init=False)
    """How many payloads came through."""

    @property
    def conversion(self) -> Conversion:
        """What the laws are of."""
        return self.crossing.conversion

    @cached_property
    def before(self) -> Spec:
        """The message just before the conversion."""
        return _spec(self.crossing.before, self.cls)

    @cached_property
    def after(self) -> Spec:
        """The message just after it."""
        return _spec(self.crossing.after, self.cls)

    @property
    def of_before(self) -> SearchStrategy[dict[str, Any]]:
        """Payloads of before."""
        return payloads_of(self.before, self.crossing.before)

    @property
    def of_after(self) -> SearchStrategy[dict[str, Any]]:
        """Payloads of after."""
        return payloads_of(self.after, self.crossing.after)

    @cached_property
    def _up(self) -> Walk:
        return over(self.crossing)

    @cached_property
    def _down(self) -> Walk:
        return back(self.crossing)

    def forwards_and_back(self, payload: dict[str, Any]) -> None:
        """The law for a payload of before."""
        try:
            made = self._up.message(self.before.name, payload, ROOT, Losses())
        except ValidationError:
            return  # It is told which value is none that can be converted.
        self._valid(made, self.after, self.crossing.after)
        losses = Losses()
        taken = self._down.message(self.before.name, made, ROOT, losses)
        if taken is UNSAYABLE or losses.found:
            assert losses.found, f"{self.conversion}: {made} cannot be said before, and no loss is told"
            return
        self._valid(taken, self.before, self.crossing.before)
        if self.conversion.lossy is None:
            self._same(taken, payload, self.before, self.crossing.before)

    def back_and_forwards(self, payload: dict[str, Any]) -> None:
        """The law for a payload of after."""
        losses = Losses()
        made = self._down.message(self.before.name, payload, ROOT, losses)
        if losses.found or made is UNSAYABLE:
            assert losses.found, f"{self.conversion}: {payload} cannot be said before, and no loss is told"
            return
        self._valid(made, self.before, self.crossing.before)
        try:
            again = self._up.message(self.before.name, made, ROOT, losses)
        except ValidationError as error:
            raise AssertionError(f"{self.conversion}: {payload} becomes {made}, which is refused: {error}") from None
        self._same(again, payload, self.after, self.crossing.after)

    def _valid(self, payload: dict[str, Any], spec: Spec, specs: Mapping[str, Spec]) -> None:
        checker = Checker("wire", "ignore", specs)
        checker.check(Nested(spec.name, spec.cls), payload, ROOT)
        assert not checker.violations, f"{self.conversion}: {payload} is not valid: {checker.violations[0]}"

    def _same(self, found: dict[str, Any], expected: dict[str, Any], spec: Spec, specs: Mapping[str, Spec]) -> None:
        agreed = _agree(*(whole(spec.fields, each, specs, lambda _: _COMPUTED) for each in (found, expected)))
        said = f"{self.conversion}: {expected} comes back as {found}, and lossy= does not say so"
        assert agreed, said
        self.passed += 1


def _spec(specs: Mapping[str, Spec], cls: type) -> Spec:
    return next(spec for spec in specs.values() if spec.cls is cls)


_COMPUTED = Mark("COMPUTED")
"""Stands for the default of a field that is computed, or made anew."""


def _agree(found: Any, expected: Any) -> bool:
    """Whether a payload is what is expected; what it left to be computed may have been."""
    if expected is _COMPUTED:
        return True
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_agree(found[name], expected[name]) for name in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_agree, found, expected))
    return close(found, expected)
