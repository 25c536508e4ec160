"""Payloads into messages: one generated function a message, for each kind of source.

A reader checks everything and explains nothing: it raises ``Doubt`` (or ``KeyError`` and the like) on what it cannot
vouch for. :func:`vouched` puts the thorough path behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import attrs

from sagellm_protocol.model.annotations import may_nest_without_end
from sagellm_protocol.model.choosing import chosen, tags
from sagellm_protocol.model.compiled import plans_of, reader as compiled_reader
from sagellm_protocol.model.constructor import draft_of
from sagellm_protocol.model.deriving import made
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.model.frozen import EMPTY
from sagellm_protocol.model.keeping import keeper
from sagellm_protocol.model.kinds import MAX_FREE_DEPTH, Choice, Nested, Type, classes_in
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.nesting import SCALARS, refuse_too_deep, too_deep
from sagellm_protocol.model.once import Once
from sagellm_protocol.model.plans import Plans
from sagellm_protocol.model.refusing import refuse_abstract
from sagellm_protocol.model.source import DOUBTS, Doubt, Function
from sagellm_protocol.model.spec import Derived, Field, Made, Mark, Spec, Unknown, spec_of
from sagellm_protocol.model.statements import FREEZE, CheckStatements, Origin
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching, standing_in
from sagellm_protocol.model.validating import validation_of


@attrs.define
class Readers:
    """The generated readers for one kind of source, each written when it is first needed."""

    origin: Origin
    unknown: Unknown | None = None
    """Overrides what each message does with fields that it does not have."""
    specs: Mapping[str, Spec] | None = None
    """The specs of an older revision: payloads are then only checked, and no message is built."""
    teaching: Teaching = UNTAUGHT
    _specs: Mapping[type, Spec] = attrs.field(init=False)
    """The same by class: messages may have had other names."""
    _message: Once[type, Callable[[Any], Any]] = attrs.field(init=False)
    """By class and not by name: a class that is defined anew has the name of the one before."""

    _plans: Plans = attrs.field(init=False)
    _value: Callable[[Type, tuple[type | None, ...]], Callable[[Any], Any]] = attrs.field(init=False)
    """The readers of other types: of those asked for most lately, as annotations may be made up without end."""

    def __attrs_post_init__(self) -> None:
        self._plans = plans_of(self.teaching)
        self._specs = {spec.cls: spec for spec in (self.specs or {}).values()}
        self._message = Once(self._write_message)
        self._value = lru_cache(maxsize=128)(self._write_value)

    def reader(self, kind: Type) -> Callable[[Any], Any]:
        """The reader of any type."""
        return self._message(kind.cls) if isinstance(kind, Nested) else self._value(kind, classes_in(kind))

    def _compiled(self, kind: Type) -> Callable[[Any], Any] | None:
        """What the compiled core reads a type by; None where it does not: payloads that are only checked, for one."""
        return compiled_reader(self._plans, kind, self.origin, self.unknown) if self.specs is None else None

    def _write_message(self, cls: type) -> Callable[[Any], Any]:
        nested = Nested(full_name(cls), cls)
        return self._compiled(nested) or self._write(self.spec(nested))

    def _write_value(self, kind: Type, _: object) -> Callable[[Any], Any]:
        compiled = self._compiled(kind)
        if compiled is not None:
            return compiled
        if isinstance(kind, Choice):
            return self._choice(kind)
        to = Function("read_value")
        CheckStatements(self.origin, self._reader_within).write(to, kind, "_value")
        to.add("return _value")
        return to.compile("_value")

    def _reader_within(self, kind: Nested | Choice) -> Callable[[Any], Any]:
        # While a message is being written, that of a choice forwards to it, and is not for others to keep.
        return self._message(kind.cls) if isinstance(kind, Nested) else self._choice(kind)

    def spec(self, nested: Nested) -> Spec:
        """The spec that applies to a nested message."""
        return self.teaching.spec(spec_of(nested.cls) if self.specs is None else self._specs[nested.cls])

    def _write(self, spec: Spec) -> Callable[[Any], Any]:
        to = Function("read_" + spec.name.replace(".", "_"))
        absent, kept = to.bind("ABSENT", ABSENT), to.fresh("kept")
        to.add("if _type(_payload) is not _dict: raise _Doubt")
        # With as many fields as the message has, all are there, or one is unknown and another missing.
        to.add(f"_whole = _len(_payload) == {len(spec.fields)}")
        to.add("if _whole:")
        to.add("    try:")
        for field in spec.fields:
            to.add(f"        {to.local(field.name)} = _payload[{field.name!r}]")
        to.add("        pass")
        to.add("    except KeyError: _whole = False")
        to.add("if not _whole:")
        to.indent += 1
        to.add("_get = _payload.get")
        for field in spec.fields:
            found = f"_payload[{field.name!r}]" if field.required else f"_get({field.name!r}, {absent})"
            to.add(f"{to.local(field.name)} = {found}")
        known = to.bind("known", spec.names)
        doing = spec.on_unknown(self.unknown)
        if doing == "forbid":
            to.add(f"if not _payload.keys() <= {known}: raise _Doubt")
        elif doing == "ignore":
            to.add(f"{to.bind('pass_over', pass_over)}(_payload, {known})")
        else:
            to.add(f"{kept} = {to.bind('keep', keeper(spec.names, FREEZE[self.origin][1]))}(_payload)")
            if refused := spec_of(spec.cls).names - spec.names:
                to.add(f"if not {to.bind('refused', refused)}.isdisjoint({kept}): raise _Doubt")
        to.indent -= 1
        for rule in spec.rules:
            nothing = " and ".join(
                f"({to.local(name)} is None or {to.local(name)} is {absent})" for name in rule.fields
            )
            to.add(f"if {nothing}: raise _Doubt")
        if self.specs is None:
            empty = to.bind("EMPTY", EMPTY)
            self._build(to, spec, f"{empty} if _whole else {kept}" if doing == "keep" else empty)
        else:
            for field in spec.fields:
                self._check(to, field)
        return to.compile("_payload")

    def _check(self, to: Function, field: Field) -> None:
        """Statements that check a field, unless it is absent and may be."""
        if not field.required:
            to.add(f"if {to.local(field.name)} is not {to.bind('ABSENT', ABSENT)}:")
            to.indent += 1
        CheckStatements(self.origin, self._reader_within).write(to, field.type, to.local(field.name))
        if not field.required:
            to.indent -= 1

    def _build(self, to: Function, spec: Spec, kept: str) -> None:
        refuse_abstract(spec.cls)
        draft = draft_of(spec.cls)
        told = {field.today for field in spec.fields}
        untold = [field for field in spec_of(spec.cls).fields if field.name not in told]
        to.add(f"_self = {to.bind('new', object.__new__)}({to.bind('blank', draft or spec.cls)})")
        for field in spec.fields:
            self._check(to, field)
            if isinstance(field.default, Derived):
                continue
            if not field.required:
                to.add(f"else: {to.local(field.name)} = {_default(to, field)}")
            self._put(to, spec, draft, field.today, to.local(field.name))
        for field in untold:
            if not isinstance(field.default, Derived):
                self._put(to, spec, draft, field.today, _default(to, field))
        if spec.kept is not None:
            self._put(to, spec, draft, spec.kept.name, kept)
        if draft is not None:
            to.add(f"_self.__class__ = {to.bind('cls', spec.cls)}")
        for field in spec.fields:
            if isinstance(field.default, Derived):
                put = to.bind(f"set_{field.name}", getattr(spec.cls, field.today).__set__)
                derive = to.bind(f"derive_{field.name}", field.default.function)
                absent = to.bind("ABSENT", ABSENT)
                to.add(
                    f"{put}(_self, {derive}(_self) if {to.local(field.name)} is {absent} else {to.local(field.name)})"
                )
        for field in untold:
            if isinstance(field.default, Derived):
                put = to.bind(f"set_{field.name}", getattr(spec.cls, field.name).__set__)
                to.add(f"{put}(_self, {to.bind('derive_' + field.name, field.default.function)}(_self))")
        validation = validation_of(spec.cls)
        if validation is not None:
            to.add(f"{to.bind('validate', validation.doubt)}(_self)")
        to.add("return _self")

    def _put(self, to: Function, spec: Spec, draft: type | None, name: str, value: str) -> None:
        """A statement that fills a slot: of the draft, where there is one, else by its descriptor."""
        if draft is not None:
            to.add(f"_self.{name} = {value}")
        else:
            to.add(f"{to.bind('set_' + name, getattr(spec.cls, name).__set__)}(_self, {value})")

    def _choice(self, choice: Choice) -> Callable[[Any], Any]:
        specs = [self.spec(option) for option in choice.options]
        readers = {option.name: self.reader(self.teaching.kind(option)) for option in choice.options}
        tagged = {text: readers[spec.name] for text, spec in tags(specs, choice.tag).items()}
        tag: Any = choice.tag
        standing = standing_in(choice, self.teaching)

        def read_choice(payload: Any) -> Any:
            if type(payload) in standing:
                return payload
            if type(payload) is dict:
                read = tagged.get(payload.get(tag, ""))
                if read is not None:
                    return read(payload)
            spec = chosen(specs, tag, payload)
            if spec is None:
                raise Doubt
            return readers[spec.name](payload)

        return read_choice


def _default(to: Function, field: Field) -> str:
    """An expression for the default of a field, which is not derived."""
    anew = isinstance(field.default, Made)
    default = made(field.type, field.default.factory) if anew else field.default
    return f"{to.bind('default_' + field.name, default)}{'()' if anew else ''}"


def within_depth(kind: Type, read: Callable[[Any], Any], *, hooks: bool = False) -> Callable[[Any], Any]:
    """A reader that doubts what nests too deep, where its type is no limit: a message can hold itself, or a hook reads.

    Args:
        kind: what it reads.
        read: the reader.
        hooks: whether hooks of a user's read some of it, which may not look at all that they are given.
    """
    if not hooks and not may_nest_without_end(kind):
        return read

    def read_within(payload: Any) -> Any:
        if too_deep(payload):
            raise Doubt
        return read(payload)

    return read_within


def vouched(read: Callable[[Any], Any], explain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader of payloads that a caller made, with the thorough path behind it, which decides and explains."""

    def read_or_explain(payload: Any) -> Any:
        try:
            return read(payload)
        except (*DOUBTS, ValidationError):  # The latter is of a value derived from what the payload says.
            pass
        refuse_too_deep(payload)
        return explain(payload)

    return read_or_explain


def pass_over(payload: Mapping[str, Any], known: frozenset[str]) -> None:
    """Ignore the fields that a message does not have, unless they nest deeper than a payload may."""
    for name, value in payload.items():
        if name in known:
            continue
        if type(name) is not str:
            raise Doubt
        if type(value) not in SCALARS and (type(value) not in (dict, list) or too_deep(value, MAX_FREE_DEPTH)):
            raise Doubt


ABSENT = Mark("ABSENT")
"""Stands for a field that a payload does not have."""
