"""Full names: a message's module path below this package and its class, ``kv.types.KVHandle``."""

from __future__ import annotations

import keyword
import unicodedata

_PACKAGE = __name__.split(".")[0] + "."


def full_name(cls: type) -> str:
    """The name under which the protocol knows a class; classes of other packages keep their whole path."""
    # A class that is made where there is no module has none.
    return f"{getattr(cls, '__module__', '<unknown>')}.{cls.__qualname__}".removeprefix(_PACKAGE)


def is_plain_identifier(name: str) -> bool:
    """Whether Python takes a text for a name, and for that very name, wherever it stands."""
    return name.isidentifier() and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name
