"""TypeScript declarations, from the specs of a revision: what a payload of JSON is to a type checker.

A type takes what the JSON Schema of that revision takes, as far as TypeScript has words for it. Bounds, lengths and
units, and that a number is an integer, stand in the comments. Fields that may be left out are optional.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from textwrap import wrap
from types import UnionType
from typing import Any, Union, get_origin

import attrs

from sagellm_protocol.catalog import CATALOG, Catalog
from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.history.defaults import has_plain_default
from sagellm_protocol.history.fitting import units
from sagellm_protocol.history.lineage import became
from sagellm_protocol.history.tables import limits, reachable
from sagellm_protocol.model.annotations import is_message, known, read_type
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
    nested_in,
    parts,
)
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.printable import printable
from sagellm_protocol.model.spec import Field, Spec
from sagellm_protocol.schema.descriptions import class_text, field_text, field_texts
from sagellm_protocol.schema.generating import default_at, deprecated_at

_HEAD = """\
// Messages of {whose} at revision {revision}, as JSON has them.
// Written by `sagellm-protocol schema --format typescript`; a change by hand is lost when it is written again.

export {{}};
"""
# The last line makes a module even of a file without declarations, so that `Request` is no global.

_TAKEN = frozenset(
    """
    any bigint boolean case catch const debugger default delete do enum export extends function implements instanceof
    interface let never new null number object package private protected public static string super switch symbol this
    throw typeof undefined unknown var void
    """.split()  # noqa: SIM905 - a list of texts would be a page
)
"""Names of classes in Python that TypeScript has another use for."""

_WIDTH = 117
"""Columns of a comment's text."""


def typescript(message: Any = None, revision: str = LATEST, history: History = HISTORY) -> str:
    """TypeScript declarations of all messages of a revision, or of one and what it holds: the text of a ``.d.ts``.

    A message is an interface, an enumeration a union of its values, free JSON ``unknown``, a sequence a
    ``readonly`` array. A union of messages that a module names (``StreamEvent``) is one here as well, told apart by its
    tag. A name is the short one of the class, where that means this class to the catalog; else its module stands before
    it: ``KvTypesKVHandle``. It does not depend on what else is written, nor on the revision.

    Args:
        message: full or short name, the class, or a union of classes (``StreamEvent``); all, where it is None.
        revision: any release name, a revision, or ``"latest"``.
        history: the revisions and messages that it knows.

    Raises:
        UnsupportedRevisionError: no such release, or it has no such message.
    """
    revision = history.resolve(revision)
    specs = history.specs(revision)
    writing = _Writing(history, revision)
    if message is None:
        wanted = set(specs)
        writing.enums = {name: Member(name, members) for name, members in history.table(revision)["enums"].items()}
    else:
        wanted = {name for root in _roots(message, revision, history) for name in reachable(root, specs)}
    names = {spec.cls: name for name, spec in specs.items()}
    declared = {name: writing.interface(specs[name]) for name in sorted(wanted)}
    declared |= {name: writing.enumeration(member) for name, member in writing.enums.items()}
    for choice, name in _unions(history.catalog).items():
        options = [Nested(names[option.cls], option.cls) for option in choice.options if option.cls in names]
        if len(options) > 1 and wanted.issuperset(option.name for option in options):
            declared[name] = writing.union(name, attrs.evolve(choice, options=tuple(options)))
    return "\n".join(
        [_HEAD.format(whose=_whose(history.catalog), revision=revision), *(declared[name] for name in sorted(declared))]
    )


def _whose(catalog: Catalog) -> str:
    return "sageLLM" if catalog is CATALOG else ", ".join(catalog.modules)


def _roots(message: Any, revision: str, history: History) -> list[str]:
    if isinstance(message, str) or is_message(message):
        return [history.spec(message, revision).name]
    return [history.spec(nested.cls, revision).name for nested in nested_in(read_type(message))]


def _unions(catalog: Catalog) -> dict[Choice, str]:
    """The unions of messages that modules name, and a full name of each: beside its first message."""
    unions: dict[Choice, str] = {}
    for path in catalog.modules:
        for name, found in vars(importlib.import_module(path)).items():
            choice = known(found) if get_origin(found) in (Union, UnionType) else None
            if isinstance(choice, Choice):
                module = choice.options[0].name.rpartition(".")[0]
                unions.setdefault(choice, f"{module}.{name}")
    return unions


@attrs.define
class _Writing:
    """One file being written."""

    history: History
    revision: str
    enums: dict[str, Member] = attrs.field(factory=dict)
    """Those that have been named so far."""
    names: dict[str, str] = attrs.field(factory=dict)
    """Full name to what it is called here."""

    def __attrs_post_init__(self) -> None:
        catalog = self.history.catalog
        # In an order that does not depend on what is written: messages first, and of these those meant by a short name.
        shorts = {name: cls.__name__ for name, cls in (catalog.messages | catalog.enums).items()}
        for name, short in sorted(shorts.items(), key=lambda item: catalog.short_names.get(item[1]) != item[0]):
            self._call(name, short)
        for name in _unions(catalog).values():
            self._call(name, name.rpartition(".")[2])
        self._call_what_moved()

    def _call_what_moved(self) -> None:
        """Name what is called otherwise today: as today, where only its module is another one."""
        today = {spec.name: full_name(spec.cls) for spec in self.history.specs(self.revision).values()}
        for name in (*today, *self.history.table(self.revision)["enums"]):
            short = name.rpartition(".")[2]
            if name in self.names:
                continue
            if name in today and today[name].rpartition(".")[2] == short:
                self.names[name] = self.names[today[name]]
            else:
                self._call(name, short)

    def _call(self, name: str, short: str) -> str:
        plain = re.sub(r"\W", "_", short, flags=re.ASCII)
        module = "".join(part[:1].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", name.rpartition(".")[0]))
        candidates = chain((plain, module + plain), (f"{module}{plain}{number}" for number in count(2)))
        taken = _TAKEN.union(self.names.values())
        called = self.names[name] = next(found for found in candidates if found not in taken)
        return called

    def of(self, kind: Type) -> str:
        """A type as TypeScript writes it."""
        match kind:
            case Text():
                return "string"
            case Flag():
                return "boolean"
            case Number():
                return "number"
            case Converted(wire=inner) | Limited(inner=inner):
                return self.of(inner)
            case OneOf(values=values):
                return _union(map(json.dumps, values))
            case Items(item=item):
                held = self.of(item)
                return f"readonly {held}[]" if held.isidentifier() else f"readonly ({held})[]"
            case Table(value=value):
                return f"{{ readonly [key: string]: {self.of(value)} }}"
            case Nullable(inner=inner):
                return _union((self.of(inner), "null"))
            case Choice(options=options):
                specs = self.history.specs(self.revision)
                return _union(self.of(option) for option in options if option.name in specs)
            case Either(options=options):
                return _union(map(self.of, options))
            case Member(name=name):
                self.enums.setdefault(name, kind)
                return self.names.get(name) or self._call(name, name.rpartition(".")[2])
            case Nested(name=name):
                return self.names[name]
            case Free():
                return "unknown"
            case _:
                assert_never(kind)

    def interface(self, spec: Spec) -> str:
        """The declaration of a message."""
        texts = field_texts(spec.cls)
        rules = [f"Must be {rule}." for rule in spec.rules]
        deprecated = {path: f"@deprecated {it.told}" for path, it in self.history.deprecated(self.revision).items()}
        told = [class_text(spec.cls), *rules, deprecated.get(spec.name, "")]
        lines = [*_comment(told, ""), f"export interface {self.names[spec.name]} {{"]
        now = became(self.history.eras, spec.cls, self.revision)
        for field in spec.fields:
            text = field_text(field, texts.get(field.today, field.text), now)
            marked = deprecated.get(f"{spec.name}.{field.name}", "")
            lines += _comment([text, " ".join(_facts(field.type)), *self._default(field), marked], "  ")
            lines.append(f"  readonly {_key(field)}: {self.of(field.type)};")
        if spec.unknown != "forbid":
            done = "let through" if spec.unknown == "ignore" else "kept"
            lines += [f"  /** Other fields are {done}. */", "  readonly [name: string]: unknown;"]
        elif not spec.fields:
            lines.append("  readonly [name: string]: never;")
        return "\n".join([*lines, "}", ""])

    def _default(self, field: Field) -> Iterator[str]:
        if has_plain_default(field):
            default = default_at(self.revision, field.default, self.history)
            yield f"@defaultValue {json.dumps(default, ensure_ascii=False)}"

    def enumeration(self, member: Member) -> str:
        """The declaration of an enumeration."""
        cls = self.history.catalog.enums.get(member.name)
        texts = dict({} if cls is None else field_texts(cls))
        for name, said in deprecated_at(self.revision, member.name, self.history).items():
            texts[name] = f"{texts.get(name, '')} {said}".strip()
        values = [json.dumps(value) for value in dict.fromkeys(member.members.values())]
        listed = [f"- `{json.dumps(value)}`: {texts[name]}" for value, name in member.names.items() if name in texts]
        about = "" if cls is None else class_text(cls)
        return "\n".join(
            [
                *_comment([about, *reversed(listed)], ""),
                f"export type {self.names[member.name]} = {_union(values)};",
                "",
            ]
        )

    def union(self, name: str, choice: Choice) -> str:
        """The declaration of a union of messages."""
        told = "told apart by their fields" if choice.tag is None else f"told apart by `{choice.tag}`"
        return "\n".join(
            [*_comment([f"Any of these, {told}."], ""), f"export type {self.names[name]} = {self.of(choice)};", ""]
        )


def _union(options: Iterable[str]) -> str:
    """One of several types, each once; with ``unknown`` among them, that."""
    found = dict.fromkeys(options)
    return "unknown" if "unknown" in found else " | ".join(found)


def _key(field: Field) -> str:
    name = field.name if re.fullmatch(r"[A-Za-z_]\w*", field.name, re.ASCII) else json.dumps(field.name)
    return name if field.required else f"{name}?"


def _facts(kind: Type) -> Iterator[str]:
    """What TypeScript cannot say of a type, in sentences."""
    inner = next((part for part in parts(kind) if isinstance(part, (Number, Converted))), None)
    if isinstance(inner, Converted):
        yield f"Stands for a {inner.words}."
    if isinstance(inner, Number) and inner.kind is int:
        yield "An integer."
    if told := limits(kind):
        yield f"Must be {', '.join(bound.words for bound in told)}."
    if unit := units(kind):
        yield f"Unit: {unit}."


def _comment(paragraphs: Iterable[str], indent: str) -> list[str]:
    """Texts as a comment, each on lines of its own; nothing where they are empty."""
    lines = [
        line
        for paragraph in filter(None, paragraphs)
        for part in paragraph.split("\n")
        for line in _wrapped(_harmless(part), _WIDTH - len(indent))
    ]
    if len(lines) < 2:
        return [f"{indent}/** {line} */" for line in lines]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _wrapped(line: str, width: int) -> list[str]:
    hanging = "  " if line.startswith("- ") else ""
    return wrap(line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False) or [""]


def _harmless(text: str) -> str:
    """A text that does not end the comment it stands in."""
    return printable(text).replace("*/", "*\\/")
