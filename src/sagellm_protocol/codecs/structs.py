"""msgspec's side of a message.

It is a Struct of the same fields, which msgspec fills and checks in C, and a generated function that moves its values
into the message.

msgspec can fill attrs classes itself, but not refuse unknown fields for them, nor make tuples and frozen mappings of
what the annotations call sequences and mappings. Moving the values costs about as much as that would, and does both.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Union

import msgspec

from sagellm_protocol.model.bounds import Bound, integers_within, tightest
from sagellm_protocol.model.compiled import mover, plans_of, struct_for, writer
from sagellm_protocol.model.constructor import draft_of
from sagellm_protocol.model.deriving import made
from sagellm_protocol.model.freezing import freeze_read, freeze_read_table
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
    assert_never,
)
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.reading import Readers
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import Derived, Field, Made, spec_of
from sagellm_protocol.model.standing import Form
from sagellm_protocol.model.statements import within
from sagellm_protocol.model.teaching import UNTAUGHT
from sagellm_protocol.model.validating import validation_of

LOCK = threading.RLock()
"""Held while msgspec looks at a type: it keeps what it finds on the class, and two threads at that end in a crash."""

_INT64 = -(2**63), 2**63 - 1
_FINITE = {True: Bound("ge", -sys.float_info.max), False: Bound("le", sys.float_info.max)}
_SCALARS: Any = Union[None, bool, int, float, str]  # noqa: UP007
_FREE_LEVELS = 7


def _free_type() -> Any:
    """Free JSON in MessagePack as a type, down to seven levels; what nests deeper goes the long way.

    ``Any`` would do as well, but for the keys: msgspec takes arrays and integers for those, and hashes them.
    """
    kind: Any = _SCALARS
    for _ in range(_FREE_LEVELS):
        kind = Union[_SCALARS, list[kind], dict[str, kind]]  # noqa: UP007
    return kind


_FREE_TYPE = _free_type()


class Inexpressible(Exception):
    """A message that msgspec cannot read; the argument says why."""


class Structs:
    """The Structs of one format, and the functions that move their values into messages."""

    def __init__(self, *, binary: bool) -> None:
        self._binary = binary
        self._free = _FREE_TYPE if binary else Any
        self._readers = Readers("dict", "forbid")
        self._made: dict[type, tuple[type[msgspec.Struct], Callable[[Any], Any]]] = {}
        self._making: set[type] = set()

    def of(self, cls: Any) -> tuple[type[msgspec.Struct], Callable[[Any], Any]]:
        """The Struct of a message class, and the function from its instances to messages.

        Raises:
            Inexpressible: msgspec has no form for something in it.
        """
        with LOCK:
            if cls not in self._made:
                if cls in self._making:
                    raise Inexpressible(f"{cls.__qualname__} holds itself")
                self._making.add(cls)
                try:
                    struct = struct_for(cls, self._struct, binary=self._binary)
                    self._made[cls] = struct, self._mover(cls)
                finally:
                    self._making.discard(cls)
            return self._made[cls]

    def _struct(self, cls: Any) -> type[msgspec.Struct]:
        fields: list[Any] = []
        for field in spec_of(cls).fields:
            kind = self.annotation(field.type)
            if field.required:
                fields.append((field.name, kind))
            elif self._default_stands(field):
                fields.append((field.name, kind, field.default))
            else:
                fields.append((field.name, Union[kind, msgspec.UnsetType], msgspec.UNSET))  # noqa: UP007
        return msgspec.defstruct(cls.__name__, fields, kw_only=True, forbid_unknown_fields=True, gc=False)

    def _default_stands(self, field: Field) -> bool:
        """Whether the default of the message is one that msgspec can put in the Struct, to be moved like any value."""
        return (not isinstance(field.default, (Made, Derived)) and not self._moves(field.type)) or field.default is None

    def annotation(self, kind: Type) -> Any:
        """The type that msgspec is to read."""
        match kind:
            case Text():
                return str
            case Flag():
                return bool
            case Free():
                return self._free
            case Converted() if self._reads(kind):
                return kind.cls
            case Converted(wire=Text() | Flag() | Number() as wire):
                # Of text and binary values msgspec takes one at a time: text, that also will do, goes the long way.
                return Union[tuple(kind.also)] if self._binary and kind.also else self.annotation(wire)  # noqa: UP007
            case Converted():
                raise Inexpressible(f"{kind.name}, which is neither text, number nor flag on the wire")
            case Limited(inner=inner):
                return self.annotation(inner)
            case Number():
                return _number(kind)
            case Member():
                return kind.cls  # without one they are an older revision's
            case OneOf(values=values):
                return Literal[values]
            case Nested():
                return self.of(kind.cls)[0]
            case Items():
                return tuple[self.annotation(kind.item), ...]  # type: ignore[misc]
            case Table():
                return dict[str, self.annotation(kind.value)]  # type: ignore[misc]
            case Nullable():
                return Union[self.annotation(kind.inner), None]  # noqa: UP007
            case Either(options=options):
                return Union[tuple(self.annotation(option) for option in options)]  # noqa: UP007
            case Choice(options=options):
                for option in options:
                    self.of(option.cls)  # which is what is written
                return dict[str, self._free]  # type: ignore[name-defined]
            case _:
                assert_never(kind)

    def _reads(self, kind: Converted) -> bool:
        """Whether msgspec makes values of a class as the core codecs do."""
        # In MessagePack it takes 16 bytes for a UUID, which no other codec does.
        return not self._binary and "from msgspec" in kind.native

    def _moves(self, kind: Type) -> bool:
        """Whether a value must be converted when it is moved."""
        match kind:
            case Converted():
                return not self._reads(kind)
            case Nested() | Table() | Free() | Limited() | Choice():
                return True
            case Items(item=inner) | Nullable(inner=inner):
                return self._moves(inner)
            case Either(options=options):
                return any(self._moves(option) for option in options)
            case Text() | Flag() | Number() | Member() | OneOf():
                return False
            case _:
                assert_never(kind)

    def _mover(self, cls: Any) -> Callable[[Any], Any]:
        spec = spec_of(cls)
        to = Function("move_" + spec.name.replace(".", "_"))
        draft = draft_of(cls)
        if draft is None:
            raise Inexpressible(f"{cls.__qualname__} has a metaclass or an __init_subclass__ of its own")
        to.add(f"_self = {to.bind('new', object.__new__)}({to.bind('draft', draft)})")
        derived = []
        for field in spec.fields:
            value = f"_struct.{field.name}"
            if field.required or self._default_stands(field):
                if self._moves(field.type):
                    to.add(f"v_{field.name} = {value}")
                    value = self.moved(to, field.type, f"v_{field.name}")
            elif isinstance(field.default, Derived):
                derived.append(field)
                continue
            else:
                to.add(f"v_{field.name} = {value}")
                anew = isinstance(field.default, Made)
                default = made(field.type, field.default.factory) if anew else field.default
                default = to.bind("default_" + field.name, default)
                given = self.moved(to, field.type, f"v_{field.name}")
                unset = to.bind("UNSET", msgspec.UNSET)
                value = f"{default}{'()' if anew else ''} if v_{field.name} is {unset} else {given}"
            to.add(f"_self.{field.name} = {value}")
        if spec.kept is not None:  # The Struct refuses what there would be to keep.
            to.add(f"_self.{spec.kept.name} = {to.bind('EMPTY', EMPTY)}")
        to.add(f"_self.__class__ = {to.bind('cls', cls)}")
        for field in derived:
            put = to.bind("set_" + field.name, getattr(cls, field.name).__set__)
            derive = to.bind("derive_" + field.name, field.default.function)
            unset = to.bind("UNSET", msgspec.UNSET)
            to.add(f"v_{field.name} = _struct.{field.name}")
            to.add(f"{put}(_self, {derive}(_self) if v_{field.name} is {unset} else v_{field.name})")
        validation = validation_of(cls)
        if validation is not None:
            to.add(f"{to.bind('validate', validation.doubt)}(_self)")
        to.add("return _self")
        return to.compile("_struct")

    def compiled_mover(self, kind: Type) -> Callable[[Any], Any] | None:
        """The compiled core's function from what msgspec reads to what a message holds; None where there is none."""
        return mover(kind, binary=self._binary, unset=msgspec.UNSET)

    def compiled_writer(self, cls: type) -> Callable[[Any], Any] | None:
        """The compiled core's function from a message to the Struct of the same fields; None where there is none."""
        form: Form = "struct of MessagePack" if self._binary else "struct of JSON"
        return writer(plans_of(UNTAUGHT), Nested(full_name(cls), cls), form, "nothing", None)

    def moved(self, to: Function, kind: Type, value: str) -> str:
        """An expression for what the message holds, of a local variable for what msgspec read."""
        match kind:
            case Text() | Flag() | Number() | Member() | OneOf():
                return value
            case _ if not self._moves(kind):
                return value
            case Nullable(inner=inner):
                return f"None if {value} is None else {self.moved(to, inner, value)}"
            case Nested(cls=cls, name=name):
                return f"{to.bind('move_' + name, self.of(cls)[1])}({value})"
            case Converted(load=load):
                return f"{to.bind('load_' + kind.name, load)}({value})"
            case Limited(inner=inner):
                return f"{to.bind('within', within(kind.bounds))}({self.moved(to, inner, value)})"
            case Items(item=inner):
                item = to.fresh("item")
                return f"_tuple([{self.moved(to, inner, item)} for {item} in {value}])"
            case Table(value=Free()):
                return f"{to.bind('freeze_table', freeze_read_table)}({value})"
            case Table(value=inner):
                key, item, empty = to.fresh("key"), to.fresh("item"), to.bind("EMPTY", EMPTY)
                pairs = f"{{{key}: {self.moved(to, inner, item)} for {key}, {item} in {value}.items()}}"
                return f"{to.bind('FrozenDict', FrozenDict)}({pairs}) if {value} else {empty}"
            case Free():
                return f"{to.bind('freeze', freeze_read)}({value})"
            case Choice():
                return f"{to.bind('read_choice', self._readers.reader(kind))}({value})"
            case Either(options=options):
                return self._moved_either(to, options, value)
            case _:
                assert_never(kind)

    def _moved_either(self, to: Function, options: Sequence[Type], value: str) -> str:
        """That of types told apart by their shape, by the class of what msgspec reads."""
        moved = value
        for option in filter(self._moves, options):
            read = to.bind("read_as", self._read_as(option))
            moved = f"({self.moved(to, option, value)}) if _type({value}) is {read} else {moved}"
        return moved

    def _read_as(self, kind: Type) -> type:
        """The class of what msgspec reads, of a type that stands beside others."""
        match kind:
            case Limited(inner=inner):
                return self._read_as(inner)
            case Text():
                return str
            case Items():
                return tuple
            case Table() | Choice():
                return dict
            case Nested():
                return self.of(kind.cls)[0]
            case _:
                raise Inexpressible("a union of types of which one must be converted")


def _number(kind: Number) -> Any:
    """Numbers within their bounds, and those of what msgspec takes for bounds: others go the long way."""
    if kind.kind is int:
        least, most = integers_within(kind.bounds, *_INT64)
        if least > most:
            raise Inexpressible("an integer past 63 bits")
        return Annotated[int, msgspec.Meta(ge=least, le=most)]
    ends = [tightest(kind.bounds, lower=side) or finite for side, finite in _FINITE.items()]
    if any(float(bound.limit) != bound.limit for bound in ends):
        raise Inexpressible("a bound that is no float")
    limits: dict[str, Any] = {bound.name: float(bound.limit) for bound in ends}
    return Annotated[float, msgspec.Meta(**limits)]
