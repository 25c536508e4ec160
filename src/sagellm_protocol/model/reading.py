"""Payloads into messages: one generated function a message, for each kind of source.

A reader checks everything and explains nothing: it raises ``Doubt`` (or ``KeyError`` and the like) on what it cannot
vouch for. :func:`Readers.decoder` puts the thorough path behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.checking import fitting_specs
from sagellm_protocol.model.constructor import draft_of
from sagellm_protocol.model.source import Doubt, Function
from sagellm_protocol.model.spec import MAX_FREE_DEPTH, Choice, Derived, Field, Made, Nested, OneOf, Spec, Type, Unknown
from sagellm_protocol.model.statements import Origin, Writer

DOUBTS = (Doubt, KeyError, TypeError, OverflowError)
"""What a reader raises on a payload that the thorough path must look at."""


@attrs.define
class Readers:
    """The generated readers for one kind of source, each written when it is first needed."""

    origin: Origin
    unknown: Unknown | None = None
    """Overrides what each message does with fields that it does not have."""
    specs: Mapping[str, Spec] | None = None
    """The specs of an older revision: payloads are then only checked, and no message is built."""
    _messages: dict[str, Callable[[Any], Any]] = attrs.field(factory=dict, init=False)

    def reader(self, kind: Type) -> Callable[[Any], Any]:
        """The reader of any type."""
        if isinstance(kind, Nested):
            return self._message(kind)
        if isinstance(kind, Choice):
            return self._choice(kind)
        to = Function("read_value")
        Writer(self.origin, self.reader).write(to, kind, "_value")
        to.add("return _value")
        return to.compile("_value")

    def spec(self, nested: Nested) -> Spec:
        """The spec that applies to a nested message."""
        return spec_of(nested.cls) if self.specs is None else self.specs[nested.name]

    def _message(self, nested: Nested) -> Callable[[Any], Any]:
        found = self._messages.get(nested.name)
        if found is not None:
            return found
        # A message that holds itself finds this forwarder while its own reader is being written.
        self._messages[nested.name] = lambda payload: self._messages[nested.name](payload)
        reader = self._messages[nested.name] = self._write(self.spec(nested))
        return reader

    def _write(self, spec: Spec) -> Callable[[Any], Any]:
        to = Function("read_" + spec.name.replace(".", "_"))
        writer = Writer(self.origin, self.reader)
        build = self.specs is None
        to.add("if _type(_payload) is not _dict: raise _Doubt")
        forbid = (self.unknown or spec.unknown) == "forbid"
        to.add(f"_expected = {len(spec.fields)}")
        to.add(f"_get, _absent = _payload.get, {to.bind('ABSENT', ABSENT)}")
        draft = draft_of(spec.cls)
        if build:
            to.add(f"_self = {to.bind('new', object.__new__)}({to.bind('blank', draft or spec.cls)})")
        for field in spec.fields:
            self._field(to, writer, spec, field, build=build, drafted=draft is not None)
        if forbid:
            to.add("if _len(_payload) != _expected: raise _Doubt")
        else:
            known = to.bind("known", frozenset(field.name for field in spec.fields))
            to.add(f"if _len(_payload) != _expected: {to.bind('pass_over', pass_over)}(_payload, {known})")
        for rule in spec.rules:
            to.add(f"if {' and '.join(f'_get({name!r}) is None' for name in rule.fields)}: raise _Doubt")
        if build:
            if draft is not None:
                to.add(f"_self.__class__ = {to.bind('cls', spec.cls)}")
            for field in spec.fields:
                if isinstance(field.default, Derived):
                    put = to.bind(f"set_{field.name}", getattr(spec.cls, field.name).__set__)
                    derive = to.bind(f"derive_{field.name}", field.default.function)
                    to.add(f"{put}(_self, {derive}(_self) if v_{field.name} is _absent else v_{field.name})")
            to.add("return _self")
        return to.compile("_payload")

    def _field(self, to: Function, writer: Writer, spec: Spec, field: Field, *, build: bool, drafted: bool) -> None:
        name = "v_" + field.name
        slot = getattr(spec.cls, field.name, None)

        def put(value: str) -> None:
            if build:
                to.add(
                    f"_self.{field.name} = {value}"
                    if drafted
                    else f"{to.bind('set_' + field.name, slot.__set__)}(_self, {value})"  # type: ignore[union-attr]
                )

        if field.required:
            to.add(f"{name} = _payload[{field.name!r}]")
            writer.write(to, field.type, name)
            put(name)
            return
        to.add(f"{name} = _get({field.name!r}, _absent)")
        to.add(f"if {name} is not _absent:")
        to.indent += 1
        writer.write(to, field.type, name)
        if not isinstance(field.default, Derived):
            put(name)
        to.indent -= 1
        to.add("else:")
        to.indent += 1
        to.add("_expected -= 1")
        if isinstance(field.default, Made):
            put(f"{to.bind('make_' + field.name, field.default.factory)}()")
        elif not isinstance(field.default, Derived):
            put(to.bind("default_" + field.name, field.default))
        to.indent -= 1

    def _choice(self, choice: Choice) -> Callable[[Any], Any]:
        specs = [self.spec(option) for option in choice.options]
        readers = {option.name: self._message(option) for option in choice.options}
        tagged = {
            field.type.values[0]: readers[spec.name]
            for spec in specs
            for field in spec.fields
            if field.name == choice.tag and isinstance(field.type, OneOf)
        }
        tag = choice.tag

        def read_choice(payload: Any) -> Any:
            found = payload.get(tag) if type(payload) is dict else None
            if found in tagged:
                return tagged[found](payload)
            if type(payload) is not dict or tag in payload:
                raise Doubt
            fitting = fitting_specs(specs, payload)
            if len(fitting) != 1:
                raise Doubt
            return readers[fitting[0].name](payload)

        return read_choice


def pass_over(payload: Mapping[str, Any], known: frozenset[str]) -> None:
    """Ignore the fields that a message does not have, unless they nest deeper than a payload may."""
    for name, value in payload.items():
        if name not in known and isinstance(value, (dict, list)) and depth(value) > MAX_FREE_DEPTH:
            raise Doubt


def depth(value: Any) -> int:
    """How many levels of arrays and objects a parsed value nests."""
    deepest, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list, tuple))]:
        deepest += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


class _Absent:
    def __repr__(self) -> str:
        return "<absent>"


ABSENT = _Absent()
