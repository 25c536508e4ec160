"""What a codec was taught of its user's: asked for each message and each type in it when a function is written."""

from __future__ import annotations

from typing import Protocol

from sagellm_protocol.model.kinds import Choice, Taught, Type
from sagellm_protocol.model.spec import Spec


class Teaching(Protocol):
    """Gives specs as a codec reads and writes them: types that it was taught are ``Taught``, fields renamed."""

    def kind(self, kind: Type) -> Type:
        """A type as it is read and written."""
        ...

    def spec(self, spec: Spec) -> Spec:
        """A message as it is read and written; the same object for the same spec."""
        ...


class Untaught:
    """Nothing was taught: everything is as the protocol says."""

    def kind(self, kind: Type) -> Type:
        """The type itself."""
        return kind

    def spec(self, spec: Spec) -> Spec:
        """The spec itself."""
        return spec


UNTAUGHT = Untaught()


def standing_in(choice: Choice, teaching: Teaching) -> frozenset[type]:
    """The messages of a choice that may stand in a payload themselves."""
    kinds = ((option.cls, teaching.kind(option)) for option in choice.options)
    return frozenset(cls for cls, kind in kinds if isinstance(kind, Taught) and kind.stands)
