"""``model_fields`` and ``model_fields_set``: attributes that warn when they are used, not when they are looked at."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

import attrs

from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.scope import hints_of
from sagellm_protocol.pydantic_names.warning import warn

_FACTORY: Any = attrs.Factory


@attrs.frozen
class FieldInfo:
    """What pydantic's ``FieldInfo`` said of a field, as far as a message has it."""

    annotation: Any
    """The type, without what stands beside it in ``Annotated``."""
    metadata: list[Any] = attrs.field(hash=False)
    """That: bounds, units."""
    default: Any
    """``attrs.NOTHING`` where there is none, or where it is made or derived."""
    default_factory: Callable[..., Any] | None
    """What makes the default, or derives it from the message."""
    alias: str | None
    """The constructor's name for the field, where that is another."""
    description: str | None
    """The text below the field."""

    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is attrs.NOTHING and self.default_factory is None


class Fields(Mapping[str, FieldInfo]):
    """The fields of a message class by name, read when they are asked for."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def _read(self) -> dict[str, FieldInfo]:
        warn("model_fields", "attrs.fields(Message), or history.fields(Message) for types, bounds and defaults as data")
        return fields_of(self._cls)

    def __getitem__(self, name: str) -> FieldInfo:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"<the fields of {full_name(self._cls)}>"


class FieldsSet(Set[str]):
    """What was given of a message's fields, which it does not know: any use is refused."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def _refuse(self) -> OptionError:
        warn("model_fields_set", _KNOW)
        return unknown_which_set("model_fields_set")

    def __contains__(self, name: object) -> bool:
        raise self._refuse()

    def __iter__(self) -> Iterator[str]:
        raise self._refuse()

    def __len__(self) -> int:
        raise self._refuse()

    @classmethod
    def _from_iterable(cls, names: Iterable[str]) -> set[str]:  # type: ignore[override]
        return set(names)

    def __repr__(self) -> str:
        return f"<the fields that were set of a {type(self._message).__qualname__}, which it does not know>"


_KNOW = "message.field != its default, or keep the names beside the message where it is built"


def unknown_which_set(asked: str) -> OptionError:
    """The error for what needs to know which fields were given.

    A message holds its fields and nothing else: one that was given its default equals one that was left out, on the
    wire as well, and decoders never say.
    """
    return OptionError(
        f"{asked} cannot be answered: a message does not know which fields were given, as one that is given its"
        " default is the same as one left out; write exclude_defaults=True, or codecs.get(..., omit_defaults=True), for"
        f" what differs from the defaults; {_KNOW}"
    )


def model_fields(cls: Any) -> Fields:
    """The fields by name."""
    return Fields(message_of(cls))


def model_fields_set(message: Any) -> FieldsSet:
    """The names that were given."""
    return FieldsSet(message)


def fields_of(cls: Any) -> dict[str, FieldInfo]:
    """The fields of a message class by name."""
    from sagellm_protocol.schema.descriptions import field_texts

    hints, texts = hints_of(cls), field_texts(cls)
    return {field.name: _info(field, hints[field.name], texts.get(field.name)) for field in attrs.fields(cls)}


def _info(field: attrs.Attribute[Any], hint: Any, text: str | None) -> FieldInfo:
    annotated = typing.get_origin(hint) is typing.Annotated
    made = getattr(field.default, "factory", None) if isinstance(field.default, _FACTORY) else None
    return FieldInfo(
        hint.__origin__ if annotated else hint,
        list(hint.__metadata__) if annotated else [],
        attrs.NOTHING if made else field.default,
        made,
        None if field.alias == field.name else field.alias,
        text,
    )
