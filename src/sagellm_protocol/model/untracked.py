"""Which messages can be in no cycle of references, so that the garbage collector need not see them."""

from __future__ import annotations

import sys
from typing import Any

from sagellm_protocol.model.kinds import Converted, Member, Type, nested_in, parts
from sagellm_protocol.model.spec import Derived, spec_of

_IMMUTABLE = ("UUID", "date", "timedelta", "Decimal", "bytes", "Path", "PurePosixPath")
"""The names of classes whose instances refer to nothing but texts and numbers."""


def holds_fields_alone(cls: type) -> bool:
    """Whether an instance has no slot but its fields, and no ``__dict__``."""
    slots = {name for base in cls.__mro__ for name in vars(base).get("__slots__", ())} - {"__weakref__"}
    return slots == {field.name for field in spec_of(cls).held} and not cls.__dictoffset__


def is_permanent(cls: type) -> bool:
    """Whether a class is to be found in its module, and so is there to the end.

    Of one that is not, the garbage collector must see all instances: it may hold some itself.
    """
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def is_in_no_cycle(cls: type, within: set[type]) -> bool:
    """Whether an instance can be in no cycle of references, whatever its fields hold.

    It cannot change, and is made of what was there before. A function that derives a field is given the message itself.
    """
    if cls in within:
        return True
    within.add(cls)
    return (
        is_permanent(cls)
        and holds_fields_alone(cls)
        and all(
            is_atomic(field.type, within) and not (isinstance(field.default, Derived) and nested_in(field.type))
            for field in spec_of(cls).fields
        )
    )


def is_atomic(kind: Type, within: set[type]) -> bool:
    """Whether no value of a type refers to anything that could come to refer to it."""
    for part in parts(kind):
        if isinstance(part, Member) and not is_permanent(part.cls or object):
            return False
        if isinstance(part, Converted) and part.name not in _IMMUTABLE:
            return False
    return all(is_in_no_cycle(nested.cls, within) for nested in nested_in(kind))
