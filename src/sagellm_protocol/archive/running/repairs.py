"""A site's hooks, named as ``module:function`` so that every worker can find them."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sagellm_protocol.archive.exceptions import ArchiveError
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.named import found_at

_WRITE = "write module:function, a function that takes a history and registers hooks on it"


class HooksError(ArchiveError):
    """What ``hooks`` names cannot be found, or failed when it was to register its hooks."""


def repaired(hooks: Sequence[str], history: History = HISTORY) -> History:
    """A history with hooks of its own: each named function is called with it.

    Args:
        hooks: ``module:function``; the function takes the history and registers hooks: ``@history.hook(...)``.
        history: whose revisions and messages it has. Its own hooks are not taken over.

    Raises:
        HooksError: one cannot be imported, is no function, or raised an error.
    """
    if not hooks:
        return history
    own = history.without_hooks()
    for name in hooks:
        before, register = own.hooks_changed, _found(name)
        try:
            register(own)
        except Exception as error:  # whatever a site's function raises
            raise HooksError(f"the hooks {name} raised {type(error).__name__}: {error}") from error
        if own.hooks_changed == before:
            raise HooksError(f"the hooks {name} registered none; {_WRITE}: @history.hook(...)")
    return own


def prints(hooks: Sequence[str]) -> list[list[str]]:
    """Each name with a digest of the file that it comes from: another one may do something else."""
    return [[name, print_of(_found(name))] for name in hooks]


def print_of(thing: Any) -> str:
    """A digest of the file that a module or a function comes from; empty where there is none."""
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:  # it is written in C
        file = None
    if file is None or not Path(file).is_file():
        return ""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _found(name: str) -> Callable[[History], object]:
    try:
        found = found_at(name)
    except ValueError:
        raise HooksError(f"no hooks are called {name}; {_WRITE}") from None
    except ImportError as error:
        raise HooksError(f"the hooks {name} cannot be imported: {error}") from error
    except AttributeError:
        found = None
    if not inspect.isroutine(found):
        raise HooksError(f"the hooks {name} are no function; {_WRITE}")
    return found
