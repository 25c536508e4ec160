"""``cattrs.override`` for fields of messages: what can be obeyed, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where cattrs.override comes from; cattrs.gen has it too, but does not say so to type checkers.
from cattrs.gen._consts import AttributeOverride as AttributeOverride

from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import Field, spec_of
from sagellm_protocol.model.wording import did_you_mean


def checked_overrides(message: Any, overrides: Mapping[str, Any]) -> dict[str, AttributeOverride]:
    """Overrides of a message's fields.

    Raises:
        OptionError: no message or field of that name, or an override that cannot be obeyed.
    """
    if not is_message(message):
        raise OptionError(f"override: {short(message)} is no message; register hooks for other classes")
    fields = {field.name: field for field in spec_of(message).fields}
    for name, override in overrides.items():
        where = f"override: {message.__qualname__}.{name}"
        if name not in fields:
            raise OptionError(f"{where}: there is no such field{did_you_mean(name, fields)}")
        if not isinstance(override, AttributeOverride):
            raise OptionError(f"{where}: write cattrs.override(...), got {short(override)}")
        _refuse_unfit(where, fields[name], override)
    names = [overrides[name].rename or name if name in overrides else name for name in fields]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"override: {message.__qualname__}: two fields would be called {short(name)} on the wire")
    return dict(overrides)


def _refuse_unfit(where: str, field: Field, override: AttributeOverride) -> None:
    rename: object = override.rename
    if rename is not None and not (isinstance(rename, str) and rename):
        raise OptionError(f"{where}: rename must be a text that is not empty, got {short(rename)}")
    if override.rename is not None and field.tells_apart:
        raise OptionError(f"{where}: it tells messages apart, and keeps its name")
    if override.omit and field.required:
        raise OptionError(f"{where}: it is required, and cannot be omitted")
    if override.omit and field.tells_apart:
        raise OptionError(f"{where}: it tells messages apart, and cannot be omitted")
    if override.omit_if_default and field.always_written:
        raise OptionError(f"{where}: left out it would mean something else, so it cannot be omitted at its default")
    for name in ("struct_hook", "unstruct_hook"):
        hook = getattr(override, name)
        if hook is not None and not callable(hook):
            raise OptionError(f"{where}: {name} must be a function, got {short(hook)}")
