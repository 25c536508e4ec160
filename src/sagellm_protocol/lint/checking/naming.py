"""SLP1: pydantic's names."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.finding import Mend
from sagellm_protocol.lint.following.types import (
    Anything,
    Class,
    Declared,
    Name,
    Nothing,
    Table,
    Types,
    class_name,
    message_classes_in,
    message_of,
    messages_in,
)
from sagellm_protocol.lint.following.walking import Check, Walker

_PLAIN = '`to_plain({it})` of `sagellm_protocol.model`, or `codecs.get("dict").encode({it})`'
_BYTES = '`codecs.get("json").encode({it})`, which gives bytes'
_FROM_PLAIN = "`from_plain({cls}, data)` of `sagellm_protocol.model`"
_FROM_BYTES = '`codecs.get("json").decode(data, {cls})`'
_EVOLVE = "`evolve({it}, field=value)`"
_SCHEMA = "`schema.json_schema({cls})`"
_FIELDS = "`attrs.fields({cls})`"
_SET = "nothing: a message does not know which fields were given; ask whether a field holds its default"
_BUILD = "`{cls}(...)`: what is built is checked"
_SETTINGS = "nothing: messages have no settings"
_EXTRA = "nothing: a message has no fields but its own"
_REBUILD = "nothing: messages read their types on first use"

INSTEAD: Mapping[str, str] = {
    "model_dump": _PLAIN,
    "dict": _PLAIN,
    "model_dump_json": _BYTES,
    "json": _BYTES,
    "model_validate": _FROM_PLAIN,
    "model_validate_strings": _FROM_PLAIN,
    "parse_obj": _FROM_PLAIN,
    "validate": _FROM_PLAIN,
    "from_orm": _FROM_PLAIN,
    "model_validate_json": _FROM_BYTES,
    "parse_raw": _FROM_BYTES,
    "parse_file": _FROM_BYTES,
    "model_copy": _EVOLVE,
    "copy": _EVOLVE,
    "model_json_schema": _SCHEMA,
    "schema": _SCHEMA,
    "schema_json": _SCHEMA,
    "model_fields": _FIELDS,
    "model_computed_fields": _FIELDS,
    "__fields__": _FIELDS,
    "__pydantic_fields__": _FIELDS,
    "model_fields_set": _SET,
    "__fields_set__": _SET,
    "__pydantic_fields_set__": _SET,
    "model_construct": _BUILD,
    "construct": _BUILD,
    "model_config": _SETTINGS,
    "model_extra": _EXTRA,
    "__pydantic_extra__": _EXTRA,
    "model_post_init": "`__attrs_post_init__`",
    "model_rebuild": _REBUILD,
    "update_forward_refs": _REBUILD,
}
"""A name that every pydantic model has, to what to write instead."""
MODERN = frozenset(name for name in INSTEAD if name.startswith(("model_", "__pydantic_")))
"""Names that nothing but a pydantic model has."""
LONGEST = 40
"""Expressions that are longer are not repeated in what to write."""


def _named(walker: Walker, node: ast.Attribute) -> None:
    if node not in walker.callees:
        _tell(walker, node, None)


def _called(walker: Walker, node: ast.Call) -> None:
    if isinstance(node.func, ast.Attribute):
        _tell(walker, node.func, node)


def _tell(walker: Walker, node: ast.Attribute, call: ast.Call | None) -> None:
    if node.attr not in INSTEAD or not isinstance(node.ctx, ast.Load):
        return
    types = walker.types(node.value)
    for cls in [*messages_in(types), *message_classes_in(types)]:
        if not _has_its_own(cls, node.attr):
            it = ast.unparse(node.value) if node.value not in walker.callees else class_name(cls)
            name = class_name(cls) if messages_in(types) else it
            instead = INSTEAD[node.attr].format(it=_short(it), cls=_short(name))
            mend = None if call is None or len(types) > 1 else _mend(walker, node, call)
            walker.report("SLP101", node, f"`{node.attr}` of pydantic on `{class_name(cls)}`", instead, mend=mend)
            return


def _has_its_own(cls: Class, name: str) -> bool:
    """Whether a class has a field or a method of that name, which pydantic's would be hidden by."""
    family = cls.family if isinstance(cls, Declared) else (cls,)
    return any(
        name in above.functions or name in above.annotations if isinstance(above, Declared) else name in above.fields
        for above in family
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else "it"


def _mend(walker: Walker, node: ast.Attribute, call: ast.Call) -> Mend | None:
    source, given = walker.module.source, [(word.arg, word.value) for word in call.keywords]
    match node.attr, call.args, given:
        case "model_dump", [], [("mode", ast.Constant(value="json"))]:
            return mending.method_called(source, call, "to_plain", "", mending.TO_PLAIN)
        case "model_dump_json", [], []:
            return mending.method_called(source, call, 'codecs.get("json").encode', ".decode()", mending.CODECS)
        case (("model_copy" | "copy"), [], []):
            return mending.copied(source, call, None)
        case (("model_copy" | "copy"), [], [("update", ast.Dict() as update)]) if _are_fields(walker, node, update):
            return mending.copied(source, call, update)
        case (("model_validate" | "parse_obj"), [data], []) if _is_dict(walker.types(data)):
            before = f"from_plain({ast.unparse(node.value)}, "
            return mending.class_called(source, call, before, "", mending.FROM_PLAIN)
        case "model_validate_json", [_], []:
            cls = ast.unparse(node.value)
            return mending.class_called(source, call, 'codecs.get("json").decode(', f", {cls}", mending.CODECS)
        case _:
            return None


def _are_fields(walker: Walker, node: ast.Attribute, update: ast.Dict) -> bool:
    message = message_of(messages_in(walker.types(node.value))[0])
    names = {key.value if isinstance(key, ast.Constant) else None for key in update.keys}
    return message is not None and names <= message.fields.keys()


def _is_dict(types: Types) -> bool:
    return all(isinstance(option, Table) for option in types)


def _asked(walker: Walker, node: ast.Call) -> None:
    names = {option.name for option in walker.types(node.func) if isinstance(option, Name)}
    if not names & {"builtins.hasattr", "builtins.getattr"} or len(node.args) < 2:
        return
    name = node.args[1]
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value in INSTEAD):
        return
    types = walker.types(node.args[0])
    if _is_message(types) or (name.value in MODERN and _may_be_message(walker, types)):
        asked = "hasattr" if "builtins.hasattr" in names else "getattr"
        walker.report("SLP102", node, f"`{asked}` asks for `{name.value}` of pydantic")


def _is_message(types: Types) -> bool:
    return bool(messages_in(types) or message_classes_in(types))


def _may_be_message(walker: Walker, types: Types) -> bool:
    """Of a value of which nothing is known, where the module has to do with messages."""
    return walker.module.uses_protocol and Anything() in types - {Nothing()}


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {ast.Attribute: (_named,), ast.Call: (_called, _asked)}
