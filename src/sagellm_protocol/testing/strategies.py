"""Strategies made from the specs of messages: whatever a spec allows, at its bounds too, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
from hypothesis import reject, strategies as st
from hypothesis.strategies import SearchStrategy

from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.choosing import fitting_specs
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.spec import (
    INT_MAX,
    INT_MIN,
    Choice,
    Field,
    Flag,
    Free,
    Items,
    Member,
    Nested,
    NotAllNull,
    Nullable,
    Number,
    OneOf,
    Spec,
    Table,
    Taught,
    Text,
    Type,
    Uuid,
)

T = TypeVar("T")

_MOST_ITEMS = 3
_EXACT_IN_FLOAT = 2**53

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_free = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INT_MIN, INT_MAX)
    | st.sampled_from((INT_MIN, INT_MAX))
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=_MOST_ITEMS) | st.dictionaries(_texts, inner, max_size=_MOST_ITEMS),
    max_leaves=6,
)


def messages(cls: type[T]) -> SearchStrategy[T]:
    """Instances of a message class. Fields that have a default are sometimes left to it."""
    return _Drawing().message(cls)


def payloads(message: str | type, revision: str = LATEST, history: History = HISTORY) -> SearchStrategy[dict[str, Any]]:
    """Payloads of a message as a release writes them, complete or with defaults left out.

    Args:
        message: full or short name, or the class.
        revision: any release name.
        history: the revisions and messages; the protocol's own unless told otherwise.

    Raises:
        UnsupportedRevisionError: no such release, or no such message in it.
    """
    return _Drawing(history.specs(revision)).payload(history.spec(message, revision))


def values(kind: Type) -> SearchStrategy[Any]:
    """What the constructor of a message takes for a field of that type."""
    return _Drawing().values(kind)


@attrs.define
class _Drawing:
    """What to draw: Python values, or payloads of a revision."""

    specs: Mapping[str, Spec] | None = None
    """The messages of the revision; None draws Python values."""
    _messages: dict[type, SearchStrategy[Any]] = attrs.field(factory=dict, init=False)

    def values(self, kind: Type) -> SearchStrategy[Any]:
        on_wire = self.specs is not None
        match kind:
            case Text():
                return _texts
            case Flag():
                return st.booleans()
            case Number():
                return _numbers(kind)
            case Uuid():
                return st.uuids().map(str) if on_wire else st.uuids()
            case Member(members=members, cls=cls):
                return st.sampled_from(list(members.values()) if on_wire or cls is None else list(cls))  # type: ignore[call-overload]
            case OneOf(values=texts):
                return st.sampled_from(texts)
            case Nested():
                return self._nested(kind)
            case Choice():
                return st.one_of([self._option(kind, option) for option in kind.options])
            case Items(item=inner):
                return st.lists(self.values(inner), max_size=_MOST_ITEMS)
            case Table(value=inner):
                return st.dictionaries(_texts, self.values(inner), max_size=_MOST_ITEMS)
            case Free():
                return _free
            case Nullable(inner=inner):
                return st.none() | self.values(inner)
            case Taught(inner=inner):
                return self.values(inner)
            case _:
                return st.one_of([self.values(option) for option in kind.options])

    def message(self, cls: type[T]) -> SearchStrategy[T]:
        spec = spec_of(cls)

        def build(fields: dict[str, Any]) -> T:
            try:
                return cls(**{spec.arguments[name]: value for name, value in fields.items()})
            except ValidationError:  # What its validators refuse, a spec does not tell.
                return reject()

        return self._fields(spec).map(build)

    def payload(self, spec: Spec) -> SearchStrategy[dict[str, Any]]:
        return self._fields(spec)

    def _nested(self, kind: Nested) -> SearchStrategy[Any]:
        # One strategy a message, and deferred, as a message may hold itself.
        found = self._messages.get(kind.cls)
        if found is None:
            specs = self.specs
            found = st.deferred(lambda: self.message(kind.cls) if specs is None else self.payload(specs[kind.name]))
            self._messages[kind.cls] = found
        return found

    def _option(self, choice: Choice, option: Nested) -> SearchStrategy[Any]:
        """One of several messages; on the wire so that it can be told from the others."""
        nested = self._nested(option)
        if self.specs is None:
            return nested
        specs = [self.specs[known.name] for known in choice.options]
        spec = self.specs[option.name]
        tag = {field.name: self.values(field.type) for field in spec.fields if field.name == choice.tag}
        if tag:
            return _with(nested, st.fixed_dictionaries(tag))
        return nested.filter(lambda payload: fitting_specs(specs, payload) == [spec])

    def _fields(self, spec: Spec) -> SearchStrategy[dict[str, Any]]:
        required = {field.name: self.values(field.type) for field in spec.fields if field.required}
        optional = {field.name: self.values(field.type) for field in spec.fields if not field.required}
        drawn: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(required, optional=optional)
        for rule in spec.rules:
            drawn = _with(drawn, self._one_not_null(spec, rule))
        return drawn

    def _one_not_null(self, spec: Spec, rule: NotAllNull) -> SearchStrategy[dict[str, Any]]:
        """A value that is not null for one of the fields of a rule."""

        def not_null(field: Field) -> SearchStrategy[dict[str, Any]]:
            kind = field.type.inner if isinstance(field.type, Nullable) else field.type
            return st.fixed_dictionaries({field.name: self.values(kind)})

        return st.one_of([not_null(field) for field in spec.fields if field.name in rule.fields])


def _with(
    drawn: SearchStrategy[dict[str, Any]], more: SearchStrategy[dict[str, Any]]
) -> SearchStrategy[dict[str, Any]]:
    return st.tuples(drawn, more).map(lambda both: {**both[0], **both[1]})


def _numbers(kind: Number) -> SearchStrategy[Any]:
    return _integers(kind) if kind.kind is int else _floats(kind)


def _integers(kind: Number, least: int = INT_MIN, most: int = INT_MAX) -> SearchStrategy[int]:
    for name, limit in kind.bounds:
        match name:
            case "ge":
                least = max(least, math.ceil(limit))
            case "gt":
                least = max(least, math.floor(limit) + 1)
            case "le":
                most = min(most, math.floor(limit))
            case _:
                most = min(most, math.ceil(limit) - 1)
    return st.integers(least, most) | st.sampled_from((least, most))


def _floats(kind: Number) -> SearchStrategy[float]:
    """Floats, and the integers that are taken for them."""
    bounds = [(name, float(limit)) for name, limit in kind.bounds]
    above = [
        limit if name == "ge" else math.nextafter(limit, math.inf) for name, limit in bounds if name in ("ge", "gt")
    ]
    below = [
        limit if name == "le" else math.nextafter(limit, -math.inf) for name, limit in bounds if name in ("le", "lt")
    ]
    least, most = max(above, default=None), min(below, default=None)
    floats = st.floats(least, most, allow_nan=False, allow_infinity=False)
    drawn: SearchStrategy[float] = floats | st.sampled_from(
        [limit for limit in (least, most) if limit is not None] or [0.0]
    )
    first = -_EXACT_IN_FLOAT if least is None else max(-_EXACT_IN_FLOAT, math.ceil(least))
    last = _EXACT_IN_FLOAT if most is None else min(_EXACT_IN_FLOAT, math.floor(most))
    return drawn | st.integers(first, last) if first <= last else drawn
