"""``sagellm-protocol messages``: all messages of a revision, or the fields of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from sagellm_protocol.cli.parameters import first_line, json_option, message_argument, revision_option
from sagellm_protocol.cli.printing import print_json, printing
from sagellm_protocol.history import HISTORY
from sagellm_protocol.history.defaults import has_plain_default
from sagellm_protocol.history.fitting import units
from sagellm_protocol.history.tables import limits, type_text
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.kinds import Member, parts
from sagellm_protocol.model.rules import Rule, rules_of
from sagellm_protocol.model.spec import Derived, Field, Spec
from sagellm_protocol.schema.descriptions import class_text, field_text, field_texts
from sagellm_protocol.schema.generating import default_at


@click.command(
    "messages",
    short_help="List the messages, or the fields of one.",
    epilog="""\b
Examples:
  sagellm-protocol messages
  sagellm-protocol messages | grep -i stream
  sagellm-protocol messages Request --revision 0.4.0.8
  sagellm-protocol messages kv.types.KVHandle --json
""",
)
@message_argument
@revision_option
@json_option
def messages_command(message: str | None, revision: str, as_json: bool) -> None:
    """List the messages of a revision, or show the fields of MESSAGE.

    MESSAGE is a short name, or a full one where two messages share the short one. Each message, and each field, is on
    one line where the output goes to no terminal.
    """
    try:
        spec = None if message is None else HISTORY.spec(message, revision)
    except UnsupportedRevisionError as error:
        raise click.UsageError(str(error)) from None
    with printing():
        if spec is None:
            listed = [_listed(name, spec) for name, spec in HISTORY.specs(revision).items()]
            print_json(listed) if as_json else _print_messages(listed)
        else:
            described = _described(spec, revision)
            print_json(described) if as_json else _print_message(described)


def _listed(name: str, spec: Spec) -> dict[str, Any]:
    return {"message": name, "since": HISTORY.since(name), "text": class_text(spec.cls)}


def _described(spec: Spec, revision: str) -> dict[str, Any]:
    texts = field_texts(spec.cls)
    enums = {part.name: part for field in spec.fields for part in parts(field.type) if isinstance(part, Member)}
    return {
        **_listed(spec.name, spec),
        "revision": revision,
        "unknown": spec.unknown,
        "rules": [str(rule) for rule in spec.rules],
        "between fields": [_rule(rule) for rule in rules_of(spec.cls)] if revision == HISTORY.latest else [],
        "fields": [_row(field, revision, texts) for field in spec.fields],
        "enums": {name: list(dict.fromkeys(enum.members.values())) for name, enum in sorted(enums.items())},
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"name": rule.name, "fields": list(rule.fields), "text": str(rule), "why": rule.why}


def _row(field: Field, revision: str, texts: Any) -> dict[str, Any]:
    given = has_plain_default(field)
    computed = None if given or field.required else "derived" if isinstance(field.default, Derived) else "made anew"
    return {
        "field": field.name,
        "type": type_text(field.type),
        "bounds": [bound.words for bound in limits(field.type)],
        "unit": units(field.type) or None,
        "required": field.required,
        "default": default_at(revision, field.default, HISTORY) if given else None,
        "computed": computed,
        "text": field_text(field, texts.get(field.today, field.text)),
    }


# For people


def _print_messages(listed: list[dict[str, Any]]) -> None:
    from sagellm_protocol.cli.terminal import UNBOUNDED, terminal
    from sagellm_protocol.display.columns import cell, columns

    table = columns("message", "since", "what it is")
    for row in listed:
        table.add_row(cell(row["message"], "bold"), cell(row["since"]), cell(first_line(row["text"])))
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
        texts = (row["type"], row["unit"] or "", bounds, _default(row), " ".join(row["text"].split()))
        table.add_row(cell(row["field"], "bold"), *map(cell, texts))
    console.print()
    console.print(table)
    if described["enums"]:
        console.print()
    for name, values in described["enums"].items():
        console.print(cell(f"{name}: {', '.join(map(json.dumps, values))}"))
    if described["between fields"]:
        console.print()
    for rule in described["between fields"]:
        console.print(cell(f"{rule['name']}: {rule['text']}. {rule['why']}".rstrip()))


def _remarks(described: dict[str, Any]) -> Iterator[str]:
    yield from filter(None, described["text"].split("\n"))
    if described["unknown"] == "ignore":
        yield "Other fields are let through."
    yield from (f"Must be {rule}." for rule in described["rules"])


def _default(row: dict[str, Any]) -> str:
    if row["required"]:
        return "required"
    return row["computed"] or json.dumps(row["default"], ensure_ascii=False)
