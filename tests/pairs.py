"""Each way to make or write a message, once by the compiled core and once in Python alone: they must not differ."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from sagellm_protocol import codecs
from sagellm_protocol.codecs import Codec, Options
from sagellm_protocol.model import native
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import DeclarationError, ProtocolError
from sagellm_protocol.model.spec import Made, spec_of

FORMATS = {
    "json": ("json", "make_json"),
    "msgpack": ("msgpack", "make_msgpack"),
    "dict": ("dicts", "make_dict"),
    "msgspec-json": ("msgspec", "make_msgspec_json"),
    "msgspec-msgpack": ("msgspec", "make_msgspec_msgpack"),
}


@contextmanager
def in_python() -> Iterator[None]:
    """What is made meanwhile is made in Python."""
    core, native.core = native.core, None
    try:
        yield
    finally:
        native.core = core


def _codec(name: str, options: Options) -> Codec[Any]:
    module, make = FORMATS[name]
    return Codec(name, getattr(import_module(f"sagellm_protocol.codecs.{module}"), make)(), options, None)


def chosen(options: Options) -> dict[str, Any]:
    """Options as they are given by name."""
    return {
        name: getattr(options, name) for name in ("unknown", "omit_defaults", "omit_nulls", "consistent", "configure")
    }


@cache
def decoders(name: str, kind: Any, options: Options) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The function that decodes a type, compiled and in Python."""
    compiled = codecs.get(name, **chosen(options)).decoder(kind)
    with in_python():
        return compiled, _codec(name, options).decoder(kind)


@cache
def encoders(name: str, kind: Any, options: Options) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The function that encodes messages of a class, compiled and in Python."""
    compiled = codecs.get(name, **chosen(options)).encoder(kind)
    with in_python():
        return compiled, _codec(name, options).encoder(kind)


def constructors(cls: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The class, and its constructor in Python."""
    return cls, lambda *ordered, **fields: cls.__new__(cls, *ordered, **fields)


def came_of(act: Callable[..., Any], *ordered: Any, **fields: Any) -> Any:
    """What a call gives, types and all, or what it raises, words and all."""
    try:
        return exactly(act(*ordered, **fields))
    except (ProtocolError, DeclarationError, TypeError, RecursionError) as error:
        # A decoder's other errors are faults, and show as such.
        context = type(error.__context__).__name__, error.__suppress_context__
        fault = getattr(error, "fault", None)
        told = repr(getattr(error, "violations", None))
        return type(error).__name__, str(error), told, fault, context


def exactly(value: Any) -> Any:
    """A value that is equal to no other: types, zeros and the order of keys count, and not what is made anew."""
    cls = type(value)
    if is_message(cls):
        spec = spec_of(cls)
        return cls.__qualname__, [
            (field.name, type(held).__name__ if isinstance(field.default, Made) else exactly(held))
            for field in spec.fields
            for held in (getattr(value, field.name),)
        ]
    if isinstance(value, dict):
        return cls.__qualname__, [(exactly(key), exactly(item)) for key, item in dict.items(value)]
    if isinstance(value, (list, tuple)):
        return cls.__qualname__, [exactly(item) for item in value]
    return cls.__qualname__, struct.pack("d", value) if cls is float else repr(value)
