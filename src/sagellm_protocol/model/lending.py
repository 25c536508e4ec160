"""What a message class has besides its fields, for other libraries, from modules that are loaded when it is asked for.

The modules stand above this one: here they are named, and not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MethodType
from typing import Any, Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["value", "class", "method", "property", "access"]
"""How the function is called: with the class, for the value of an attribute; as a classmethod; as a method; with the
message, for its attribute's value; or with the message (None where the class is asked) and the class, for either's."""

LENT: Mapping[str, tuple[Kind, str]] = {
    "__dataclass_fields__": ("value", "model.as_dataclass:dataclass_fields"),
    "__dataclass_params__": ("value", "model.as_dataclass:dataclass_params"),
    "__get_pydantic_core_schema__": ("class", "pydantic_schema.core:get_core_schema"),
    "__get_pydantic_json_schema__": ("class", "pydantic_schema.describing:get_json_schema"),
    "__post_init__": ("method", "model.as_dataclass:settle"),
    "__rich_repr__": ("method", "display.parts:for_rich"),
    "__signature__": ("value", "model.documenting:signature_of"),
    "_repr_html_": ("method", "display.tables:as_table"),
    "_repr_pretty_": ("access", "display.parts:for_ipython"),
    "construct": ("class", "pydantic_names.names:construct"),
    "copy": ("method", "pydantic_names.names:copy"),
    "dict": ("method", "pydantic_names.names:dict_"),
    "json": ("method", "pydantic_names.names:json_"),
    "model_construct": ("class", "pydantic_names.names:model_construct"),
    "model_copy": ("method", "pydantic_names.names:model_copy"),
    "model_dump": ("method", "pydantic_names.names:model_dump"),
    "model_dump_json": ("method", "pydantic_names.names:model_dump_json"),
    "model_fields": ("value", "pydantic_names.fields:model_fields"),
    "model_fields_set": ("property", "pydantic_names.fields:model_fields_set"),
    "model_json_schema": ("class", "pydantic_names.names:model_json_schema"),
    "model_rebuild": ("class", "pydantic_names.names:model_rebuild"),
    "model_validate": ("class", "pydantic_names.names:model_validate"),
    "model_validate_json": ("class", "pydantic_names.names:model_validate_json"),
    "model_validate_strings": ("class", "pydantic_names.names:model_validate_strings"),
    "parse_obj": ("class", "pydantic_names.names:parse_obj"),
    "parse_raw": ("class", "pydantic_names.names:parse_raw"),
    "schema": ("class", "pydantic_names.names:schema"),
}
"""Attribute of every message class: what kind, and ``module:function`` below this package."""


@attrs.frozen
class Lent:
    """An attribute of a message class that a function of another module answers for."""

    kind: Kind
    home: str

    def __get__(self, message: object, cls: type) -> Any:
        function = _function(self.home)
        if self.kind == "value":
            return function(cls)
        if self.kind == "access":
            return function(message, cls)
        if self.kind == "class":
            return MethodType(function, cls)
        if self.kind == "property":
            return self if message is None else function(message)
        return function if message is None else MethodType(function, message)


@cache
def _function(home: str) -> Callable[..., Any]:
    module, _, name = home.partition(":")
    function: Callable[..., Any] = getattr(import_module(f"{__name__.partition('.')[0]}.{module}"), name)
    return function


TEXT = Lent("value", "model.documenting:text_with_fields")
"""The ``__doc__`` of every message class: unlike what is lent, each class has one by itself, which this is given."""


def lend(cls: Any) -> None:
    """Give a message class what is lent to all, save what it or a base has by itself, a field or a method."""
    lent = set()
    for name, (kind, home) in LENT.items():
        owner = next((base for base in cls.__mro__[:-1] if name in vars(base)), None)
        # The function may have put what it found in the place of what was lent.
        if owner is None or name in vars(owner).get("_message_lent", ()):
            setattr(cls, name, Lent(kind, home))
            lent.add(name)
    cls._message_lent = frozenset(lent)
