"""Payloads of any message at any revision, made from its spec; quick, and the same for the same seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any
from uuid import UUID

from sagellm_protocol import history
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
)
from sagellm_protocol.model.spec import Spec

TEXTS = (
    "",
    "x",
    "r-1",
    "text",
    "é",
    "\U0001f600",
    "\x00",
    "\\",
    '"',
    "null",
    "0",
    "a.b",
    "k" * 90,
    "fp16",
    "stop",
    "$",
)
INTEGERS = (0, 1, 2, 7, 255, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, INT_MAX, -1, -(2**31), INT_MIN)
FLOATS = (0.0, -0.0, 0.5, 1.0, 1.5, 8.0, 1e-7, 5e-324, 1e16, 2.0**53, 2.0**63, 1.8446744073709552e19, 1e300, -1.5)


def text(rng: Random) -> str:
    return rng.choice(TEXTS) if rng.random() < 0.7 else "".join(rng.choices("abz_09.é ", k=rng.randrange(12)))


def free(rng: Random, levels: int = 3) -> Any:
    """Any JSON."""
    kind = rng.randrange(10 if levels else 7)
    if kind < 2:
        return text(rng)
    if kind < 4:
        return rng.choice(INTEGERS)
    if kind < 6:
        return rng.choice(FLOATS)
    if kind == 6:
        return rng.choice((None, True, False))
    if kind == 7:
        return [free(rng, levels - 1) for _ in range(rng.randrange(4))]
    return {text(rng): free(rng, levels - 1) for _ in range(rng.randrange(4))}


def number(rng: Random, kind: Number) -> Any:
    """A number within its bounds, often at one."""
    low, high = (-1e9, 1e9)
    for name, limit in kind.bounds:
        step = 0 if name in ("ge", "le") else (1 if kind.kind is int else 1e-3)
        if name in ("ge", "gt"):
            low = limit + step
        else:
            high = limit - step
    if kind.kind is int:
        least, most = math.ceil(low), math.floor(high)
        return rng.choice((least, most, rng.randint(least, most), min(max(rng.choice(INTEGERS), least), most)))
    found = rng.choice((low, high, rng.uniform(low, high), min(max(rng.choice(FLOATS), low), high)))
    return rng.choice((found, int(found))) if low <= int(found) <= high else found


def value(rng: Random, kind: Type, specs: Mapping[str, Spec], levels: int = 6) -> Any:
    """A value of a type, as it stands on the wire."""
    match kind:
        case Text():
            return text(rng)
        case Flag():
            return rng.random() < 0.5
        case Number():
            return number(rng, kind)
        case Converted(cls=cls):
            assert cls is UUID
            found = UUID(int=rng.getrandbits(128))
            return rng.choice((str(found), str(found), found.hex, str(found).upper()))
        case Member(members=members):
            return rng.choice(list(members.values()))
        case OneOf(values=values):
            return rng.choice(values)
        case Nested(name=name):
            return payload(rng, specs[name], specs, levels - 1)
        case Choice(options=options) | Either(options=options):
            return value(rng, rng.choice(options), specs, levels)
        case Items(item=item):
            return [value(rng, item, specs, levels - 1) for _ in range(rng.randrange(4) if levels > 0 else 0)]
        case Table(value=item):
            many = rng.randrange(4) if levels > 0 else 0
            return {text(rng): value(rng, item, specs, levels - 1) for _ in range(many)}
        case Nullable(inner=inner):
            return None if rng.random() < 0.3 or levels <= 0 else value(rng, inner, specs, levels)
        case Free():
            return free(rng)


def payload(rng: Random, spec: Spec, specs: Mapping[str, Spec], levels: int = 6) -> dict[str, Any]:
    """A payload that holds the required fields and some of the others."""
    share = rng.choice((0.1, 0.5, 1.0))
    made = {
        field.name: value(rng, field.type, specs, levels)
        for field in spec.fields
        if field.required or rng.random() < share
    }
    for rule in spec.rules:
        if all(made.get(name) is None for name in rule.fields):
            field = next(field for field in spec.fields if field.name in rule.fields)
            inner = field.type.inner if isinstance(field.type, Nullable) else field.type
            made[field.name] = value(rng, inner, specs, levels)
    if rng.random() < 0.2:
        made = dict(rng.sample(list(made.items()), len(made)))
    return made


def some_message(rng: Random) -> tuple[str, str]:
    """A message and a revision that has it; often today's."""
    revision = history.latest if rng.random() < 0.5 else rng.choice(history.revisions)
    return rng.choice(list(history.HISTORY.specs(revision))), revision


def of_message(rng: Random, message: str, revision: str) -> dict[str, Any]:
    """A payload of a message at a revision."""
    specs = history.HISTORY.specs(revision)
    return payload(rng, specs[message], specs)
