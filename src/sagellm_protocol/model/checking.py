"""The thorough path: check a value against a spec, convert it, and tell everything that is wrong with it.

The generated functions check the same rules but explain nothing; on any doubt they leave the value to this module.
What it costs to look at a value is a small multiple of what it costs them, whatever is wrong with it. Methods that a
subclass of ``str``, ``float``, ``list`` or ``dict`` may have overridden are not called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from sagellm_protocol.model import leaves
from sagellm_protocol.model.choosing import fitting_specs, tags
from sagellm_protocol.model.containers import exact, is_sequence, items_of, pairs_of, read
from sagellm_protocol.model.converted import entry_of
from sagellm_protocol.model.exceptions import (
    MOST_TOLD,
    DecodeError,
    ProtocolError,
    ValidationError,
)
from sagellm_protocol.model.free import FreeChecker
from sagellm_protocol.model.frozen import EMPTY, FrozenDict
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Kept,
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
    wire_kind,
)
from sagellm_protocol.model.nesting import MAX_DEPTH, too_deep
from sagellm_protocol.model.noting import BROKEN, Notes
from sagellm_protocol.model.paths import ROOT, Path, told
from sagellm_protocol.model.refusing import admit, refuse_abstract
from sagellm_protocol.model.sifting import doubtful_places, never_right
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.spec import REQUIRED, Derived, Made, Spec, Unknown, spec_of
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching, standing_in
from sagellm_protocol.model.validating import lacking_some, validation_of
from sagellm_protocol.model.wording import describe, one_of

_SHAPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "flag": (),  # a bool is right, and nothing else means to be one
    "object": Mapping,
}


@attrs.define
class Checker(Notes):
    """One check of one value: where it comes from, the specs that apply, and the violations found."""

    unknown: Unknown | None = None
    specs: Mapping[str, Spec] | None = None
    """The specs of another revision, by message name; where it is absent, each class's own."""
    teaching: Teaching = UNTAUGHT
    _choices: dict[int, tuple[list[Spec], dict[str, Spec], frozenset[type]]] = attrs.field(factory=dict, init=False)
    """The specs of the messages of a choice, those by their tags, and the classes that may stand there themselves."""

    def spec(self, nested: Nested) -> Spec:
        """The spec that applies to a nested message."""
        return self.teaching.spec(spec_of(nested.cls) if self.specs is None else self.specs[nested.name])

    def check(self, kind: Type, value: Any, path: Path) -> Any:
        """``value`` as a message holds it, or a mark that something in it is wrong."""
        return _CHECKS[type(kind)](self, kind, value, path)

    def _nullable(self, kind: Nullable, value: Any, path: Path) -> Any:
        return None if value is None else self.check(kind.inner, value, path)

    def _converted(self, kind: Converted, value: Any, path: Path) -> Any:
        try:
            if self.source == "python":
                return kind.hold(value) if isinstance(value, kind.cls) else self.broken(path, kind.words, value)
            if isinstance(kind.wire, Text):
                return kind.load(exact(value))
            before = self.found
            held = self.check(kind.wire, value, path)
            return kind.load(held) if self.found == before else BROKEN
        except Doubt as doubt:
            return self.broken(path, doubt.args[0] if doubt.args else kind.words, value)

    def _limited(self, kind: Limited, value: Any, path: Path) -> Any:
        before = self.found
        held = self.check(kind.inner, value, path)
        if self.found != before:
            return BROKEN
        for bound in kind.bounds:
            if not bound.holds(held):
                return self.broken(path, partial(bound.against, held), value)
        return held

    def _kept(self, kind: Kept, value: Any, path: Path) -> Any:
        held = self.check(kind.inner, value, path)
        for name in held if isinstance(held, dict) else ():
            if name in kind.names:
                self.broken((path, name), "given as the field of that name", held[name])
        return held

    def _nested(self, kind: Nested, value: Any, path: Path) -> Any:
        if self.source == "wire":
            return self.message(self.spec(kind), value, path)
        if isinstance(value, dict):
            return self._decoded(kind, value, path)
        return value if isinstance(value, kind.cls) else self.broken(path, kind.name, value)

    def _decoded(self, kind: Nested | Choice, value: dict[Any, Any], path: Path) -> Any:
        """A dict given for a message, by the rules of decoding."""
        if too_deep(value):
            return self.broken(path, f"at most {MAX_DEPTH} levels deep", value)
        python = self.source, self.unknown
        self.source, self.unknown = "wire", None
        try:
            return self.check(kind, value, path)
        finally:
            self.source, self.unknown = python

    def _choice(self, kind: Choice, value: Any, path: Path) -> Any:
        if self.source == "python" and not isinstance(value, dict):
            classes = tuple(option.cls for option in kind.options)
            names = " or ".join(option.name for option in kind.options)
            return value if isinstance(value, classes) else self.broken(path, names, value)
        if self.source == "python":
            return self._decoded(kind, value, path)
        if id(kind) not in self._choices:
            specs = [self.spec(option) for option in kind.options]
            self._choices[id(kind)] = specs, tags(specs, kind.tag), standing_in(kind, self.teaching)
        specs, tagged, standing = self._choices[id(kind)]
        if type(value) in standing:
            return value
        if not isinstance(value, dict):
            return self.broken(path, "an object", value)
        payload = self._fields_of(value, path)
        if kind.tag is not None and kind.tag in payload:
            found = payload[kind.tag]
            text = str.__str__(found) if isinstance(found, str) else None
            if text not in tagged:
                return self.broken((path, kind.tag), lambda: one_of(tuple(tagged)), found)
            return self._option(kind, tagged[text], payload, path)
        fitting = fitting_specs(specs, payload)
        if len(fitting) == 1:
            return self._option(kind, fitting[0], payload, path)
        names = " or ".join(spec.name for spec in fitting or specs)
        return self.broken(path, f"clearly one of {names}" if fitting else f"one of {names}", value)

    def _option(self, kind: Choice, spec: Spec, payload: dict[str, Any], path: Path) -> Any:
        """A payload of one of several messages."""
        return self.check(self.teaching.kind(Nested(spec.name, spec.cls)), payload, path)

    def _taught(self, kind: Taught, value: Any, path: Path) -> Any:
        """What a user's own hook makes of a value, checked as a constructor checks its arguments."""
        if kind.structure is None or self.source == "python":
            return self.check(kind.inner, value, path)
        try:
            made = kind.structure(value)
        except ValidationError as error:
            return self.also(error.violations, error.more, path)
        except DecodeError as error:
            raise DecodeError(f"{told(path) or 'the payload'}: {error.reason}", error.offset) from error
        wire = self.source, self.unknown
        self.source, self.unknown = "python", None
        try:
            return self.check(kind.inner, made, path)
        finally:
            self.source, self.unknown = wire

    def _either(self, kind: Either, value: Any, path: Path) -> Any:
        for option in kind.options:
            trial = Checker(self.source, self.unknown, self.specs, self.teaching)
            checked = trial.check(option, value, path)
            if not trial.violations:
                return checked
            if _shape_fits(option, value):
                return self.also(trial.violations, trial.more)
        return self.broken(path, lambda: " or ".join(describe(option) for option in kind.options), value)

    def _items(self, kind: Items, value: Any, path: Path) -> Any:
        if not is_sequence(value):
            return self.broken(path, "a sequence", value)
        inner, check = kind.item, _CHECKS[type(kind.item)]
        items = list(read(items_of, value, path, self.broken))
        before = self.found
        doubts = iter(doubtful_places(inner, items, self.source))
        for index in doubts:
            items[index] = check(self, inner, items[index], (path, index))
            if len(self.violations) == MOST_TOLD:
                self._count_items(inner, [items[index] for index in doubts])
        return tuple(items) if self.found == before else BROKEN

    def _count_items(self, kind: Type, items: list[Any]) -> None:
        """Count what is wrong with items of a sequence, where as many as are told have been found."""
        asked, check = kind.inner if type(kind) is Limited else kind, _CHECKS[type(kind)]
        never = never_right(asked)
        left = [item for item in items if type(item) not in never]
        self.more += len(items) - len(left)
        if isinstance(asked, Converted) and asked.shortest:
            texts = len(left)
            left = [item for item in left if type(item) is not str or len(item) >= asked.shortest]
            self.more += texts - len(left)
        elif isinstance(kind, Nested) and self.source == "wire" and not self._validates(self.spec(kind)):
            objects = len(left)
            left = [item for item in left if type(item) is not dict or item]
            before = self.more
            self._count(self.spec(kind), {})
            self.more = before + (objects - len(left)) * (self.more - before)
        for item in left:
            check(self, kind, item, ROOT)

    def _table(self, kind: Table, value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self.broken(path, "a mapping", value)
        if isinstance(kind.value, Free):
            return self._free(kind.value, value, path)
        inner, check = kind.value, _CHECKS[type(kind.value)]
        table = {
            key: check(self, inner, item, (path, key))
            for key, item in self._texts(read(pairs_of, value, path, self.broken), path)
        }
        if any(item is BROKEN for item in table.values()):
            return BROKEN
        return FrozenDict(table) if table else EMPTY

    def _free(self, _: Free, value: Any, path: Path) -> Any:
        return self.free(value, path)

    def free(self, value: Any, path: Path) -> Any:
        """Free JSON: ``metadata`` and the like."""
        return FreeChecker(self.broken, self.integer).check(value, path)

    def _texts(self, pairs: Any, path: Path) -> Any:
        """The pairs whose keys are texts, and no key twice."""
        seen = set()
        for key, item in pairs:
            if not isinstance(key, str):
                self.broken(path, "a mapping from text", key)
            elif (text := str.__str__(key)) in seen:
                self.broken((path, text), "given once", item)
            else:
                seen.add(text)
                yield text, item

    def _fields_of(self, value: dict[Any, Any], path: Path) -> dict[str, Any]:
        """A payload of a message as a plain dict whose keys are plain texts: those can be looked up without harm."""
        if type(value) is dict and all(type(key) is str for key in value):
            return value
        return dict(self._texts(dict.items(value), path))

    def message(self, spec: Spec, value: Any, path: Path) -> Any:
        """A payload as a message of ``spec``; of another revision's spec the checked values only, as a dict."""
        if not isinstance(value, dict):
            return self.broken(path, "an object", value)
        before = self.found
        payload = self._fields_of(value, path)
        if len(self.violations) == MOST_TOLD and not self._validates(spec):
            self._count(spec, payload)
            return BROKEN
        fields = self.fields(spec, payload, path)
        if self.specs is not None:
            return fields if self.found == before else BROKEN
        if self.found != before:
            self.validate_rest(spec, fields, path)
            return BROKEN
        refuse_abstract(spec.cls)
        try:
            return spec.cls(**{spec.arguments[name]: found for name, found in fields.items()})
        except ValidationError as error:  # Its validators refuse it.
            return self.also(error.violations, error.more, path)

    def _validates(self, spec: Spec) -> bool:
        """Whether there is more to a message than its types."""
        return self.specs is None and validation_of(spec.cls) is not None

    def validate_rest(self, spec: Spec, fields: Mapping[str, Any], path: Path) -> None:
        """Run the validators of those fields of a broken message that are right; those left out have their defaults."""
        validation = validation_of(spec.cls)
        if validation is None:
            return
        right = {field.name: field.default for field in spec_of(spec.cls).held if field.name not in fields}
        right = {name: given.factory() if isinstance(given, Made) else given for name, given in right.items()}
        right |= fields
        lacking = {
            name for name, held in right.items() if held is BROKEN or held is REQUIRED or isinstance(held, Derived)
        }
        message = lacking_some(spec.cls, {name: held for name, held in right.items() if name not in lacking})
        for name, rule, value, _ in validation.broken(message, lacking):
            self.broken((path, spec.steps.get(name, name)), rule, value)

    def _count(self, spec: Spec, value: dict[str, Any]) -> None:
        """Count what is wrong with a payload of a message, where as many as are told have been found."""
        self.more += len(spec.required - value.keys())
        for name, found in value.items():
            kind = spec.types.get(name)
            if kind is not None:
                self.check(kind, found, ROOT)
        self._unknown(spec, value, ROOT)
        self.more += sum(all(value.get(name) is None for name in rule.fields) for rule in spec.rules)

    def fields(self, spec: Spec, value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The fields given in ``value``, each checked; the rest is left to the defaults."""
        checked = {}
        for field in spec.fields:
            if field.name in value:
                checked[field.today] = self.check(field.type, value[field.name], (path, field.step))
            elif field.required:
                self.broken((path, field.name), "required", None)
        kept = self._unknown(spec, value, path)
        if kept and spec.kept is not None:
            checked[spec.kept.name] = kept
        for rule in spec.rules:
            if all(value.get(name) is None for name in rule.fields):
                self.broken(path, str(rule), None)
        return checked

    def _unknown(self, spec: Spec, value: Mapping[str, Any], path: Path) -> Any:
        """What is to be kept of the fields in ``value`` that the message does not have; nothing where none is."""
        doing = spec.on_unknown(self.unknown)
        if doing == "ignore":
            return EMPTY
        kept, known = {}, spec.names
        # What a codec was taught to leave out cannot be kept by its name.
        refused = frozenset() if self.specs is not None else spec_of(spec.cls).names
        for name, found in value.items():
            if name in known:
                continue
            if doing == "forbid" or name in refused:
                self.stray((path, spec.stray(name)), name, known, found)
            else:
                kept[name] = found
        if not kept or spec.kept is None:
            return EMPTY
        return self.free(kept, (path, spec.kept.step) if spec.kept.secret else path)


_CHECKS: dict[type, Callable[[Checker, Any, Any, Path], Any]] = {
    Nullable: Checker._nullable,
    Text: leaves.text,
    Flag: leaves.flag,
    Number: leaves.number,
    Member: leaves.member,
    OneOf: leaves.literal,
    Converted: Checker._converted,
    Limited: Checker._limited,
    Kept: Checker._kept,
    Nested: Checker._nested,
    Choice: Checker._choice,
    Either: Checker._either,
    Items: Checker._items,
    Table: Checker._table,
    Free: Checker._free,
    Taught: Checker._taught,
}


def check_arguments(cls: type, message: type, arguments: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, checked and converted.

    Args:
        cls: the class to build, which may be a plain subclass.
        message: the message class.
        arguments: what is given, by the names of the fields; what is not is not there.
        unknown: what is given besides, by the names that it is given by.

    Raises:
        ValidationError: with every violation; it is the fault of this program.
        DecodeError: so is an integer past 64 bits in a dict given for a message.
        DeclarationError: the subclass declares what the message knows nothing of.
    """
    admit(cls, message)  # What is wrong with the class comes before what is wrong with the values.
    spec = spec_of(message)
    checker = Checker("python")
    try:
        checked = checker.fields(spec, {name: arguments[name] for name in arguments if name in spec.names}, ROOT)
        if spec.kept is not None:
            checked[spec.kept.name] = checker.check(spec.kept.type, arguments[spec.kept.name], (ROOT, spec.kept.step))
        for name, value in unknown.items():
            argument = spec.arguments.get(name)
            if argument is None:
                checker.stray((ROOT, spec.stray(name)), name, spec.arguments.values(), value)
            else:
                checker.broken((ROOT, spec.stray(name)), f"given as {argument}", value)
        if checker.violations:
            checker.validate_rest(spec, checked, ROOT)
        checker.raise_for(spec.name)
    except ProtocolError as error:
        error.fault = "local"
        raise
    return checked


def check_payload(
    kind: Type,
    payload: Any,
    *,
    unknown: Unknown | None = None,
    specs: Mapping[str, Spec] | None = None,
    teaching: Teaching = UNTAUGHT,
) -> Any:
    """A payload checked in full, as what a decoder returns for it.

    Raises:
        ValidationError: with every violation.
        DecodeError: an integer past 64 bits.

    Either is the fault of whoever sent the payload.
    """
    checker = Checker("wire", unknown, specs, teaching)
    try:
        checked = checker.check(kind, payload, ROOT)
        if checker.violations:
            checker.raise_for(describe(kind))
    except ProtocolError as error:
        error.fault = "remote"
        raise
    return checked


def _shape_fits(kind: Type, value: object) -> bool:
    """Whether it was this option of a union that the value meant to be."""
    found = entry_of(value)
    if found is not None and not (found.also and found != kind):
        return wire_kind(found) == wire_kind(kind)
    shape = wire_kind(kind)
    if shape == "array":
        return is_sequence(value)
    return isinstance(value, _SHAPES[shape]) and not isinstance(value, bool)
