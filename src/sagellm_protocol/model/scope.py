"""Where the names in annotations stand: the module, the function or the notebook that a class was declared in."""

from __future__ import annotations

import sys
import types
import typing
from functools import reduce
from operator import or_
from typing import Annotated, Any, ForwardRef, Literal

import attrs

from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.naming import full_name


class Scope:
    """Where the names in the annotations of a class are looked up."""

    __slots__ = ("calls", "names")

    def __init__(self, names: dict[str, Any], calls: list[types.FrameType]) -> None:
        self.names = names
        """The global names: those of a module, or of what a notebook or ``exec`` runs in."""
        self.calls = calls
        """The calls of the functions around the class, the innermost first. Held until the annotations are read, since
        they may name what comes later in a function."""


def scope_of(cls: type) -> Scope | None:
    """The scope that a class is being declared in; None where no annotation needs it."""
    if not any(map(_holds_text, vars(cls).get("__annotations__", {}).values())):
        return None
    *functions, _ = (part.rpartition(".")[2] for part in cls.__qualname__.split(".<locals>."))
    scope: Scope | None = None
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and (scope is None or functions):
        # A class says that it is of the module whose global names its body had.
        if frame.f_globals.get("__name__", "builtins") == cls.__module__:
            if not functions:
                return Scope(frame.f_globals, [])
            if functions[-1] == frame.f_code.co_name:
                scope = scope or Scope(frame.f_globals, [])
                scope.calls.append(frame)
                functions.pop()
        frame = frame.f_back
    return scope


def _holds_text(annotation: Any) -> bool:
    """Whether something in an annotation is written as text, and still has to be looked up."""
    if isinstance(annotation, (str, ForwardRef)):
        return True
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    return origin is not Literal and any(map(_holds_text, inside[:1] if origin is Annotated else inside))


def hints_of(cls: Any) -> dict[str, Any]:
    """The annotation of each field of a message class, with what is written as text looked up.

    Raises:
        DeclarationError: a name in it stands nowhere.
    """
    scope: Scope | None = cls._message_scope  # Asked for first: another thread may let it go once there are hints.
    hints: dict[str, Any] | None = vars(cls).get("_message_hints")
    if hints is None:
        hints = {}
        for base in reversed(cls.__mro__[1:]):
            if "__message__" in vars(base):
                hints |= hints_of(base)
        own = {field.name: field.type for field in attrs.fields(cls) if not field.inherited}
        hints |= _looked_up(cls, own, scope) if any(map(_holds_text, own.values())) else own
        cls._message_hints = hints
        cls._message_scope = None  # The calls that it held may go.
    return hints


def _looked_up(cls: Any, annotations: dict[str, Any], scope: Scope | None) -> dict[str, Any]:
    if scope is None:
        scope = Scope(vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}, [])
    annotations = {name: _referring(annotation) for name, annotation in annotations.items()}
    names: dict[str, Any] = {}
    for call in reversed(scope.calls):
        names |= call.f_locals
    if cls.__qualname__.rpartition("<locals>.")[2] == cls.__name__:
        # Its own name means itself, whatever has been defined under that since.
        names[cls.__name__] = cls
    try:
        holder: Any = types.SimpleNamespace(__annotations__=annotations)
        return typing.get_type_hints(holder, scope.names, names, include_extras=True)
    except Exception as error:  # an annotation is any expression at all
        raise DeclarationError(f"{full_name(cls)}: an annotation cannot be resolved: {error}") from None


def _referring(annotation: Any) -> Any:
    """An annotation with references for what is written as text: below Python 3.11 ``list["Other"]`` keeps the text."""
    if isinstance(annotation, str):
        return ForwardRef(annotation)
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if not _holds_text(annotation) or isinstance(annotation, ForwardRef):
        return annotation
    parts = tuple(map(_referring, inside[:1] if origin is Annotated else inside))
    if isinstance(annotation, types.UnionType):
        return reduce(or_, parts)
    generic: Any = annotation
    return generic.__origin__[parts] if isinstance(annotation, types.GenericAlias) else generic.copy_with(parts)
