"""SLP5: what messages are built of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache

import attrs

from sagellm_protocol.history import HISTORY
from sagellm_protocol.lint.checking.coercing import is_coerced, mended
from sagellm_protocol.lint.finding import Edit, Mend
from sagellm_protocol.lint.following.calls import MAKING
from sagellm_protocol.lint.following.modules import PACKAGE
from sagellm_protocol.lint.following.types import (
    Class,
    ClassObject,
    Declared,
    Instance,
    Known,
    Method,
    Name,
    class_name,
    message_of,
    messages_in,
)
from sagellm_protocol.lint.following.walking import Check, Walker
from sagellm_protocol.model import kinds
from sagellm_protocol.model.spec import Field
from sagellm_protocol.model.wording import describe, did_you_mean

MOST_ITEMS = 200
"""Of a list or a dict that is written out, so many items are looked at."""
DEEPEST = 10


@cache
def renamed(message: str) -> Mapping[str, str]:
    """What fields of a message were called once, to what they are called today."""
    found = {}
    for revision in HISTORY.revisions:
        spec = HISTORY.specs(revision).get(message)
        for field in spec.fields if spec is not None else ():
            if field.today and field.today != field.name:
                found[field.name] = field.today
    return found


def _called(walker: Walker, node: ast.Call) -> None:
    for option in walker.types(node.func):
        match option:
            case ClassObject(cls=cls) if message_of(cls) is not None:
                _constructed(walker, node, cls)
            case Method(receiver=ClassObject(cls=cls), name=name) if message_of(cls) is not None and name in MAKING:
                if node.args and isinstance(node.args[0], ast.Dict):
                    _written(walker, node.args[0], cls, DEEPEST, forbidden=_forbids(cls))
                elif name in ("model_construct", "construct"):
                    _keywords(walker, node, cls)
            case Method(receiver=Instance(cls=cls), name="model_copy" | "copy") if message_of(cls) is not None:
                for keyword in node.keywords:
                    if keyword.arg == "update" and isinstance(keyword.value, ast.Dict):
                        _written(walker, keyword.value, cls, DEEPEST, forbidden=True)
            case Name(name=name) if name == f"{PACKAGE}.model.declaring.evolve" and node.args:
                for cls in messages_in(walker.types(node.args[0])):
                    _keywords(walker, node, cls)


def _constructed(walker: Walker, node: ast.Call, cls: Class) -> None:
    if isinstance(cls, Declared) and any(
        isinstance(above, Declared) and "__init__" in above.functions for above in cls.family
    ):
        return
    message = message_of(cls)
    given = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
    if message is not None and len(given) > positional(message):
        takes = positional(message)
        walker.report(
            "SLP502", node, f"`{class_name(cls)}` is given {len(given)} arguments by position, and takes {takes}"
        )
    _keywords(walker, node, cls)


@cache
def positional(message: Known) -> int:
    """How many arguments a message takes by position."""
    from sagellm_protocol.catalog import CATALOG

    return sum(not attribute.kw_only for attribute in attrs.fields(CATALOG.messages[message.name]))


def _forbids(cls: Class) -> bool:
    message = message_of(cls)
    return message is not None and message.spec.unknown == "forbid"


def _keywords(walker: Walker, node: ast.Call, cls: Class) -> None:
    given = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
    for keyword in node.keywords:
        if keyword.arg is not None:
            begin = walker.module.source.begin(keyword)
            place = Edit(begin, begin + len(keyword.arg), keyword.arg)
            _argument(walker, Given(keyword, keyword.arg, keyword.value, place, given, str), cls, DEEPEST)


def _written(walker: Walker, node: ast.Dict, cls: Class, depth: int, *, forbidden: bool) -> None:
    """A message that is written out as a dict."""
    source = walker.module.source
    pairs = list(zip(node.keys, node.values, strict=True))[:MOST_ITEMS]
    given = frozenset(key.value for key, _ in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str))
    for key, value in pairs:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            place = Edit(source.begin(key), source.end(key), key.value)
            _argument(walker, Given(key, key.value, value, place, given, repr if forbidden else None), cls, depth)


@attrs.frozen
class Given:
    """A field that is given, by keyword or by key."""

    node: ast.AST
    name: str
    value: ast.expr
    place: Edit
    """Where the name stands."""
    beside: frozenset[str]
    """All the names that are given."""
    shown: Callable[[str], str] | None
    """How another name is written; None where names that are none are passed over."""


def _argument(walker: Walker, given: Given, cls: Class, depth: int) -> None:
    message = message_of(cls)
    if message is None or given.name in own_fields(cls):
        return
    field = message.fields.get(given.name)
    if field is not None:
        _value(walker, given.value, field, depth)
    elif given.shown is not None:
        _unknown(walker, given, given.shown, cls, message)


def own_fields(cls: Class) -> set[str]:
    """The fields that classes of the code base give a message."""
    family = cls.family if isinstance(cls, Declared) else ()
    return {name for above in family if isinstance(above, Declared) for name in above.annotations}


def _unknown(walker: Walker, given: Given, shown: Callable[[str], str], cls: Class, message: Known) -> None:
    today = renamed(message.name).get(given.name)
    said = f"`{class_name(cls)}` has no field `{given.name}`"
    if today is None:
        hint = did_you_mean(given.name, message.fields).strip(" ()")
        walker.report("SLP501", given.node, said, hint or f"nothing, or one of: {', '.join(message.fields)}")
        return
    said += f": it was renamed `{today}`"
    if today in given.beside:
        walker.report("SLP501", given.node, said, f"nothing: `{today}` is given as well")
        return
    mend = Mend((Edit(given.place.start, given.place.end, shown(today)),))
    walker.report("SLP501", given.node, said, f"`{today}`", mend=mend)


def _value(walker: Walker, node: ast.expr, field: Field, depth: int) -> None:
    waiting: list[tuple[kinds.Type, ast.expr, int]] = [(field.type, node, depth)]
    for _ in range(MOST_ITEMS):
        if not waiting:
            return
        kind, part, depth = waiting.pop(0)
        while isinstance(kind, (kinds.Nullable, kinds.Limited)):
            kind = kind.inner
        match kind, part:
            case kinds.Nested(name=name), ast.Dict() if depth:
                cls = Known(name)
                _written(walker, part, cls, depth - 1, forbidden=_forbids(cls))
            case kinds.Items(item=item), ast.List(elts=parts) | ast.Tuple(elts=parts):
                waiting += [(item, inner, depth) for inner in parts[:MOST_ITEMS]]
            case kinds.Table(value=inside), ast.Dict(values=values) if not is_coerced(walker, kind, part):
                waiting += [(inside, inner, depth) for inner in values[:MOST_ITEMS]]
            case kinds.Free(), ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts) if not is_coerced(
                walker, kind, part
            ):
                waiting += [(kind, inner, depth) for inner in parts[:MOST_ITEMS]]
            case _ if is_coerced(walker, kind, part):
                text = ast.unparse(part)
                shown = text if len(text) <= 40 else f"{text[:40]}..."
                walker.report(
                    "SLP503",
                    part,
                    f"`{field.name}` is given `{shown}`",
                    f"it must be {describe(kind)}",
                    mend=mended(walker.module.source, kind, part),
                )


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {ast.Call: (_called,)}
