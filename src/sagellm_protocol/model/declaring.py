"""``@message``: a class whose annotations say all about it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

import attrs

from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.model.naming import full_name, is_plain_identifier
from sagellm_protocol.model.shortening import short_repr
from sagellm_protocol.model.spec import Spec, Unknown

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:  # pragma: no cover - this interpreter has it in typing
    from typing_extensions import dataclass_transform

T = TypeVar("T")


def derived(function: Callable[[Any], T], *, default: T) -> T:
    """A field whose value, where none is given, is computed from the rest of the message.

    Args:
        function: is given the message with every other field set, and returns the value.
        default: what field tables show as the default.
    """
    field: T = attrs.field(default=attrs.Factory(function, takes_self=True), metadata={"shown_default": default})
    return field


@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field, derived))
def message(cls: type[T], /) -> type[T]: ...
@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field, derived))
def message(*, unknown: Unknown = ...) -> Callable[[type[T]], type[T]]: ...
def message(cls: type[T] | None = None, /, *, unknown: Unknown = "forbid") -> type[T] | Callable[[type[T]], type[T]]:
    """Make a message of a class: a frozen, slotted, keyword-only ``attrs`` class, immutable all the way down.

    Fields are annotations: ``str``, ``bool``, ``int``, ``float``, ``UUID``, enumerations, ``Literal`` texts, other
    messages, ``Sequence[...]`` (held as a tuple), ``Mapping[str, ...]`` (held as a :class:`FrozenDict`), ``Any``
    (JSON), each of them ``| None``, numbers with the bounds and units of :mod:`sagellm_protocol.model.units`.
    Annotations are read on first use, so that messages may refer to each other.

    Args:
        unknown: what decoding does with a field that the class does not have: ``"forbid"`` or ``"ignore"``.

    The constructor takes a list for a tuple, a dict for a mapping, an enumeration's value for its member and an int for
    a float, and nothing else.

    Raises:
        ValidationError: on construction, with every violation.
        DeclarationError: on first use, where an annotation has no form on the wire.
    """
    if cls is None:
        return lambda undecorated: _declare(undecorated, unknown)
    return _declare(cls, unknown)


def _declare(cls: type[T], unknown: Unknown) -> type[T]:
    for name in inspect.get_annotations(cls):
        if not is_plain_identifier(name):
            raise DeclarationError(f"{full_name(cls)}.{name}: not a name that a field may have")
    declared = attrs.define(
        _over_draft(cls),
        frozen=True,
        slots=True,
        kw_only=True,
        init=False,
        repr=False,
        getstate_setstate=False,
        field_transformer=_freeze_defaults,
    )
    _retarget_class_cells(cls, declared)
    built: Any = declared
    built.__message__ = unknown
    del built.__attrs_init__  # It would fill the slots of a message that stands, unchecked.
    built.__new__ = _first_new
    built.__read_spec__ = classmethod(_first_spec)
    built.__repr__ = short_repr
    built.__copy__ = _itself
    built.__deepcopy__ = _itself
    built.__reduce__ = _reduce
    return declared


class _Unsorted(str):
    """The name of a slot that stays in its place: Python sorts slots, and msgspec writes messages in their order."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return False


def _over_draft(cls: type[T]) -> type[T]:
    """``cls`` over a base that holds its slots and is not frozen.

    A message under construction is turned into its draft, filled by plain assignment and turned back: several times
    faster than ``object.__setattr__`` for each field. Where ``cls`` has bases of its own it is left as it is.
    """
    if cls.__bases__ != (object,):
        return cls
    names = tuple(inspect.get_annotations(cls))
    slots = (*map(_Unsorted, names), "__weakref__")
    draft = type(f"_{cls.__name__}Draft", (), {"__slots__": slots, "__module__": cls.__module__})
    body = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    over: Any = type(cls.__name__, (draft,), body)
    over.__qualname__ = cls.__qualname__
    return cast("type[T]", over)


def _retarget_class_cells(old: type, new: type) -> None:
    """Point ``super()`` and ``__class__`` in the methods at the class that is left in the end."""
    for value in vars(new).values():
        function = getattr(value, "__func__", getattr(value, "fget", value))
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is old:
                cell.cell_contents = new


def _freeze_defaults(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return [
        field.evolve(default=FrozenDict(field.default))
        if type(field.default) is dict
        else field.evolve(default=tuple(field.default))
        if type(field.default) is list
        else field
        for field in fields
    ]


def _first_new(cls: Any, /, **fields: Any) -> Any:
    """Write the constructor of the class on its first use, then be it."""
    from sagellm_protocol.model.annotations import message_of
    from sagellm_protocol.model.constructor import write_constructor

    declared: Any = message_of(cls)
    declared.__new__ = write_constructor(declared)
    return declared.__new__(cls, **fields)


def _first_spec(cls: Any) -> Spec:
    """Read the spec of the class on its first use, and keep it there."""
    from sagellm_protocol.model.annotations import read_spec

    spec = read_spec(cls)
    cls.__message_spec__ = spec
    return spec


def _reduce(self: Any) -> tuple[Callable[..., Any], tuple[type, dict[str, Any]]]:
    """Pickles hold the fields by name: what comes out of one is checked like any message."""
    return _unpickled, (type(self), {field.name: getattr(self, field.name) for field in attrs.fields(type(self))})


def _unpickled(cls: type[T], fields: dict[str, Any]) -> T:
    return cls(**fields)


def _itself(self: T, memo: object = None) -> T:
    """Copying a message, deep or not, is the message: nothing in it can change."""
    return self


def evolve(message: T, /, **changes: Any) -> T:
    """A copy of a message with some fields changed, checked like a new one.

    It is ``attrs.evolve`` for type checkers, some of which do not see that a message is an attrs class.

    Raises:
        ValidationError: with every violation.
    """
    changed: T = attrs.evolve(message, **changes)  # type: ignore[misc]
    return changed
