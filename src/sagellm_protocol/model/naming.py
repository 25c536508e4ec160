"""Full names: a message's module path below this package and its class, ``kv.types.KVHandle``."""

from __future__ import annotations

import keyword
import unicodedata

_PACKAGE = __name__.split(".")[0] + "."


def full_name(cls: type) -> str:
    """The name under which the protocol knows a class; classes of other packages keep their whole path.

    A module of this package whose name begins with an underscore is part of the one around it.
    """
    # A class that is made where there is no module has none.
    module = getattr(cls, "__module__", "<unknown>")
    if module.startswith(_PACKAGE):
        module = module.removeprefix(_PACKAGE).partition("._")[0]
    return f"{module}.{cls.__qualname__}"


def is_plain_identifier(name: str) -> bool:
    """Whether Python takes a text for a name, and for that very name, wherever it stands."""
    return name.isidentifier() and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name
