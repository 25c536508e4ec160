"""What is in containers, in fields and in annotations."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache

from sagellm_protocol.lint.following.types import (
    ANYTHING,
    FREE,
    NOTHING,
    Alias,
    ClassObject,
    Free,
    Instance,
    Items,
    ItemsKind,
    Known,
    Name,
    Nothing,
    Option,
    Row,
    Scalar,
    Table,
    Types,
    items,
    join,
    scalar,
    table,
)
from sagellm_protocol.model import kinds
from sagellm_protocol.model.naming import full_name


def instances(types: Types) -> Types:
    """What an annotation means that is such a value: of a class its instances."""
    return join(*map(_instances, types)) if types else ANYTHING


def _instances(option: Option) -> Types:
    match option:
        case ClassObject(cls=cls):
            return frozenset({Instance(cls)})
        case Alias(types=types):
            return types
        case Nothing():
            return NOTHING
        case Name(name=name) if name in SCALARS:
            return scalar(name.rpartition(".")[2])
        case Name(name=name) if name in CONTAINERS:
            return CONTAINERS[name](ANYTHING)
        case _:
            return ANYTHING


SCALARS = frozenset(f"builtins.{name}" for name in ("str", "int", "float", "bool", "bytes", "complex"))


def _held_field(kind: kinds.Type) -> Types:
    match kind:
        case kinds.Nested(cls=cls):
            return frozenset({Instance(Known(full_name(cls)))})
        case kinds.Choice(options=options) | kinds.Either(options=options):
            return join(*map(_held_field, options))
        case kinds.Nullable(inner=inner) | kinds.Limited(inner=inner):
            return join(_held_field(inner), NOTHING)
        case kinds.Items(item=item, declared="tuple"):
            return frozenset({Items(_held_field(item), kind="tuple")})
        case kinds.Items(item=item):
            return frozenset({Items(_held_field(item), held=True)})
        case kinds.Table(value=value):
            return frozenset({Table(_held_field(value), held=True)})
        case kinds.Free():
            return FREE
        case kinds.Text() | kinds.OneOf():
            return scalar("str")
        case kinds.Flag():
            return scalar("bool")
        case kinds.Number(kind=number):
            return scalar(number.__name__)
        case _:
            return ANYTHING


@cache
def fields_of(message: Known) -> dict[str, Types]:
    """What the fields of a message hold."""
    return {field.name: _held_field(field.type) for field in message.spec.held}


def elements(types: Types) -> Types:
    """What iterating over a value gives."""
    return join(*map(_elements, types)) if types else ANYTHING


def _elements(option: Option) -> Types:
    match option:
        case Items(item=item):
            return item
        case Row(parts=parts):
            return join(*parts) if parts else ANYTHING
        case Free():
            return FREE
        case Table() | Scalar(name="str"):
            return scalar("str")
        case _:
            return ANYTHING


def element(types: Types, key: ast.expr | None = None) -> Types:
    """What a subscript gives: a part of a sequence where the key is a slice."""
    return join(*(_element(option, key) for option in types)) if types else ANYTHING


def _element(option: Option, key: ast.expr | None) -> Types:
    match option:
        case Items() if isinstance(key, ast.Slice):
            return frozenset({option})
        case Items(item=item):
            return item
        case Row(parts=parts):
            return part_of(option, key.value) if isinstance(key, ast.Constant) else join(ANYTHING, *parts)
        case Table(value=value):
            return value
        case Free():
            return FREE
        case Scalar(name="str"):
            return scalar("str")
        case _:
            return ANYTHING


def part_of(row: Row, place: object) -> Types:
    """One of the values of a row."""
    if isinstance(place, int) and -len(row.parts) <= place < len(row.parts):
        return row.parts[place]
    return ANYTHING


def _container(*names: str, kind: ItemsKind) -> dict[str, Callable[[Types], Types]]:
    return dict.fromkeys(names, lambda item: items(item, kind))


CONTAINERS: dict[str, Callable[[Types], Types]] = {
    **_container("builtins.list", "typing.List", kind="list"),
    **_container("builtins.tuple", "typing.Tuple", kind="tuple"),
    **_container(
        *(f"builtins.{name}" for name in ("set", "frozenset")),
        *(f"typing.{name}" for name in ("Set", "FrozenSet")),
        kind="set",
    ),
    **_container(
        *(
            f"{module}.{name}"
            for module in ("typing", "collections.abc")
            for name in (
                *("Iterable", "Iterator", "AsyncIterator", "AsyncIterable", "Generator", "AsyncGenerator"),
                *("Sequence", "MutableSequence", "Collection", "Reversible", "Deque", "AbstractSet"),
            )
        ),
        *("collections.deque", "asyncio.Queue", "asyncio.PriorityQueue", "queue.Queue", "queue.PriorityQueue"),
        *("queue.SimpleQueue", "asyncio.LifoQueue", "queue.LifoQueue", "multiprocessing.Queue"),
        kind="other",
    ),
    **dict.fromkeys(
        (
            *("builtins.dict", "typing.Dict", "collections.OrderedDict", "typing.OrderedDict", "typing.DefaultDict"),
            *("typing.Mapping", "typing.MutableMapping", "collections.abc.Mapping", "collections.abc.MutableMapping"),
            *("collections.defaultdict", "weakref.WeakValueDictionary"),
        ),
        table,
    ),
}
"""Names of generic containers, to what one of them is that holds values of a type."""
