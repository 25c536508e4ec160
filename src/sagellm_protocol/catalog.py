"""Every message by name.

A message's full name is its module path below the package and its class, ``kv.types.KVHandle``. The short name,
``KVHandle``, is enough where one message has it, or where the package exports one of them at its top.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any, is_typeddict

from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.naming import full_name


class UnknownMessageError(UnsupportedRevisionError):
    """No message has that name, or several have and none is meant before the others."""


class Catalog:
    """Messages, enumerations and typed dicts of a set of modules, by name.

    Args:
        modules: import paths; their classes are found on first use.
        preferred: import path of the module whose exports win where several messages share a short name.
    """

    def __init__(self, modules: Iterable[str], *, preferred: str | None = None) -> None:
        self.modules = tuple(modules)
        self.preferred = preferred

    def _defined(self) -> Iterator[Any]:
        for path in self.modules:
            module = importlib.import_module(path)
            yield from (found for found in vars(module).values() if getattr(found, "__module__", None) == path)

    @cached_property
    def messages(self) -> dict[str, type]:
        """Full name to class, in alphabetical order."""
        return dict(sorted((full_name(found), found) for found in self._defined() if is_message(found)))

    @cached_property
    def enums(self) -> dict[str, type[Enum]]:
        """Full name to enumeration."""
        enums = {found for found in self._defined() if isinstance(found, type) and issubclass(found, Enum)}
        return dict(sorted((full_name(found), found) for found in enums))

    @cached_property
    def typed_dicts(self) -> dict[str, type]:
        """Full name to typed dict."""
        return dict(sorted((full_name(found), found) for found in self._defined() if is_typeddict(found)))

    @cached_property
    def _by_short_name(self) -> dict[str, list[type]]:
        found: dict[str, list[type]] = {}
        for cls in self.messages.values():
            found.setdefault(cls.__name__, []).append(cls)
        return found

    @cached_property
    def short_names(self) -> dict[str, str]:
        """Short name to the full name of the one message that it means, in alphabetical order."""
        found: dict[str, str] = {}
        for short in sorted(self._by_short_name):
            with suppress(UnknownMessageError):
                found[short] = self.name(short)
        return found

    def get(self, message: str | type) -> type:
        """The class of a message, given by full name, short name, or as the class itself.

        Raises:
            UnknownMessageError: no message has that name, or which one is meant is not clear.
        """
        if isinstance(message, type):
            if self.messages.get(full_name(message)) is not message:
                raise UnknownMessageError(f"{message!r} is not a message of this catalog")
            return message
        exact = self.messages.get(message)
        if exact is not None:
            return exact
        sharing = self._by_short_name.get(message, [])
        if len(sharing) > 1 and self.preferred is not None:
            exported = getattr(importlib.import_module(self.preferred), message, None)
            sharing = [cls for cls in sharing if cls is exported] or sharing
        if len(sharing) == 1:
            return sharing[0]
        if sharing:
            names = " or ".join(full_name(cls) for cls in sharing)
            raise UnknownMessageError(f"which {message!r} is meant: {names}?")
        raise UnknownMessageError(f"no message is called {message!r}")

    def name(self, message: str | type) -> str:
        """The full name of a message."""
        return full_name(self.get(message))


_PACKAGE = __name__.rpartition(".")[0]

CATALOG = Catalog(
    (
        f"{_PACKAGE}.{module}"
        for module in (
            "backend_types",
            "comm_types",
            "compression_types",
            "errors",
            "heterogeneous_types",
            "kv.enums",
            "kv.errors",
            "kv.metrics",
            "kv.operations",
            "kv.types",
            "kv_hooks",
            "openai_types._asking",
            "openai_types._calls",
            "openai_types._chat",
            "openai_types._chunks",
            "openai_types._completions",
            "openai_types._embeddings",
            "openai_types._errors",
            "openai_types._formats",
            "openai_types._logprobs",
            "openai_types._messages",
            "openai_types._models",
            "openai_types._parts",
            "openai_types._tools",
            "openai_types._usage",
            "operator_mapping",
            "pd_sep_types",
            "sampling",
            "timestamps",
            "types",
        )
    ),
    preferred=_PACKAGE,
)
"""Every message of the protocol."""

get = CATALOG.get
name = CATALOG.name


def messages() -> dict[str, type]:
    """Every message of the protocol, full name to class."""
    return dict(CATALOG.messages)
