"""The table in docs/own-messages.md of what ``@message`` honours and what it refuses: every row is run."""

from __future__ import annotations

import re
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import attrs
import pydantic
import pytest

from every_path import told
from published import ROOT
from sagellm_protocol import evolve, violations
from sagellm_protocol.model import KEPT, JsonObject, derived, field, from_plain, message, rule, to_plain
from sagellm_protocol.model.exceptions import DeclarationError

T = TypeVar("T")


def even(instance: Any, attribute: Any, value: int) -> None:
    if value % 2:
        raise ValueError(f"{value} is odd")


def below_x(instance: Any, attribute: Any, value: int) -> None:
    if value >= instance.x:
        raise ValueError("not below x")


@message
class Leaf:
    n: int = field(default=0, validator=even)


class Mixin:
    def shout(self) -> str:
        return type(self).__name__ + "!"


class Annotating:
    lost: int


@dataclass
class Data:
    lost: int


@attrs.define
class Attrs:
    lost: int


class Initialising:
    def __init__(self) -> None: ...


class Registering(ABCMeta):
    made: ClassVar[list[type]] = []

    def __init__(cls, *arguments: Any) -> None:
        super().__init__(*arguments)
        cls.made.append(cls)


class Calling(type):
    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        raise AssertionError


NAMES = {
    **{found.__name__: found for found in (ABC, InitVar, Sequence, cached_property, dataclass, abstractmethod)},
    **{found.__name__: found for found in (Leaf, Mixin, Annotating, Data, Attrs, Initialising, Registering, Calling)},
    **{found.__name__: found for found in (even, below_x, evolve, derived, field, from_plain, message, to_plain)},
    **{found.__name__: found for found in (rule, violations)},
    "KEPT": KEPT,
    "JsonObject": JsonObject,
    "ClassVar": ClassVar,
    "Generic": Generic,
    "T": T,
    "attrs": attrs,
    "pydantic": pydantic,
    "ge": attrs.validators.ge,
    "plain": lambda cls: cls,
}


class Row(NamedTuple):
    written: str
    outcome: str
    so: str

    def source(self) -> str:
        lines = re.findall("`([^`]+)`", self.written)
        if not lines[0].startswith(("class", "@message", "@attrs.", "@dataclass", "@plain")):
            lines.insert(0, "class M:")
        at = next(index for index, line in enumerate(lines) if line.startswith("class"))
        decorators = lines[:at] or ["@message"]
        return "\n".join([*decorators, lines[at], *(f"    {line}" for line in lines[at + 1 :])])

    def declared(self) -> dict[str, Any]:
        names = {**NAMES, "__name__": __name__}
        exec(self.source(), names)
        names["M"].__qualname__ = "M"
        return names


def rows() -> list[Row]:
    text = (ROOT / "docs/own-messages.md").read_text(encoding="utf-8")
    table = text.partition("| written | what comes of it | so |")[2].partition("\n\n")[0]
    return [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in table.splitlines()[2:]]


REFUSED = [row for row in rows() if row.outcome.startswith("refused:")]
RUN = [row for row in rows() if row not in REFUSED]


def test_the_table_is_found() -> None:
    assert len(REFUSED) > 25
    assert len(RUN) > 25
    assert all(row.so for row in RUN)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.written)
def test_what_is_refused_is_refused_at_the_class_and_says_what_to_write(row: Row) -> None:
    with pytest.raises(DeclarationError) as raised:
        row.declared()
    assert row.outcome.removeprefix("refused: ") in str(raised.value)
    assert "M" in str(raised.value).partition(":")[0]


@pytest.mark.parametrize("row", RUN, ids=lambda row: row.written)
def test_what_is_honoured_is(row: Row) -> None:
    names = row.declared()
    cls = names["M"]

    def refuses(words: str, **arguments: Any) -> bool:
        found = []
        calls: list[Callable[[], Any]] = [lambda: cls(**arguments)]
        if "__message__" in vars(cls):
            calls.append(lambda: from_plain(cls, arguments))
        for call in calls:
            with pytest.raises(DeclarationError) as raised:
                call()
            found.append(words in str(raised.value))
        return all(found)

    assert eval(row.so.strip("`"), {**names, "fails": lambda **given: told(cls, given), "refuses": refuses})
