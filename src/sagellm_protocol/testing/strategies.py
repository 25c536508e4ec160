"""Strategies made from the specs of messages: whatever a spec allows, at its bounds too, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import attrs
from hypothesis import reject, strategies as st
from hypothesis.strategies import SearchStrategy

from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.model.annotations import message_of
from sagellm_protocol.model.bounds import Bound, Test, integers_within
from sagellm_protocol.model.choosing import fitting_specs
from sagellm_protocol.model.exceptions import DeclarationError, ValidationError
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
    Text,
    Type,
    assert_never,
)
from sagellm_protocol.model.rules import rules_of
from sagellm_protocol.model.spec import Field, NotAllNull, Spec, spec_of
from sagellm_protocol.testing.fixing import fixed
from sagellm_protocol.testing.mending import mended

T = TypeVar("T")

_NOTHING: Mapping[str, Any] = {}
_MOST_ITEMS = 3
_MOST_STEPS = 1000
_EXACT_IN_FLOAT = 2**53

_characters = st.characters(exclude_categories=["Cs"])
_texts = st.text(_characters, max_size=20)
_ALPHABETS: tuple[tuple[Any, str], ...] = ((_characters, "a1É☃"), ("ABC", "ABC"), ("abc", "abc"), ("012", "012"))
"""Letters, and a text of them: a predicate that does not accept that would accept few others."""
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


def messages(cls: type[T], /, *, consistent: bool = False, **fields: Any) -> SearchStrategy[T]:
    """Instances of a message class, or of a plain subclass. Fields that have a default are sometimes left to it.

    Args:
        cls: the class. For unions, ``list[...]`` and others there is ``hypothesis.strategies.from_type``.
        consistent: whether they keep the rules between their fields, and the messages in them do.
        fields: arguments of the constructor, each a value or a strategy for values: ``stream=True``,
            ``max_tokens=st.integers(1, 5)``.

    Raises:
        DeclarationError: the class is no message.
        OptionError: the message takes no such argument.
        ValidationError: a field cannot hold the value; a strategy is found out when it draws such a value.
    """
    spec = _spec_for(cls)
    return _Drawing(consistent=consistent).message(cls, fixed(spec, fields))


def arguments(cls: type, names: Iterable[str]) -> dict[str, SearchStrategy[Any]]:
    """What the constructor of a message takes for each of these arguments."""
    return {field.argument: values(field.type) for field in _spec_for(cls).held if field.argument in names}


def _spec_for(cls: type) -> Spec:
    declared = message_of(cls)
    if declared is None:
        raise DeclarationError(f"{cls!r} is no message: from_type(...) of Hypothesis takes unions and other types")
    return spec_of(declared)


def payloads(message: str | type, revision: str = LATEST, history: History = HISTORY) -> SearchStrategy[dict[str, Any]]:
    """Payloads of a message as a release writes them, complete or with defaults left out.

    They hold no fields but those of the message, also where it keeps others.

    Args:
        message: full or short name, or the class.
        revision: any release name.
        history: the revisions and messages; the protocol's own unless told otherwise.

    Raises:
        UnsupportedRevisionError: no such release, or no such message in it.
    """
    return payloads_of(history.spec(message, revision), history.specs(revision))


def payloads_of(spec: Spec, specs: Mapping[str, Spec]) -> SearchStrategy[dict[str, Any]]:
    """Payloads of a message by its spec, which is one of those given: there are places between revisions, too."""
    return _Drawing(specs).payload(spec)


def values(kind: Type) -> SearchStrategy[Any]:
    """What the constructor of a message takes for a field of that type."""
    return _Drawing().values(kind)


@attrs.define
class _Drawing:
    """What to draw: Python values, or payloads of a revision."""

    specs: Mapping[str, Spec] | None = None
    """The messages of the revision; None draws Python values."""
    consistent: bool = False
    """Whether Python values keep the rules between fields."""
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
            case Converted():
                return self._converted(kind, ())
            case Limited():
                return self._limited(kind)
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
            case Either(options=alternatives):
                return st.one_of([self.values(option) for option in alternatives])
            case _:
                assert_never(kind)

    def _converted(self, kind: Converted, bounds: tuple[Bound, ...]) -> SearchStrategy[Any]:
        """Values between the bounds, and at them."""
        limits = {
            side: [bound.limit for bound in bounds if bound.meaning.measure == "value" and bound.meaning.lower is side]
            for side in (True, False)
        }
        least, most = max(limits[True], default=None), min(limits[False], default=None)
        steps = [bound.limit for bound in bounds if bound.meaning.measure == "multiple"]
        if steps:
            drawn = _steps(steps[0], least, most)
        else:
            drawn = kind.strategy(st, least, most)
            if edges := [*limits[True], *limits[False]]:
                drawn |= st.sampled_from(edges)
        return self._written(kind, _kept(drawn, bounds))

    def _written(self, kind: Converted, drawn: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return drawn if self.specs is None else drawn.map(lambda value: kind.dump(kind.hold(value)))

    def _limited(self, kind: Limited) -> SearchStrategy[Any]:
        lengths = {bound.name: bound.limit for bound in kind.bounds if bound.meaning.measure == "length"}
        least = lengths.get("min_length", 0)
        most = lengths.get("max_length", least + _MOST_ITEMS)
        inner = kind.inner
        match inner:
            case Converted() if lengths:
                drawn = _kept(st.binary(min_size=least, max_size=most).map(inner.cls), kind.bounds)
                return self._written(inner, drawn)
            case Converted():
                return self._converted(inner, kind.bounds)
            case Text():
                tests = [bound for bound in kind.bounds if isinstance(bound.limit, Test)]
                letters = [of for of, text in _ALPHABETS if not any(not test.holds(text) for test in tests)]
                drawn = st.one_of([st.text(of, min_size=least, max_size=most) for of in letters or [_characters]])
            case Items(item=item):
                drawn = st.lists(self.values(item), min_size=least, max_size=most)
            case Table(value=value):
                drawn = st.dictionaries(_texts, self.values(value), min_size=least, max_size=most)
            case Number():
                drawn = _multiples(inner, kind.bounds)
            case _:
                drawn = self.values(inner)
        return _kept(drawn, [bound for bound in kind.bounds if bound.meaning.measure != "length"])

    def message(self, cls: type[T], given: Mapping[str, SearchStrategy[Any]] = _NOTHING) -> SearchStrategy[T]:
        spec = _spec_for(cls)

        def build(fields: dict[str, Any]) -> T:
            try:
                return cls(**{spec.arguments[name]: value for name, value in fields.items()})
            except ValidationError:  # What its validators refuse, a spec does not tell.
                return reject()

        drawn = self._fields(spec, given)
        built = (_with(drawn, st.fixed_dictionaries(given)) if given else drawn).map(build)
        return _mended(built, given.keys()) if self.consistent and rules_of(cls) else built

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

    def _fields(
        self, spec: Spec, given: Mapping[str, SearchStrategy[Any]] = _NOTHING
    ) -> SearchStrategy[dict[str, Any]]:
        """Fields of a message, save those that are given."""
        left = [field for field in (spec.held if self.specs is None else spec.fields) if field.name not in given]
        required = {field.name: self.values(field.type) for field in left if field.required}
        optional = {field.name: self.values(field.type) for field in left if not field.required}
        drawn: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(required, optional=optional)
        for rule in spec.rules:
            drawn = _with(drawn, self._one_not_null(spec, rule))
        return drawn

    def _one_not_null(self, spec: Spec, rule: NotAllNull) -> SearchStrategy[dict[str, Any]]:
        """A value that is not null for one of the fields of a rule."""

        def not_null(field: Field) -> SearchStrategy[dict[str, Any]]:
            kind = field.type.inner if isinstance(field.type, Nullable) else field.type
            # Free JSON is null, too.
            return st.fixed_dictionaries({field.name: self.values(kind).filter(lambda value: value is not None)})

        return st.one_of([not_null(field) for field in spec.fields if field.name in rule.fields])


def _with(
    drawn: SearchStrategy[dict[str, Any]], more: SearchStrategy[dict[str, Any]]
) -> SearchStrategy[dict[str, Any]]:
    return st.tuples(drawn, more).map(lambda both: {**both[0], **both[1]})


def _mended(drawn: SearchStrategy[T], keeping: Collection[str]) -> SearchStrategy[T]:
    """Messages that keep the rules between their fields; some fields stay as they are."""

    def mend(message: T, choice: int) -> T:
        found: T | None = mended(message, choice, keeping)
        return reject() if found is None else found

    return st.builds(mend, drawn, st.integers(0, 2**16))


def _numbers(kind: Number) -> SearchStrategy[Any]:
    return _integers(kind) if kind.kind is int else _floats(kind)


def _kept(drawn: SearchStrategy[Any], bounds: Iterable[Bound]) -> SearchStrategy[Any]:
    """Those values that keep within the bounds."""
    for bound in bounds:
        drawn = drawn.filter(bound.holds)
    return drawn


def _multiples(kind: Number, bounds: Iterable[Bound]) -> SearchStrategy[Any]:
    """Numbers within their bounds, multiples of what they must be multiples of."""
    drawn = _numbers(kind)
    for bound in bounds:
        if bound.meaning.measure == "multiple":
            drawn = drawn.map(partial(_lowered, kind.kind, bound.limit))
    return _kept(drawn, kind.bounds)


def _steps(step: Any, least: Any, most: Any) -> SearchStrategy[Any]:
    """Multiples of a value of a class that has no numbers, between two."""
    first = None if least is None else int(least // step)
    last = None if most is None else int(most // step)
    low = first if first is not None else (0 if last is None else last) - _MOST_STEPS
    high = last if last is not None else low + 2 * _MOST_STEPS
    return st.integers(low, high).map(lambda times: times * step)


def _lowered(kind: type, step: float, number: float) -> Any:
    """The next multiple towards zero."""
    return kind(number - number % step if number >= 0 else number + -number % step)


def _integers(kind: Number) -> SearchStrategy[int]:
    least, most = integers_within(kind.bounds, INT_MIN, INT_MAX)
    return st.integers(least, most) | st.sampled_from((least, most))


def _within(bound: Bound) -> float:
    """The float at a bound, or next to it, that holds."""
    limit = float(bound.limit)
    if not bound.meaning.strict:
        return limit
    return math.nextafter(limit, math.inf if bound.meaning.lower else -math.inf)


def _floats(kind: Number) -> SearchStrategy[float]:
    """Floats, and the integers that are taken for them."""
    above, below = (
        [_within(bound) for bound in kind.bounds if bound.meaning.lower is lower] for lower in (True, False)
    )
    least, most = max(above, default=None), min(below, default=None)
    floats = st.floats(least, most, allow_nan=False, allow_infinity=False)
    drawn: SearchStrategy[float] = floats | st.sampled_from(
        [limit for limit in (least, most) if limit is not None] or [0.0]
    )
    first = -_EXACT_IN_FLOAT if least is None else max(-_EXACT_IN_FLOAT, math.ceil(least))
    last = _EXACT_IN_FLOAT if most is None else min(_EXACT_IN_FLOAT, math.floor(most))
    return drawn | st.integers(first, last) if first <= last else drawn
