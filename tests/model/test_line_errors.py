"""What is wrong with a message, told as pydantic tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pydantic
import pytest
from annotated_types import Ge, Len, MultipleOf, Predicate
from hypothesis import given, strategies as st
from pydantic_core import PydanticKnownError

from sagellm_protocol import Metrics, OptionError, Request, Response, Timestamps, ValidationError
from sagellm_protocol.model import field, message
from sagellm_protocol.model.exceptions import Violation
from sagellm_protocol.model.line_errors import LineError, line_error, line_errors, loc_of

RULES = [
    ("required", "missing", {}),
    ("a known field", "extra_forbidden", {}),
    ("a known field (did you mean prompt?)", "extra_forbidden", {}),
    ("str", "string_type", {}),
    ("int", "int_type", {}),
    ("float", "float_type", {}),
    ("bool", "bool_type", {}),
    ("a sequence", "list_type", {}),
    ("a sequence that can be read (it raises KeyError)", "list_type", {}),
    ("a mapping", "dict_type", {}),
    ("an object", "dict_type", {}),
    ("a mapping from text", "invalid_key", {}),
    ("JSON with texts as keys", "invalid_key", {}),
    ("finite", "finite_number", {}),
    (">= 0", "greater_than_equal", {"ge": 0}),
    ("> -1e-05", "greater_than", {"gt": -1e-05}),
    ("<= 0.5", "less_than_equal", {"le": 0.5}),
    ("< 2024-02-29T00:00:00+00:00", "less_than", {"lt": "2024-02-29T00:00:00+00:00"}),
    (">= 0.1234567890123456789", "greater_than_equal", {"ge": "0.1234567890123456789"}),
    ("a multiple of 3", "multiple_of", {"multiple_of": 3}),
    ("one of 'a', 'b'", "literal_error", {"expected": "'a' or 'b'"}),
    ("one of 'a, \\'', \"it's\", 3", "literal_error", {"expected": "'a, \\'', \"it's\" or 3"}),
    ("'start'", "literal_error", {"expected": "'start'"}),
    ("date", "date_type", {}),
    ("timedelta", "time_delta_type", {}),
    ("bytes", "bytes_type", {}),
]


@pytest.mark.parametrize(("rule", "slug", "ctx"), RULES, ids=[rule for rule, *_ in RULES])
def test_a_rule_that_pydantic_has_is_told_in_its_words(rule: str, slug: Any, ctx: dict[str, Any]) -> None:
    told = line_error(Violation("x", rule, 5))
    assert (told.type, told.ctx) == (slug, ctx)
    if all(isinstance(value, int) or value == 0.5 for value in ctx.values()) or "expected" in ctx:
        assert told.msg == PydanticKnownError(slug, ctx or None).message()


@pytest.mark.parametrize(
    ("rule", "slug", "msg", "ctx"),
    [
        ("given as ex", "extra_forbidden", "Input should be given as ex", {"name": "ex"}),
        ("at least 3 long", "too_short", "Input should be at least 3 long", {"min_length": 3}),
        ("at most 3 long", "too_long", "Input should be at most 3 long", {"max_length": 3}),
        ("at most 128 levels deep", "too_deep", "Input should be at most 128 levels deep", {"max_levels": 128}),
        ("UUID", "uuid", "Input should be a UUID", {}),
        (
            "datetime with a UTC offset",
            "datetime_with_offset",
            "Input should be a datetime with a UTC offset",
            {},
        ),
        ("given once", "duplicate_key", "Input should be given once", {}),
        ("JSON, which cannot hold itself", "json_value", "Input should be a JSON value", {}),
    ],
)
def test_a_rule_that_pydantic_has_not(rule: str, slug: str, msg: str, ctx: dict[str, Any]) -> None:
    told = line_error(Violation("x", rule, 5))
    assert (told.type, told.msg, told.ctx) == (slug, msg, ctx)


@pytest.mark.parametrize(
    "rule",
    [
        "> 0 for strategy 'sampling'",
        "accepted by even (1 is odd)",
        "accepted by str",
        "int or types.Metrics",
        "types.Metrics",
        "one of types.A or types.B",
        "not null in at least one of a, b",
    ],
)
def test_any_other_rule_is_a_value_error_that_says_it(rule: str) -> None:
    told = line_error(Violation("", rule, 5))
    assert told == LineError((), "value_error", f"Value error, must be {rule}", {"error": f"must be {rule}"}, "5")


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("", ()),
        ("metrics.ttft_ms", ("metrics", "ttft_ms")),
        ("choices[0].delta", ("choices", 0, "delta")),
        ("[3][14]", (3, 14)),
        ("a.b...c[2]", ("a", "b", "...", "c", 2)),
        ("metadata.a[b]", ("metadata", "a", "[", "b", "]")),
    ],
)
def test_a_path_in_steps(path: str, loc: tuple[str | int, ...]) -> None:
    assert loc_of(path) == loc


@given(st.text(), st.text())
def test_nothing_that_a_violation_says_is_too_odd(path: str, rule: str) -> None:
    told = line_error(Violation(path, rule, 5))
    assert json.loads(json.dumps([told.loc, told.type, told.msg, told.ctx, told.input]))


@message
class Asked:
    a: Annotated[int, Ge(3)] = 3
    b: Annotated[str, Len(2)] = "ok"
    c: Annotated[int, MultipleOf(2)] = 2
    d: Annotated[str, Predicate(str.islower)] = "d"


@pytest.mark.parametrize(
    ("cls", "arguments", "expected"),
    [
        (Metrics, {"ttft_ms": -1}, [(("ttft_ms",), "greater_than_equal", "-1")]),
        (
            Response,
            {"metrics": {"ttft_ms": "x"}},
            [(("finish_reason",), "missing", None), (("metrics", "ttft_ms"), "float_type", "'x'")],
        ),
        (Request, {"promt": 1}, [(("promt",), "extra_forbidden", "1")]),
        (Timestamps, {"queued_at": "x"}, [(("queued_at",), "float_type", "'x'")]),
        (
            Asked,
            {"a": 2, "b": "", "c": 3, "d": "D"},
            [
                (("a",), "greater_than_equal", "2"),
                (("b",), "too_short", "''"),
                (("c",), "multiple_of", "3"),
                (("d",), "value_error", "'D'"),
            ],
        ),
    ],
)
def test_what_messages_say(cls: type, arguments: dict[str, Any], expected: list[Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        cls(**arguments)
    told = [(line.loc, line.type, line.input) for line in line_errors(raised.value)]
    assert [line for line in told if line in expected] == expected


def published_errors(error: ValidationError) -> Any:
    return [{**line, "input": None} for line in error.errors()]


def test_errors_have_the_shape_of_pydantics() -> None:
    class Model(pydantic.BaseModel, extra="forbid"):
        ttft_ms: float = pydantic.Field(ge=0.5)
        peak_mem_mb: int
        tags: list[dict[str, str]]

    @message
    class Ours:
        ttft_ms: Annotated[float, Ge(0.5)]
        peak_mem_mb: int
        tags: Sequence[Mapping[str, str]]

    wrong: dict[str, Any] = {"ttft_ms": -1.0, "tags": [{"a": "b"}, {"a": None}], "other": 1}
    with pytest.raises(pydantic.ValidationError) as theirs:
        Model(**wrong)
    with pytest.raises(ValidationError) as ours:
        Ours(**wrong)
    expected: Any = [{**line, "input": None} for line in theirs.value.errors(include_url=False)]
    assert published_errors(ours.value) == expected
    assert ours.value.error_count() == theirs.value.error_count() == 4
    assert (ours.value.title, theirs.value.title) == ("Ours", "Model")
    without = {"include_input": False, "include_url": False}
    for indent in (None, 2):
        assert ours.value.json(indent=indent, **without) == theirs.value.json(indent=indent, **without)
        assert ours.value.json(indent=indent, include_context=False, **without) == theirs.value.json(
            indent=indent, include_context=False, **without
        )
    assert [line["input"] for line in ours.value.errors()] == ["-1.0", None, "None", "1"]


def test_there_are_no_pages_on_errors() -> None:
    with pytest.raises(ValidationError) as raised:
        Metrics(ttft_ms=-1)
    with pytest.raises(OptionError, match="no pages"):
        raised.value.errors(include_url=True)


def test_secrets_stay_hidden_and_only_the_first_hundred_are_told() -> None:
    @message
    class Secret:
        key: str = field(repr=False)
        items: Sequence[int] = ()

    with pytest.raises(ValidationError) as raised:
        Secret(key=5, items=["x"] * 200)
    assert raised.value.errors()[0]["input"] == "<hidden>"
    assert (len(raised.value.errors()), raised.value.error_count()) == (100, 201)
    assert "5" not in raised.value.json(include_context=False).partition("items")[0]
