"""Messages as a person would write about them: types as declared, units, bounds, and the text of each field."""

from __future__ import annotations

import inspect
import types
import typing
from collections import Counter
from enum import Enum
from functools import cache
from typing import Annotated, Any, ForwardRef, Literal, Union

import attrs

from sagellm_protocol.model.annotations import is_message, message_of, read_type
from sagellm_protocol.model.deprecated import deprecated_in
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.kinds import Items, Limited, Nullable, Number, Table, Type
from sagellm_protocol.model.scope import hints_of
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.signatures import default_of
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.texts import own_texts


class Argument(inspect.Parameter):
    """An argument that is shown as it would be written; its annotation is what that means."""

    __slots__ = ("_written",)
    _written: str | None

    def __str__(self) -> str:
        shown = f"{self.name}: {getattr(self, '_written', None) or written(self.annotation)}"
        return shown if self.default is self.empty else f"{shown} = {default_shown(self.default)}"

    @classmethod
    def of(cls, field: attrs.Attribute[Any], annotation: Any) -> Argument:
        """The argument for a field, with the very words of its declaration where these are known."""
        kind = cls.KEYWORD_ONLY if field.kw_only else cls.POSITIONAL_OR_KEYWORD
        argument = cls(field.alias or field.name, kind, default=default_of(field), annotation=annotation)
        declared: Any = field.type
        argument._written = declared if isinstance(declared, str) else None
        return argument


def signature_of(cls: Any) -> inspect.Signature:
    """The arguments of a message class by name, with types and defaults; types that cannot be looked up stay text."""
    message: Any = message_of(cls)
    fields = attrs.fields(message)
    try:
        hints = hints_of(message)
    except DeclarationError:
        hints = {field.name: field.type for field in fields}
    ordered = sorted(fields, key=lambda field: bool(field.kw_only))
    return inspect.Signature([Argument.of(field, hints[field.name]) for field in ordered])


def written(annotation: Any) -> str:
    """An annotation as it is written in a class: ``Tokens``, ``float | None``, without modules and machinery."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if annotation in (None, types.NoneType):
        return "None"
    if annotation is ...:
        return "..."
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _annotated(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(map(written, inside))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, inside))}]"
    name = getattr(origin or annotation, "__name__", None) or repr(annotation)
    return f"{name}[{', '.join(map(written, inside))}]" if inside else str(name)


def _annotated(annotation: Any) -> str:
    name = _names_of_units().get(annotation)
    if name is not None:
        return name
    try:
        said = facts_of(read_type(annotation))
    except DeclarationError:
        said = [repr(item) for item in annotation.__metadata__]
    return f"Annotated[{', '.join([written(annotation.__origin__), *said])}]"


@cache
def _names_of_units() -> dict[Any, str]:
    """The names of annotations that have one name in :mod:`.units`: there are several for a number from 0."""
    from sagellm_protocol.model import units

    named = {name: found for name, found in vars(units).items() if typing.get_origin(found) is Annotated}
    times = Counter(named.values())
    return {found: name for name, found in named.items() if times[found] == 1}


def default_shown(default: Any) -> str:
    """A default as it would be written."""
    if isinstance(default, Enum):
        return f"{type(default).__qualname__}.{default.name}"
    if is_message(type(default)):
        return f"{type(default).__qualname__}(...)"
    return short(default)


def unit_of(kind: Type) -> str:
    """The unit of the numbers in a type, as a symbol; empty where they have none."""
    match kind:
        case Number(unit=unit):
            return unit or ""
        case Limited(inner=inner) | Nullable(inner=inner) | Items(item=inner) | Table(value=inner):
            return unit_of(inner)
        case _:
            return ""


def facts_of(kind: Type) -> list[str]:
    """What is asked of the values in a type, and their unit: ``>= 0``, ``at most 8 long``, ``in ms``."""
    match kind:
        case Number(bounds=bounds, unit=unit):
            return [*(bound.words for bound in bounds), *([f"in {unit}"] if unit else [])]
        case Limited(inner=inner, bounds=bounds):
            return [*facts_of(inner), *(bound.words for bound in bounds)]
        case Nullable(inner=inner):
            return facts_of(inner)
        case Items(item=inner) | Table(value=inner):
            said = facts_of(inner)
            return ["each " + ", ".join(said)] if said else []
        case _:
            return []


def text_of(cls: Any, name: str) -> str:
    """What is told of a field: the text below it, or its ``doc()``, and that it is deprecated."""
    return f"{_declared_text(cls, name)} {deprecated_in(cls).get(name, '')}".strip()


def _declared_text(cls: Any, name: str) -> str:
    """The text in the class, or the base that has one."""
    for base in cls.__mro__:
        text = own_texts(base).get(name)
        if text:
            return " ".join(text.split())
    return next((field.text for field in spec_of(cls).held if field.name == name), "")


def text_with_fields(cls: Any) -> str:
    """The ``__doc__`` of a message class: its own text, and below that its fields with all that is told of them."""
    message: Any = message_of(cls)
    texts = (inspect.cleandoc(vars(message)["_message_text"] or ""), deprecated_in(message).get("", ""))
    said = "\n\n".join(filter(None, texts))
    try:
        types = {field.name: field.type for field in spec_of(message).held}
    except DeclarationError:  # An annotation cannot be looked up, or not yet.
        return said
    lines = []
    for field, argument in zip(attrs.fields(message), signature_of(message).parameters.values(), strict=True):
        facts, text = ", ".join(facts_of(types[field.name])), text_of(message, field.name)
        lines += [f"    {argument}  ({facts})" if facts else f"    {argument}", *([f"        {text}"] if text else [])]
    return "\n".join([*([said, ""] if said else []), *(["Fields:", *lines] if lines else [])]).rstrip()
