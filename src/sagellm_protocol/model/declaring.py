"""``@message``: a class whose annotations say all about it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, overload

import attrs

from sagellm_protocol.model import native
from sagellm_protocol.model.cells import retarget
from sagellm_protocol.model.exceptions import DeclarationError
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.keeping import KEPT, PLACE
from sagellm_protocol.model.lending import TEXT, lend
from sagellm_protocol.model.refusing import refuse_attrs_subclass, refuse_class, refuse_fields, refuse_keeping, refused
from sagellm_protocol.model.rules import Rule, declared_rules
from sagellm_protocol.model.scope import scope_of
from sagellm_protocol.model.shortening import SECRETS, short, short_repr, unless_empty
from sagellm_protocol.model.signatures import SlotTexts
from sagellm_protocol.model.spec import Spec, Unknown

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:  # pragma: no cover - this interpreter has it in typing
    from typing_extensions import dataclass_transform

if TYPE_CHECKING:
    from typing_extensions import Never

    from sagellm_protocol.model.forms import Changed, Changes, Replaceable
    from sagellm_protocol.model.validating import Validation

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
def message(cls: type[T], /) -> type[T]: ...
@overload
def message(
    *, unknown: Unknown = ..., order: bool = ..., kw_only: bool = ..., rules: Sequence[Rule] = ...
) -> Callable[[type[T]], type[T]]: ...
# On this alone: with a decorator on each overload, mypy reads no argument of the call.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field, derived))
def message(
    cls: type[T] | None = None,
    /,
    *,
    unknown: Unknown = "forbid",
    order: bool = False,
    kw_only: bool = True,
    rules: Sequence[Rule] = (),
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a message of a class: a frozen, slotted ``attrs`` class, keyword-only, immutable all the way down.

    Fields are annotations: ``str``, ``bool``, ``int``, ``float``, enumerations, ``Literal`` texts and integers, other
    messages, ``Sequence[...]`` (held as a tuple), ``Mapping[str, ...]`` (held as a :class:`FrozenDict`), ``Any``
    (JSON), the classes in :mod:`.converted` (``UUID``, ``datetime``, ``bytes`` and others) and those that
    :func:`.field_type` adds, each of them ``| None``, and ``Annotated`` with units and what :mod:`annotated_types` has.
    Annotations are read on first use, so that messages may refer to each other.

    What attrs takes is honoured on every path (constructor, every codec, pickles), or refused here.

    Args:
        unknown: what decoding does with a field that the class does not have: ``"forbid"`` it, ``"ignore"`` it, or
            ``"keep"`` it, as free JSON, in the field that is declared ``extra: JsonObject = KEPT``. Kept ones stand on
            the wire flat beside the fields, after them.
        order: whether messages of the class compare by ``<`` and the like, field by field, as those of attrs do.
        kw_only: whether the constructor takes the fields that the class declares by name alone; if not, by their order
            too, those under ``field(kw_only=True)`` aside.
        rules: what must hold between fields, each made by :func:`rule`, beside those of the messages that the class
            extends. Neither the constructor nor decoding asks them, unless told to: see :mod:`.consistency`.

    The constructor takes a list for a tuple, a dict for a mapping, an enumeration's value for its member and an int for
    a float, and nothing else.

    Raises:
        ValidationError: on construction, with every violation.
        DeclarationError: at the class, where it says what a message would not obey; on first use, where an annotation
            has no form on the wire.
    """
    if cls is None:
        return lambda undecorated: _declare(undecorated, unknown, order, kw_only, rules)
    return _declare(cls, unknown, order, kw_only, rules)


def _declare(cls: type[T], unknown: Unknown, order: bool, kw_only: bool, rules: Sequence[Rule]) -> type[T]:
    refuse_class(cls)
    if unknown not in get_args(Unknown):
        raise refused(cls, f"unknown= is 'forbid', 'ignore' or 'keep', not {short(unknown)}")
    if type(kw_only) is not bool:
        raise refused(cls, f"kw_only= is True or False, not {short(kw_only)}")
    body = dict(vars(cls))
    cached = {name: value for name, value in body.items() if isinstance(value, cached_property)}
    undecorated: Any = cls
    for name, value in cached.items():
        setattr(undecorated, name, _computed_once(value, name))
    undecorated.__message__ = unknown  # attrs copies it, and then asks whether it may make a class of this.
    try:
        declared = attrs.define(
            cls,
            frozen=True,
            slots=True,
            kw_only=kw_only,
            order=order,
            auto_attribs=True,
            init=False,
            repr=False,
            getstate_setstate=False,
            field_transformer=partial(_transformed, unknown=unknown, order=order, kw_only=kw_only),
        )
    except DeclarationError:
        raise
    except (TypeError, ValueError, attrs.exceptions.UnannotatedAttributeError) as error:
        raise refused(cls, str(error)) from None
    finally:
        del undecorated.__message__
        for name, value in cached.items():
            setattr(undecorated, name, value)
    retarget(body.values(), cls, declared)
    built: Any = declared
    fields = built.__attrs_attrs__
    # Looked up by the name of a slot that stays in its place, an attribute is found slowly, and near the end of the
    # stack not at all.
    built.__attrs_attrs__ = type(fields)(field.evolve(name=str.__str__(field.name)) for field in fields)
    # Patterns take no subclass of str.
    built.__match_args__ = tuple(map(str.__str__, built.__match_args__))  # type: ignore[misc]
    del built.__attrs_init__  # It would fill the slots of a message that stands, unchecked.
    built.__new__ = _first_new
    built.__read_spec__ = classmethod(_first_spec)
    built.__copy__ = _itself
    built.__deepcopy__ = _itself
    built.__reduce__ = _reduce
    built.__slots__ = SlotTexts(built)
    built._message_text, built.__doc__ = body.get("__doc__"), TEXT
    if "__repr__" not in body:
        built.__repr__ = short_repr
    if "__attrs_init_subclass__" not in body:
        built.__attrs_init_subclass__ = classmethod(refuse_attrs_subclass)
    lend(built)
    built._message_computed = cached
    built._message_rules = declared_rules(built, rules)
    built._message_admitted = None
    built._message_scope = scope_of(cls)
    built._message_validation = _validation(built)
    SECRETS.update(field.name for field in attrs.fields(built) if field.repr is False)
    return declared


class _Unsorted(str):
    """The name of a slot that stays in its place: Python sorts slots, and msgspec writes messages in their order."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return False


def _validation(cls: Any) -> Validation | None:
    """What there is to run beside the type checks; most messages have nothing, and load nothing for it."""
    if not hasattr(cls, "__attrs_post_init__") and all(field.validator is None for field in attrs.fields(cls)):
        return None
    from sagellm_protocol.model.validating import Validation

    return Validation(cls)


def _computed_once(declared: cached_property[Any], name: str) -> cached_property[Any]:
    """A cached property of which every thread sees one value: the first that was computed.

    attrs gives it a slot of its own. Two threads may compute at once, so that neither waits for a lock while it runs
    what the user wrote.
    """

    @wraps(declared.func)
    def compute(self: Any) -> Any:
        value = declared.func(self)
        slot = getattr(type(self), name)
        with _FIRST:
            try:
                return slot.__get__(self)
            except AttributeError:
                slot.__set__(self, value)
        return value

    return cached_property(compute)


_FIRST = threading.Lock()


def _transformed(
    cls: type, fields: list[attrs.Attribute[Any]], *, unknown: Unknown, order: bool, kw_only: bool
) -> list[attrs.Attribute[Any]]:
    """What attrs has read, looked at before it makes the class; defaults that can change are frozen."""
    refuse_fields(cls, fields, order=order, kw_only=kw_only)
    fields = [_keeping(field) if field.default is KEPT else field for field in fields]
    refuse_keeping(cls, unknown, [field.name for field in fields if PLACE in field.metadata])
    return [field.evolve(name=_Unsorted(field.name), default=_frozen(field.default)) for field in fields]


def _keeping(field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
    """The field that holds what the others do not: nothing, by default."""
    return field.evolve(
        default=EMPTY, repr=unless_empty if field.repr is True else field.repr, metadata={**field.metadata, PLACE: True}
    )


def _frozen(default: Any) -> Any:
    if type(default) is dict:
        return FrozenDict(default)
    return tuple(default) if type(default) is list else default


def _first_new(cls: Any, /, *ordered: Any, **fields: Any) -> Any:
    """Write the constructor of the class on its first use, then be it."""
    from sagellm_protocol.model.annotations import message_of
    from sagellm_protocol.model.compiled import install
    from sagellm_protocol.model.constructor import write_constructor

    declared: Any = message_of(cls)
    constructor: Callable[..., Any] | None = vars(declared).get("_message_constructor")
    if constructor is None:
        constructor = write_constructor(declared)
        if isinstance(vars(declared)["__new__"], staticmethod):
            # It is warnings.deprecated's, which warns of each call and then comes here.
            declared._message_constructor = constructor
        else:
            declared.__new__ = constructor
            install(declared)
    return constructor(cls, *ordered, **fields)


def _first_spec(cls: Any) -> Spec:
    """Read the spec of the class on its first use, and keep it there."""
    from sagellm_protocol.model.annotations import read_spec

    spec = read_spec(cls)
    cls._message_spec = spec
    return spec


def _reduce(self: Any) -> tuple[Callable[..., Any], tuple[type, dict[str, Any]]]:
    """Pickles hold the fields by name: what comes out of one is checked like any message."""
    return _unpickled, (type(self), {field.name: getattr(self, field.name) for field in attrs.fields(type(self))})


def _unpickled(cls: type[T], fields: dict[str, Any]) -> T:
    from sagellm_protocol.model.annotations import message_of
    from sagellm_protocol.model.spec import spec_of

    arguments = spec_of(cast("type", message_of(cls))).arguments
    return cls(**{arguments.get(name, name): value for name, value in fields.items()})


def _itself(self: T, memo: object = None) -> T:
    """Copying a message, deep or not, is the message: nothing in it can change."""
    return self


if TYPE_CHECKING and sys.version_info >= (3, 13):  # pragma: no cover - for checkers alone, and these know it since then
    # The second overload has them take each message of a union by itself.
    @overload
    def evolve(message: Replaceable[Changes, Changed], /, *_: Changes.args, **changes: Changes.kwargs) -> Changed: ...
    @overload
    def evolve(message: Never, /, *_: Any, **changes: Any) -> Never: ...  # type: ignore[overload-cannot-match]
    def evolve(message: Any, /, *_: Any, **changes: Any) -> Any:
        """A copy of a message with some fields changed, checked like a new one."""
else:

    def evolve(message: T, /, **changes: Any) -> T:
        """A copy of a message with some fields changed, checked like a new one.

        It is ``attrs.evolve`` for type checkers, which do not see that a message is an attrs class. Those that check
        for Python 3.13 or newer see what is no field, and what is of another type. Of what :func:`.mutable` gives it
        makes another one.

        Raises:
            ValidationError: with every violation.
        """
        compiled: T | None = None if native.core is None else native.core.evolved(message, changes)
        if compiled is not None:
            return compiled
        try:
            changed: T = attrs.evolve(message, **changes)  # type: ignore[misc]
        except attrs.exceptions.NotAnAttrsClassError:
            replace: Callable[..., T] | None = getattr(message, "__replace__", None)
            if replace is None:
                raise
            changed = replace(**changes)
        return changed
