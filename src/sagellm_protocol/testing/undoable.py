"""One step of any kind that may have led to some tables: drawn at random, for the history of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import attrs
from annotated_types import Ge, Le
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from sagellm_protocol.history import changes as of
from sagellm_protocol.history.changes import Change, Tables, was
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.tables import bare
from sagellm_protocol.model.kinds import (
    Flag,
    Free,
    Items,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Text,
    Type,
    nested_in,
    parts,
)
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.spec import REQUIRED, Field, NotAllNull, Spec
from sagellm_protocol.model.units import Unit

T = TypeVar("T")

NAMES = ("old", "name", "a", "b", "title", "size", "older", "weight")
"""What fields were called: few enough that a name is used again."""
SMALL: Any = Annotated[int, Ge(0), Le(1000)]
_SAID: Sequence[tuple[type[Type], tuple[Any, ...]]] = (
    (Text, ("", "x")),
    (Flag, (False, True)),
    (Number, (0, 1, 7)),
    (Items, ([],)),
    (Free, (0, False, None, "x", [])),
)


@attrs.frozen
class Place:
    """The tables just after a step, and a field that it may be about."""

    draw: DrawFn
    tables: Tables
    spec: Spec
    field: Field

    @property
    def message(self) -> str:
        """Its full name at that revision."""
        return self.spec.name

    def one(self, among: Iterable[T]) -> T:
        """One of several, the plainest first."""
        return self.draw(st.sampled_from(list(among)))

    def name(self) -> str:
        """What a field was called; maybe what it is called."""
        return self.one((self.field.name, *NAMES))

    def enum(self) -> tuple[str, Mapping[str, str | int]]:
        """An enumeration and its members, of which it may have none."""
        return self.one([*self.tables.enums.items()] or [("", {})])

    def values(self, kind: Type | None = None) -> tuple[Any, ...]:
        """A few values that a type, of the field unless told, takes on the wire."""
        match self.field.type if kind is None else kind:
            case Nullable(inner=inner):
                return (None, *self.values(inner))
            case Member(name=name):
                return tuple(self.tables.enums[name].values())
            case known:
                return next((values for each, values in _SAID if isinstance(known, each)), ())

    def said(self) -> tuple[Any, ...]:
        """Those that are not null."""
        return tuple(value for value in self.values() if value is not None)

    def is_whole(self) -> bool:
        """Whether the field holds integers."""
        return isinstance(self.field.type, Number) and self.field.type.kind is int


def place_in(draw: DrawFn, tables: Tables, met: object = None) -> Place:
    """A field of a message; often the one of that identity, if it is there."""
    again = [(spec, field) for spec in tables.messages.values() for field in spec.fields if field.identity is met]
    if again and bool(draw(st.integers(0, 1))):
        return Place(draw, tables, *again[0])
    spec = draw(st.sampled_from(list(tables.messages.values())))
    return Place(draw, tables, spec, draw(st.sampled_from(spec.fields)))


# Each gives a step; None where no step of its kind can have led there. What else cannot have been, its undoing refuses.


def _introduced(at: Place) -> Change | None:
    held = {part.name for spec in at.tables.messages.values() for field in spec.fields for part in named(field.type)}
    came = [name for name in (at.message, *at.tables.enums) if name not in held]
    return of.introduced(at.one(came)) if came else None


def named(kind: Type) -> Iterator[Nested | Member]:
    """The messages and enumerations in a type."""
    return (part for part in (*parts(kind), *nested_in(kind)) if isinstance(part, (Nested, Member)))


def _added(at: Place) -> Change:
    unsaid = at.one((*at.said()[::-1], None)) if at.field.required else None
    return of.added(at.message, at.field.name, unsaid=unsaid, droppable=at.draw(st.booleans()))


def _removed(at: Place) -> Change:
    return of.removed(at.message, at.one(NAMES), int, default=at.one((0, 5)), after=at.field.name)


def _renamed(at: Place) -> Change:
    other = at.one(at.spec.fields)
    if other is not at.field and at.draw(st.booleans()):
        return of.renamed(at.message, **{at.field.name: other.name, other.name: at.field.name})
    return of.renamed(at.message, **{at.one(NAMES): at.field.name})


def _given_default(at: Place) -> Change:
    return of.given_default(at.message, at.field.name)


def _null_forbidden(at: Place) -> Change:
    return of.null_forbidden(at.message, at.field.name)


def _null_allowed(at: Place) -> Change | None:
    can = [found.name for found in at.spec.fields if isinstance(found.type, Nullable) and found.default is not None]
    return of.null_allowed(at.message, at.one(can)) if can else None


def _narrowed(at: Place) -> Change | None:
    wide = wider(at.field.type)
    return of.narrowed(at.message, at.field.name, was=at.one(wide)) if wide else None


def wider(kind: Type) -> tuple[Any, ...]:
    """Annotations of types that take every value of a type, and others."""
    match kind:
        case Number(kind=number, bounds=bounds, unit=None) if bounds:
            return (number,)
        case Text() | OneOf():
            return (Any,)
        case _:
            return ()


def _required(at: Place) -> Change | None:
    if not at.field.required:
        return None
    nulls = at.draw(st.booleans())
    if nulls:
        return of.required(at.message, at.field.name, unsaid=at.one((*at.said()[::-1], REQUIRED)))
    return of.required(at.message, at.field.name, was=at.one(at.said())) if at.said() else None


def _retyped(at: Place) -> Change | None:
    narrow = narrower(at.field.type)
    return of.retyped(at.message, at.field.name, was=at.one(narrow)) if narrow else None


def narrower(kind: Type) -> tuple[Any, ...]:
    """Annotations of types of which every value fits a type."""
    match kind:
        case Nullable(inner=inner):
            return narrower(inner)
        case Number(kind=number, bounds=bounds, unit=unit) if all(tuple(bound) == ("ge", 0) for bound in bounds):
            narrow: Any = Annotated[number, Ge(0)] if unit is None else Annotated[number, Ge(0), Unit(unit)]
            return (narrow,)
        case Text():
            return (Literal["", "x"],)
        case Free():
            return (int, str, bool | None)
        case _:
            return ()


def _redefined(at: Place) -> Change | None:
    return of.redefined(at.message, at.field.name, was=at.one(at.values())) if at.values() else None


def _became_derived(at: Place) -> Change:
    return of.became_derived(at.message, at.field.name, was=at.one((0, 7)))


def _rule_dropped(at: Place) -> Change | None:
    other = at.one(at.spec.fields)
    return None if other is at.field else of.rule_dropped(at.message, NotAllNull((at.field.name, other.name)))


def _keeps_unknown(at: Place) -> Change | None:
    return None if at.spec.kept is None else of.keeps_unknown(at.message, was=at.one(("forbid", "ignore")))


def _members_added(at: Place) -> Change | None:
    enum, members = at.enum()
    fields = (field for spec in at.tables.messages.values() for field in spec.fields)
    kept = [plain_default(field.default) for field in fields if has_plain_default(field)]
    came = [name for name, value in members.items() if value not in kept]
    return of.members_added(enum, at.one(came)) if came and len(members) > 1 else None


def _members_renamed(at: Place) -> Change | None:
    enum, members = at.enum()
    return of.members_renamed(enum, **{at.one(("OLD", "OLDER")): at.one(members)}) if members else None


def _values_renamed(at: Place) -> Change | None:
    enum, members = at.enum()
    return of.values_renamed(enum, {at.one(("old", "older")): at.one(members.values())}) if members else None


def _moved(at: Place) -> Change:
    name = at.one([at.message, *at.tables.enums])
    return of.moved(f"{name.rpartition('.')[0]}.{at.one(('Old', 'Older'))}", name)


def _converted(at: Place) -> Change | None:
    if not at.is_whole() or not (at.field.required or has_plain_default(at.field)):
        return None
    default = REQUIRED if at.field.required else at.one((0, 1, 7))
    return shifted(at.message, at.name(), at.field.name, at.one((1, 2, 3)), default)


def shifted(message: str, old: str, new: str, by: int, default: Any = REQUIRED) -> Change:
    """Integers that are so many greater than they were; what leaving them out means may have changed by it."""
    return of.converted(
        message,
        before={old: SMALL if default is REQUIRED else was(SMALL, default=default)},
        after=(new,),
        up=lambda values: {new: values[old] + by},
        down=lambda values: {old: values[new] - by},
    )


def _rescaled(at: Place) -> Change | None:
    if not isinstance(bare(at.field.type), Number):
        return None
    lossy = at.one((None, "they were finer")) if at.is_whole() else None
    return of.rescaled(at.message, by=at.one((1000, 60, 0.001)), lossy=lossy, **{at.field.name: at.name()})


def _split(at: Place) -> Change | None:
    other = at.one(at.spec.fields)
    parts = (at.field, other)
    if other is at.field or not all(isinstance(part.type, (Text, Number)) for part in parts):
        return None
    told = None if any(part.required for part in parts) else was(str, default=at.one(("", "1:2")))
    return of.split(at.message, at.one(NAMES), (at.field.name, other.name), by=":", was=told)


def _merged(at: Place) -> Change | None:
    if not isinstance(at.field.type, Text):
        return None
    first, second = at.one(NAMES), at.one(NAMES)
    told = str if at.field.required else was(str, default="")
    return of.merged(at.message, at.field.name, {first: told, second: told}, by=at.one((":", ", ")))


def _nested(at: Place) -> Change | None:
    within = [(spec.name, field) for spec in at.tables.messages.values() for field in spec.fields]
    within = [(name, field) for name, field in within if isinstance(bare(field.type), Nested)]
    if not within:
        return None
    message, holder = at.one(within)
    inner = [field.name for nested in nested_in(holder.type) for field in at.tables.messages[nested.name].fields]
    moved: dict[str, Any] = {at.one(NAMES): at.one(inner), at.one(("older", "eldest")): at.one(inner)}
    return of.nested(message, holder.name, lossy=at.one((None, "what else it held")), **moved)


def _flattened(at: Place) -> Change | None:
    inner = at.one(at.tables.messages.values())
    if inner is at.spec or inner.name != full_name(inner.cls):
        return None
    pairs = {other.name: at.field.name for other in inner.fields if other.type == at.field.type}
    if not pairs:
        return None
    there: Any = inner.cls
    told = there if at.field.required else was(there | None, default=None)
    moved = at.one(pairs)
    return of.flattened(at.message, at.one(NAMES), was=told, lossy="what else it held", **{moved: at.field.name})


def _values_mapped(at: Place) -> Change | None:
    values = list(at.said())
    if has_plain_default(at.field):
        values.insert(0, plain_default(at.field.default))
    values = [value for number, value in enumerate(values) if value not in values[:number]]
    if not values or None in values or any(isinstance(value, (list, dict)) for value in values):
        return None
    old, kind = at.one(((("low", "high"), Literal["low", "high"]), ((0, 1), Literal[0, 1])))
    table = dict(zip(old, values, strict=False))
    return of.values_mapped(at.message, at.field.name, table, was=kind, old=at.name())


def _underived(at: Place) -> Change | None:
    values = at.said()
    return of.underived(at.message, at.field.name, was=counted(values), shown=at.one(values)) if values else None


def counted(values: Sequence[Any]) -> Callable[[dict[str, Any]], Any]:
    """What gives one of some values, by how much of a payload is true."""
    return lambda payload: values[sum(value is True or value == 1 for value in payload.values()) % len(values)]


KINDS: Mapping[str, Callable[[Place], Change | None]] = {
    "added": _added,
    "removed": _removed,
    "renamed": _renamed,
    "given_default": _given_default,
    "null_forbidden": _null_forbidden,
    "null_allowed": _null_allowed,
    "retyped": _retyped,
    "narrowed": _narrowed,
    "redefined": _redefined,
    "members_added": _members_added,
    "rule_dropped": _rule_dropped,
    "keeps_unknown": _keeps_unknown,
    "introduced": _introduced,
    "required": _required,
    "became_derived": _became_derived,
    "members_renamed": _members_renamed,
    "moved": _moved,
    "converted": _converted,
    "rescaled": _rescaled,
    "split": _split,
    "merged": _merged,
    "nested": _nested,
    "flattened": _flattened,
    "values_mapped": _values_mapped,
    "values_renamed": _values_renamed,
    "underived": _underived,
}
"""Every kind of step, by its name in a list of revisions; those that convert nothing first."""
