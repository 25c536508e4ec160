"""What leaving a field out means: defaults as payloads hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.converted import dumped, entry_of
from sagellm_protocol.model.kinds import Nullable
from sagellm_protocol.model.nesting import SCALARS
from sagellm_protocol.model.spec import REQUIRED, Derived, Field, Made


def plain_default(default: Any, written: Callable[[Any], Any] = to_plain) -> Any:
    """A field's default as a payload holds it. Defaults that are made anew or derived have none: not for them.

    Args:
        default: the default.
        written: gives the payload of a message.
    """
    if type(default) in SCALARS:
        return default
    match default:
        case Enum():
            return default.value
        case tuple() | list():
            return [plain_default(item, written) for item in default]
        case Mapping():
            return {key: plain_default(item, written) for key, item in default.items()}
        case _ if is_message(type(default)):
            return written(default)
        case _:
            entry = entry_of(default)
            return default if entry is None else dumped(entry, default)


def has_plain_default(field: Field) -> bool:
    """Whether the field has a default that is the same for every message."""
    return is_plain(field.default)


def is_plain(default: Any) -> bool:
    """Whether a default is one, and the same for every message."""
    return default is not REQUIRED and not isinstance(default, (Derived, Made))


def same_default(one: Field, other: Field) -> bool:
    """Whether leaving the field out means the same in two revisions."""
    defaults = one.left_out, other.left_out
    if all(map(is_plain, defaults)):
        return alike(*map(plain_default, defaults))
    return bool(defaults[0] == defaults[1])


def null_became(old: Field, new: Field) -> bool:
    """Whether null, by default, was then what the default is now."""
    return old.default is None and isinstance(old.type, Nullable) and not isinstance(new.type, Nullable)


def may_lack(old: Field, new: Field) -> bool:
    """Whether a field that could be null, and was by default, has to be given since."""
    return new.required and old.default is None and not isinstance(new.type, Nullable)
