"""State that lives: a class of a message's fields that its owner changes in place, and freezes to hand out."""

from __future__ import annotations

import inspect
import threading
import types
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.borrowing import borrowed
from sagellm_protocol.model.checking import Checker
from sagellm_protocol.model.declaring import evolve
from sagellm_protocol.model.documenting import signature_of
from sagellm_protocol.model.exceptions import (
    DeclarationError,
    EncodeError,
    ProtocolError,
    ValidationError,
    Violation,
    blaming,
)
from sagellm_protocol.model.lending import LENT
from sagellm_protocol.model.paths import ROOT
from sagellm_protocol.model.refusing import annotated, refused
from sagellm_protocol.model.shortening import short, short_repr
from sagellm_protocol.model.source import DOUBTS, Function
from sagellm_protocol.model.spec import Field, spec_of
from sagellm_protocol.model.statements import CheckStatements
from sagellm_protocol.model.validating import lacking_some, validation_of
from sagellm_protocol.model.wording import did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M")

_OWN = ("change", "freeze", "of")
"""The methods that every class of these has: a message with a field or method of such a name has none."""


class _Signature:
    """The ``__signature__`` of a class: the message's, where the class has no constructor of its own."""

    def __get__(self, holder: object, cls: Any) -> inspect.Signature | None:
        message = getattr(cls, "_mutable_of", None)
        return None if message is None or cls.__init__ is not Mutable.__init__ else signature_of(message)


class _Mutable:
    """What all of them have. See :class:`Mutable`."""

    __slots__ = ("__weakref__",)
    __hash__ = None  # type: ignore[assignment]
    __signature__ = _Signature()

    _mutable_of: Any
    """The message class."""
    _mutable_puts: dict[str, Callable[[Any, Any], None]]
    """Fills a field, unchecked."""
    _mutable_setters: dict[str, Callable[[Any, Any], None]]
    """Checks a value, and fills a field with it."""
    _mutable_freeze: Callable[[], Any]
    """A method that builds the message."""
    _mutable_own: frozenset[str] = frozenset()
    """What the bodies of subclasses declare: that may be assigned, and is not checked."""
    _mutable_advice = ": it is state that lives: freeze() gives the message"

    def __class_getitem__(cls, message: Any) -> Any:
        """``Mutable[KVHandle]`` is ``mutable(KVHandle)``; for type checkers it is that class by name."""
        return types.GenericAlias(cls, message) if isinstance(message, TypeVar) else mutable(message)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        fields = getattr(cls, "_mutable_setters", {})
        if "_mutable_of" in vars(cls):
            return
        own = {*vars(cls), *annotated(cls)}
        for name in sorted(own & {*fields, *_OWN}):
            raise refused(cls, f"is a field or method of {cls.__mro__[1].__qualname__}, which it would hide", name)
        cls._mutable_own = cls._mutable_own | own

    def __init__(self, *ordered: Any, **fields: Any) -> None:
        """Fill it like a message, whose constructor checks the arguments."""
        self._fill(self._class()(*ordered, **fields))

    @classmethod
    def of(cls, message: Any) -> Any:
        """One that begins with the fields of a message. A constructor of your own is given them by name.

        Raises:
            ValidationError: it is no message of that class.
        """
        kind = cls._class()
        if not isinstance(message, kind):
            found = Violation("", spec_of(kind).name, message)
            raise blaming("local", ValidationError(cls.__qualname__, [found]))
        if cls.__init__ is not _Mutable.__init__:
            return cls(**{field.argument: getattr(message, field.name) for field in spec_of(kind).held})
        made = cls.__new__(cls)
        made._fill(message)
        return made

    def freeze(self) -> Any:
        """The message of now, checked as any.

        Raises:
            ValidationError: a validator refuses it.
        """
        return self._mutable_freeze()

    def change(self, **changes: Any) -> None:
        """Change several fields at once, by the constructor's names: checked together, all or none.

        Raises:
            ValidationError: with every violation; nothing has changed then.
        """
        self._fill(evolve(self._now(), **changes))

    @classmethod
    def _class(cls) -> Any:
        try:
            return cls._mutable_of
        except AttributeError:
            raise DeclarationError("Mutable is of a message: write Mutable[KVHandle], or mutable(KVHandle)") from None

    def _fill(self, message: Any) -> None:
        for name, put in self._mutable_puts.items():
            put(self, getattr(message, name))

    def _now(self) -> Any:
        """The message of now, unchecked, since each field is right: for what does not leave this class."""
        return lacking_some(self._mutable_of, {name: getattr(self, name) for name in self._mutable_puts})

    def __setattr__(self, name: str, value: Any) -> None:
        setter = self._mutable_setters.get(name)
        if setter is not None:
            setter(self, value)
        elif name.startswith("_") or name in self._mutable_own:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(
                f"{type(self).__qualname__} has no field {name}{did_you_mean(name, self._mutable_setters)}; a subclass"
                " may declare attributes of its own, or begin them with an underscore",
                name=name,
                obj=self,
            )

    def __delattr__(self, name: str) -> None:
        if name in self._mutable_setters:
            raise AttributeError(
                f"{type(self).__qualname__}.{name} is a field, and cannot be deleted: assign its default"
            )
        object.__delattr__(self, name)

    def __getattr__(self, name: str) -> NoReturn:
        advice = f"; write freeze().{name}" if name in LENT else did_you_mean(name, self._mutable_setters)
        words = f"{type(self).__qualname__!r} object has no attribute {name!r}{advice}"
        raise AttributeError(words, name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._now() == other._now())

    def __repr__(self) -> str:
        return type(self).__qualname__ + short_repr(self._now()).removeprefix(self._mutable_of.__qualname__)

    def __reduce__(self) -> Any:
        """Pickles and copies hold the fields, which are checked when they come out, and what a subclass has besides."""
        cls = type(self)
        kind = cls._mutable_of if "_mutable_of" in vars(cls) else cls
        return (
            _restored,
            (kind, {name: getattr(self, name) for name in self._mutable_puts}),
            dict(_besides(self)) or None,
        )

    def __setstate__(self, besides: dict[str, Any]) -> None:
        for name, value in besides.items():
            object.__setattr__(self, name, value)

    def __replace__(self, **changes: Any) -> Any:
        """Another one with some fields changed: what ``evolve`` and ``copy.replace`` give."""
        import copy

        made = copy.copy(self)
        made.change(**changes)
        return made

    @classmethod
    def __read_spec__(cls) -> NoReturn:
        raise EncodeError(f"{cls.__qualname__} is no message{cls._mutable_advice}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> NoReturn:
        raise TypeError(f"{cls.__qualname__} is no message{cls._mutable_advice}")


if TYPE_CHECKING:

    class Mutable(Generic[M]):
        """A message's fields, which its owner may change: each assignment is checked as by the message's constructor.

        The owner holds it, and hands out what :meth:`freeze` gives. It is no message: nothing encodes it, and it is not
        hashable. ``Mutable[KVHandle]`` may be subclassed; what a subclass declares, or begins with an underscore, is
        its own, and not checked. What the fields hold cannot be changed in place: assign a new value.

        One thread may change it at a time: a field is always right, but ``freeze`` may meet a change half way.
        """

        def __init__(self, *ordered: Any, **fields: Any) -> None: ...
        @classmethod
        def of(cls, message: M) -> Self:
            """One that begins with the fields of a message."""
            raise NotImplementedError

        def freeze(self) -> M:
            """The message of now."""
            raise NotImplementedError

        def change(self, **changes: Any) -> None:
            """Change several fields at once."""

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

        __hash__: None  # type: ignore[assignment]
else:
    Mutable = _Mutable
    Mutable.__name__ = Mutable.__qualname__ = "Mutable"

_MAKING = threading.RLock()


def mutable(message: type[M]) -> type[Mutable[M]]:
    """The class of a message's fields that may be changed: ``Mutable[KVHandle]``, the same one each time.

    Raises:
        DeclarationError: it is no message class, or has a field or a method called ``change``, ``freeze`` or ``of``.
    """
    if not is_message(message):
        raise DeclarationError(f"mutable() is given a class under @message, not {short(message)}")
    found: Any = vars(message).get("_message_mutable")
    if found is None:
        with _MAKING:
            found = vars(message).get("_message_mutable") or _made(message)
    return cast("type[Mutable[M]]", found)


def _made(message: Any) -> Any:
    spec = spec_of(message)
    for name in _OWN:
        if hasattr(message, name):
            raise refused(message, "mutable() has a method of that name; call it otherwise", name)
    bases = [mutable(base) if is_message(base) else base for base in message.__bases__ if base is not object]
    if not any(issubclass(base, _Mutable) for base in bases):
        bases.append(_Mutable)
    there = {name for base in bases for name in getattr(base, "_mutable_setters", ())}
    body = {
        "__slots__": tuple(field.name for field in spec.held if field.name not in there),
        "__module__": message.__module__,
        "__qualname__": f"{message.__qualname__.rpartition('.')[0]}.Mutable{message.__name__}".lstrip("."),
        "__doc__": message.__doc__,
        "__match_args__": message.__match_args__,
        "_mutable_of": message,
    }
    made: Any = types.new_class(f"Mutable{message.__name__}", tuple(bases), exec_body=lambda space: space.update(body))
    for name, value in borrowed(message, made):
        setattr(made, name, value)
    puts = {field.name: getattr(made, field.name).__set__ for field in spec.held}
    made._mutable_puts = puts
    made._mutable_setters = {field.name: _setter(message, field, puts[field.name]) for field in spec.held}
    made._mutable_freeze = _freezing(message)
    message._message_mutable = made
    return made


def _freezing(message: Any) -> Callable[[Any], Any]:
    to = Function("freeze")
    arguments = ", ".join(f"{field.argument}=_holder.{field.name}" for field in spec_of(message).held)
    to.add(f"return {to.bind('message', message)}({arguments})")
    return to.compile("_holder")


def _setter(message: Any, field: Field, put: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """A function that checks one value and puts it in its place; validators are asked of the message that would be."""
    if validation_of(message) is not None:

        def validated(holder: Any, value: Any) -> None:
            put(holder, getattr(evolve(holder._now(), **{field.argument: value}), field.name))

        return validated
    to = Function("set_field")
    to.add("try:")
    to.indent += 1
    CheckStatements("python").write(to, field.type, "_value")
    to.indent -= 1
    to.add(f"except {to.bind('doubts', DOUBTS)}:")
    to.add(f"    _value = {to.bind('check', _thorough(message, field))}(_value)")
    to.add(f"{to.bind('put', put)}(_holder, _value)")
    return to.compile("_holder, _value")


def _thorough(message: Any, field: Field) -> Callable[[Any], Any]:
    """The check that explains."""

    def check(value: Any) -> Any:
        checker = Checker("python")
        try:
            held = checker.check(field.type, value, (ROOT, field.step))
            checker.raise_for(spec_of(message).name)
        except ProtocolError as error:
            error.fault = "local"
            raise
        return held

    return check


def _besides(holder: Any) -> Iterator[tuple[str, Any]]:
    """What a subclass has besides the fields: in its ``__dict__``, and in slots of its own."""
    yield from getattr(holder, "__dict__", {}).items()
    for base in takewhile(lambda base: "_mutable_of" not in vars(base), type(holder).__mro__):
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(holder, name):
                yield name, getattr(holder, name)


def _restored(kind: Any, fields: dict[str, Any]) -> Any:
    cls: Any = mutable(kind) if is_message(kind) else kind
    arguments = spec_of(cls._mutable_of).arguments
    made = cls.__new__(cls)
    made._fill(cls._mutable_of(**{arguments[name]: value for name, value in fields.items()}))
    return made
