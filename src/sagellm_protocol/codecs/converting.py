"""The cattrs converter of a codec: the hooks that it runs, and what it was taught."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, overload

import cattrs
from cattrs.errors import StructureHandlerNotFoundError

from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.codecs.overriding import AttributeOverride, checked_overrides
from sagellm_protocol.codecs.violating import told, written
from sagellm_protocol.model.annotations import known, message_of
from sagellm_protocol.model.converted import dumped, entry_over
from sagellm_protocol.model.exceptions import DeclarationError, OptionError
from sagellm_protocol.model.kinds import Converted, Free

if TYPE_CHECKING:
    from sagellm_protocol.model.forms import Form, TypeForm

T = TypeVar("T")
Hook = Callable[..., Any]
Reading = Callable[[Any], Callable[[Any], Any]]
Writing = Callable[[Any], Callable[[Any], Any]]


class MessageConverter(cattrs.Converter):
    """A cattrs converter that knows every message, and every type that a message may hold.

    The function that ``configure=`` names may teach it hooks, hook factories, strategies and overrides; nobody else
    may, since a codec is shared, and what it reads and writes is decided once.
    """

    def __init__(
        self,
        reading: Reading,
        writing: Writing,
        format: Format,
        loads: Callable[[Any], Any],
        whole: Callable[[Callable[[Any], Any]], Callable[[Any], Any]],
    ) -> None:
        self._closed = False
        self._may_be_taught = False
        """Not while it gets the hooks that it has from the start."""
        self._hooks_taught: dict[int, Hook] = {}
        """What was taught, by id; held, so that the ids stay theirs."""
        self._predicates: list[tuple[Callable[[Any], bool], Callable[[Any], Hook]]] = []
        """Those that were taught, the last first, each with what gives the hook."""
        super().__init__()
        self._known, self._writing = functools.cache(reading), writing
        self._format, self._loads, self._whole = format, loads, whole
        self.overrides: dict[type, dict[str, AttributeOverride]] = {}
        """How fields are read and written otherwise, by message and name."""
        super().register_structure_hook_factory(_stands_in_messages, self._structure_known)
        super().register_structure_hook_factory(_is_plain_subclass, _refuse_plain_subclass)
        for leaf in (str, bytes, int, float, Path):
            super().register_structure_hook(leaf, self._structure_leaf)
        super().register_unstructure_hook_factory(lambda cls: message_of(cls) is not None, self._unstructure_message)
        super().register_unstructure_hook_factory(_has_entry, self._unstructure_converted)
        for cls in (bytes, Path):
            super().register_unstructure_hook(cls, self._unstructure_converted(cls))
        self._may_be_taught = True

    # What codecs run

    @overload
    def structure(self, obj: Any, cl: type[T]) -> T: ...
    @overload
    def structure(self, obj: Any, cl: TypeForm[Form]) -> Form: ...
    @overload
    def structure(self, obj: Any, cl: Any) -> Any: ...
    def structure(self, obj: Any, cl: Any) -> Any:
        """A payload as a value of a class, as codecs read it.

        Raises:
            ValidationError, DecodeError: as for ``decode``.
            DeclarationError: nothing tells how to read the class.
        """
        return self.structuring(cl)(obj)

    def unstructure(self, obj: Any, unstructure_as: Any = None) -> Any:
        """A value as a payload, as codecs write it.

        Raises:
            EncodeError, LossyDowngradeError: as for ``encode``.
        """
        return self.unstructuring(type(obj) if unstructure_as is None else unstructure_as)(obj)

    @overload
    def structuring(self, cls: type[T]) -> Callable[[Any], T]: ...
    @overload
    def structuring(self, cls: TypeForm[Form]) -> Callable[[Any], Form]: ...
    @overload
    def structuring(self, cls: Any) -> Callable[[Any], Any]: ...
    def structuring(self, cls: Any) -> Callable[[Any], Any]:
        """What :meth:`structure` does for a class; all that it raises is ours."""
        if known(cls) is not None:
            return self._known(cls)
        try:
            hook = self.get_structure_hook(cls)
        except StructureHandlerNotFoundError as error:
            raise DeclarationError(str(error)) from None
        return self._whole(told(hook, cls))

    def unstructuring(self, cls: Any) -> Callable[[Any], Any]:
        """What :meth:`unstructure` does for a class; all that it raises is ours."""
        return written(self.get_unstructure_hook(cls))

    def dumps(self, obj: Any, unstructure_as: Any = None) -> Any:
        """A value on the wire, as the converters of ``cattrs.preconf`` have it."""
        return self._format.dumps(self.unstructure(obj, unstructure_as))

    @overload
    def loads(self, data: Any, cl: type[T]) -> T: ...
    @overload
    def loads(self, data: Any, cl: TypeForm[Form]) -> Form: ...
    @overload
    def loads(self, data: Any, cl: Any) -> Any: ...
    def loads(self, data: Any, cl: Any) -> Any:
        """A value off the wire, as the converters of ``cattrs.preconf`` have it."""
        return self.structure(self._loads(data), cl)

    # The hooks that it has from the start; strategies ask for them before all is taught, so each is made when it is run

    def _structure_known(self, cls: Any) -> Hook:
        return lambda payload, _: self._known(cls)(payload)

    def _structure_leaf(self, payload: Any, cls: Any) -> Any:
        """What cattrs has one hook for, subclasses included: those are read as cattrs reads them."""
        hook = self._by_predicate(cls)
        if hook is not None:
            return hook(payload, cls)
        return self._structure_call(payload, cls) if known(cls) is None else self._known(cls)(payload)

    def get_structure_hook(self, type: Any, cache_result: bool = True) -> Hook:
        """As cattrs has it; but what a predicate was taught of a class goes before what cattrs does with the class."""
        hook = super().get_structure_hook(type, cache_result)
        return (self._by_predicate(type) if hook == self._structure_leaf else None) or hook

    def _by_predicate(self, cls: Any) -> Hook | None:
        return next((make(cls) for predicate, make in self._predicates if _holds(predicate, cls)), None)

    def _unstructure_message(self, cls: Any) -> Hook:
        return lambda message: self._writing(message_of(cls))(message)

    def _unstructure_converted(self, cls: type) -> Hook:
        entry, binary = cast("Converted", entry_over(cls)), self._format.form == "msgpack"
        return lambda value: dumped(entry, value, binary=binary)

    def gen_unstructure_mapping(self, cl: Any, unstructure_to: Any = None, key_handler: Any = None) -> Any:
        """As cattrs has it; keys are texts, also of what a binary format has a form of its own for."""
        return super().gen_unstructure_mapping(cl, unstructure_to, cast("Any", key_handler or self._unstructure_key))

    def _unstructure_key(self, key: Any) -> Any:
        found = self.unstructure(key)
        return dumped(cast("Converted", entry_over(bytes)), found) if type(found) is bytes else found

    # What it is taught

    def structure_hook(self, cls: Any) -> Hook | None:
        """The hook that was taught for reading a class; None where none was."""
        hook = self.get_structure_hook(cls)
        return hook if self._was_taught(hook) else None

    def unstructure_hook(self, cls: Any) -> Hook | None:
        """The hook that was taught for writing a class; None where none was."""
        hook = self.get_unstructure_hook(cls)
        return hook if self._was_taught(hook) else None

    def close(self) -> None:
        """Let nothing more be taught."""
        self._closed = True

    def override(self, message: type, /, **fields: AttributeOverride) -> None:
        """Have fields of a message read and written otherwise, at every revision.

        Args:
            message: its class.
            fields: ``cattrs.override(...)`` by field: ``rename`` is the name on the wire, an ``omit`` field is neither
                written nor read, and keeps its default; ``omit_if_default`` leaves it out at its default, or does not,
                whatever the codec's ``omit_defaults``; ``struct_hook`` and ``unstruct_hook`` are for this field alone.

        Raises:
            OptionError: no message or field of that name, or an override that cannot be obeyed.
        """
        self._refuse_once_closed()
        before = self.overrides.get(message, {})
        self.overrides[message] = checked_overrides(message, {**before, **fields})

    def register_structure_hook(self, cl: Any, func: Hook | None = None) -> Any:
        """As cattrs has it; a hook for a union goes before the one that is there for unions of messages."""
        self._refuse_once_closed()
        if func is None:
            return super().register_structure_hook(cl)  # which comes here again, with the class
        self._remember(func)
        if typing.get_origin(cl) in (typing.Union, types.UnionType):
            super().register_structure_hook_func(lambda other: bool(other == cl), func)
        else:
            super().register_structure_hook(cl, func)
        return None

    def register_structure_hook_func(self, check_func: Callable[[Any], bool], func: Hook) -> None:
        """As cattrs has it."""
        self._predicates.insert(0, (check_func, lambda _: func))
        super().register_structure_hook_func(check_func, self._remember(func))

    def register_structure_hook_factory(self, predicate: Any, factory: Any = None) -> Any:
        """As cattrs has it."""
        if factory is None:
            return functools.partial(self.register_structure_hook_factory, predicate)
        remembering = self._remembering(factory)
        super().register_structure_hook_factory(predicate, remembering)
        if self._may_be_taught:
            self._predicates.insert(0, (predicate, remembering))
        return factory

    def register_unstructure_hook(self, cls: Any = None, func: Hook | None = None) -> Any:
        """As cattrs has it."""
        self._refuse_once_closed()
        if func is None:
            return super().register_unstructure_hook(cls)
        super().register_unstructure_hook(cls, self._remember(func))
        return None

    def register_unstructure_hook_func(self, check_func: Callable[[Any], bool], func: Hook) -> None:
        """As cattrs has it."""
        super().register_unstructure_hook_func(check_func, self._remember(func))

    def register_unstructure_hook_factory(self, predicate: Any, factory: Any = None) -> Any:
        """As cattrs has it."""
        if factory is None:
            return functools.partial(self.register_unstructure_hook_factory, predicate)
        super().register_unstructure_hook_factory(predicate, self._remembering(factory))
        return factory

    def copy(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: a codec of its own comes from ``configure=``."""
        raise OptionError(f"a codec's converter is not copied: {_INSTEAD}")

    def _refuse_once_closed(self) -> None:
        if self._closed:
            raise OptionError(f"the converter of a codec that may be shared is not taught: {_INSTEAD}")

    def _remember(self, hook: Hook) -> Hook:
        self._refuse_once_closed()
        self._hooks_taught[id(hook)] = hook
        return hook

    def _was_taught(self, hook: Hook) -> bool:
        return id(hook) in self._hooks_taught

    def _remembering(self, factory: Hook) -> Hook:
        """A factory whose hooks count as taught; it takes what it took, since cattrs looks at that."""
        self._refuse_once_closed()
        if not self._may_be_taught:
            return factory

        def remember(hook: Hook) -> Hook:
            self._hooks_taught[id(hook)] = hook
            return hook

        required = [it for it in inspect.signature(factory).parameters.values() if it.default is it.empty]
        if len(required) > 1:
            return functools.cache(lambda cls: remember(factory(cls, self)))
        return functools.cache(lambda cls: remember(factory(cls)))


_INSTEAD = "write codecs.get(name, configure=function), which calls the function with a converter of its own"


def _stands_in_messages(cls: Any) -> bool:
    """Whether a class is known; but for ``Any``, which cattrs lets be in classes of the user's."""
    return not isinstance(known(cls), (Free, type(None)))


def _has_entry(cls: Any) -> bool:
    return isinstance(cls, type) and entry_over(cls) is not None


def _holds(predicate: Callable[[Any], bool], cls: Any) -> bool:
    try:
        return bool(predicate(cls))
    except Exception:  # as cattrs takes it: a predicate that raises, such as issubclass of no class, does not hold
        return False


def _is_plain_subclass(cls: Any) -> bool:
    return message_of(cls) not in (None, cls)


def _refuse_plain_subclass(cls: Any) -> NoReturn:
    message = message_of(cls)
    raise DeclarationError(
        f"{cls.__qualname__} is a plain subclass of {message and message.__qualname__}, and no message itself: decode"
        " into that, or declare it with @message"
    )
