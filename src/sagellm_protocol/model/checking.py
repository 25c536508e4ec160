"""The thorough path: check a value against a spec, convert it, and tell everything that is wrong with it.

The generated functions check the same rules but explain nothing; on any doubt they leave the value to this module.
"""

from __future__ import annotations

import enum
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast
from uuid import UUID

import attrs

from sagellm_protocol.model.annotations import spec_of, wire_kind
from sagellm_protocol.model.choosing import fitting_specs, tags
from sagellm_protocol.model.exceptions import DecodeError, ValidationError, Violation
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.spec import (
    INT_MAX,
    INT_MIN,
    MAX_FREE_DEPTH,
    Choice,
    Either,
    Flag,
    Free,
    Items,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Spec,
    Table,
    Text,
    Type,
    Unknown,
    Uuid,
)
from sagellm_protocol.model.wording import describe, join, one_of

Source: TypeAlias = Literal["python", "wire"]
"""Where values come from: arguments, or a payload, which has enumerations and UUIDs as text and messages as dicts."""

COMPARE: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "ge": (">=", operator.ge),
    "gt": (">", operator.gt),
    "le": ("<=", operator.le),
    "lt": ("<", operator.lt),
}
UUID_TEXT = re.compile("[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\\1[0-9a-fA-F]{4}\\1[0-9a-fA-F]{4}\\1[0-9a-fA-F]{12}")
_BROKEN = object()


_SHAPES: dict[str, type | tuple[type, ...]] = {
    "text": (str, UUID),
    "number": (int, float),
    "flag": bool,
    "array": (list, tuple),
    "object": Mapping,
}


@attrs.define
class Checker:
    """One check of one value: where it comes from, the specs that apply, and the violations found."""

    source: Source
    unknown: Unknown | None = None
    specs: Mapping[str, Spec] | None = None
    """The specs of another revision, by message name; where it is absent, each class's own."""
    violations: list[Violation] = attrs.field(factory=list)

    def spec(self, nested: Nested) -> Spec:
        """The spec that applies to a nested message."""
        return spec_of(nested.cls) if self.specs is None else self.specs[nested.name]

    def broken(self, path: str, rule: str, value: object) -> Any:
        """Note a violation; gives the mark that stands for the broken value."""
        self.violations.append(Violation(path, rule, value))
        return _BROKEN

    def check(self, kind: Type, value: Any, path: str) -> Any:
        """``value`` as a message holds it, or a mark that something in it is wrong."""
        match kind:
            case Nullable():
                return None if value is None else self.check(kind.inner, value, path)
            case Text():
                return str.__str__(value) if isinstance(value, str) else self.broken(path, "str", value)
            case Flag():
                return value if isinstance(value, bool) else self.broken(path, "bool", value)
            case Number():
                return self._number(kind, value, path)
            case Member():
                return self._member(kind, value, path)
            case OneOf():
                found = isinstance(value, str) and value in kind.values
                return str.__str__(value) if found else self.broken(path, one_of(kind.values), value)
            case Uuid():
                return self._uuid(value, path)
            case Nested():
                return self._nested(kind, value, path)
            case Choice():
                return self._choice(kind, value, path)
            case Either():
                return self._either(kind, value, path)
            case Items():
                if not _is_sequence(value):
                    return self.broken(path, "a sequence", value)
                items = tuple(self.check(kind.item, item, f"{path}[{index}]") for index, item in enumerate(value))
                return _BROKEN if any(item is _BROKEN for item in items) else items
            case Table():
                return self._table(kind, value, path)
            case _:
                return self.free(value, path, MAX_FREE_DEPTH)

    def _number(self, kind: Number, value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, kind.kind)):
            return self.broken(path, kind.kind.__name__, value)
        if kind.kind is int:
            number: int | float = self._integer(cast("int", value), path)
        else:
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if not math.isfinite(number):
                return self.broken(path, "finite", value)
        for name, limit in kind.bounds:
            sign, holds = COMPARE[name]
            if not holds(number, limit):
                return self.broken(path, f"{sign} {limit}", value)
        return number

    def _integer(self, value: int, path: str) -> int:
        if self.source == "wire" and not INT_MIN <= value <= INT_MAX:
            raise DecodeError(f"{path or 'the payload'} is an integer past 64 bits") from None
        return int.__int__(value)

    def _member(self, kind: Member, value: Any, path: str) -> Any:
        if kind.cls is not None and isinstance(value, kind.cls):
            return value
        for name, known in kind.members.items():
            if isinstance(value, type(known)) and not isinstance(value, bool) and value == known:
                return value if kind.cls is None else kind.cls[name]  # type: ignore[index]
        return self.broken(path, one_of(tuple(dict.fromkeys(kind.members.values()))), value)

    def _uuid(self, value: Any, path: str) -> Any:
        if self.source == "python":
            return value if isinstance(value, UUID) else self.broken(path, "UUID", value)
        if isinstance(value, str) and UUID_TEXT.fullmatch(value):
            return UUID(value)
        return self.broken(path, "UUID", value)

    def _nested(self, kind: Nested, value: Any, path: str) -> Any:
        if self.source == "python":
            return value if isinstance(value, kind.cls) else self.broken(path, kind.name, value)
        return self.message(self.spec(kind), value, path)

    def _choice(self, kind: Choice, value: Any, path: str) -> Any:
        if self.source == "python":
            names = " or ".join(option.name for option in kind.options)
            return value if isinstance(value, tuple(o.cls for o in kind.options)) else self.broken(path, names, value)
        if not isinstance(value, dict):
            return self.broken(path, "an object", value)
        specs = [self.spec(option) for option in kind.options]
        if kind.tag is not None and kind.tag in value:
            tagged, found = tags(specs, kind.tag), value[kind.tag]
            if not isinstance(found, str) or found not in tagged:
                return self.broken(join(path, kind.tag), one_of(tuple(tagged)), found)
            return self.message(tagged[found], value, path)
        fitting = fitting_specs(specs, value)
        if len(fitting) == 1:
            return self.message(fitting[0], value, path)
        names = " or ".join(spec.name for spec in fitting or specs)
        return self.broken(path, f"clearly one of {names}" if fitting else f"one of {names}", value)

    def _either(self, kind: Either, value: Any, path: str) -> Any:
        for option in kind.options:
            trial = attrs.evolve(self, violations=[])
            checked = trial.check(option, value, path)
            if not trial.violations:
                return checked
            if _shape_fits(option, value):
                self.violations.extend(trial.violations)
                return _BROKEN
        return self.broken(path, " or ".join(describe(option) for option in kind.options), value)

    def _table(self, kind: Table, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            return self.broken(path, "a mapping", value)
        if isinstance(kind.value, Free):
            return self.free(value, path, MAX_FREE_DEPTH)
        table: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                table[""] = self.broken(path, "a mapping from text", key)
            else:
                table[str.__str__(key)] = self.check(kind.value, item, join(path, key))
        if any(item is _BROKEN for item in table.values()):
            return _BROKEN
        return FrozenDict(table) if table else EMPTY

    def free(self, value: Any, path: str, depth: int) -> Any:
        """Free JSON, frozen: ``metadata`` and the like."""
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return self._integer(value, path)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else self.broken(path, "finite", value)
        if not isinstance(value, Mapping) and not _is_sequence(value):
            return self.broken(path, "JSON", value)
        if depth == 0:
            return self.broken(path, f"at most {MAX_FREE_DEPTH} levels deep", value)
        if isinstance(value, Mapping):
            table: dict[str, Any] = {}
            for key, item in value.items():
                if isinstance(key, str):
                    table[str.__str__(key)] = self.free(item, join(path, key), depth - 1)
                else:
                    self.broken(path, "JSON with texts as keys", key)
            return FrozenDict(table) if table else EMPTY
        return tuple(self.free(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(value))

    def message(self, spec: Spec, value: Any, path: str) -> Any:
        """A payload as a message of ``spec``; of another revision's spec the checked values only, as a dict."""
        if not isinstance(value, dict):
            return self.broken(path, "an object", value)
        before = len(self.violations)
        fields = self.fields(spec, value, path)
        if len(self.violations) > before:
            return _BROKEN
        return spec.cls(**fields) if self.specs is None else fields

    def fields(self, spec: Spec, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The fields given in ``value``, each checked; the rest is left to the defaults."""
        checked = {}
        for field in spec.fields:
            if field.name in value:
                checked[field.name] = self.check(field.type, value[field.name], join(path, field.name))
            elif field.required:
                self.violations.append(Violation(join(path, field.name), "required", None))
        if (self.unknown or spec.unknown) == "forbid":
            known = {field.name for field in spec.fields}
            for name, found in value.items():
                if name not in known:
                    self.broken(join(path, name), "a known field", found)
        for rule in spec.rules:
            if all(value.get(name) is None for name in rule.fields):
                self.broken(path, str(rule), None)
        return checked


def check_arguments(cls: type, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, checked and converted; those not given are not in ``arguments``.

    Raises:
        ValidationError: with every violation.
    """
    spec = spec_of(cls)
    checker = Checker("python", "forbid")
    checked = checker.fields(spec, arguments, "")
    if checker.violations:
        raise ValidationError(spec.name, checker.violations) from None
    return checked


def check_payload(
    kind: Type, payload: Any, *, unknown: Unknown | None = None, specs: Mapping[str, Spec] | None = None
) -> Any:
    """A payload checked in full, as what a decoder returns for it.

    Raises:
        ValidationError: with every violation.
        DecodeError: an integer past 64 bits.
    """
    checker = Checker("wire", unknown, specs)
    checked = checker.check(kind, payload, "")
    if checker.violations:
        raise ValidationError(describe(kind), checker.violations) from None
    return checked


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _shape_fits(kind: Type, value: object) -> bool:
    """Whether it was this option of a union that the value meant to be."""
    return isinstance(value, _SHAPES[wire_kind(kind)]) and (wire_kind(kind) == "flag" or not isinstance(value, bool))
