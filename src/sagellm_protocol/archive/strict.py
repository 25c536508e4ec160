"""JSON data as attrs classes, where nothing is coerced: files may hold anything."""

from __future__ import annotations

import typing
from functools import lru_cache
from typing import Any

import attrs


def structure(kind: Any, value: Any) -> Any:
    """A value of an attrs class, ``dict``, ``list``, ``X | None`` or plain type out of JSON data.

    Raises:
        TypeError: a value is of another type.
        KeyError: a field is missing.
    """
    if kind is Any:
        return value
    if attrs.has(kind):
        hints = _hints(kind)
        data = structure(dict, value)
        return kind(**{field.name: structure(hints[field.name], data[field.name]) for field in attrs.fields(kind)})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return {name: structure(arguments[1], item) for name, item in structure(dict, value).items()}
    if origin is list:
        return [structure(arguments[0], item) for item in structure(list, value)]
    if type(None) in arguments:
        return None if value is None else structure(arguments[0], value)
    if type(value) is not kind:
        raise TypeError(f"a {kind.__name__} is needed, this is {type(value).__name__}")
    return value


_hints = lru_cache(maxsize=64)(typing.get_type_hints)
