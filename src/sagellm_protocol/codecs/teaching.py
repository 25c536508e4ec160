"""What a converter was taught, as specs: types with the user's own hooks, and fields by their names on the wire."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Optional, TypeAlias, Union

import attrs

from sagellm_protocol.codecs.formats import plain
from sagellm_protocol.codecs.taught import Teachings
from sagellm_protocol.codecs.violating import told, written
from sagellm_protocol.model.exceptions import OptionError
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
    Taught,
    Text,
    Type,
    assert_never,
    nested_in,
)
from sagellm_protocol.model.spec import Field, Spec
from sagellm_protocol.model.wording import describe

if typing.TYPE_CHECKING:
    from sagellm_protocol.codecs.converting import MessageConverter
    from sagellm_protocol.codecs.overriding import AttributeOverride

Hook: TypeAlias = Callable[..., Any]


class ConverterTeaching:
    """Asks a converter for each message and each type in it, once."""

    def __init__(self, converter: MessageConverter) -> None:
        self._converter = converter
        self._hooks: dict[tuple[int, Any], Hook] = {}
        """By the id of what was taught, which the converter holds, and the class that it is for."""
        self._specs: dict[int, tuple[Spec, Spec]] = {}
        """By the id of the spec, which is held beside what became of it."""

    def kind(self, kind: Type) -> Type:
        """A type as it is read and written."""
        classes = _classes(kind)
        structure = next(filter(None, map(self._converter.structure_hook, classes)), None)
        unstructure = next(filter(None, map(self._converter.unstructure_hook, classes)), None)
        if structure is not None and unstructure is not None:
            return self._taught(kind, structure, unstructure, classes[0])
        inner = self._inside(kind)
        return inner if structure is unstructure else self._taught(inner, structure, unstructure, classes[0])

    def _taught(self, kind: Type, structure: Hook | None, unstructure: Hook | None, cls: Any) -> Taught:
        # One function for one hook, so that types that were taught the same are the same, and nothing is written twice.
        return Taught(
            kind,
            structure and self._hooks.setdefault((id(structure), cls), told(structure, cls)),
            unstructure and self._hooks.setdefault((id(unstructure), None), _plainly(unstructure)),
        )

    def _inside(self, kind: Type) -> Type:
        match kind:
            case Items():
                return attrs.evolve(kind, item=self.kind(kind.item))
            case Table():
                return attrs.evolve(kind, value=self.kind(kind.value))
            case Nullable() | Limited():
                return attrs.evolve(kind, inner=self.kind(kind.inner))
            case Either():
                return self._either(kind)
            case _:
                return kind

    def _either(self, kind: Either) -> Either:
        options = tuple(map(self.kind, kind.options))
        if any(isinstance(option, Taught) for option in options):
            raise OptionError(
                f"{describe(kind)}: one of them was taught, and nothing tells any more which one stands on the wire:"
                f" register a hook for {_classes(kind)[0]}, which decides"
            )
        return attrs.evolve(kind, options=options)

    def spec(self, spec: Spec) -> Spec:
        """A message as it is read and written; of an older revision too."""
        found = self._specs.get(id(spec))
        if found is None:
            overrides = self._converter.overrides.get(spec.cls, {})
            fields = [self._placed(spec, field, overrides.get(field.today)) for field in spec.fields]
            taught = attrs.evolve(spec, fields=tuple(field for field in fields if field is not None))
            found = self._specs.setdefault(id(spec), (spec, taught))
        return found[1]

    def _placed(self, spec: Spec, field: Field, override: AttributeOverride | None) -> Field | None:
        try:
            return self._field(field, override)
        except OptionError as error:
            raise OptionError(f"{spec.name}.{field.name}: {error}") from None

    def _field(self, field: Field, override: AttributeOverride | None) -> Field | None:
        if override is None:
            return attrs.evolve(field, type=self.kind(field.type))
        if override.omit:
            return None
        if override.struct_hook is not None or override.unstruct_hook is not None:
            hooks = override.struct_hook, override.unstruct_hook
            kind: Type = self._taught(field.type, *hooks, _classes(field.type)[0])
        else:
            kind = self.kind(field.type)
        name = field.name if override.rename is None else override.rename
        return attrs.evolve(field, name=name, type=kind, omit_default=override.omit_if_default)


class HeldTeaching:
    """Types as they stand in a payload of an older revision between a hook and the wire.

    All is as the protocol says, but for messages that a hook reads or writes whole: those stand there themselves.
    """

    def __init__(self, taught: ConverterTeaching) -> None:
        self._taught = taught
        self._specs: dict[int, tuple[Spec, Spec]] = {}

    def kind(self, kind: Type) -> Type:
        """A type as it stands there."""
        return _held(kind, self._taught.kind(kind))

    def spec(self, spec: Spec) -> Spec:
        """A message as it stands there."""
        found = self._specs.get(id(spec))
        if found is None:
            taught = {field.today: field for field in self._taught.spec(spec).fields if field.today}
            fields = [
                attrs.evolve(field, type=_held(field.type, there.type), omit_default=there.omit_default)
                if (there := taught.get(field.today)) is not None
                else field
                for field in spec.fields
            ]
            found = self._specs.setdefault(id(spec), (spec, attrs.evolve(spec, fields=tuple(fields))))
        return found[1]


def _held(kind: Type, taught: Type) -> Type:
    match kind, taught:
        case _, Taught(inner=inner):
            return Taught(kind, _itself, _itself, stands=True) if nested_in(inner) else kind
        case Items(), Items():
            return attrs.evolve(kind, item=_held(kind.item, taught.item))
        case Table(), Table():
            return attrs.evolve(kind, value=_held(kind.value, taught.value))
        case Nullable(), Nullable():
            return attrs.evolve(kind, inner=_held(kind.inner, taught.inner))
        case Limited(), Limited():
            return attrs.evolve(kind, inner=_held(kind.inner, taught.inner))
        case _:
            return kind


def _itself(value: Any) -> Any:
    return value


def teachings_of(converter: MessageConverter) -> Teachings:
    """What a converter was taught, which is all that it ever will be."""
    taught = ConverterTeaching(converter)
    return Teachings(taught, HeldTeaching(taught), converter.overrides)


def _plainly(hook: Hook) -> Hook:
    write = written(hook)
    return lambda value: plain(write(value))


def _classes(kind: Type) -> tuple[Any, ...]:
    """The classes as which a converter may have been taught a type."""
    match kind:
        case Text():
            return (str,)
        case Flag():
            return (bool,)
        case Number():
            return (kind.kind,)
        case Converted(cls=cls):
            return (cls,)
        case Member(cls=cls):
            return () if cls is None else (cls,)
        case Nested(cls=cls):
            return (cls,)
        case OneOf(values=values):
            return (Literal[values],)
        case Choice(options=options):
            return (Union[tuple(option.cls for option in options)],)  # noqa: UP007
        case Free():
            return (Any,)
        case Items(item=item):
            return tuple(
                made
                for inner in _classes(item)
                for made in (Sequence[inner], list[inner], tuple[inner, ...])  # type: ignore[valid-type]
            )
        case Table(value=value):
            return tuple(made for inner in _classes(value) for made in (Mapping[str, inner], dict[str, inner]))  # type: ignore[valid-type]
        case Nullable(inner=inner):
            return tuple(Optional[cls] for cls in _classes(inner))  # noqa: UP045
        case Either(options=options):
            inside = [_classes(option) for option in options]
            return (Union[tuple(classes[0] for classes in inside)],) if all(inside) else ()  # noqa: UP007
        case Limited(inner=inner):
            return _classes(inner)
        case _:
            assert_never(kind)
