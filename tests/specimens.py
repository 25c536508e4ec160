"""Values made from specs for the table tests: right ones, wrong ones, and those at the edge of a bound.

Deterministic, and written apart from the strategies of ``sagellm_protocol.testing``, so that neither hides a fault of
the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import attrs

from declared import Celsius, Point
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.bounds import Bound
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
)
from sagellm_protocol.model.spec import Field, spec_of

A_UUID = UUID("12345678-1234-5678-1234-567812345678")
SPECIMENS: dict[type, Any] = {
    UUID: A_UUID,
    datetime: datetime(2024, 2, 29, 12, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    date: date(2024, 2, 29),
    timedelta: timedelta(days=1, seconds=2, microseconds=3),
    Decimal: Decimal("1.50"),
    bytes: b"\x00\xff",
    Path: Path("a/b"),
    PurePosixPath: PurePosixPath("/a/b"),
    Celsius: Celsius(36.6),
    Point: Point(1.5, -2.0),
}
"""A value of each class that stands as another on the wire."""


class Inside(NamedTuple):
    """A type within a field's type: how to wrap a value of it up into the field's, and where it then stands."""

    kind: Type
    path: str
    wrap: Callable[[Any], Any]
    nullable: bool


def right(kind: Type, holders: tuple[type, ...] = ()) -> Any:
    """A value that a constructor takes; full rather than empty, so that it shows what it is frozen into.

    ``holders`` are the messages that it will be in: a message that may hold itself is not drawn out without end.
    """
    match kind:
        case Nullable(inner=inner):
            return None if _endless(inner, holders) else right(inner, holders)
        case Items(item=inner):
            return [] if _endless(inner, holders) else [right(inner, holders), right(inner, holders)]
        case Table(value=inner):
            return {} if _endless(inner, holders) else {"key": right(inner, holders)}
        case Text():
            return "text"
        case Flag():
            return True
        case Number():
            return within(kind)
        case Converted(cls=cls):
            return SPECIMENS[cls]
        case Limited(inner=inner, bounds=bounds):
            return suited(inner, bounds)
        case Member(cls=cls):
            assert cls is not None
            return next(iter(cls))  # type: ignore[call-overload]
        case OneOf(values=values):
            return values[-1]
        case Nested(cls=cls):
            return complete(cls, holders)
        case Choice(options=options) | Either(options=options):
            return right(options[0], holders)
        case Free():
            return {"list": [1, 2.5, None, {"deep": [True, "text"]}]}


def suited(kind: Type, bounds: tuple[Bound, ...]) -> Any:
    """A value within bounds, lengths and so on: the usual one, or else the one of a few."""
    utc = datetime(2024, 2, 29, tzinfo=timezone.utc)
    others: list[Any] = ["UPPER", "x", 6, 1.5, utc, timedelta(hours=1)]
    usual = right(kind)
    tried = [usual, *(value for value in others if type(value) is type(usual))]
    return next(value for value in tried if all(bound.holds(value) for bound in bounds))


def _endless(kind: Type, holders: tuple[type, ...]) -> bool:
    return isinstance(kind, Nested) and kind.cls in holders


def within(kind: Number) -> Any:
    limits = dict(kind.bounds)
    low = limits.get("ge", limits.get("gt"))
    high = limits.get("le", limits.get("lt"))
    if low is not None and high is not None:
        middle = (low + high) / 2
        return int(middle) if kind.kind is int else float(middle)
    if low is not None:
        return kind.kind(low + 1)
    return kind.kind(high - 1 if high is not None else 1)


def minimal(cls: type) -> dict[str, Any]:
    """Arguments for the required fields alone."""
    return {field.name: right(field.type) for field in spec_of(cls).fields if field.required}


def complete(cls: type, holders: tuple[type, ...] = ()) -> Any:
    """A message with every field given."""
    return cls(**{field.name: right(field.type, (*holders, cls)) for field in spec_of(cls).fields})


def insides(kind: Type, path: str = "", wrap: Callable[[Any], Any] = lambda value: value) -> Iterator[Inside]:
    """The type itself, less its ``| None``, and those of its items."""
    nullable = isinstance(kind, Nullable)
    if isinstance(kind, Nullable):
        kind = kind.inner
    yield Inside(kind, path, wrap, nullable)
    if isinstance(kind, Items):
        yield from insides(kind.item, path + "[0]", lambda value: wrap([value]))
    elif isinstance(kind, Table) and not isinstance(kind.value, Free):
        yield from insides(kind.value, path + ".key", lambda value: wrap({"key": value}))


class Odd:
    """No value of the protocol."""

    def __repr__(self) -> str:
        return "<odd>"


def wrong(kind: Type) -> list[Any]:
    """Values of other types, None among them."""
    common = [None, Odd(), b"text", {1, 2}, 1j]
    match kind:
        case Text():
            return [*common, 1, True, 1.5, ["text"], {}]
        case Flag():
            return [*common, 0, 1, "true", 1.0, []]
        case Number() if kind.kind is int:
            return [*common, True, float(within(kind)), str(within(kind)), [within(kind)]]
        case Number():
            return [*common, True, str(within(kind)), [within(kind)]]
        case Converted(cls=cls):
            return [*(value for value in common if type(value) is not cls), kind.dump(SPECIMENS[cls]), 1.5, []]
        case Limited(inner=inner):
            return wrong(inner)
        case Member():
            return [*common, "no such value", -12345, 1.5, []]
        case OneOf():
            return [*common, "no such value", 1, []]
        case Nested() | Choice():
            return [*common, "text", []]
        case Items():
            return [*common, "text", {}, 1, bytearray(b"text")]
        case Table():
            return [*common, "text", [], 1]
        case Either():
            return [*common, 1.5]
        case Free():
            return [*common[1:], math.nan, {"key": Odd()}, [{1}], {1: "a"}]
        case Nullable():
            raise AssertionError(kind)


class Edge(NamedTuple):
    """A bound of a number, the value nearest to it that holds, and the nearest that does not."""

    rule: str
    holds: Any
    fails: Any


def edges(kind: Number) -> Iterator[Edge]:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    for name, limit in kind.bounds:
        out, rounded = (-1, math.ceil(limit)) if name in ("ge", "gt") else (1, math.floor(limit))
        at = rounded if kind.kind is int else float(limit)
        strict = name in ("gt", "lt") and at == limit
        yield Edge(f"{signs[name]} {limit}", step(at, -out) if strict else at, at if strict else step(at, out))


def step(number: Any, direction: int) -> Any:
    """The number next to another: upwards, or downwards."""
    return number + direction if type(number) is int else math.nextafter(number, direction * math.inf)


def in_fields(value: Any) -> Any:
    """A value as on the wire, but that what a message keeps is in a field of its own, as those see it who ask attrs."""
    if is_message(type(value)):
        return {field.name: in_fields(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, dict):
        return {key: in_fields(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return list(map(in_fields, value))
    return value.value if isinstance(value, Enum) else str(value) if isinstance(value, UUID) else value


def fields(cls: type) -> tuple[Field, ...]:
    return spec_of(cls).fields
