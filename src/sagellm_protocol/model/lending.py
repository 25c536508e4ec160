"""What a message class has besides its fields, for other libraries, from modules that are loaded when it is asked for.

The modules stand above this one: here they are named, and not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MethodType
from typing import Any, Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["value", "class", "method"]
"""How the function is called: with the class, for the value of an attribute; as a classmethod; or as a method."""

LENT: Mapping[str, tuple[Kind, str]] = {}
"""Attribute of every message class: what kind, and ``module:function`` below this package."""


@attrs.frozen
class Lent:
    """An attribute of a message class that a function of another module answers for."""

    kind: Kind
    home: str

    def __get__(self, message: object, cls: type) -> Any:
        function = self._function()
        if self.kind == "value":
            return function(cls)
        if self.kind == "class":
            return MethodType(function, cls)
        return function if message is None else MethodType(function, message)

    def _function(self) -> Callable[..., Any]:
        module, _, name = self.home.partition(":")
        function: Callable[..., Any] = getattr(import_module(f"{__name__.partition('.')[0]}.{module}"), name)
        return function


def lend(cls: Any) -> None:
    """Give a message class what is lent to all, save what it or a base has by itself, a field or a method."""
    for name, (kind, home) in LENT.items():
        found = next((vars(base)[name] for base in cls.__mro__[:-1] if name in vars(base)), None)
        if found is None or type(found) is Lent:
            setattr(cls, name, Lent(kind, home))
