"""``inspect.signature`` and ``help`` of a message read as a person would write them."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import pydoc
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Dict, ForwardRef, List, Literal, Optional, Union  # noqa: UP035

import pytest
from annotated_types import Ge, Len, Predicate, doc

import declared
from sagellm_protocol import DType, Metrics, Request, SamplingParams, StreamEventStart, catalog
from sagellm_protocol.model import EMPTY, derived, field, message
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.documenting import Argument, written
from sagellm_protocol.model.units import Count, Milliseconds, Tokens, Unit

OPTIONAL = Milliseconds | None


def help_of(value: object) -> str:
    out = io.StringIO()
    pydoc.Helper(output=out)(value)
    return out.getvalue()


def one_line(text: str) -> str:
    return re.sub(r"[\s|]+", " ", text)


EVERY = [*catalog.messages().values(), *(cls for cls in vars(declared).values() if is_message(cls))]


@message
class Shown:
    """What it is."""

    name: str
    """What it is called,
    and by whom."""
    took: Milliseconds | None = None
    """How long."""
    sizes: Annotated[Sequence[Tokens], Len(1, 3)] = (1,)
    kind: DType = DType.FP16
    params: SamplingParams = SamplingParams(temperature=0.5)
    made: Sequence[int] = field(factory=list)
    follows: int = derived(lambda self: 1, default=1)
    secret: str = field(default="x", repr=False)
    told: Annotated[int, doc("Told by doc().")] = 0
    labels: Mapping[str, Any] = EMPTY
    next: Shown | None = field(default=None, alias="after")


def test_a_signature() -> None:
    assert str(inspect.signature(Shown)) == (
        "(*, name: str, took: Milliseconds | None = None,"
        " sizes: Annotated[Sequence[Tokens], Len(1, 3)] = (1,), kind: DType = DType.FP16,"
        " params: SamplingParams = SamplingParams(...), made: Sequence[int] = <factory>, follows: int = <derived>,"
        " secret: str = <hidden>, told: Annotated[int, doc('Told by doc().')] = 0,"
        " labels: Mapping[str, Any] = {}, after: Shown | None = None)"
    )


def test_help_says_it_all_first() -> None:
    text = help_of(Shown)
    said = text.partition("Methods defined here")[0]
    lines = [line.strip("| ") for line in said.splitlines()]
    at = lines.index("Fields:")
    assert "What it is." in lines[:at]
    assert lines[at + 1 : at + 9] == [
        "name: str",
        "What it is called, and by whom.",
        "took: Milliseconds | None = None  (>= 0, in ms)",
        "How long.",
        "sizes: Annotated[Sequence[Tokens], Len(1, 3)] = (1,)  (each >= 0, in tokens, at least 1 long, at most 3 long)",
        "kind: DType = DType.FP16",
        "params: SamplingParams = SamplingParams(...)",
        "made: Sequence[int] = <factory>",
    ]
    assert "Told by doc()." in lines
    assert "Annotated[int, Unit" not in text


def test_a_class_without_text_and_one_without_fields() -> None:
    @message
    class Silent:
        x: int

    @message
    class Empty:
        """Says nothing more."""

    @message
    class Nothing:
        pass

    class Plain(Shown):
        pass

    assert Silent.__doc__ == "Fields:\n    x: int"
    assert Empty.__doc__ == "Says nothing more."
    assert Nothing.__doc__ == ""
    assert inspect.getdoc(Plain) == inspect.getdoc(Shown) == Shown(name="a").__doc__
    assert Shown.__doc__ == Shown.__doc__


def test_what_cannot_be_looked_up_stays_as_it_is_written() -> None:
    @message
    class Lost:
        """Names what is nowhere."""

        x: Nowhere  # type: ignore[name-defined]  # noqa: F821

    assert str(inspect.signature(Lost)) == "(*, x: Nowhere)"
    assert Lost.__doc__ == "Names what is nowhere."


def test_annotations_are_real_and_only_shown_otherwise() -> None:
    signature = inspect.signature(Shown)
    took = signature.parameters["took"]
    assert took.annotation == OPTIONAL
    assert isinstance(took, inspect.Parameter)
    assert took == inspect.Parameter("took", took.KEYWORD_ONLY, default=None, annotation=OPTIONAL)
    assert str(took.replace(annotation=int)) == "took: int = None"
    for copied in (copy.copy(took), pickle.loads(pickle.dumps(took))):
        assert copied == took
        assert str(copied) == "took: Milliseconds | None = None"
    assert signature.bind(name="a").arguments == {"name": "a"}


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (type(None), "None"),
        (Any, "Any"),
        ("Tokens | None", "Tokens | None"),
        (ForwardRef("Later"), "Later"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[str, List[int]], "str | list[int]"),  # noqa: UP006, UP007
        (str | None, "str | None"),
        (Dict[str, Any], "dict[str, Any]"),  # noqa: UP006
        (Mapping[str, Sequence[int]], "Mapping[str, Sequence[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Milliseconds, "Milliseconds"),
        (Count, "Annotated[int, >= 0]"),
        (Annotated[float, Ge(1), Unit("s")], "Annotated[float, >= 1, in s]"),
        (Annotated[Sequence[Tokens], Len(1)], "Annotated[Sequence[Tokens], each >= 0, in tokens, at least 1 long]"),
        (Annotated[str, Predicate(str.islower)], "Annotated[str, accepted by islower]"),
        (Annotated[object, Ge(0)], "Annotated[object, Ge(ge=0)]"),
        (Request, "Request"),
        (3, "3"),
    ],
)
def test_written(annotation: Any, text: str) -> None:
    assert written(annotation) == text


def test_an_argument_without_annotation_or_default() -> None:
    assert str(Argument("x", Argument.KEYWORD_ONLY, annotation=int)) == "x: int"


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_message(cls: Any) -> None:
    signature = str(inspect.signature(cls))
    for machinery in ("typing.", "sagellm_protocol", "Ge(ge", "NOTHING", "Unit(symbol", "Optional["):
        assert machinery not in signature or cls.__module__ == "declared"
    text = help_of(cls)
    assert text.index("Fields:") < text.index("Methods defined here")
    for inner in ("UNSET", "_Draft", " _message_"):
        assert inner not in text


def test_units_are_told() -> None:
    assert "ttft_ms: Milliseconds  (>= 0, in ms)" in one_line(Metrics.__doc__ or "").replace(" (", "  (")
    assert "prompt_tokens: AnyTokens | None = None  (in tokens)" in (StreamEventStart.__doc__ or "")
