"""Histories by name, ``module:attribute``: for command lines, and for workers that find them again by themselves."""

from __future__ import annotations

import importlib
from typing import Any

from sagellm_protocol.history.timeline import History
from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short

PROTOCOL = "sagellm_protocol.history:HISTORY"
"""The protocol's own."""


def named(history: History | str) -> History:
    """A history as it is, or the one of that name.

    Args:
        history: either, or ``module:attribute``, as ``fleet.history:HISTORY``.

    Raises:
        OptionError: the module cannot be imported, or has no history there.
    """
    if isinstance(history, History):
        return history
    if not isinstance(history, str):
        raise OptionError(f"history must be a History, or text like 'fleet.history:HISTORY', got {short(history)}")
    try:
        found = found_at(history)
    except ValueError:
        raise OptionError(f"no history is called {history}; write module:attribute, as {PROTOCOL}") from None
    except ImportError as error:
        raise OptionError(f"the history {history} cannot be imported: {error}") from error
    except AttributeError as error:
        raise OptionError(f"there is no history {history}: {error}") from None
    if not isinstance(found, History):
        raise OptionError(f"{history} is no History, but {short(found)}")
    return found


def found_at(name: str) -> Any:
    """What stands at ``module:attribute``; the attribute may have dots.

    Raises:
        ValueError: it is no such name.
        ImportError: the module cannot be imported; the text says why.
        AttributeError: it has no such attribute.
    """
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise ValueError(name)
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a module of others raises
        raise ImportError(f"{type(error).__name__}: {error}") from error
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
