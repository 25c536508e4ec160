"""Generated messages and payloads, drawn once and used against every release that they suit."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from sagellm_protocol import catalog, testing
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.kinds import nested_in
from sagellm_protocol.model.spec import Spec

Shape = tuple[tuple[Spec, tuple[Any, ...]], ...]


class Draws:
    """What Hypothesis generates for each message, the same at each run with the same seed."""

    def __init__(self, count: int, number: int = 0) -> None:
        self.count = count
        self._seed = number
        self._messages: dict[str, list[Any]] = {}
        self._payloads: list[tuple[Shape, list[Any]]] = []

    def messages(self, name: str) -> list[Any]:
        """Messages of today."""
        if name not in self._messages:
            self._messages[name] = self._draw(testing.messages(catalog.get(name)))
        return self._messages[name]

    def payloads(self, name: str, revision: str) -> list[Any]:
        """Payloads as a revision writes them. Revisions that do not differ in a message share them."""
        shape = _shape(name, revision)
        for known, drawn in self._payloads:
            if known == shape:
                return drawn
        drawn = self._draw(testing.payloads(name, revision))
        self._payloads.append((shape, drawn))
        return drawn

    def _draw(self, strategy: SearchStrategy[Any]) -> list[Any]:
        drawn: list[Any] = []

        @seed(self._seed)
        @settings(
            max_examples=self.count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(value: Any) -> None:
            drawn.append(value)

        collect()
        return drawn


def _shape(name: str, revision: str) -> Shape:
    """A message and all that it holds, at a revision; the defaults stand apart, as specs are equal without them."""
    specs = HISTORY.specs(revision)
    found: dict[str, Spec] = {}
    waiting = [name]
    while waiting:
        spec = specs[waiting.pop()]
        if spec.name not in found:
            found[spec.name] = spec
            waiting.extend(nested.name for field in spec.fields for nested in nested_in(field.type))
    return tuple((spec, tuple(field.default for field in spec.fields)) for spec in found.values())
