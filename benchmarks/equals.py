"""Equal classes for the competitors, made from our specs: attrs with validators, and msgspec.Struct with bounds.

They have the fields that the published release has, so that all are measured on the same content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import attrs
import cattrs
import msgspec
from attrs import validators as check
from cattrs.preconf.orjson import make_converter

from benchmarks.release import RELEASE
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.model.kinds import (
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
from sagellm_protocol.model.spec import REQUIRED, Derived, Field, Made, Spec

_LEAVES: dict[type, Any] = {Text: str, Flag: bool, Free: Any}


class _Twins:
    """Classes equal to ours, each made once."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def of(self, cls: type) -> Any:
        """The class equal to one of ours, as it was in the release."""
        spec = HISTORY.spec(cls, RELEASE)
        if spec.name not in self._made:
            self._made[spec.name] = self._make(spec)
        return self._made[spec.name]

    def _make(self, spec: Spec) -> Any:
        raise NotImplementedError

    def _number(self, kind: Number) -> Any:
        return kind.kind

    def annotation(self, kind: Type) -> Any:
        """What a field of this type is annotated with."""
        match kind:
            case Number():
                return self._number(kind)
            case Member():
                return kind.cls
            case OneOf():
                return Literal[kind.values]
            case Converted():
                return kind.cls
            case Nested():
                return self.of(kind.cls)
            case Items():
                return tuple[self.annotation(kind.item), ...]  # type: ignore[misc]
            case Table():
                return dict[str, self.annotation(kind.value)]  # type: ignore[misc]
            case Nullable():
                return self.annotation(kind.inner) | None
            case Either():
                return reduce(or_, map(self.annotation, kind.options))
            case _:
                return _LEAVES[type(kind)]


def _default(field: Field, factory: Callable[[Callable[[], Any]], Any], twin: Callable[[type], Any]) -> Any:
    """The field's default, its factory wrapped as the class library wants it; no two share a dict."""
    value = field.default
    if isinstance(value, Made):
        return factory(value.factory)
    if isinstance(value, Derived):
        return value.shown
    if isinstance(value, FrozenDict):
        return factory(dict)
    if attrs.has(type(value)):  # a message that holds nothing but defaults
        return factory(twin(type(value)))
    return value


class AttrsTwins(_Twins):
    """Frozen, slotted attrs classes with validators for types and bounds, and a cattrs converter for them."""

    _BOUNDS: ClassVar[dict[str, Any]] = {"ge": check.ge, "gt": check.gt, "le": check.le, "lt": check.lt}

    def __init__(self) -> None:
        super().__init__()
        # The quicker of the two ways that cattrs has: no details on errors.
        self.converter = make_converter(detailed_validation=False)
        self.converter.register_structure_hook(UUID, lambda value, _: UUID(value))
        self.converter.register_unstructure_hook(UUID, str)

    def _make(self, spec: Spec) -> Any:
        fields = {}
        for field in spec.fields:
            default = attrs.NOTHING if field.required else _default(field, attrs.Factory, self.of)
            fields[field.name] = attrs.field(
                default=default,
                type=self.annotation(field.type),
                validator=self._validator(field.type),
                converter=self._converter(field.type),
            )
        cls = attrs.make_class(spec.cls.__name__, fields, frozen=True, slots=True, kw_only=True)
        cls = attrs.resolve_types(cls)
        strict = spec.unknown == "forbid"
        self.converter.register_structure_hook(
            cls, cattrs.gen.make_dict_structure_fn(cls, self.converter, _cattrs_forbid_extra_keys=strict)
        )
        return cls

    def annotation(self, kind: Type) -> Any:
        """As for any twin; cattrs is told about unions on the way."""
        found = super().annotation(kind)
        if isinstance(kind, Either):
            many = next(self.annotation(option) for option in kind.options if isinstance(option, Items))
            structure = self.converter.get_structure_hook(many)
            self.converter.register_structure_hook(
                found, lambda value, _: value if isinstance(value, str) else structure(value, many)
            )
            # The same type or None is another union to cattrs.
            self.converter.register_structure_hook(
                found | None,
                lambda value, _: value if value is None or isinstance(value, str) else structure(value, many),
            )
        return found

    def _converter(self, kind: Type) -> Any:
        match kind:
            case Items():
                return tuple
            case Nullable():
                inner = self._converter(kind.inner)
                return inner and attrs.converters.optional(inner)
            case Either():
                return lambda value: tuple(value) if isinstance(value, list) else value
            case _:
                return None

    def _validator(self, kind: Type) -> Any:
        match kind:
            case Number():
                bounds = [self._BOUNDS[name](limit) for name, limit in kind.bounds]
                return check.and_(check.instance_of(kind.kind), *bounds)
            case OneOf():
                return check.in_(kind.values)
            case Items():
                return check.deep_iterable(self._validator(kind.item), check.instance_of(tuple))
            case Table():
                return check.deep_mapping(check.instance_of(str), self._validator(kind.value), check.instance_of(dict))
            case Nullable():
                return check.optional(self._validator(kind.inner))
            case Either():
                return check.or_(*map(self._validator, kind.options))
            case Free():
                return lambda instance, attribute, value: None
            case _:
                return check.instance_of(self.annotation(kind))


class StructTwins(_Twins):
    """Frozen ``msgspec.Struct`` classes with bounds as ``msgspec.Meta``."""

    def _number(self, kind: Number) -> Any:
        return Annotated[kind.kind, msgspec.Meta(**dict(kind.bounds))] if kind.bounds else kind.kind

    def _make(self, spec: Spec) -> Any:
        fields: list[Any] = []
        for field in spec.fields:
            default = _default(field, lambda make: msgspec.field(default_factory=make), self.of)
            annotation = self.annotation(field.type)
            fields.append((field.name, annotation) if default is REQUIRED else (field.name, annotation, default))
        strict = spec.unknown == "forbid"
        return msgspec.defstruct(spec.cls.__name__, fields, frozen=True, kw_only=True, forbid_unknown_fields=strict)


def given(value: Any) -> Any:
    """A field's value as a caller has it: lists for sequences, dicts for mappings, messages as they are."""
    if isinstance(value, (list, tuple)):
        return [given(item) for item in value]
    if isinstance(value, Mapping):
        return {key: given(item) for key, item in value.items()}
    return value
