"""The checks and conversions of one value, as statements of a generated function.

Each ``_..`` function writes the lines that check the local variable ``name`` and leave in it what a message holds,
raising ``Doubt`` where the value is not plainly right. :mod:`.checking` states the same rules at leisure; a property
test holds the two together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.model import freezing
from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.frozen import EMPTY, DraftDict, FrozenDict
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
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
    Taught,
    Text,
    Type,
    assert_never,
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.source import Function, doubting

Origin: TypeAlias = Literal["python", "json", "msgpack", "dict"]
"""Whose values: a caller's arguments; a JSON parser's, whose floats are finite and whose integers fit 64 bits; a
MessagePack parser's, whose integers fit; a caller's dict, of which nothing is known."""

FREEZE: dict[Origin, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "python": (freezing.freeze, freezing.freeze_table),
    "json": (freezing.freeze_parsed, freezing.freeze_parsed_table),
    "msgpack": (freezing.freeze_parsed, freezing.freeze_parsed_table),
    "dict": (freezing.freeze_payload, freezing.freeze_payload_table),
}
"""How free JSON is frozen, and a mapping of it."""

_FIT_64_BITS = f"-{-INT_MIN} <= {{0}} <= {INT_MAX}"
_WIRE_CLASSES = {"text": "_str", "number": "(_int, _float)", "flag": "_bool", "array": "_list", "object": "_dict"}


@attrs.frozen
class CheckStatements:
    """What the statements need to know beyond the value: where it comes from, and who reads nested messages."""

    origin: Origin
    reader: Callable[[Nested | Choice], Callable[[Any], Any]] | None = None
    """Gives the function that reads a nested message out of a payload; a constructor, handed messages, has none."""

    def write(self, to: Function, kind: Type, name: str) -> None:
        """Write the statements for a local variable."""
        match kind:
            case Nullable():
                to.add(f"if {name} is not None:")
                to.indent += 1
                self.write(to, kind.inner, name)
                to.indent -= 1
            case Text():
                to.add(f"if _type({name}) is not _str: raise _Doubt")
            case Flag():
                to.add(f"if {name} is not True and {name} is not False: raise _Doubt")
            case Number():
                self._number(to, kind, name)
            case OneOf():
                self._one_of(to, kind, name)
            case Member():
                self._member(to, kind, name)
            case Converted():
                self._converted(to, kind, name)
            case Taught():
                self._taught(to, kind, name)
            case Limited():
                self._limited(to, kind, name)
            case Nested():
                self._nested(to, kind, name)
            case Choice():
                self._choice(to, kind, name)
            case Items():
                self._items(to, kind, name)
            case Table():
                self._table(to, kind, name)
            case Free():
                to.add(f"{name} = {to.bind('freeze', FREEZE[self.origin][0])}({name})")
            case Either():
                self._either(to, kind, name)
            case _:
                assert_never(kind)

    def _taught(self, to: Function, kind: Taught, name: str) -> None:
        """The user's own hook, and then the checks of what it gave, as of a constructor's argument."""
        if kind.structure is None or self.origin == "python":
            self.write(to, kind.inner, name)
        else:
            to.add(f"{name} = {to.bind('structure', doubting(kind.structure))}({name})")
            CheckStatements("python").write(to, kind.inner, name)

    def _number(self, to: Function, kind: Number, name: str) -> None:
        unlike = self.unlike(kind, name)
        if kind.kind is int:
            to.add(f"if {unlike}: raise _Doubt")
            return
        to.add(f"if {unlike}:")
        to.add(f"    if _type({name}) is not _int: raise _Doubt")
        # The value itself stays until all is right: the thorough path tells what was given.
        number = to.fresh("number")
        to.add(f"    {number} = _float({name})")
        to.add(f"    if {self.unlike(kind, number)}: raise _Doubt")
        to.add(f"    {name} = {number}")

    def unlike(self, kind: Number, name: str) -> str:
        """A condition that holds where a value is no number of the very kind, finite and within its bounds."""
        limits = [bound.meaning.source.format(name, repr(_limit(kind, bound.limit))) for bound in kind.bounds]
        lower, upper = (any(bound.meaning.lower is side for bound in kind.bounds) for side in (True, False))
        if kind.kind is int and self.origin in ("dict", "python"):
            limits.append(_FIT_64_BITS.format(name))
        if kind.kind is float and self.origin != "json":
            if not lower:
                limits.append(f"{name} >= {-sys.float_info.max!r}")
            if not upper:
                limits.append(f"{name} <= {sys.float_info.max!r}")
        other = f"_type({name}) is not _{kind.kind.__name__}"
        return f"{other} or not ({' and '.join(limits)})" if limits else other

    def _one_of(self, to: Function, kind: OneOf, name: str) -> None:
        kinds = sorted({f"_{type(value).__name__}" for value in kind.values})
        other = f"is not {kinds[0]}" if len(kinds) == 1 else f"not in ({', '.join(kinds)})"
        if len(kind.values) == 1:
            to.add(f"if _type({name}) {other} or {name} != {kind.values[0]!r}: raise _Doubt")
        else:
            to.add(f"if _type({name}) {other} or {name} not in {kind.values!r}: raise _Doubt")

    def _member(self, to: Function, kind: Member, name: str) -> None:
        exact = "_str" if wire_kind(kind) == "text" else "_int"
        if kind.cls is None:
            values = to.bind(kind.name + "_values", frozenset(kind.members.values()))
            to.add(f"if _type({name}) is not {exact} or {name} not in {values}: raise _Doubt")
            return
        members = {value: kind.cls[member] for member, value in kind.members.items()}  # type: ignore[index]
        table = to.bind(kind.name + "_members", members)
        if self.origin == "python":
            to.add(f"if _type({name}) is not {to.bind(kind.name, kind.cls)}:")
            to.indent += 1
        to.add(f"if _type({name}) is not {exact}: raise _Doubt")
        member = to.fresh("member")
        to.add(f"{member} = {table}.get({name})")
        to.add(f"if {member} is None: raise _Doubt")
        to.add(f"{name} = {member}")
        if self.origin == "python":
            to.indent -= 1

    def _converted(self, to: Function, kind: Converted, name: str) -> None:
        if self.origin != "python":
            if not isinstance(kind.wire, Text):
                self.write(to, kind.wire, name)
            to.add(f"{name} = {to.bind('load_' + kind.name, kind.load)}({name})")
        elif kind.exact is not None:
            to.add(f"if _type({name}) is not {to.bind(kind.name, kind.exact)}: raise _Doubt")
        else:
            to.add(f"if not _isinstance({name}, {to.bind(kind.name, kind.cls)}): raise _Doubt")
            to.add(f"{name} = {to.bind('hold_' + kind.name, kind.hold)}({name})")

    def _limited(self, to: Function, kind: Limited, name: str) -> None:
        # The value itself stays until all is right: the thorough path tells what was given.
        held = to.fresh("held")
        to.add(f"{held} = {name}")
        self.write(to, kind.inner, held)
        conditions = " and ".join(bound.condition(to, held) for bound in kind.bounds)
        to.add(f"if not ({conditions}): raise _Doubt")
        to.add(f"{name} = {held}")

    def _nested(self, to: Function, kind: Nested, name: str) -> None:
        if self.reader is None:
            to.add(f"if _type({name}) is not {to.bind(kind.name, kind.cls)}: raise _Doubt")
        else:
            to.add(f"{name} = {to.bind('read_' + kind.name, self.reader(kind))}({name})")

    def _choice(self, to: Function, kind: Choice, name: str) -> None:
        if self.reader is None:
            classes = ", ".join(to.bind(option.name, option.cls) for option in kind.options)
            to.add(f"if _type({name}) not in ({classes}): raise _Doubt")
        else:
            to.add(f"{name} = {to.bind('read_choice', self.reader(kind))}({name})")

    def _items(self, to: Function, kind: Items, name: str) -> None:
        if self.origin == "python":
            to.add(f"if _type({name}) is not _tuple:")
            to.add(f"    if _type({name}) is not _list: raise _Doubt")
            to.add(f"    {name} = _tuple({name})")
        else:
            to.add(f"if _type({name}) is not _list: raise _Doubt")
        item = to.fresh("item")
        if isinstance(kind.item, Nested) and self.reader is not None:
            read = to.bind("read_" + kind.item.name, self.reader(kind.item))
            to.add(f"{name} = _tuple([{read}({item}) for {item} in {name}])")
            return
        if _held_as_it_comes(kind.item, self.origin):
            to.add(f"for {item} in {name}:")
            to.indent += 1
            if isinstance(kind.item, Number) and _is_float(kind.item):
                # An int among floats has to be converted: that is left to the thorough path.
                to.add(f"if {self.unlike(kind.item, item)}: raise _Doubt")
            else:
                self.write(to, kind.item, item)
            to.indent -= 1
            if self.origin != "python":
                to.add(f"{name} = _tuple({name})")
            return
        held = to.fresh("held")
        to.add(f"{held} = []")
        to.add(f"for {item} in {name}:")
        to.indent += 1
        self.write(to, kind.item, item)
        to.add(f"{held}.append({item})")
        to.indent -= 1
        to.add(f"{name} = _tuple({held})")

    def _table(self, to: Function, kind: Table, name: str) -> None:
        if isinstance(kind.value, Free):
            to.add(f"{name} = {to.bind('freeze_table', FREEZE[self.origin][1])}({name})")
            return
        to.add(
            f"if _type({name}) is not _dict and _type({name}) is not {to.bind('FrozenDict', FrozenDict)}: raise _Doubt"
        )
        held, key, item = to.fresh("held"), to.fresh("key"), to.fresh("item")
        to.add(f"{held} = {to.bind('DraftDict', DraftDict)}()")
        to.add(f"for {key}, {item} in {name}.items():")
        to.indent += 1
        to.add(f"if _type({key}) is not _str: raise _Doubt")
        self.write(to, kind.value, item)
        to.add(f"{held}[{key}] = {item}")
        to.indent -= 1
        to.add(f"{held}.__class__ = {to.bind('FrozenDict', FrozenDict)}")
        to.add(f"{name} = {held} or {to.bind('EMPTY', EMPTY)}")

    def _either(self, to: Function, kind: Either, name: str) -> None:
        for index, option in enumerate(kind.options):
            classes = _WIRE_CLASSES[wire_kind(option)]
            held = option.inner if isinstance(option, Limited) else option
            if self.origin == "python" and isinstance(held, Converted):
                classes = to.bind(held.name, held.cls)
            elif self.origin == "python" and classes == "_list":
                classes = "(_list, _tuple)"
            elif self.origin == "python" and nested_in(held):
                # Of a payload, which may be given for a message as well, the thorough path makes one.
                classes = to.bind("held", tuple(nested.cls for nested in nested_in(held)))
            to.add(f"{'elif' if index else 'if'} _isinstance({name}, {classes}):")
            to.indent += 1
            self.write(to, option, name)
            to.indent -= 1
        to.add("else: raise _Doubt")


def within(bounds: tuple[Bound, ...]) -> Callable[[Any], Any]:
    """A function that gives back a value that keeps within the bounds, and raises ``Doubt`` on any other."""
    to = Function("within")
    to.add(f"if not ({' and '.join(bound.condition(to, '_value') for bound in bounds)}): raise _Doubt")
    to.add("return _value")
    return to.compile("_value")


def doubtful(kind: Type, items: list[Any]) -> Sequence[int]:
    """The places of those items of a sequence that are not plainly right, and held as they come."""
    if isinstance(kind, (Number, Text)):
        return _sifter(kind)(items)
    return range(len(items))


@cache
def _sifter(kind: Number | Text) -> Callable[[list[Any]], list[int]]:
    to = Function("sift")
    unlike = "_type(_item) is not _str" if isinstance(kind, Text) else CheckStatements("dict").unlike(kind, "_item")
    to.add(f"return [_index for _index, _item in {to.bind('enumerate', enumerate)}(_items) if {unlike}]")
    return to.compile("_items")


def _limit(kind: Number, limit: float) -> float:
    """A bound as a number of the same kind, where it is one: Python compares those faster."""
    return kind.kind(limit) if kind.kind(limit) == limit else limit


def _held_as_it_comes(kind: Type, origin: Origin) -> bool:
    """Whether a right value is kept as it is, so that a sequence of them needs no new list."""
    match kind:
        case Text() | Flag() | OneOf() | Number():
            return True
        case Nested() | Choice():
            return origin == "python"
        case Converted():
            return origin == "python" and kind.exact is not None
        case Taught(inner=inner, structure=structure):
            return (structure is None or origin == "python") and _held_as_it_comes(inner, origin)
        case Nullable(inner=inner) | Limited(inner=inner):
            # A float may come as an int, which has to be converted.
            return not _is_float(inner) and _held_as_it_comes(inner, origin)
        case Member() | Items() | Table() | Free() | Either():
            return False
        case _:
            assert_never(kind)


def _is_float(kind: Type) -> bool:
    return isinstance(kind, Number) and kind.kind is float
