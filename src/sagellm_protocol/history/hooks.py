"""A site's own repairs of payloads: run on a copy that is theirs, and told in full when they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from sagellm_protocol.history.losing import UNSAYABLE, Losses
from sagellm_protocol.history.payloads import owned, plain
from sagellm_protocol.model.exceptions import Fault, ProtocolError, blaming
from sagellm_protocol.model.paths import Path
from sagellm_protocol.model.shortening import short

Hook: TypeAlias = Callable[[dict[str, Any]], "dict[str, Any] | None"]
"""A site's own repair of a payload, before the published steps. None sets the payload aside."""


@attrs.frozen
class Repair:
    """A hook, and what takes its payloads back again, where the site has that."""

    up: Hook
    down: Hook | None

    def __str__(self) -> str:
        return hook_name(self.up) + (f" (back: {hook_name(self.down)})" if self.down is not None else "")


Repairs: TypeAlias = "Mapping[str, Mapping[str, list[Repair]]]"
"""What a site registered, by revision and the message's name in that."""


class HookError(ProtocolError):
    """A site's hook set a payload aside, raised an error (then the cause of this one), or gave back no payload.

    The fault is that of whoever sent the payload where it was set aside, or where the error is one of ours that says
    so; else it is the hook's.
    """

    fault: Fault = "local"

    message: str
    """Full name of the message."""
    revision: str
    """The revision that the hook is for."""
    hook: str
    """The hook, by module and qualified name."""
    reason: str
    """What it did: ``set the payload aside``, ``raised KeyError: 'metrics'``."""

    def __init__(self, message: str, revision: str, hook: str, reason: str) -> None:
        self.message, self.revision, self.hook, self.reason = message, revision, hook, reason
        super().__init__(f"the hook {hook} for {message} of {revision} {reason}")

    def __reduce__(self) -> tuple[type[HookError], tuple[str, str, str, str], dict[str, Any]]:
        return type(self), (self.message, self.revision, self.hook, self.reason), vars(self)


def hook_name(hook: Callable[..., Any]) -> str:
    """A hook by module and qualified name; an object that has none by its class."""
    named: Any = hook if hasattr(hook, "__qualname__") else type(hook)
    return f"{named.__module__}.{named.__qualname__}"


def run_hooks(message: str, revision: str, repairs: Iterable[Repair], payload: dict[str, Any]) -> dict[str, Any]:
    """What hooks make of a payload, one after the other. The payload is not changed.

    Raises:
        HookError: one of them did not give a payload.
        DecodeError: the payload holds the same values in too many places to be copied.
    """
    payload = owned(plain(message, payload))
    for repair in repairs:
        payload = _answer(message, revision, repair.up, payload)
    return payload


def run_back(
    message: str, revision: str, hooks: Iterable[Hook], payload: dict[str, Any], path: Path, losses: Losses
) -> Any:
    """What the hooks of a way back make of a payload; ``UNSAYABLE``, with a loss, where one of them returns None.

    Raises:
        HookError, DecodeError: as for :func:`run_hooks`.
    """
    taken = owned(plain(message, payload))
    for hook in hooks:
        answer = _given(message, revision, hook, taken)
        if answer is None:
            losses.add(path, payload, f"the hook {hook_name(hook)} cannot say it in {revision}")
            return UNSAYABLE
        taken = _checked(message, revision, hook, answer)
    return taken


def _answer(message: str, revision: str, hook: Hook, payload: dict[str, Any]) -> dict[str, Any]:
    answer = _given(message, revision, hook, payload)
    if answer is None:
        raise blaming("remote", _failed(message, revision, hook, "set the payload aside (it returned None)"))
    return _checked(message, revision, hook, answer)


def _given(message: str, revision: str, hook: Hook, payload: dict[str, Any]) -> Any:
    try:
        return hook(payload)
    except Exception as error:  # whatever a site's function raises
        fault: Fault = error.fault if isinstance(error, ProtocolError) else "local"
        reason = f"raised {type(error).__name__}: {error}"
        raise blaming(fault, _failed(message, revision, hook, reason)) from error


def _checked(message: str, revision: str, hook: Hook, answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise _failed(message, revision, hook, f"must return a dict, and returned {short(answer)}")
    try:
        return plain(message, answer)
    except ProtocolError as error:
        raise _failed(message, revision, hook, f"returned what is no payload: {error}") from error


def _failed(message: str, revision: str, hook: Hook, reason: str) -> HookError:
    return HookError(message, revision, hook_name(hook), reason)
