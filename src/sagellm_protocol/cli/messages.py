"""``sagellm-protocol messages``: all messages of a revision, or the fields of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from sagellm_protocol.cli.parameters import first_line, history_option, json_option, message_argument, revision_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history import Deprecation, History
from sagellm_protocol.history.defaults import has_plain_default
from sagellm_protocol.history.fitting import units
from sagellm_protocol.history.named import named
from sagellm_protocol.history.tables import limits, type_text
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.kinds import Member, parts
from sagellm_protocol.model.rules import Rule, rules_of
from sagellm_protocol.model.spec import Derived, Field, Spec, Unknown
from sagellm_protocol.schema.descriptions import class_text, field_text, field_texts
from sagellm_protocol.schema.generating import default_at

_UNKNOWN: Mapping[Unknown, str] = {
    "forbid": "",
    "ignore": "Other fields are let through.",
    "keep": "Other fields are kept.",
}


@click.command(
    "messages",
    short_help="List the messages, or the fields of one.",
    epilog="""\b
Examples:
  sagellm-protocol messages
  sagellm-protocol messages | grep -i stream
  sagellm-protocol messages Request --revision 0.4.0.8
  sagellm-protocol messages kv.types.KVHandle --json
  sagellm-protocol messages NodeReport --history fleet:HISTORY
""",
)
@message_argument
@revision_option
@history_option
@json_option
def messages_command(message: str | None, revision: str, history: str, as_json: bool) -> None:
    """List the messages of a revision, or show the fields of MESSAGE.

    MESSAGE is a short name, or a full one where two messages share the short one. Each message, and each field, is on
    one line where the output goes to no terminal.
    """
    ours = named(history)
    try:
        spec = None if message is None else ours.spec(message, revision)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    with printing():
        if spec is None:
            deprecated = ours.deprecated(revision)
            listed = [_listed(spec, deprecated, ours) for spec in ours.specs(revision).values()]
            print_json(listed) if as_json else _print_messages(listed)
        else:
            described = _described(spec, revision, ours)
            print_json(described) if as_json else _print_message(described)


def _listed(spec: Spec, deprecated: Mapping[str, Deprecation], history: History) -> dict[str, Any]:
    return {
        "message": spec.name,
        "since": history.since(spec.name),
        "text": class_text(spec.cls),
        "deprecated": _deprecated(deprecated.get(spec.name)),
    }


def _deprecated(found: Deprecation | None) -> dict[str, str] | None:
    return None if found is None else {"since": found.since, "text": found.text, "told": str(found)}


def _described(spec: Spec, revision: str, history: History) -> dict[str, Any]:
    texts, deprecated = field_texts(spec.cls), history.deprecated(revision)
    enums = {part.name: part for field in spec.fields for part in parts(field.type) if isinstance(part, Member)}
    fields = [
        {**_row(it, revision, texts, history), "deprecated": _deprecated(deprecated.get(f"{spec.name}.{it.name}"))}
        for it in spec.fields
    ]
    return {
        **_listed(spec, deprecated, history),
        "revision": revision,
        "unknown": spec.unknown,
        "rules": [str(rule) for rule in spec.rules],
        "between fields": [_rule(rule) for rule in rules_of(spec.cls)] if revision == history.latest else [],
        "fields": fields,
        "enums": {name: list(dict.fromkeys(enum.members.values())) for name, enum in sorted(enums.items())},
        "deprecated members": {
            path: _deprecated(found) for path, found in deprecated.items() if path.rpartition(".")[0] in enums
        },
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"name": rule.name, "fields": list(rule.fields), "text": str(rule), "why": rule.why}


def _row(field: Field, revision: str, texts: Any, history: History) -> dict[str, Any]:
    given = has_plain_default(field)
    computed = None if given or field.required else "derived" if isinstance(field.default, Derived) else "made anew"
    return {
        "field": field.name,
        "type": type_text(field.type),
        "bounds": [bound.words for bound in limits(field.type)],
        "unit": units(field.type) or None,
        "required": field.required,
        "default": default_at(revision, field.default, history) if given else None,
        "computed": computed,
        "text": field_text(field, texts.get(field.today, field.text)),
    }


# For people


def _print_messages(listed: list[dict[str, Any]]) -> None:
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns("message", "since", "what it is")
    for row in listed:
        told = " ".join(filter(None, (first_line(row["text"]), _mark(row))))
        table.add_row(cell(row["message"], "bold"), cell(row["since"]), cell(told))
    terminal(UNBOUNDED).print(table)


def _print_message(described: dict[str, Any]) -> None:
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    console = terminal(UNBOUNDED)
    console.print(cell(f"{described['message']}, since {described['since']}, at {described['revision']}", "bold"))
    for line in _remarks(described):
        console.print(cell(line))
    table = columns("field", "holds", "unit", "bounds", "default", "what it is")
    for row in described["fields"]:
        bounds = ", ".join(row["bounds"])
        told = " ".join([*row["text"].split(), _mark(row)]).strip()
        texts = (row["type"], row["unit"] or "", bounds, _default(row), told)
        table.add_row(cell(row["field"], "bold"), *map(cell, texts))
    console.print()
    console.print(table)
    if described["enums"]:
        console.print()
    for name, values in described["enums"].items():
        console.print(cell(f"{name}: {', '.join(map(json.dumps, values))}"))
    for path, deprecated in described["deprecated members"].items():
        console.print(cell(f"{path}: {deprecated['told']}"))
    if described["between fields"]:
        console.print()
    for rule in described["between fields"]:
        console.print(cell(f"{rule['name']}: {rule['text']}. {rule['why']}".rstrip()))


def _mark(row: dict[str, Any]) -> str:
    told: str = row["deprecated"]["told"] if row["deprecated"] else ""
    return told


def _remarks(described: dict[str, Any]) -> Iterator[str]:
    yield from filter(None, [*described["text"].split("\n"), _mark(described)])
    yield from filter(None, [_UNKNOWN[described["unknown"]]])
    yield from (f"Must be {rule}." for rule in described["rules"])


def _default(row: dict[str, Any]) -> str:
    if row["required"]:
        return "required"
    return row["computed"] or json.dumps(row["default"], ensure_ascii=False)
