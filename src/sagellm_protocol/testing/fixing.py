"""Fields that a strategy is told: by a value, which is checked at once, or by a strategy, whose values are checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.exceptions import OptionError, ValidationError, blaming
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.spec import Field, Spec
from sagellm_protocol.model.wording import did_you_mean


def fixed(spec: Spec, given: Mapping[str, Any]) -> dict[str, SearchStrategy[Any]]:
    """The strategy for each field that is given, by the name of the field.

    Raises:
        OptionError: the message takes no such argument.
        ValidationError: no message can hold the value; a strategy raises it when it draws such a value.
    """
    fields = {field.argument: field for field in spec.held}
    for name in given:
        if name not in fields:
            raise OptionError(f"{spec.name} takes no {name}={did_you_mean(name, fields)}")
    return {fields[name].name: _strategy(spec, fields[name], value) for name, value in given.items()}


def _strategy(spec: Spec, field: Field, value: Any) -> SearchStrategy[Any]:
    check = partial(_checked, spec, field)
    return value.map(check) if isinstance(value, SearchStrategy) else st.just(check(value))


def _checked(spec: Spec, field: Field, value: Any) -> Any:
    checker = Checker("python")
    found = checker.check(field.type, value, (ROOT, field.step))
    if checker.violations:
        raise blaming("local", ValidationError(spec.name, checker.violations, checker.more))
    return found
