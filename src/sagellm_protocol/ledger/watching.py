"""The ledger: it is told what happens to KV cache, and tells what must not have happened."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args

import attrs

from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv_hooks import KVHandle, KVHookEvent, KVHookPayload
from sagellm_protocol.ledger.changes import CHANGES
from sagellm_protocol.ledger.figures import Snapshot, report, snapshot
from sagellm_protocol.ledger.journal import Journal
from sagellm_protocol.ledger.records import Done, Facts, Held, LedgerViolation
from sagellm_protocol.ledger.rules import (
    BUDGET,
    CHANGED,
    DEVICE,
    FREED,
    HOLDER,
    LEAK,
    LIFECYCLE,
    NO_HANDLE,
    POOL,
    REISSUED,
    UNBEGUN,
    UNENDED,
    UNKNOWN,
    Operation,
)
from sagellm_protocol.ledger.telling import Report
from sagellm_protocol.lifecycle import KVLifecycleError, LifecycleError, following
from sagellm_protocol.lifecycle.blocks import Event
from sagellm_protocol.model.exceptions import OptionError, ProtocolError
from sagellm_protocol.model.shortening import short

OnViolation: TypeAlias = Callable[[LedgerViolation], None] | Literal["collect", "raise"]
"""What to do with a violation: keep it for the report, raise it where it is told of, or call something as well."""

_REMEMBERED = 65_536
"""So many ids of freed handles are remembered, to tell what is freed twice from what never was."""

_OPERATIONS: Mapping[KVHookEvent, tuple[Operation, bool]] = {
    event: (cast("Operation", event.value.rpartition("_")[0]), event.value.endswith("_after")) for event in KVHookEvent
}
"""What a hook's event is of, and whether it is the end of it."""


class LedgerError(ProtocolError):
    """An engine did with KV cache what it must not do."""

    fault = "local"

    def __init__(self, violation: LedgerViolation) -> None:
        self.violation = violation
        super().__init__(str(violation))

    def __reduce__(self) -> tuple[type[LedgerError], tuple[LedgerViolation], dict[str, Any]]:
        return type(self), (self.violation,), vars(self)


class KVLedger:
    """Watches an engine's KV cache: every handle, from its allocation to its end.

    It is called with the payload of every hook, and told of references, pins and requests where the engine knows of
    them. It stops no engine unless it is told to raise. Threads may share it.
    """

    def __init__(
        self,
        *,
        pool_tokens: int | None = None,
        block_size: int = 1,
        budgets: Mapping[str, int] | None = None,
        bytes_per_token: int = 0,
        on_violation: OnViolation = "collect",
    ) -> None:
        """A ledger of one pool.

        Args:
            pool_tokens: what the pool has room for, above 0; None where that is not to be checked.
            block_size: tokens in a block, above 0; what is allocated is rounded up to whole blocks.
            budgets: request id to the most tokens that it may hold (``Request.kv_budget_tokens``); what is added to it
                later counts.
            bytes_per_token: what a token takes, at least 0, for the figures in bytes; 0 where nobody asks for those.
            on_violation: ``"collect"``, ``"raise"`` a :class:`LedgerError` from the call that told, or a function that
                is called as well, after the ledger is up to date and from the thread that told.

        Raises:
            OptionError: a number is out of range.
        """
        for name, value, least in (
            ("pool_tokens", pool_tokens, 1),
            ("block_size", block_size, 1),
            ("bytes_per_token", bytes_per_token, 0),
        ):
            if value is not None and (type(value) is not int or value < least):
                raise OptionError(f"{name} is an integer from {least}, not {short(value)}")
        if on_violation not in ("collect", "raise") and not callable(on_violation):
            raise OptionError(f"on_violation is 'collect', 'raise' or a function, not {short(on_violation)}")
        self.pool_tokens = pool_tokens
        self.block_size = block_size
        self.bytes_per_token = bytes_per_token
        self._operations: dict[Operation, Done] = {operation: Done() for operation in get_args(Operation)}
        self._told: Counter[str] = Counter()
        self._room = 0
        self._most_room = 0
        self._most_handles = 0
        self._held: dict[str, Held] = {}
        self._budgets = {} if budgets is None else budgets
        self._told_budgets: dict[str, int] = {}
        self._of_request: dict[str, dict[str, Held]] = {}
        self._told_references = False
        self._begun: dict[tuple[Operation, str], int] = {}
        self._freed: dict[str, None] = {}
        self._journal = Journal()
        self._raises = on_violation == "raise"
        self._call = on_violation if callable(on_violation) else None
        self._lock = threading.Lock()

    def __call__(self, payload: KVHookPayload) -> None:
        """One event, as the engine's hooks are told of it.

        Raises:
            LedgerError: it must not have happened, and the ledger raises.
        """
        handle = payload.kv_handle
        operation, is_end = _OPERATIONS[payload.event]
        with self._lock:
            self._journal.note(payload.event.value, None if handle is None else handle.handle_id, payload.request_id)
            if operation == "allocate":
                if is_end:
                    self._allocated(payload)
                else:
                    self._begin(operation, payload.request_id)
            elif handle is None:
                self._journal.break_rule(NO_HANDLE, f"{payload.event.value} names no handle")
            elif is_end:
                self._ended(operation, payload, handle)
            else:
                self._began(operation, handle)
            found = self._journal.take()
        if found:
            self._tell(found)

    def tell(
        self,
        event: Event,
        handle_id: str,
        *,
        request_id: str | None = None,
        prefix_hash: str | None = None,
        force: bool = False,
    ) -> None:
        """One event that hooks are not told of: ``retain``, ``release``, ``pin``, ``unpin``, ``touch`` and the others.

        Where no reference is ever told of, what is evicted is taken to be held by nobody.

        Args:
            event: an event of the lifecycle of KV cache; of ``allocate`` hooks tell.
            handle_id: what it happened to.
            request_id: whose reference is taken or given back; what it then still holds when it ends is a leak.
            prefix_hash: under which the prefix cache finds it from now on.
            force: for ``free``, as ``KVFreeParams.force``.

        Raises:
            LedgerError: it must not have happened, and the ledger raises.
            LifecycleError: there is no such event, or it is ``allocate``.
        """
        change = CHANGES.get(event)
        if change is None:
            raise LifecycleError(f"a ledger is told of {', '.join(CHANGES)}, not of {short(event)}")
        with self._lock:
            self._journal.note(event, handle_id, request_id)
            held = self._known(handle_id, event)
            if held is not None:
                self._told[event] += 1
                if prefix_hash is not None:
                    held.prefix_hash = prefix_hash
                if self._follows(held, event, force=force):
                    change(held)
                    if event == "retain":
                        self._holds(held, request_id or "")
                    elif event == "release":
                        self._holds_no_more(held, request_id)
                    elif held.state is KVBlockState.FREE:
                        self._forget(held)
            found = self._journal.take()
        if found:
            self._tell(found)

    def begin_request(self, request_id: str, kv_budget_tokens: int | None = None) -> None:
        """A request begins, with a budget where it has one."""
        with self._lock:
            self._journal.note("begin_request", None, request_id)
            if kv_budget_tokens is not None:
                self._told_budgets[request_id] = kv_budget_tokens

    def end_request(self, request_id: str) -> None:
        """A request has ended: what it still holds, and the prefix cache does not keep, leaks.

        Raises:
            LedgerError: something leaks, and the ledger raises.
        """
        with self._lock:
            self._journal.note("end_request", None, request_id)
            self._told_budgets.pop(request_id, None)
            for held in self._of_request.get(request_id, {}).values():
                self._leaks(held, request_id)
            found = self._journal.take()
        if found:
            self._tell(found)

    def close(self) -> None:
        """The engine stops: what is still held by anybody leaks, and what has begun will not end.

        Raises:
            LedgerError: either is so, and the ledger raises.
        """
        with self._lock:
            self._journal.note("close", None, None)
            for (operation, key), count in self._begun.items():
                for _ in range(count):
                    self._journal.break_rule(UNENDED[operation], f"{operation} of {key} has not ended")
            self._begun.clear()
            for held in self._held.values():
                if held.state is not KVBlockState.CACHED or held.prefix_hash is None:
                    self._leaks(held, held.request_id)
            found = self._journal.take()
        if found:
            self._tell(found)

    @property
    def violations(self) -> tuple[LedgerViolation, ...]:
        """The first hundred, with the events around them; a report counts all."""
        return self.facts().violations

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not have."""
        return not self._journal.broken

    def facts(self) -> Facts:
        """All that is known at this moment, as a copy."""
        with self._lock:
            return Facts(
                pool_tokens=self.pool_tokens,
                block_size=self.block_size,
                bytes_per_token=self.bytes_per_token,
                events=self._journal.events,
                held=tuple(attrs.evolve(held) for held in self._held.values()),
                room=self._room,
                most_room=self._most_room,
                most_handles=self._most_handles,
                operations={name: attrs.evolve(done) for name, done in self._operations.items()},
                told=dict(self._told),
                broken=dict(self._journal.broken),
                violations=self._journal.violations(),
            )

    def snapshot(self, timestamp: float = 0.0) -> Snapshot:
        """What the protocol's own messages and typed dicts say of it.

        Args:
            timestamp: when it is taken, in seconds since 1970-01-01T00:00Z; 0 where nobody asks.
        """
        return snapshot(self.facts(), timestamp)

    def report(self) -> Report:
        """Handles by state, high-water marks, violations by rule and the first of them in full.

        It is plain data, fit for JSON; as text, and printed by rich, it is for people.
        """
        return Report(report(self.facts()))

    def _allocated(self, payload: KVHookPayload) -> None:
        self._end("allocate", payload.request_id, payload)
        handle = payload.kv_handle
        if not payload.success:
            return
        if handle is None:
            self._journal.break_rule(NO_HANDLE, f"what was allocated for {payload.request_id} has no handle")
            return
        if handle.handle_id in self._held:
            self._journal.break_rule(REISSUED, f"{handle.handle_id} is issued again while it is held")
            self._forget(self._held[handle.handle_id])
        size = self.block_size
        held = Held(
            handle.handle_id, handle.request_id, handle.num_tokens, -(-handle.num_tokens // size) * size, handle.device
        )
        self._held[held.handle_id] = held
        self._holds(held, held.request_id)
        self._freed.pop(held.handle_id, None)
        self._operations["allocate"].tokens += held.num_tokens
        self._room += held.room
        self._most_room = max(self._most_room, self._room)
        self._most_handles = max(self._most_handles, len(self._held))
        if self.pool_tokens is not None and self._room > self.pool_tokens:
            self._journal.break_rule(POOL, f"{self._room} tokens are handed out of {self.pool_tokens}")
        budget = self._told_budgets.get(held.request_id, self._budgets.get(held.request_id))
        if budget is not None:
            asked = sum(other.num_tokens for other in self._of_request[held.request_id].values())
            if asked > budget:
                self._journal.break_rule(BUDGET, f"{held.request_id} holds {asked} tokens, of {budget} that it may")

    def _began(self, operation: Operation, handle: KVHandle) -> None:
        self._begin(operation, handle.handle_id)
        held = self._known(handle.handle_id, operation)
        if held is None:
            return
        if handle.num_tokens != held.num_tokens:
            self._journal.break_rule(
                CHANGED, f"{handle.handle_id} had {held.num_tokens} tokens, and has {handle.num_tokens}"
            )
        if operation == "free":
            self._follows(held, "free", change=False)
        elif operation == "evict":
            if held.state is KVBlockState.ALLOCATED and not self._told_references:
                held.state, held.ref_count = KVBlockState.CACHED, 0
            self._follows(held, "begin_eviction")
        else:
            if handle.device != held.device:
                self._journal.break_rule(DEVICE, f"{handle.handle_id} is on {held.device}, not on {handle.device}")
            if self._follows(held, "begin_transfer"):
                held.is_transferring = True

    def _ended(self, operation: Operation, payload: KVHookPayload, handle: KVHandle) -> None:
        begun = self._end(operation, handle.handle_id, payload)
        held = self._held.get(handle.handle_id)
        if held is None:
            # Where it had a beginning, that told.
            if not begun:
                self._unknown(handle.handle_id, operation)
            return
        if operation == "free":
            if payload.success:
                if not begun:
                    self._follows(held, "free", change=False)
                self._operations["free"].tokens += held.num_tokens
                self._forget(held)
        elif operation == "evict":
            if payload.success:
                if held.state is not KVBlockState.EVICTING and not begun:
                    self._follows(held, "begin_eviction", change=False)
                self._operations["evict"].tokens += held.num_tokens
                self._forget(held)
            elif held.state is KVBlockState.EVICTING:
                held.state = KVBlockState.CACHED
        else:
            held.is_transferring = False
            if payload.success:
                self._operations[operation].tokens += held.num_tokens
                held.device = handle.device if payload.device is None else payload.device

    def _begin(self, operation: Operation, key: str) -> None:
        self._begun[operation, key] = self._begun.get((operation, key), 0) + 1
        self._operations[operation].count += 1

    def _end(self, operation: Operation, key: str, payload: KVHookPayload) -> bool:
        """Whether there was a beginning."""
        done = self._operations[operation]
        done.elapsed_ms += payload.elapsed_ms
        if payload.success:
            done.succeeded += 1
        else:
            done.failed += 1
        count = self._begun.pop((operation, key), 0)
        if count > 1:
            self._begun[operation, key] = count - 1
        if count == 0:
            done.count += 1
            self._journal.break_rule(UNBEGUN[operation], f"{operation} of {key} ends and had not begun")
        return count > 0

    def _follows(self, held: Held, event: Event, *, force: bool = False, change: bool = True) -> bool:
        """Whether an event may happen to a handle, which then is in the state that follows."""
        try:
            state = following(held, event, force=force)
        except KVLifecycleError as error:
            self._journal.violate(LIFECYCLE, error.code, f"{held.handle_id}: {error}")
            return False
        if change:
            held.state = state
        return True

    def _known(self, handle_id: str, event: str) -> Held | None:
        held = self._held.get(handle_id)
        if held is None:
            self._unknown(handle_id, event)
        return held

    def _unknown(self, handle_id: str, event: str) -> None:
        if event == "free" and handle_id in self._freed:
            self._journal.break_rule(FREED, f"{handle_id} is freed again")
        else:
            self._journal.break_rule(UNKNOWN, f"{event} of {handle_id}, which is not held")

    def _forget(self, held: Held) -> None:
        del self._held[held.handle_id]
        self._room -= held.room
        for request_id in held.holders:
            self._drop(held, request_id)
        self._freed[held.handle_id] = None
        if len(self._freed) > _REMEMBERED:
            del self._freed[next(iter(self._freed))]

    def _holds(self, held: Held, request_id: str) -> None:
        held.holders[request_id] = held.holders.get(request_id, 0) + 1
        self._of_request.setdefault(request_id, {})[held.handle_id] = held
        self._told_references = self._told_references or held.ref_count > 1

    def _holds_no_more(self, held: Held, request_id: str | None) -> None:
        self._told_references = True
        if request_id is None:
            request_id = "" if "" in held.holders else next(iter(held.holders), "")
        count = held.holders.get(request_id, 0)
        if count > 1:
            held.holders[request_id] = count - 1
        elif count:
            del held.holders[request_id]
            self._drop(held, request_id)
        else:
            self._journal.break_rule(HOLDER, f"{request_id} gives back a reference to {held.handle_id}, and holds none")

    def _drop(self, held: Held, request_id: str) -> None:
        of_request = self._of_request[request_id]
        del of_request[held.handle_id]
        if not of_request:
            del self._of_request[request_id]

    def _leaks(self, held: Held, request_id: str) -> None:
        self._journal.break_rule(LEAK, f"{held.handle_id} of {request_id} is {held.state.value}, and is not given back")

    def _tell(self, found: list[LedgerViolation]) -> None:
        """Outside of the lock, so that a function may ask the ledger."""
        if self._raises:
            raise LedgerError(found[0])
        if self._call is not None:
            for violation in found:
                self._call(violation)
