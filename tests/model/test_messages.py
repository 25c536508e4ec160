"""Every message of the protocol, one by one: what the declaration promises holds for each field of each."""

from __future__ import annotations

import ast
import copy
import inspect
import math
import pickle
import sys
import weakref
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import catalog
from sagellm_protocol.model import FrozenDict, from_plain, to_plain
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.kinds import Free, Member, Nullable, Number, Table, Text
from sagellm_protocol.model.spec import Derived, Made, spec_of
from sagellm_protocol.testing import messages as drawn
from specimens import complete, edges, fields, insides, minimal, right, wrong

MESSAGES = list(catalog.messages().values())
every_message = pytest.mark.parametrize("cls", MESSAGES, ids=list(catalog.messages()))


def test_there_are_133_messages() -> None:
    assert len(MESSAGES) == 133


def parts(value: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield value
    if is_message(type(value)):
        inner = [getattr(value, field.name) for field in attrs.fields(type(value))]
    elif isinstance(value, Mapping):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, (tuple, list)):
        inner = list(value)
    else:
        inner = []
    for item in inner:
        yield from parts(item)


def only_violation(cls: type, **arguments: Any) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as raised:
        cls(**arguments)
    assert raised.value.message_name == catalog.name(cls)
    (violation,) = raised.value.violations
    assert str(violation) in str(raised.value)
    return violation.path, violation.rule, violation.value


# Building


@every_message
def test_required_fields_are_enough(cls: type) -> None:
    message = cls(**minimal(cls))
    for field in fields(cls):
        value = getattr(message, field.name)
        if not field.required and not isinstance(field.default, (Derived, Made)):
            assert value == field.default, field.name
            assert type(value) is type(field.default), field.name


@every_message
def test_each_required_field_is_missed(cls: type) -> None:
    arguments = minimal(cls)
    for name in arguments:
        rest = {other: value for other, value in arguments.items() if other != name}
        assert only_violation(cls, **rest) == (name, "required", "None")
    if arguments:
        with pytest.raises(ValidationError) as raised:
            cls()
        assert [(found.path, found.rule) for found in raised.value.violations] == [
            (name, "required") for name in arguments
        ]


@every_message
def test_an_unknown_field_is_refused(cls: type) -> None:
    assert only_violation(cls, **minimal(cls), no_such_field=1) == ("no_such_field", "a known field", "1")


@every_message
def test_fields_are_given_by_name_unless_the_class_says_otherwise(cls: Any) -> None:
    in_order = sum(not field.kw_only for field in attrs.fields(cls))
    with pytest.raises(TypeError):
        cls(*[None] * (in_order + 1))


@every_message
def test_values_are_held_as_given(cls: type) -> None:
    for field in fields(cls):
        value = right(field.type)
        held = getattr(cls(**{**minimal(cls), field.name: value}), field.name)
        assert to_plain_value(held) == to_plain_value(value), field.name


def to_plain_value(value: Any) -> Any:
    if is_message(type(value)):
        return to_plain(value)
    if isinstance(value, Mapping):
        return {key: to_plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain_value(item) for item in value]
    return value


# Checking


@every_message
def test_values_of_another_type_are_refused(cls: type) -> None:
    base = minimal(cls)
    for field in fields(cls):
        for inside in insides(field.type):
            for value in wrong(inside.kind):
                if value is None and inside.nullable:
                    continue
                arguments = {**base, field.name: inside.wrap(value)}
                with pytest.raises(ValidationError) as raised:
                    cls(**arguments)
                paths = [violation.path for violation in raised.value.violations]
                assert len(paths) == 1, (field.name, value, paths)
                assert paths[0].startswith(field.name + inside.path), (field.name, value, paths)


@every_message
def test_bounds_hold_at_their_edge_and_not_past_it(cls: type) -> None:
    base = minimal(cls)
    for field in fields(cls):
        for inside in insides(field.type):
            if not isinstance(inside.kind, Number):
                continue
            for edge in edges(inside.kind):
                assert cls(**{**base, field.name: inside.wrap(edge.holds)})
                found = only_violation(cls, **{**base, field.name: inside.wrap(edge.fails)})
                assert found == (field.name + inside.path, edge.rule, repr(edge.fails))


@every_message
def test_floats_are_finite_and_integers_are_taken_for_them(cls: type) -> None:
    base = minimal(cls)
    for field in fields(cls):
        for inside in insides(field.type):
            if not isinstance(inside.kind, Number) or inside.kind.kind is int:
                continue
            for value in (math.nan, math.inf, -math.inf, 10**400):
                path, rule, _ = only_violation(cls, **{**base, field.name: inside.wrap(value)})
                assert (path, rule) == (field.name + inside.path, "finite")
            whole = right(inside.kind)
            if whole == int(whole):
                held = getattr(cls(**{**base, field.name: inside.wrap(int(whole))}), field.name)
                (number,) = (part for part in parts(held) if isinstance(part, (int, float)))
                assert type(number) is float


@every_message
def test_an_enumeration_is_taken_by_value(cls: type) -> None:
    base = minimal(cls)
    for field in fields(cls):
        for inside in insides(field.type):
            if not isinstance(inside.kind, Member):
                continue
            assert inside.kind.cls is not None
            for member in inside.kind.cls:  # type: ignore[attr-defined]
                held = [
                    getattr(cls(**{**base, field.name: inside.wrap(v)}), field.name) for v in (member, member.value)
                ]
                for value in held:
                    assert member in [part for part in parts(value) if type(part) is inside.kind.cls]
            path, rule, value = only_violation(cls, **{**base, field.name: inside.wrap("no such value")})
            assert path == field.name + inside.path
            assert rule.startswith(("one of ", repr(member.value)))
            assert value == "'no such value'"


@every_message
def test_all_violations_come_at_once(cls: type) -> None:
    required = [field for field in fields(cls) if field.required]
    arguments = {
        field.name: wrong(strip(field.type))[1] for field in fields(cls) if not isinstance(strip(field.type), Free)
    }
    if required:
        del arguments[required[0].name]
    with pytest.raises(ValidationError) as raised:
        cls(**arguments, no_such_field=[])
    found = [violation.path for violation in raised.value.violations]
    expected = [field.name for field in fields(cls) if field.name in arguments or field in required[:1]]
    assert found == [*expected, "no_such_field"]
    assert str(raised.value).count("\n") == len(found)


def strip(kind: Any) -> Any:
    return kind.inner if isinstance(kind, Nullable) else kind


# Immutability


@every_message
def test_nothing_in_a_message_can_change(cls: type) -> None:
    message = complete(cls)
    names = [field.name for field in spec_of(cls).held]
    for part in parts(message):
        if is_message(type(part)):
            for attribute in attrs.fields(type(part)):
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    setattr(part, attribute.name, getattr(part, attribute.name))
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    delattr(part, attribute.name)
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                part.no_such_field = 1
            assert not hasattr(part, "__dict__")
        else:
            assert part is None or isinstance(part, (tuple, FrozenDict, str, int, float, Enum, UUID))
    assert names == [attribute.name for attribute in attrs.fields(cls)]


@every_message
def test_a_message_keeps_nothing_of_what_it_was_given(cls: type) -> None:
    arguments = {field.name: right(field.type) for field in fields(cls)}
    message = cls(**arguments)
    before = to_plain(message)
    for value in arguments.values():
        empty(value)
    assert to_plain(message) == before


def empty(value: Any) -> None:
    if type(value) is dict or type(value) is list:
        for item in list(value.values()) if type(value) is dict else list(value):
            empty(item)
        value.clear()


# What attrs, copy and pickle do with it


@every_message
def test_equality_and_hash(cls: type) -> None:
    one, two = complete(cls), complete(cls)
    assert one == two
    assert one is not two
    assert hash(one) == hash(two)
    assert len({one, two}) == 1
    assert one != object()
    for field in fields(cls):
        if isinstance(field.type, Nullable):
            assert attrs.evolve(one, **{field.name: None}) != one


@every_message
def test_pickling(cls: type) -> None:
    for message in (complete(cls), cls(**minimal(cls))):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(message, protocol))
            assert again == message
            assert hash(again) == hash(message)
            assert type(again) is cls
            for part in parts(again):
                assert not isinstance(part, list)
                assert type(part) is not dict


@every_message
def test_copies_are_the_message(cls: type) -> None:
    message = complete(cls)
    assert copy.copy(message) is message
    assert copy.deepcopy(message) is message
    assert copy.deepcopy([message])[0] is message
    assert weakref.ref(message)() is message


@every_message
def test_evolving(cls: type) -> None:
    message = cls(**minimal(cls))
    assert attrs.evolve(message) == message
    for field in fields(cls):
        value = right(field.type)
        evolved = attrs.evolve(message, **{field.name: value})
        assert evolved == cls(**{**{f.name: getattr(message, f.name) for f in fields(cls)}, field.name: value})
        assert type(getattr(evolved, field.name)) not in (list, dict)
        with pytest.raises(ValidationError):
            attrs.evolve(message, **{field.name: {1j}})
        if sys.version_info >= (3, 13):
            assert copy.replace(message, **{field.name: value}) == evolved


@every_message
def test_repr_names_every_field_and_cuts_long_texts(cls: type) -> None:
    message = complete(cls)
    text = repr(message)
    assert text.startswith(cls.__qualname__ + "(")
    assert text.endswith(")")
    for field in fields(cls):
        assert f"{field.name}=" in text
        for inside in insides(field.type):
            if inside.kind == Text():
                long = repr(attrs.evolve(message, **{field.name: inside.wrap("x" * 100_000)}))
                assert len(long) < len(text) + 200, field.name


@every_message
def test_plain_and_back(cls: type) -> None:
    message = complete(cls)
    plain = to_plain(message)
    for part in parts(plain):
        assert type(part) in (dict, list, str, int, float, bool, type(None))
    assert list(plain) == [field.name for field in fields(cls)]
    assert from_plain(cls, plain) == message


@given(st.data())
def test_drawn_messages_go_plain_and_back(data: st.DataObject) -> None:
    for cls in data.draw(st.lists(st.sampled_from(MESSAGES), min_size=3, max_size=3)):
        message = data.draw(drawn(cls))
        assert from_plain(cls, to_plain(message)) == message


# The reference


def described() -> Iterator[tuple[str, type, ast.ClassDef]]:
    trees: dict[str, dict[str, ast.ClassDef]] = {}
    for name, cls in catalog.messages().items():
        path = inspect.getsourcefile(cls)
        assert path is not None
        if path not in trees:
            tree = ast.parse(Path(path).read_text(encoding="utf-8"))
            trees[path] = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        yield name, cls, trees[path][cls.__name__]


@pytest.mark.parametrize(("cls", "node"), [pytest.param(cls, node, id=name) for name, cls, node in described()])
def test_the_message_and_each_field_say_what_they_mean(cls: type, node: ast.ClassDef) -> None:
    text = ast.get_docstring(node)
    assert text is not None
    assert (inspect.getdoc(cls) or "").startswith(f"{text}\n\nFields:\n")
    said = {}
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    said[statement.target.id] = words
    assert list(said) == [field.name for field in spec_of(cls).held]
    for name, words in said.items():
        assert len(words.split()) >= 2, name
        assert words.rstrip().endswith((".", ")")), name


# Particular messages


def test_a_mapping_of_any_kind_is_taken() -> None:
    for cls in MESSAGES:
        for field in fields(cls):
            if isinstance(strip(field.type), Table):
                value = MappingProxyType(right(field.type))
                held = getattr(cls(**{**minimal(cls), field.name: value}), field.name)
                assert type(held) is FrozenDict
                assert held == FrozenDict(right(field.type)) or to_plain_value(held) == right(field.type)


def test_a_violation_names_path_rule_and_value_as_given() -> None:
    metrics = catalog.get("Metrics")
    with pytest.raises(ValidationError) as raised:
        metrics(ttft_ms=-5, throughput_tps="fast", peak_mem_mb=1.5, error_rate=2, itl_list=[0.5, None], tokens=1)
    assert str(raised.value).splitlines() == [
        "types.Metrics: 6 violations",
        "  ttft_ms: must be >= 0, got -5",
        "  throughput_tps: must be float, got 'fast'",
        "  peak_mem_mb: must be int, got 1.5",
        "  error_rate: must be <= 1, got 2",
        "  itl_list[1]: must be float, got None",
        "  tokens: must be a known field, got 1 (did you mean kv_used_tokens?)",
    ]


def test_a_value_that_is_neither_text_nor_number_cannot_break_the_check() -> None:
    class Array:
        """Compares item by item, as arrays do."""

        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> Any:
            raise ValueError("the truth value of an array is ambiguous")

        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    for cls in MESSAGES:
        for field in fields(cls):
            with pytest.raises(ValidationError):
                cls(**{**minimal(cls), field.name: Array()})


@pytest.mark.parametrize("digits", [1000, 5000])
def test_an_integer_of_thousands_of_digits_can_be_refused(digits: int) -> None:
    request = catalog.get("Request")
    with pytest.raises(ValidationError):
        request(request_id=10**digits, trace_id="", max_tokens=1)


def test_sampling_params_derive_their_strategy() -> None:
    from sagellm_protocol.sampling import DecodingStrategy, SamplingParams

    assert SamplingParams().strategy is DecodingStrategy.SAMPLING
    assert SamplingParams(temperature=0).strategy is DecodingStrategy.GREEDY
    assert SamplingParams(temperature=0, strategy="sampling").strategy is DecodingStrategy.SAMPLING
    assert SamplingParams(strategy=DecodingStrategy.GREEDY).strategy is DecodingStrategy.GREEDY
    assert to_plain(SamplingParams())["strategy"] == "sampling"
    # What was derived was written down, so it stays when the temperature changes.
    assert attrs.evolve(SamplingParams(), temperature=0).strategy is DecodingStrategy.SAMPLING
    assert from_plain(SamplingParams, {"temperature": 0}).strategy is DecodingStrategy.GREEDY
    assert from_plain(SamplingParams, {}).strategy is DecodingStrategy.SAMPLING
    assert from_plain(SamplingParams, {"strategy": "beam_search"}).strategy is DecodingStrategy.BEAM_SEARCH
    with pytest.raises(ValidationError) as raised:
        SamplingParams(strategy=None)  # type: ignore[arg-type]
    assert [violation.path for violation in raised.value.violations] == ["strategy"]
    for bad in ({"temperature": -1}, {"temperature": "hot"}):
        with pytest.raises(ValidationError):
            SamplingParams(**bad)  # type: ignore[arg-type]


def test_a_generated_default_is_made_anew() -> None:
    made = [(cls, field) for cls in MESSAGES for field in fields(cls) if isinstance(field.default, Made)]
    assert made
    for cls, field in made:
        one, two = cls(**minimal(cls)), cls(**minimal(cls))
        if field.default.factory.__name__ == "uuid4":
            assert getattr(one, field.name) != getattr(two, field.name)
        else:
            assert abs(getattr(one, field.name) - getattr(two, field.name)) <= 2
