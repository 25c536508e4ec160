"""Constructors: one generated ``__new__`` a class.

It is ``__new__`` and not ``__init__``, so that there is nothing to call again on a message that stands; and it is
faster, as it makes the object of the class that may be filled.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinMethodType
from typing import Any

from sagellm_protocol.model.checking import check_arguments
from sagellm_protocol.model.refusing import admit
from sagellm_protocol.model.source import DOUBTS, Function
from sagellm_protocol.model.spec import Derived, Field, Made, Mark, spec_of
from sagellm_protocol.model.statements import CheckStatements
from sagellm_protocol.model.validating import validation_of

UNSET = Mark("...")
"""Stands for an argument that was not given, and is shown like one in a stub."""


def write_constructor(cls: Any) -> Callable[..., Any]:
    """The ``__new__`` of a message class: check every argument, then make the message and fill its slots."""
    spec = spec_of(cls)
    to = Function("__new__")
    checks = CheckStatements("python")
    unset, this = to.bind("UNSET", UNSET), to.bind("this", cls)
    validation = validation_of(cls)
    parameters = {}
    for field in spec.held:
        name = field.argument
        fixed = not field.required and not isinstance(field.default, (Derived, Made))
        default = to.bind(f"default_{field.name}", field.default) if fixed else unset
        if name != field.name and field.name not in spec.arguments.values():
            # Who goes by the names of fields, as dataclasses and cattrs do, may give it so.
            to.add(f"if {name} is {unset}: {name} = _unknown.pop({field.name!r}, {default})")
            default = unset
        parameters[field.name] = f"{name}={default}"
        if isinstance(field.default, Made):
            make = to.bind(f"make_{field.name}", field.default.factory)
            to.add(f"if {name} is {unset}: {name} = {make}()")
    to.add("try:")
    to.indent += 1
    for field in spec.held:
        optional = isinstance(field.default, Derived)
        if optional:
            to.add(f"if {field.argument} is not {unset}:")
        to.indent += optional
        checks.write(to, field.type, field.argument)
        to.indent -= optional
    to.add("if _unknown: raise _Doubt")
    to.indent -= 1
    to.add(f"except {to.bind('doubts', DOUBTS)}:")
    to.indent += 1
    to.add(f"_given = {{{', '.join(f'{field.name!r}: {field.argument}' for field in spec.held)}}}")
    to.add(f"_given = {{_name: _value for _name, _value in _given.items() if _value is not {unset}}}")
    to.add(f"_given = {to.bind('check_arguments', check_arguments)}(_cls, {this}, _given, _unknown)")
    for field in spec.held:
        given = (
            f"_given.get({field.name!r}, {unset})" if isinstance(field.default, Derived) else f"_given[{field.name!r}]"
        )
        to.add(f"{field.argument} = {given}")
    to.indent -= 1
    _make(to, cls, [field for field in spec.held if not isinstance(field.default, Derived)])
    for field in spec.fields:
        if isinstance(field.default, Derived):
            derive = to.bind(f"derive_{field.name}", field.default.function)
            put = to.bind(f"set_{field.name}", getattr(cls, field.name).__set__)
            to.add(f"{put}(_self, {derive}(_self) if {field.argument} is {unset} else {field.argument})")
    if validation is not None:
        to.add(f"{to.bind('validate', validation.check)}(_self)")
    to.add("return _self")
    named = [parameters[field.name] for field in cls.__attrs_attrs__ if field.kw_only]
    ordered = [parameters[field.name] for field in cls.__attrs_attrs__ if not field.kw_only]
    new = to.compile(", ".join(("_cls", "/", *ordered, *("*" for _ in named[:1]), *named, "**_unknown")))
    new.__qualname__ = f"{cls.__qualname__}.__new__"
    new.__module__ = cls.__module__
    new.__annotations__ = {field.alias: field.type for field in cls.__attrs_attrs__}
    return new


def draft_of(cls: Any) -> type | None:
    """The unfrozen class whose instances, once filled by plain assignment, are turned into messages of ``cls``.

    Several times faster than ``object.__setattr__`` for each field. It is made of a class that has none; a class that
    would notice, by its metaclass or its ``__init_subclass__``, has none.
    """
    draft: type | None = vars(cls).get("_message_draft")
    if draft is None and type(cls) is type and isinstance(cls.__init_subclass__, BuiltinMethodType):
        draft = type(
            cls.__name__,
            (cls,),
            {
                "__slots__": (),
                "__module__": cls.__module__,
                "__qualname__": cls.__qualname__,
                "__setattr__": object.__setattr__,
                "__delattr__": object.__delattr__,
            },
        )
        built: Any = cls
        built._message_draft = draft
    return draft


def _make(to: Function, cls: Any, fields: list[Field]) -> None:
    """Make the message and fill its slots: as the draft, where there is one, else (subclasses) by their descriptors."""
    new, this = to.bind("new", object.__new__), to.bind("this", cls)
    draft = draft_of(cls)
    if draft is not None:
        to.add(f"if _cls is {this}:")
        to.indent += 1
        to.add(f"_self = {new}({to.bind('draft', draft)})")
        for field in fields:
            to.add(f"_self.{field.name} = {field.argument}")
        to.add(f"_self.__class__ = {this}")
        to.indent -= 1
        to.add("else:")
        to.indent += 1
    to.add(f"if _cls._message_admitted is not _cls: {to.bind('admit', admit)}(_cls, {this})")
    to.add(f"_self = {new}(_cls)")
    for field in fields:
        put = to.bind("set_" + field.name, getattr(cls, field.name).__set__)
        to.add(f"{put}(_self, {field.argument})")
    if draft is not None:
        to.indent -= 1
