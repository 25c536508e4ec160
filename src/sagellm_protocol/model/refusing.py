"""What ``@message`` refuses, as tables: each entry says what to write instead.

A declaration that would be taken and not obeyed on every path (constructor, every codec, pickles) is an error at the
class, so that nobody relies on it.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.naming import full_name, is_plain_identifier
from sagellm_protocol.model.spec import Unknown

_BUILT = "messages are built by __new__ alone, and decoding calls no other; use a classmethod, or derived(...)"
_COPIED = "a copy of a message is the message itself"
_PICKLED = "what comes out of a pickle is checked, by the constructor"
_FROZEN = "a message cannot change"

_OWN: Mapping[str, str] = {
    "__new__": _BUILT,
    "__init__": _BUILT,
    "__attrs_init__": _BUILT,
    "__attrs_pre_init__": "there is nothing yet to look at; use __attrs_post_init__, which may check",
    "__setattr__": _FROZEN,
    "__delattr__": _FROZEN,
    "__copy__": _COPIED,
    "__deepcopy__": _COPIED,
    "__replace__": "evolve is it",
    "__reduce__": _PICKLED,
    "__reduce_ex__": _PICKLED,
    "__getstate__": _PICKLED,
    "__setstate__": _PICKLED,
    "__getnewargs__": _PICKLED,
    "__getnewargs_ex__": _PICKLED,
    "__slots__": "the fields are the slots",
    "__signature__": "the fields are the signature",
}
"""What the body of a class may not define, and why."""

_PYDANTIC: Mapping[str, str] = {
    "model_config": "write the options of @message",
    "model_post_init": "use __attrs_post_init__, which may check",
    "FieldInfo": "write field(...) or the default itself, with bounds in Annotated",
    "PydanticDescriptorProxy": "write field(validator=...), __attrs_post_init__ or a property",
}
"""What pydantic would call, and nothing here does: by its name in a class, or by the name of its class."""

_MADE_BY: Mapping[str, str] = {
    "__message__": "@message",
    "__attrs_attrs__": "attrs",
    "__dataclass_fields__": "dataclasses",
}
"""Whose mark a class bears that has fields."""

_SUBCLASS = "declare it with @message"

_HOOKS = frozenset(("__attrs_post_init__", "__attrs_pre_init__"))
"""What attrs calls, and a plain subclass would be thought to be asked for."""

_HEAP_TYPE = 1 << 9
"""The flag of a class that is written in Python."""

_OF_FIELD: tuple[tuple[Callable[[attrs.Attribute[Any]], bool], str], ...] = (
    (
        lambda field: field.converter is not None,
        "converter= would take values that type, schema and codecs know nothing of; convert before the call, in a"
        " classmethod",
    ),
    (
        lambda field: not field.init,
        "init=False is a field that could not be read back; use derived(...), a property or a cached_property",
    ),
    (lambda field: field.on_setattr is not None, f"on_setattr=: {_FROZEN}"),
    (
        lambda field: field.hash is True and not field.eq,
        "hash=True with eq=False: equal messages would hash differently; leave hash= out",
    ),
    (lambda field: not may_name_a_field(field.name), "not a name that a field may have"),
    (lambda field: not may_name_a_field(field.alias or field.name), "not a name that alias= may give"),
)
"""What a field may not say. Run when the class is declared: it needs no annotation."""


def may_name_a_field(name: str) -> bool:
    """Whether a name can be a parameter and an attribute, and hides nothing of ours."""
    return is_plain_identifier(name) and name[0] != "_" and name != "self"


def refused(cls: type, words: str, name: str | None = None) -> DeclarationError:
    """The error for a class, or for what stands under a name in it."""
    return DeclarationError(f"{full_name(cls)}{'' if name is None else f'.{name}'}: {words}")


def refuse_class(cls: Any) -> None:
    """Raise for what a class says that a message would not obey; its fields are not looked at.

    Raises:
        DeclarationError: with the place, and what to write instead.
    """
    if not isinstance(cls, type):
        raise DeclarationError(f"@message goes on a class, not on {cls!r}")
    for mark, maker in _MADE_BY.items():
        if mark in vars(cls):
            raise refused(cls, f"is declared by {maker} already; put @message in its place")
    if vars(cls).keys() >= {"__deprecated__", "__new__"}:
        raise refused(cls, "put @deprecated above @message: below, it puts a __new__ into the class")
    for name, words in _OWN.items():
        if name in vars(cls):
            raise refused(cls, words, name)
    for name, value in vars(cls).items():
        kind = type(value)
        foreign = kind.__module__.startswith("pydantic.") and kind.__name__ in _PYDANTIC
        if foreign or (name in _PYDANTIC and name not in annotated(cls)):
            words = _PYDANTIC[kind.__name__ if foreign else name]
            raise refused(cls, f"is pydantic's, and called by nothing here; {words}", name)
    if "__eq__" in vars(cls) and vars(cls).get("__hash__") is None:
        raise refused(cls, "messages hash; define __hash__ beside it, or use field(eq=...)", "__eq__")
    if type(cls).__call__ is not type.__call__:
        raise refused(cls, f"its metaclass has a __call__ of its own, and decoding does not go through it; {_BUILT}")
    if getattr(cls, "__parameters__", ()):
        raise refused(cls, "is generic, and the wire does not say of what; declare a message for each")
    for base in cls.__mro__[1:-1]:
        _refuse_base(cls, base)


def _refuse_base(cls: type, base: type) -> None:
    """Refuse what would be inherited and lost."""
    own = vars(base)
    if "__message__" in own or own.get("_is_protocol"):
        return
    if not base.__flags__ & _HEAP_TYPE:
        raise refused(cls, f"its base {base.__qualname__} is not written in Python; hold one in a field")
    for mark, maker in _MADE_BY.items():
        if mark in own:
            raise refused(cls, f"its base {base.__qualname__} has fields by {maker}; declare that with @message")
    for name in own.keys() & _OWN.keys() - {"__slots__"}:
        raise refused(cls, f"its base {base.__qualname__} has it: {_OWN[name]}", name)
    fields = {
        name for other in cls.__mro__ if other is cls or "__message__" in vars(other) for name in annotated(other)
    }
    for name in annotated(base):
        if name not in fields:
            raise refused(cls, f"its base {base.__qualname__} annotates it, and it is no field; declare it here", name)


def annotated(cls: type) -> Iterator[str]:
    """The names that the body of a class annotates, but for class variables."""
    annotations: dict[str, Any] = inspect.get_annotations(cls)
    for name, annotation in annotations.items():
        text = annotation.strip("'\"") if isinstance(annotation, str) else ""
        if annotation is ClassVar or typing.get_origin(annotation) is ClassVar or _is_class_variable(text):
            continue
        yield name


def _is_class_variable(text: str) -> bool:
    return text.partition("[")[0].rpartition(".")[2] == "ClassVar"


def refuse_fields(cls: type, fields: list[attrs.Attribute[Any]], *, order: bool, kw_only: bool) -> None:
    """Raise for what a field says that a message would not obey.

    Args:
        cls: the class.
        fields: its fields, as attrs has read them.
        order: whether messages of the class have an order.
        kw_only: whether the fields that it declares are given by name alone.

    Raises:
        DeclarationError: with the place, and what to write instead.
    """
    arguments: dict[str, str] = {}
    for field in fields:
        for holds, words in _OF_FIELD:
            if holds(field):
                raise refused(cls, words, field.name)
        if kw_only and not field.kw_only and not field.inherited:  # type: ignore[attr-defined]
            raise refused(cls, "kw_only=False: write @message(kw_only=False), for all fields", field.name)
        if field.order_key is not field.eq_key and not order:  # type: ignore[attr-defined] # pyright: ignore
            raise refused(cls, "order= needs @message(order=True)", field.name)
        other = arguments.setdefault(field.alias or field.name, field.name)
        if other != field.name:
            raise refused(cls, f"alias={field.alias!r} is how {other} is given", field.name)


def refuse_keeping(cls: type, unknown: Unknown, keeping: Sequence[str]) -> None:
    """Raise where a class does not say in one way whether, and where, it keeps what it does not know.

    Args:
        cls: the class.
        unknown: what it says of fields that it does not have.
        keeping: its fields whose default is ``KEPT``.

    Raises:
        DeclarationError: with the place, and what to write instead.
    """
    if unknown == "keep" and not keeping:
        raise refused(cls, "unknown='keep' needs a field to keep things in; write extra: JsonObject = KEPT")
    if unknown != "keep" and keeping:
        raise refused(cls, f"holds what is kept, and nothing is; write unknown='keep', not {unknown!r}", keeping[0])
    if len(keeping) > 1:
        raise refused(cls, f"what is kept is in {keeping[0]} already", keeping[1])


def refuse_attrs_subclass(cls: type) -> None:
    """What attrs calls when it has made a class out of a subclass of a message."""
    if "__message__" not in vars(cls):
        raise refused(cls, "a message cannot be made an attrs class; declare it with @message")


def admit(cls: type, message: type) -> None:
    """Let a message through, or a plain subclass: that may have methods and nothing else, as fields would be lost.

    Raises:
        DeclarationError: with the place, and what to write instead.
    """
    for base in cls.__mro__[: cls.__mro__.index(message)]:
        for mark, maker in _MADE_BY.items():
            if mark in vars(base):
                raise refused(
                    base, f"{maker} gives it fields that {message.__qualname__} knows nothing of; {_SUBCLASS}"
                )
        for name in annotated(base):
            if issubclass(base, message) or not hasattr(message, name):
                raise refused(base, f"{message.__qualname__} knows nothing of this field; {_SUBCLASS}", name)
        for name in vars(base).keys() & _HOOKS:
            if not hasattr(message, name):
                raise refused(base, f"{message.__qualname__} does not call it; {_SUBCLASS}", name)
    refuse_abstract(cls)
    admitted: Any = cls
    admitted._message_admitted = cls


def refuse_abstract(cls: type) -> None:
    """Raise where a class has methods that only a subclass has.

    Raises:
        DeclarationError: naming them.
    """
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))  # type: ignore[attr-defined]
        raise refused(cls, f"is abstract, and lacks {missing}; build one of a subclass")
