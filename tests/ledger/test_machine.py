"""Handles and a ledger, driven against a plain model of what a paged pool with a prefix cache may do."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from sagellm_protocol import KVHandle as HookHandle, KVHookEvent, KVHookPayload
from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.kv.types import KVHandle
from sagellm_protocol.ledger import KVLedger, LedgerViolation
from sagellm_protocol.lifecycle import KVLifecycleError

TOKENS, POOL, BLOCK = 10, 160, 16


@attrs.define(eq=False)
class Model:
    """What a handle is, said plainly."""

    number: int
    references: Counter[str]
    pins: int = 0
    device: str = "cuda:0"
    found: bool = False
    evicting: bool = False
    moving: bool = False
    handle: KVHandle = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        free = KVHandle(handle_id=UUID(int=self.number), num_tokens=TOKENS, state=KVBlockState.FREE, ref_count=0)
        self.handle = free.allocate(f"r{self.number}")

    @property
    def name(self) -> str:
        return f"h{self.number}"

    @property
    def state(self) -> KVBlockState:
        if self.evicting:
            return KVBlockState.EVICTING
        if self.pins:
            return KVBlockState.PINNED
        return KVBlockState.ALLOCATED if self.references.total() else KVBlockState.CACHED


class Engine(RuleBasedStateMachine):
    """What it may do it does, and nothing is told; what it must not do is refused by handle and ledger alike."""

    held = Bundle("held")

    @initialize()
    def begin(self) -> None:
        self.found: list[LedgerViolation] = []
        self.ledger = KVLedger(pool_tokens=POOL, block_size=BLOCK, on_violation=self.found.append)
        self.models: dict[int, Model] = {}
        self.number = 0

    def hook(self, event: str, model: Model, with_handle: bool = True, **said: Any) -> None:
        request = f"r{model.number}"
        handle = HookHandle(handle_id=model.name, request_id=request, num_tokens=TOKENS, device=model.device)
        self.ledger(
            KVHookPayload(
                event=KVHookEvent(event), request_id=request, kv_handle=handle if with_handle else None, **said
            )
        )

    def both(self, operation: str, model: Model, **said: Any) -> None:
        self.hook(f"{operation}_before", model, **said)
        self.hook(f"{operation}_after", model, **said)

    def refused(self, model: Model, event: Any, code: KVErrorCode, **told: Any) -> None:
        """Handle and ledger refuse it with the same code, and stay as they are."""
        with pytest.raises(KVLifecycleError) as caught:
            getattr(model.handle, event)(**told)
        assert caught.value.code is code
        self.ledger.tell(event, model.name)
        assert [(violation.rule, violation.code) for violation in self.found] == [("lifecycle", code)]
        self.found.clear()

    @precondition(lambda self: len(self.models) < POOL // BLOCK)
    @rule(target=held)
    def allocate(self) -> Model:
        self.number += 1
        model = Model(self.number, Counter({f"r{self.number}": 1}))
        self.hook("allocate_before", model, with_handle=False)
        self.hook("allocate_after", model)
        self.models[model.number] = model
        return model

    @rule(model=held, request=st.sampled_from(["p", "q"]))
    def retain(self, model: Model, request: str) -> None:
        if model.number not in self.models or model.evicting or model.moving:
            return
        model.handle = model.handle.retain()
        self.ledger.tell("retain", model.name, request_id=request)
        model.references[request] += 1

    @rule(model=held, data=st.data())
    def release(self, model: Model, data: st.DataObject) -> None:
        if model.number not in self.models or model.moving:
            return
        if not model.references.total():
            self.refused(model, "release", KVErrorCode.REF_COUNT_UNDERFLOW)
            return
        request = data.draw(st.sampled_from(sorted(model.references.elements())))
        model.found = True
        model.handle = attrs.evolve(model.handle, prefix_hash="p").release()
        self.ledger.tell("release", model.name, request_id=request, prefix_hash="p")
        model.references[request] -= 1

    @rule(model=held)
    def pin(self, model: Model) -> None:
        if model.number not in self.models or model.moving:
            return
        if model.evicting:
            self.refused(model, "pin", KVErrorCode.HANDLE_NOT_FOUND)
            return
        model.handle = model.handle.pin()
        self.ledger.tell("pin", model.name)
        model.pins += 1

    @rule(model=held)
    def unpin(self, model: Model) -> None:
        if model.number not in self.models or model.moving:
            return
        if not model.pins:
            self.refused(model, "unpin", KVErrorCode.REF_COUNT_UNDERFLOW)
            return
        model.handle = model.handle.unpin()
        self.ledger.tell("unpin", model.name)
        model.pins -= 1

    @rule(model=held)
    def begin_eviction(self, model: Model) -> None:
        if model.number not in self.models:
            return
        if model.moving:
            self.refused(model, "begin_eviction", KVErrorCode.TRANSFER_FAILED)
        elif model.evicting or (model.references.total() and not model.pins):
            self.refused(model, "begin_eviction", KVErrorCode.EVICTION_FAILED)
        elif model.pins:
            self.refused(model, "begin_eviction", KVErrorCode.HANDLE_PINNED)
        else:
            model.handle = model.handle.begin_eviction()
            self.hook("evict_before", model)
            model.evicting = True

    @rule(model=held, success=st.booleans())
    def end_eviction(self, model: Model, success: bool) -> None:
        if model.number not in self.models or not model.evicting:
            return
        model.handle = model.handle.end_eviction() if success else model.handle.abort_eviction()
        self.hook("evict_after", model, success=success)
        model.evicting = False
        if success:
            del self.models[model.number]

    @rule(model=held, device=st.sampled_from(["cuda:0", "cuda:1"]))
    def transfer(self, model: Model, device: str) -> None:
        if model.number not in self.models or model.evicting:
            return
        if model.moving:
            self.hook("migrate_after", model, device=device)
            model.handle = model.handle.end_transfer(device=device)
            model.device, model.moving = device, False
        elif model.pins:
            self.refused(model, "begin_transfer", KVErrorCode.HANDLE_PINNED, transfer_id=UUID(int=0))
        else:
            self.hook("migrate_before", model)
            model.handle = model.handle.begin_transfer(UUID(int=0))
            model.moving = True

    @rule(model=consumes(held))
    def free(self, model: Model) -> None:
        if model.number not in self.models:
            self.both("free", model)
            assert {violation.code for violation in self.found} == {KVErrorCode.DOUBLE_FREE} or (
                {violation.rule for violation in self.found} == {"freed"}
            )
            self.found.clear()
            return
        code = (
            KVErrorCode.TRANSFER_FAILED
            if model.moving
            else KVErrorCode.HANDLE_PINNED
            if model.pins
            else KVErrorCode.DOUBLE_FREE
            if model.evicting
            else KVErrorCode.REF_COUNT_UNDERFLOW
            if model.references.total() > 1
            else None
        )
        if code is not None:
            self.refused(model, "free", code)
            return
        model.handle = model.handle.free()
        self.both("free", model)
        del self.models[model.number]

    @invariant()
    def nothing_is_told_that_is_right(self) -> None:
        assert self.found == []

    @invariant()
    def all_three_agree(self) -> None:
        facts = self.ledger.facts()
        known = {held.handle_id: held for held in facts.held}
        assert facts.room == BLOCK * len(self.models)
        assert known.keys() == {model.name for model in self.models.values()}
        for model in self.models.values():
            held = known[model.name]
            expected = (model.state, model.references.total(), model.pins, model.moving)
            assert (held.state, held.ref_count, held.pin_count, held.is_transferring) == expected
            handle = model.handle
            if handle.state is not KVBlockState.FREE:
                assert (handle.state, handle.ref_count, handle.pin_count, handle.is_transferring) == expected
            assert held.device == model.device

    def teardown(self) -> None:
        self.ledger.close()
        leaked = [model for model in self.models.values() if model.state is not KVBlockState.CACHED]
        unended = [model for model in self.models.values() if model.evicting or model.moving]
        rules = Counter(violation.rule for violation in self.found)
        assert rules["unended"] == len(unended)
        assert rules["leak"] == len(leaked)


TestEngine = Engine.TestCase
