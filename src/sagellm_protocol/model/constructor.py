"""Constructors: one generated ``__init__`` a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagellm_protocol.model.annotations import spec_of
from sagellm_protocol.model.checking import check_arguments
from sagellm_protocol.model.source import Function
from sagellm_protocol.model.spec import Derived, Made, Mark
from sagellm_protocol.model.statements import Writer

UNSET = Mark("UNSET")
"""Stands for an argument that was not given."""


def write_constructor(cls: Any) -> Callable[..., None]:
    """The ``__init__`` of a message class: check every argument, then fill the slots."""
    spec = spec_of(cls)
    to = Function("__init__")
    writer = Writer("python")
    unset, this = to.bind("UNSET", UNSET), to.bind("cls", cls)
    parameters = []
    for field in spec.fields:
        fixed = not field.required and not isinstance(field.default, (Derived, Made))
        parameters.append(f"{field.name}={to.bind(f'default_{field.name}', field.default) if fixed else unset}")
        if isinstance(field.default, Made):
            make = to.bind(f"make_{field.name}", field.default.factory)
            to.add(f"if {field.name} is {unset}: {field.name} = {make}()")
    to.add("try:")
    to.indent += 1
    for field in spec.fields:
        optional = isinstance(field.default, Derived)
        if optional:
            to.add(f"if {field.name} is not {unset}:")
        to.indent += optional
        writer.write(to, field.type, field.name)
        to.indent -= optional
    to.add("if _unknown: raise _Doubt")
    to.indent -= 1
    to.add("except (_Doubt, TypeError, OverflowError):")
    to.indent += 1
    to.add(f"_given = {{{', '.join(f'{field.name!r}: {field.name}' for field in spec.fields)}}}")
    to.add(f"_given = {{_name: _value for _name, _value in _given.items() if _value is not {unset}}}")
    to.add(f"_given = {to.bind('check_arguments', check_arguments)}({this}, {{**_given, **_unknown}})")
    for field in spec.fields:
        given = (
            f"_given.get({field.name!r}, {unset})" if isinstance(field.default, Derived) else f"_given[{field.name!r}]"
        )
        to.add(f"{field.name} = {given}")
    to.indent -= 1
    _assign(to, cls, [field.name for field in spec.fields if not isinstance(field.default, Derived)])
    for field in spec.fields:
        if isinstance(field.default, Derived):
            derive = to.bind(f"derive_{field.name}", field.default.function)
            put = to.bind(f"set_{field.name}", getattr(cls, field.name).__set__)
            to.add(f"{put}(self, {derive}(self) if {field.name} is {unset} else {field.name})")
    init = to.compile(", ".join(("self", "/", *("*" for _ in parameters[:1]), *parameters, "**_unknown")))
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    init.__annotations__ = {field.name: field.type for field in cls.__attrs_attrs__} | {"return": None}
    return init


def draft_of(cls: Any) -> type | None:
    """The unfrozen base under a message class, whose instances may be filled by plain assignment."""
    draft: type = cls.__mro__[1]
    return draft if draft.__name__ == f"_{cls.__name__}Draft" else None


def _assign(to: Function, cls: Any, names: list[str]) -> None:
    """Fill the slots: through the draft where there is one, else (subclasses) through the slots' descriptors."""
    setters = [f"{to.bind('set_' + name, getattr(cls, name).__set__)}(self, {name})" for name in names] or ["pass"]
    draft = draft_of(cls)
    if draft is None:
        for line in setters:
            to.add(line)
        return
    this = to.bind("cls", cls)
    to.add(f"if self.__class__ is {this}:")
    to.indent += 1
    to.add(f"{to.bind('set_attribute', object.__setattr__)}(self, '__class__', {to.bind('draft', draft)})")
    for name in names:
        to.add(f"self.{name} = {name}")
    to.add(f"self.__class__ = {this}")
    to.indent -= 1
    to.add("else:")
    to.indent += 1
    for line in setters:
        to.add(line)
    to.indent -= 1
