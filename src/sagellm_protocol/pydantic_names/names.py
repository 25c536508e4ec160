"""The methods. Options that mean something are obeyed, any other that is given is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sagellm_protocol import codecs, schema as schemas
from sagellm_protocol.codecs.json import dumps
from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.declaring import evolve
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.plain import from_plain
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import Unknown, spec_of
from sagellm_protocol.pydantic_names.dumping import Dump
from sagellm_protocol.pydantic_names.fields import unknown_which_set
from sagellm_protocol.pydantic_names.filtering import Filter
from sagellm_protocol.pydantic_names.validating import Lowering
from sagellm_protocol.pydantic_names.warning import old, refuse

T = TypeVar("T")

_WARNINGS = (True, False, "none", "warn", "error")
_NO_HOOKS = "messages have no validators or serializers of pydantic's that would be given it; leave it out"
_DUMP = 'to_plain(message), or codecs.get("dict").encode(message)'
_DUMP_JSON = 'codecs.get("json").encode(message), with omit_nulls=True for exclude_none'
_BUILD = 'Message(**fields), or codecs.get("dict").decode(payload, Message)'
_COPY = "evolve(message, field=value), or the message itself, which cannot change"
_SCHEMA = "schema.json_schema(Message)"


@old(_DUMP)
def model_dump(
    message: Any,
    *,
    mode: str = "python",
    include: Any = None,
    exclude: Any = None,
    context: Any = None,
    by_alias: bool | None = None,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    exclude_computed_fields: bool = False,
    round_trip: bool = False,
    warnings: Any = True,
    fallback: Any = None,
    serialize_as_any: bool = False,
    polymorphic_serialization: bool | None = None,
) -> dict[str, Any]:
    """The message as a new dict of dicts and lists; members and UUIDs stay what they are, unless ``mode`` is "json".

    ``exclude_computed_fields``, ``round_trip`` and ``warnings`` change nothing, as they never did for these messages.

    Raises:
        OptionError: an option that cannot be obeyed, such as ``exclude_unset`` and ``context``.
        EncodeError: a value that JSON cannot carry; messages within messages, too deep for Python.
    """
    if mode not in ("python", "json"):
        raise OptionError(f"mode is 'python' or 'json', not {short(mode)}")
    if warnings not in _WARNINGS:
        raise OptionError(f"warnings is one of {_WARNINGS}, not {short(warnings)}")
    refuse("context", context, _NO_HOOKS)
    refuse("fallback", fallback, "a message holds nothing that it would be asked for; leave it out")
    if exclude_unset:
        raise unknown_which_set("exclude_unset")
    dump = Dump(
        json=mode == "json",
        by_alias=bool(by_alias),
        exclude_none=exclude_none,
        exclude_defaults=exclude_defaults,
        serialize_as_any=bool(serialize_as_any or polymorphic_serialization),
    )
    return dump.whole(message, Filter(include, exclude))


_dump: Callable[..., dict[str, Any]] = model_dump.__wrapped__  # type: ignore[attr-defined]


@old(_DUMP_JSON)
def model_dump_json(message: Any, *, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
    """The message as JSON text, in one line or indented by so many spaces; the options are those of ``model_dump``.

    Raises:
        OptionError: an option that cannot be obeyed.
        EncodeError: a value that JSON cannot carry.
    """
    return _json(_dump(message, **_but_mode(options), mode="json"), indent, ensure_ascii)


def _but_mode(options: dict[str, Any]) -> dict[str, Any]:
    known = model_dump.__wrapped__.__kwdefaults__.keys() - {"mode"}  # type: ignore[attr-defined]
    unknown = options.keys() - known
    if unknown:
        raise TypeError(f"model_dump_json() got an unexpected keyword argument {min(unknown)!r}")
    return options


def _json(payload: Any, indent: Any, ensure_ascii: bool) -> str:
    if indent is not None and (not isinstance(indent, int) or indent < 0):
        raise OptionError(f"indent is a number of spaces or None, not {short(indent)}")
    text = dumps(payload).decode() if indent is None else "".join(_lines(payload, "\n", " " * indent))
    return "".join(map(_escaped, text)) if ensure_ascii and not text.isascii() else text


def _lines(value: Any, line: str, indent: str) -> Iterator[str]:
    """JSON with a line for each item, its leaves as they are written without indent."""
    if not value or not isinstance(value, (dict, list)):
        yield dumps(value).decode()
        return
    brackets = "{}" if isinstance(value, dict) else "[]"
    between = brackets[0]
    for key in value if isinstance(value, dict) else range(len(value)):
        yield between + line + indent
        if isinstance(value, dict):
            yield dumps(key).decode() + ": "
        yield from _lines(value[key], line + indent, indent)
        between = ","
    yield line + brackets[1]


def _escaped(character: str) -> str:
    return character if character.isascii() else json.dumps(character)[1:-1]


@old(_DUMP)
def dict_(message: Any, **options: Any) -> dict[str, Any]:
    """What ``model_dump`` gives."""
    return _dump(message, **_but_mode(options))


@old(_DUMP_JSON)
def json_(message: Any, **options: Any) -> str:
    """What ``model_dump_json`` gives."""
    return _dump_json(message, **options)


_dump_json: Callable[..., str] = model_dump_json.__wrapped__  # type: ignore[attr-defined]


@old(_BUILD)
def model_validate(
    cls: type[T],
    obj: Any,
    *,
    strict: bool | None = None,
    extra: str | None = None,
    from_attributes: bool | None = None,
    context: Any = None,
    by_alias: bool | None = None,
    by_name: bool | None = None,
) -> T:
    """A message from a dict, whose values may be built already (messages, members, UUIDs), or the message itself.

    It converts what the constructor and the codecs do, and nothing else: neither ``"3"`` nor ``True`` is an integer.

    Args:
        extra: "forbid" or "ignore" unknown fields, or "allow" them where the message keeps such; None as the class
            says.

    Raises:
        ValidationError: with every violation.
        OptionError: an option that cannot be obeyed.
    """
    refuse("from_attributes", from_attributes, "write Message(field=obj.field, ...)")
    unknown = _unknown(cls, strict, extra, context, by_alias, by_name)
    return obj if isinstance(obj, cls) else from_plain(_message(cls), Lowering().lower(obj), unknown=unknown)


@old('codecs.get("json").decode(data, Message)')
def model_validate_json(
    cls: type,
    json_data: str | bytes | bytearray,
    *,
    strict: bool | None = None,
    extra: str | None = None,
    context: Any = None,
    by_alias: bool | None = None,
    by_name: bool | None = None,
) -> Any:
    """A message from JSON, as the codec ``json`` reads it.

    Raises:
        ValidationError: with every violation.
        DecodeError: no JSON.
        OptionError: an option that cannot be obeyed.
    """
    unknown = _unknown(cls, strict, extra, context, by_alias, by_name)
    return codecs.get("json", unknown=unknown).decode(json_data, _message(cls))


@old(_BUILD)
def model_validate_strings(cls: type[T], obj: Any, **options: Any) -> T:
    """Refused: no value is made out of its text.

    Raises:
        OptionError: always.
    """
    raise OptionError("model_validate_strings() cannot be answered: texts are not converted; convert them, then build")


def _unknown(
    cls: type, strict: bool | None, extra: str | None, context: Any, by_alias: bool | None, by_name: bool | None
) -> Unknown | None:
    """What the options of validation say of unknown fields; the others can say nothing that is not so."""
    refuse("strict", strict, "what a message converts is always the same; leave it out")
    refuse("context", context, _NO_HOOKS)
    spec = spec_of(_message(cls))
    if any(field.argument != field.name for field in spec.held):
        refuse("by_alias", by_alias, "payloads go by the names of the fields; the constructor goes by alias=")
    if by_name is False and not by_alias:
        raise OptionError("by_name=False would leave no names at all")
    if extra == "allow" and spec.kept is not None:
        return "keep"
    if extra not in (None, "forbid", "ignore"):
        raise OptionError(f"extra is 'forbid' or 'ignore', not {short(extra)}: this message keeps no unknown fields")
    return extra  # type: ignore[return-value]


def _message(cls: Any) -> Any:
    """The class to build: a plain subclass of a message cannot be decoded into."""
    message = message_of(cls)
    if message is not cls:
        raise OptionError(f"{cls.__qualname__} is no message: declare it with @message, or build it by its constructor")
    return message


@old(_BUILD)
def parse_obj(cls: type, obj: Any) -> Any:
    """What ``model_validate`` gives."""
    return _validate(cls, obj)


@old('codecs.get("json").decode(data, Message)')
def parse_raw(cls: type, b: str | bytes) -> Any:
    """What ``model_validate_json`` gives."""
    return _validate_json(cls, b)


_validate: Callable[..., Any] = model_validate.__wrapped__  # type: ignore[attr-defined]
_validate_json: Callable[..., Any] = model_validate_json.__wrapped__  # type: ignore[attr-defined]


@old(_COPY)
def model_copy(message: T, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> T:
    """The message with some fields changed, by the names of the fields, and checked, which it was not.

    Shallow and deep are one, since nothing in a message can change.

    Raises:
        ValidationError: with every violation.
    """
    if not update:
        return message
    arguments = spec_of(message_of(type(message))).arguments
    return evolve(message, **{arguments.get(name, name): value for name, value in update.items()})


@old(_COPY)
def copy(message: Any, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
    """What ``model_copy`` gives."""
    return _copy(message, update=update, deep=deep)


_copy: Callable[..., Any] = model_copy.__wrapped__  # type: ignore[attr-defined]


@old("Message(**fields)")
def model_construct(cls: type[T], _fields_set: set[str] | None = None, **values: Any) -> T:
    """A message out of its fields, checked like any: what was built unchecked would break what messages promise.

    Raises:
        ValidationError: with every violation; a missing field is one.
        OptionError: ``_fields_set`` is given.
    """
    refuse("_fields_set", _fields_set, "a message does not know which fields were given")
    arguments = spec_of(message_of(cls)).arguments
    return cls(**{arguments.get(name, name): value for name, value in values.items()})


@old("Message(**fields)")
def construct(cls: type, _fields_set: set[str] | None = None, **values: Any) -> Any:
    """What ``model_construct`` gives."""
    return _construct(cls, _fields_set, **values)


_construct: Callable[..., Any] = model_construct.__wrapped__  # type: ignore[attr-defined]


@old(_SCHEMA)
def model_json_schema(cls: type, by_alias: bool | None = None, *, mode: str = "validation") -> dict[str, Any]:
    """The JSON Schema of the message, of this package's making: draft 2020-12, with units, the same in both modes.

    Raises:
        OptionError: ``by_alias``: the wire goes by the names of fields.
        UnsupportedRevisionError: a message of yours; write ``schema.json_schema(Message, history=yours)``.
    """
    if mode not in ("validation", "serialization"):
        raise OptionError(f"mode is 'validation' or 'serialization', not {short(mode)}")
    return schemas.json_schema(message_of(cls))


@old(_SCHEMA)
def schema(cls: type, by_alias: bool = True) -> dict[str, Any]:
    """What ``model_json_schema`` gives."""
    return schemas.json_schema(message_of(cls))


@old("nothing: annotations are read on first use")
def model_rebuild(cls: type, *, force: bool = False, raise_errors: bool = True) -> bool | None:
    """Read the annotations, if that was not done; None, as they were read, or True where ``force`` is.

    Raises:
        DeclarationError: an annotation cannot be read.
        OptionError: ``raise_errors=False``.
    """
    if not raise_errors:
        raise OptionError("raise_errors=False: what is wrong with a class is always told")
    spec_of(message_of(cls))
    return True if force else None
