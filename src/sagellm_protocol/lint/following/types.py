"""What is known of the value of an expression: the options that it may be, as data."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import Any, Literal, TypeAlias

import attrs

from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model.spec import Field, Spec, spec_of

ItemsKind: TypeAlias = Literal["list", "tuple", "set", "iterator", "other"]
MOST_OPTIONS = 12
"""A value of more options is anything."""
DEEPEST = 6
"""How deep containers are followed."""


@attrs.frozen
class Anything:
    """Nothing is known of it."""


@attrs.frozen
class Nothing:
    """``None``."""


@attrs.frozen
class Scalar:
    """A value of a builtin class that holds no others: ``str``, ``int``."""

    name: str


@attrs.frozen
class Known:
    """A message class of the protocol, by its full name."""

    name: str

    @property
    def spec(self) -> Spec:
        """Its fields."""
        return spec_of(CATALOG.messages[self.name])

    @property
    def fields(self) -> dict[str, Field]:
        """Its fields, by what the constructor calls them."""
        return {field.argument: field for field in self.spec.held}


@attrs.define(eq=False)
class Declared:
    """A class of the code base."""

    module: str
    node: ast.ClassDef
    bases: Types = attrs.field(factory=frozenset)
    """The class objects that it is declared with."""
    functions: dict[str, Function] = attrs.field(factory=dict)
    annotations: dict[str, ast.expr] = attrs.field(factory=dict)
    scope: Any = None
    """Where its annotations are read."""

    @property
    def family(self) -> tuple[Class, ...]:
        """It, and the classes above it, the nearest first."""
        found: dict[Class, None] = {}
        waiting: list[Class] = [self]
        while waiting:
            cls = waiting.pop(0)
            if cls not in found:
                found[cls] = None
                if isinstance(cls, Declared):
                    waiting += [base.cls for base in cls.bases if isinstance(base, ClassObject)]
        return tuple(found)


Class: TypeAlias = "Known | Declared"


@attrs.define(eq=False)
class Function:
    """A function of the code base."""

    module: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    owner: Declared | None
    scope: Any
    """Where its annotations are read."""

    @cached_property
    def decorators(self) -> frozenset[str]:
        """The last names of its decorators: ``property``, ``staticmethod``."""
        names = (ast.unparse(found).partition("(")[0].rpartition(".")[2] for found in self.node.decorator_list)
        return frozenset(names)

    @property
    def parameters(self) -> list[ast.arg]:
        """Those that can be given by position, in their order, and then the others."""
        given = self.node.args
        return [*given.posonlyargs, *given.args, *given.kwonlyargs]

    @property
    def takes_self(self) -> bool:
        """Whether its first parameter is what it is called on."""
        return self.owner is not None and "staticmethod" not in self.decorators


@attrs.frozen
class Instance:
    """An instance of a class."""

    cls: Class


@attrs.frozen
class ClassObject:
    """A class itself."""

    cls: Class


@attrs.frozen
class Items:
    """A sequence; ``held`` says that a message holds it, so that it was a list and is a tuple now."""

    item: Types
    held: bool = False
    kind: ItemsKind = "list"


@attrs.frozen
class Row:
    """A tuple of so many values, such as ``enumerate`` gives."""

    parts: tuple[Types, ...]


@attrs.frozen
class Adapter:
    """A ``TypeAdapter``, of what it reads."""

    types: Types


@attrs.frozen
class Table:
    """A mapping; ``held`` says that a message holds it, so that it refuses change."""

    value: Types
    held: bool = False


@attrs.frozen
class Free:
    """Any JSON that a message holds, frozen: its lists are tuples."""


@attrs.frozen
class Module:
    """A module, by its name."""

    name: str


@attrs.frozen
class Name:
    """Something of another package, by its full name: ``pydantic.BaseModel``, ``builtins.list``."""

    name: str


@attrs.frozen
class FunctionObject:
    """A function of the code base; ``bound`` says that its first parameter is given already."""

    function: Function
    bound: bool = False


@attrs.frozen
class Method:
    """An attribute of a value that is no field of it."""

    receiver: Option
    name: str


@attrs.frozen
class Alias:
    """A type as a value: ``Event = StreamEventStart | None``."""

    types: Types


Option: TypeAlias = (
    Anything
    | Nothing
    | Scalar
    | Instance
    | ClassObject
    | Items
    | Row
    | Table
    | Free
    | Module
    | Name
    | FunctionObject
    | Method
    | Alias
    | Adapter
)
Types: TypeAlias = frozenset[Option]
"""What a value may be."""

ANYTHING: Types = frozenset({Anything()})
NOTHING: Types = frozenset({Nothing()})
FREE: Types = frozenset({Free()})


def join(*several: Types) -> Types:
    """What a value may be that is one of several."""
    options: Types = frozenset().union(*several)
    return options if 0 < len(options) <= MOST_OPTIONS else ANYTHING


def scalar(name: str) -> Types:
    """A value of a builtin class."""
    return frozenset({Scalar(name)})


def items(item: Types, kind: ItemsKind = "list") -> Types:
    """A container of the code's own."""
    return frozenset({Items(ANYTHING if _depth(item) >= DEEPEST else item, kind=kind)})


def table(value: Types) -> Types:
    """A dict of the code's own."""
    return frozenset({Table(ANYTHING if _depth(value) >= DEEPEST else value)})


def row(*parts: Types) -> Types:
    """A tuple of so many values."""
    return frozenset({Row(tuple(ANYTHING if _depth(part) >= DEEPEST else part for part in parts))})


def _depth(types: Types) -> int:
    return 1 + max((_depth(part) for option in types for part in _parts(option)), default=0)


def _parts(option: Option) -> tuple[Types, ...]:
    match option:
        case Items(item=inner) | Table(value=inner) | Alias(types=inner) | Adapter(types=inner):
            return (inner,)
        case Row(parts=parts):
            return parts
        case Method(receiver=receiver):
            return (frozenset({receiver}),)
        case _:
            return ()


def is_held(option: Option) -> bool:
    """Whether it is a list or a dict that a message holds."""
    return isinstance(option, Free) or (isinstance(option, (Items, Table)) and option.held)


def is_tuple_now(option: Option) -> bool:
    """Whether it was a list and is a tuple now, or may be."""
    return isinstance(option, Free) or (isinstance(option, Items) and option.held)


def message_of(cls: Class) -> Known | None:
    """The message of the protocol that a class is, or is derived from."""
    family = (cls,) if isinstance(cls, Known) else cls.family
    return next((found for found in family if isinstance(found, Known)), None)


def messages_in(types: Types) -> list[Class]:
    """The classes of the messages that a value may be an instance of, in the order of their names."""
    found = [option.cls for option in types if isinstance(option, Instance) and message_of(option.cls) is not None]
    return sorted(found, key=class_name)


def message_classes_in(types: Types) -> list[Class]:
    """The message classes that a value may be, in the order of their names."""
    found = [option.cls for option in types if isinstance(option, ClassObject) and message_of(option.cls) is not None]
    return sorted(found, key=class_name)


def class_name(cls: Class) -> str:
    """The short name of a class."""
    return cls.name.rpartition(".")[2] if isinstance(cls, Known) else cls.node.name
