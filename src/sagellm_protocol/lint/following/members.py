"""What an attribute of a value is."""

from __future__ import annotations

from sagellm_protocol.lint.following.containers import fields_of
from sagellm_protocol.lint.following.types import (
    ANYTHING,
    Adapter,
    Class,
    ClassObject,
    Declared,
    Free,
    Function,
    FunctionObject,
    Instance,
    Items,
    Known,
    Method,
    Module,
    Name,
    Option,
    Scalar,
    Table,
    Types,
    join,
    message_of,
)
from sagellm_protocol.lint.following.walking import Walker

PROPERTIES = frozenset({"property", "cached_property"})


def attribute(walker: Walker, types: Types, name: str) -> Types:
    """What ``value.name`` may be."""
    return join(*(_attribute(walker, option, name) for option in types)) if types else ANYTHING


def _attribute(walker: Walker, option: Option, name: str) -> Types:
    match option:
        case Module(name=module):
            return walker.code.attribute(module, name, walker.module)
        case Name(name=full):
            return frozenset({Name(f"{full}.{name}")})
        case Instance(cls=cls):
            return _member(walker, cls, name, option)
        case ClassObject(cls=cls):
            function = _function(cls, name)
            if function is not None:
                return frozenset({FunctionObject(function, bound="classmethod" in function.decorators)})
            return frozenset({Method(option, name)})
        case Items() | Table() | Free() | Scalar() | Adapter():
            return frozenset({Method(option, name)})
        case _:
            return ANYTHING


def _member(walker: Walker, cls: Class, name: str, receiver: Option) -> Types:
    for above in cls.family if isinstance(cls, Declared) else (cls,):
        found = fields_of(above).get(name) if isinstance(above, Known) else _declared(walker, above, name)
        if found is not None:
            return found
    return ANYTHING if message_of(cls) is None else frozenset({Method(receiver, name)})


def _declared(walker: Walker, cls: Declared, name: str) -> Types | None:
    function = cls.functions.get(name)
    if function is not None:
        if function.decorators & PROPERTIES:
            return returned(walker, function)
        return frozenset({FunctionObject(function, bound=function.takes_self)})
    given = walker.facts.read(cls, name)
    if name in cls.annotations:
        return walker.declared(walker.annotated_in(cls.scope, cls.annotations[name]), given)
    return given


def _function(cls: Class, name: str) -> Function | None:
    family = cls.family if isinstance(cls, Declared) else ()
    return next(
        (above.functions[name] for above in family if isinstance(above, Declared) and name in above.functions), None
    )


def returned(walker: Walker, function: Function) -> Types:
    """What a call of a function gives."""
    given = walker.facts.read(function, "return")
    if function.node.returns is None:
        return ANYTHING if given is None else given
    return walker.declared(walker.annotated_in(function.scope, function.node.returns), given)
