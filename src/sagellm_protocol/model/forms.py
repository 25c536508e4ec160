"""What only type checkers see: how a type goes in that is no class, and what may be changed in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    # They bring typing_extensions themselves; an installation need not have it.
    from typing_extensions import TypeForm as TypeForm, TypeVar as DefaultTypeVar

    Form = DefaultTypeVar("Form", default=Any)
    """What a ``TypeForm`` is of: a union, ``list[...]``.

    Functions that take one have a third overload for ``Any``, and this has a default, for checkers that do not know it:
    mypy before 1.19 and pyright before 1.1.412. There a union is ``Any``.
    """

    class Changeable(Protocol):
        """A message: from Python 3.13 on, checkers give each class under ``@message`` a ``__replace__``."""

        def __replace__(self, *_: Any, **changes: Any) -> Any: ...

    Changes = ParamSpec("Changes")
    Changed = TypeVar("Changed", bound=Changeable)
    """Bound, so that mypy makes no ``object`` of a union but takes each message of it by itself."""
    Replaced = TypeVar("Replaced", covariant=True)

    class Replaceable(Protocol[Changes, Replaced]):
        """A message, by the arguments that its ``__replace__`` takes."""

        def __replace__(self, *_: Changes.args, **changes: Changes.kwargs) -> Replaced: ...
