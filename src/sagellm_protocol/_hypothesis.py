"""What Hypothesis loads when it starts, by entry point: strategies for messages, made when one is asked for.

It must cost next to nothing, as it runs in programs that have nothing to do with messages: no message and no strategy
is loaded here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

_DECLARING = "sagellm_protocol.model.declaring"
"""The module that makes messages: before it is loaded there are none, and Hypothesis asks for none."""


def register() -> None:
    """Have ``from_type`` and ``builds`` know every message, whenever it is declared.

    Hypothesis has no public way to register a kind of class, as opposed to a class; it has a table by module for numpy,
    and asks one function which arguments ``builds`` has to find. One that has neither knows no messages: it must start
    all the same, and there is ``testing.messages``.
    """
    core: Any = import_module("hypothesis.strategies._internal.core")
    types: Any = import_module("hypothesis.strategies._internal.types")
    if hasattr(types, "_global_extra_lookup"):
        types._global_extra_lookup[_DECLARING] = strategy_for
    if hasattr(core, "required_args"):
        core.required_args = _finding(core.required_args)


def strategy_for(thing: Any) -> Any:
    """The strategy for a message class, or for those below an abstract one; None for anything else."""
    if not _is_message(thing):
        return None
    testing = import_module("sagellm_protocol.testing")
    if not inspect.isabstract(thing):
        return testing.messages(thing)
    below = [testing.messages(cls) for cls in _below(thing) if not inspect.isabstract(cls)]
    return import_module("hypothesis.strategies").one_of(below) if below else None


def _below(cls: type) -> Iterator[type]:
    """The messages among the subclasses of a class, which still has those that ``@message`` made others of."""
    found: type
    for found in cls.__subclasses__():
        if "__message__" in vars(found):
            yield found
            yield from _below(found)


def _finding(required_args: Callable[..., Any]) -> Callable[..., Any]:
    def required(target: Any, args: Any = (), kwargs: Any = ()) -> Any:
        found = required_args(target, args, kwargs)
        if _is_message(target) and isinstance(kwargs, dict):
            asked = {*found, *(name for name, value in kwargs.items() if value is ...)}
            kwargs.update(import_module("sagellm_protocol.testing.strategies").arguments(target, asked))
            return set()
        return found

    return required


def _is_message(thing: Any) -> bool:
    """Whether it is a message class, or a plain subclass of one; asked of whatever Hypothesis is given."""
    return isinstance(thing, type) and any("__message__" in vars(base) for base in thing.__mro__)
