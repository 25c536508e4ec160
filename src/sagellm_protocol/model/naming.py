"""Full names: a message's module path below this package and its class, ``kv.types.KVHandle``."""

from __future__ import annotations

_PACKAGE = __name__.split(".")[0] + "."


def full_name(cls: type) -> str:
    """The name under which the protocol knows a class; classes of other packages keep their whole path."""
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix(_PACKAGE)
