"""What a revision says, as a flat table of facts: each a line of text that can be compared, digested and read.

A fact is one field, enumeration member, typed dict, or what holds for a message as a whole. Types are written as the
annotations that declare them. What does not show on the wire (list or tuple, the order of members) is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from sagellm_protocol.history import History
from sagellm_protocol.history.defaults import plain_default
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
    assert_never,
)
from sagellm_protocol.model.spec import Derived, Field, Made, Spec
from sagellm_protocol.model.writing import Writers


class Subject(NamedTuple):
    """What a fact is about."""

    path: str
    """``types.Request``, ``types.Request.prompt``, ``errors.ErrorCode.TIMEOUT``."""
    kind: str
    """``message``, ``field``, ``member`` (of an enumeration) or ``typed-dict``."""

    @property
    def owner(self) -> str:
        """The message or enumeration that a field or member belongs to; of the others, the path itself."""
        return self.path.rpartition(".")[0] if self.kind in ("field", "member") else self.path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


Facts: TypeAlias = Mapping[Subject, Any]
"""Subject to plain data."""


def fields_in(facts: Facts, owner: str, kind: str = "field") -> dict[str, Any]:
    """The fields of a message, or the members of an enumeration, by name."""
    return {subject.name: fact for subject, fact in facts.items() if subject.kind == kind and subject.owner == owner}


def facts_of(history: History, revision: str) -> dict[Subject, Any]:
    """Everything that a revision says."""
    facts: dict[Subject, Any] = {}
    for name, spec in history.specs(revision).items():
        facts[Subject(name, "message")] = _message(spec)
        for field in spec.fields:
            facts[Subject(f"{name}.{field.name}", "field")] = _field(field, history, revision)
    table = history.table(revision)
    for name, members in table["enums"].items():
        for member, value in members.items():
            facts[Subject(f"{name}.{member}", "member")] = value
    for name, typed_dict in table["typed_dicts"].items():
        facts[Subject(name, "typed-dict")] = typed_dict["fields"]
    return facts


def line(subject: Subject, value: Any) -> str:
    """A fact as text."""
    return f"{subject} {json.dumps(value)}"


def parse(text: str) -> tuple[Subject, Any]:
    """The fact that a text says."""
    kind, path, value = text.split(" ", 2)
    return Subject(path, kind), json.loads(value)


def digest(facts: Facts) -> str:
    """SHA-256 over all facts in order of their subjects, in hexadecimal."""
    lines = "\n".join(line(subject, facts[subject]) for subject in sorted(facts))
    return hashlib.sha256(lines.encode()).hexdigest()


def _message(spec: Spec) -> dict[str, Any]:
    fact: dict[str, Any] = {"fields": [field.name for field in spec.fields], "unknown": spec.unknown}
    if spec.rules:
        fact["not all null"] = [list(rule.fields) for rule in spec.rules]
    return fact


def _field(field: Field, history: History, revision: str) -> dict[str, Any]:
    fact: dict[str, Any] = {"type": annotation(field.type)}
    match field.default:
        case _ if field.required:
            fact["required"] = True
        case Derived(shown=Made(factory=factory)):
            fact["derived by"] = getattr(factory, "__name__", "function")
        case Derived(shown=shown):
            fact["derived"] = plain_default(shown)
        case Made(factory=factory):
            fact["made"] = getattr(factory, "__name__", "function")
        case default if is_message(type(default)):
            short = Writers("plain", omit_defaults=True).writer(type(default))(default)
            fact["default"] = history.downgrade(short, type(default), to=revision, lossy=True)
        case default:
            fact["default"] = plain_default(default)
    return fact


def annotation(kind: Type) -> str:
    """A type as the annotation that declares it: ``Annotated[float, Ge(0), Unit("ms")] | None``."""
    match kind:
        case Text():
            return "str"
        case Flag():
            return "bool"
        case Converted(name=name):
            return name
        case Member(name=name) | Nested(name=name):
            return name
        case OneOf(values=values):
            return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
        case Items(item=item):
            return f"Sequence[{annotation(item)}]"
        case Table(value=value):
            return f"Mapping[str, {annotation(value)}]"
        case Nullable(inner=inner):
            return f"{annotation(inner)} | None"
        case Choice(options=options) | Either(options=options):
            return " | ".join(annotation(option) for option in options)
        case Number(kind=number, bounds=(), unit=None):
            return number.__name__
        case Number() | Limited():
            inner, beside = _beside(kind)
            return f"Annotated[{', '.join([annotation(inner), *beside])}]"
        case Free():
            return "Any"
        case _:
            assert_never(kind)


def _beside(kind: Number | Limited) -> tuple[Type, list[str]]:
    """A type, and what stands beside it in ``Annotated``: its own bounds and unit before those around it."""
    if isinstance(kind, Number):
        units = [] if kind.unit is None else [f"Unit({json.dumps(kind.unit)})"]
        return Number(kind.kind), [*_calls(kind.bounds), *units]
    inner, beside = _beside(kind.inner) if isinstance(kind.inner, Number) else (kind.inner, [])
    return inner, [*beside, *_calls(kind.bounds)]


def _calls(bounds: tuple[Bound, ...]) -> list[str]:
    """Bounds as the calls that declare them, in order of their names."""
    return sorted(f"{bound.meaning.annotation.__name__}({json.dumps(_short(bound.shown))})" for bound in bounds)


def _short(limit: Any) -> Any:
    """2 for 2.0: the same bound, written the same."""
    return int(limit) if isinstance(limit, float) and limit == int(limit) else limit
