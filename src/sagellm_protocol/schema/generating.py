"""JSON Schema, draft 2020-12, from the specs of a revision.

A schema takes what a codec takes at that revision, except for what JSON Schema cannot say:

- ``integer`` takes ``1e300``, because to JSON Schema that is an integer; codecs take floats for integers up to 2**53.
- ``format`` only names what is written. Where a validator is told to check ``uuid`` it refuses the 32 digits without
  hyphens, which codecs and the ``pattern`` take.
- Free JSON (``metadata`` and the like) is ``true``: that it nests at most 100 levels deep, with integers of 64 bits, is
  left to the codec. So are numbers too large for a 64-bit float.
- Lengths of bytes, bounds of what stands as text, and predicates are told in ``x-rules``; so are a Decimal's digits by
  its ``maxLength`` alone, and days that no month has, or times that no ``datetime`` can be, pass a ``pattern``.
- Rules between fields, which codecs ask where they are told to, stand in ``$comment`` of a message of today's revision.
- Of messages that are told apart by a tag, but come without it, exactly one must fit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.history.defaults import has_plain_default, plain_default
from sagellm_protocol.history.lineage import became
from sagellm_protocol.model.annotations import is_message, read_type
from sagellm_protocol.model.bounds import Bound
from sagellm_protocol.model.deprecated import deprecated_in
from sagellm_protocol.model.kinds import (
    INT_MAX,
    INT_MIN,
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
    nested_in,
    wire_kind,
)
from sagellm_protocol.model.rules import Rule, rules_of
from sagellm_protocol.model.spec import Field, NotAllNull, Spec
from sagellm_protocol.schema.descriptions import class_text, field_text, field_texts

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""What ``$schema`` says."""


def json_schema(message: Any, revision: str = LATEST, history: History = HISTORY) -> dict[str, Any]:
    """The JSON Schema of a message at a revision: a new dict of plain data.

    Units stand in ``x-unit``, what JSON Schema cannot say in ``x-rules``, the names and texts of members in
    ``x-enum-varnames`` and ``x-enum-descriptions``, the revision in ``x-revision``. Nested messages and enumerations
    are in ``$defs``, by full name. Fields are described as they are today, under the name that they had.

    Args:
        message: full or short name, the class, or a union of classes (``StreamEvent``).
        revision: any release name, a revision, or ``"latest"``.
        history: the revisions and messages that it knows.

    Raises:
        UnsupportedRevisionError: no such release, or it has no such message.
    """
    if isinstance(message, str) or is_message(message):
        kind: Type = _nested(history.spec(message, revision))
    else:
        kind = read_type(message)
        for nested in nested_in(kind):
            history.spec(nested.cls, revision)
    writing = _Document(history, history.resolve(revision), kind.name if isinstance(kind, Nested) else None)
    root = writing.message(history.spec(kind.name, revision)) if isinstance(kind, Nested) else writing.of(kind)
    schema = {"$schema": DIALECT, "x-revision": writing.revision, **root}
    if writing.definitions:
        schema["$defs"] = dict(sorted(writing.definitions.items()))
    return schema


def bundle(revision: str = LATEST, history: History = HISTORY) -> dict[str, Any]:
    """Every message and enumeration of a revision in one document, under ``$defs`` by full name.

    The document itself takes anything; the schema of a message in it is at ``#/$defs/types.Request``.
    """
    writing = _Document(history, history.resolve(revision), None)
    for spec in history.specs(revision).values():
        writing.of(_nested(spec))
    for name, members in history.table(revision)["enums"].items():
        writing.of(Member(name, members))
    definitions = dict(sorted(writing.definitions.items()))
    return {"$schema": DIALECT, "x-revision": writing.revision, "$defs": definitions}


def _nested(spec: Spec) -> Nested:
    return Nested(spec.name, spec.cls)


class Writing(ABC):
    """Schemas being written: of types, of messages, and of the fields in them."""

    @abstractmethod
    def refer(self, kind: Member | Nested) -> dict[str, Any]:
        """The reference to the schema of a message or enumeration that stands elsewhere; or that schema itself."""

    @abstractmethod
    def spec(self, nested: Nested) -> Spec | None:
        """A message as it is described; None where there was none yet."""

    def of(self, kind: Type) -> dict[str, Any]:
        """The schema of a value; of messages and enumerations a reference."""
        match kind:
            case Text():
                return {"type": "string"}
            case Flag():
                return {"type": "boolean"}
            case Number():
                return _number(kind)
            case Converted():
                return {**self.of(kind.wire), **kind.schema}
            case Limited():
                return _limited(self.of(kind.inner), kind)
            case OneOf(values=(value,)):
                return {**_type_of(kind.values), "const": value}
            case OneOf(values=values):
                return {**_type_of(values), "enum": list(values)}
            case Items(item=item):
                return {"type": "array", "items": self.of(item) or True}
            case Table(value=value):
                return {"type": "object", "additionalProperties": self.of(value) or True}
            case Nullable(inner=inner):
                return _or_null(self.of(inner))
            case Either(options=options):
                return {"anyOf": [self.of(option) for option in options]}
            case Choice():
                return self._choice(kind)
            case Member() | Nested():
                return self.refer(kind)
            case Free():
                return {}
            case _:
                assert_never(kind)

    def message(self, spec: Spec) -> dict[str, Any]:
        """The schema of a message itself."""
        texts, deprecated = field_texts(spec.cls), self.deprecated(spec)
        schema: dict[str, Any] = {"title": spec.name, "type": "object"}
        schema |= _described(class_text(spec.cls), deprecated.get(""))
        became = self.became(spec)
        told = {field.name: field_text(field, texts.get(field.today, field.text), became) for field in spec.fields}
        schema["properties"] = {
            field.name: self._field(field, told[field.name], deprecated.get(field.name)) or True
            for field in spec.fields
        }
        if required := [field.name for field in spec.fields if field.required]:
            schema["required"] = required
        if spec.unknown != "ignore":
            schema["additionalProperties"] = spec.unknown == "keep"
        if spec.rules:
            schema["allOf"] = [_rule(rule) for rule in spec.rules]
        if between := self.between(spec):
            schema["$comment"] = "Not enforced: " + "; ".join(f"{rule} ({rule.name})" for rule in between)
        return schema

    def _field(self, field: Field, text: str, deprecated: str | None) -> dict[str, Any]:
        schema = self.of(field.type) | _described(text, deprecated)
        if has_plain_default(field):
            schema["default"] = self.default(field.default)
        return schema

    def became(self, spec: Spec) -> Mapping[str, Sequence[str]]:
        """The fields of today that fields of a message were converted into: none of today's were."""
        return {}

    def default(self, default: Any) -> Any:
        """A default as payloads hold it."""
        return plain_default(default)

    def between(self, spec: Spec) -> Sequence[Rule]:
        """The rules between fields, which speak of today's."""
        return rules_of(spec.cls)

    def deprecated(self, spec: Spec) -> Mapping[str, str]:
        """What is deprecated of a message: sentences by field, and under an empty name that on the message itself."""
        return deprecated_in(spec.cls)

    def _choice(self, choice: Choice) -> dict[str, Any]:
        options = [spec for spec in map(self.spec, choice.options) if spec is not None]
        referred = [self.refer(_nested(option)) for option in options]
        schema: dict[str, Any] = {"oneOf": referred}
        tags = [
            (field.name, field.type.tag, found["$ref"])
            for option, found in zip(options, referred, strict=True)
            for field in option.fields
            if field.name == choice.tag and isinstance(field.type, OneOf) and field.type.tag and "$ref" in found
        ]
        if tags:
            schema["discriminator"] = {
                "propertyName": tags[0][0],
                "mapping": {tag: reference for _, tag, reference in tags},
            }
        return schema


@attrs.define
class _Document(Writing):
    """One document being written, with definitions of what is referred to."""

    history: History
    revision: str
    root: str | None
    """The message that the document itself is the schema of."""
    definitions: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def refer(self, kind: Member | Nested) -> dict[str, Any]:
        name = kind.name
        if name == self.root:
            return {"$ref": "#"}
        if name not in self.definitions and isinstance(kind, Member):
            cls = self.history.catalog.enums.get(name)
            self.definitions[name] = enumeration(kind, cls, deprecated_at(self.revision, name, self.history))
        elif name not in self.definitions:
            self.definitions[name] = {}  # a message that holds itself finds it begun
            self.definitions[name] |= self.message(self.history.spec(name, self.revision))
        return {"$ref": f"#/$defs/{name}"}

    def spec(self, nested: Nested) -> Spec | None:
        return self.history.specs(self.revision).get(nested.name)

    def became(self, spec: Spec) -> Mapping[str, Sequence[str]]:
        return became(self.history.eras, spec.cls, self.revision)

    def default(self, default: Any) -> Any:
        return default_at(self.revision, default, self.history)

    def deprecated(self, spec: Spec) -> Mapping[str, str]:
        return deprecated_at(self.revision, spec.name, self.history)

    def between(self, spec: Spec) -> Sequence[Rule]:
        return super().between(spec) if self.revision == self.history.latest else ()


def default_at(revision: str, default: Any, history: History) -> Any:
    """A plain default as payloads of a revision hold it."""
    value = plain_default(default)
    if is_message(type(default)):
        return history.downgrade(value, type(default), to=revision, lossy=True)
    return value


def deprecated_at(revision: str, name: str, history: History) -> dict[str, str]:
    """What a revision deprecates of a message or enumeration: sentences by field or member, and of itself under ""."""
    inside = f"{name}."
    return {
        path[len(inside) :]: str(found)
        for path, found in history.deprecated(revision).items()
        if path == name or path.rpartition(".")[0] == name
    }


def _described(text: str, deprecated: str | None) -> dict[str, Any]:
    """The keywords for what is told of something."""
    told = " ".join(filter(None, (text, deprecated)))
    schema: dict[str, Any] = {"description": told} if told else {}
    return schema if deprecated is None else {**schema, "deprecated": True}


def _number(number: Number) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer" if number.kind is int else "number"}
    for bound in number.bounds:
        _tighten(schema, bound, bound.meaning.keywords["number"])
    if number.kind is int:
        if "exclusiveMinimum" not in schema:
            schema.setdefault("minimum", INT_MIN)
        if "exclusiveMaximum" not in schema:
            schema.setdefault("maximum", INT_MAX)
    if number.unit is not None:
        schema["x-unit"] = number.unit
    return schema


def _tighten(schema: dict[str, Any], bound: Bound, keyword: str) -> None:
    tighter = max if bound.meaning.lower else min
    schema[keyword] = tighter(bound.limit, schema.get(keyword, bound.limit))


def _limited(schema: dict[str, Any], kind: Limited) -> dict[str, Any]:
    """What JSON Schema cannot say of a value is told in ``x-rules``."""
    schema = dict(schema)
    for bound in kind.bounds:
        keyword = None if isinstance(kind.inner, Converted) else bound.meaning.keywords.get(wire_kind(kind.inner))
        if keyword is None or (keyword in schema and bound.meaning.measure == "multiple"):
            schema["x-rules"] = [*schema.get("x-rules", ()), bound.words]
        else:
            _tighten(schema, bound, keyword)
    return schema


def _type_of(values: Iterable[str | int]) -> dict[str, Any]:
    """The keyword ``type`` for a few values; nothing where they are of several."""
    kinds = {type(value) for value in values}
    return {"type": "string" if kinds == {str} else "integer"} if len(kinds) == 1 else {}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return schema
    if "type" in schema and not schema.keys() & {"const", "enum"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [*schema.get("anyOf", (schema,)), {"type": "null"}]}


def enumeration(member: Member, cls: type[Enum] | None, deprecated: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The schema of an enumeration; where it is not told which members are deprecated, those that are so today."""
    if deprecated is None:
        deprecated = {} if cls is None else deprecated_in(cls)
    # Of several names for one value the first is the member, the rest are aliases.
    names = {value: name for name, value in reversed(list(member.members.items()))}
    values = list(dict.fromkeys(member.members.values()))
    schema: dict[str, Any] = {"title": member.name}
    if cls is not None and (described := class_text(cls)):
        schema["description"] = described
    schema |= {**_type_of(values), "enum": values}
    schema["x-enum-varnames"] = [names[value] for value in values]
    texts = {} if cls is None else field_texts(cls)
    if texts or deprecated:
        told = ((texts.get(names[value], ""), deprecated.get(names[value], "")) for value in values)
        schema["x-enum-descriptions"] = [" ".join(filter(None, both)) for both in told]
    if deprecated:
        schema["x-enum-deprecated"] = [value for value in values if names[value] in deprecated]
    return schema


def _rule(rule: NotAllNull) -> dict[str, Any]:
    given = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in rule.fields]
    return {"anyOf": given}
