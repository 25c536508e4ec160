"""A paged pool of KV cache with a prefix cache, and the ledger that watches it."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Literal

import attrs

from gateway.wire import State
from sagellm_protocol import KVHandle, KVHookEvent, KVHookPayload
from sagellm_protocol.ledger import KVLedger

BLOCK = 16
"""Tokens in a block; each block has a handle of its own."""


class PoolFullError(Exception):
    """No block is free, and none is cached that could be evicted."""


@attrs.define
class Held:
    """What a request holds."""

    handles: list[str] = attrs.field(factory=list)
    tokens: int = 0
    cached: int = 0
    """Tokens of the prompt that the prefix cache had."""


@attrs.define
class Block:
    """A block that is in use or cached."""

    handle: KVHandle
    prefix: str | None
    """What its tokens and all before them hash to; None while it is not full, or not of a prompt."""
    users: int = 1


class Pool:
    """Who owns the blocks. One thread, the engine's loop, calls it."""

    def __init__(self, tokens: int) -> None:
        self.ledger = KVLedger(pool_tokens=tokens, block_size=BLOCK)
        self._blocks: dict[str, Block] = {}
        self._by_prefix: dict[str, str] = {}
        self._cached: OrderedDict[str, None] = OrderedDict()
        self._requests: dict[str, Held] = {}
        self._size = tokens // BLOCK
        self._made = 0
        self._began = time.monotonic()

    def begin(self, request_id: str, prompt: Sequence[int], budget: int | None = None) -> Held:
        """Hold the blocks of a prompt: those that are cached already, and new ones.

        Raises:
            PoolFullError: there is no room; nothing is held then.
        """
        self.ledger.begin_request(request_id, budget)
        held = self._requests[request_id] = Held()
        prefix = hashlib.blake2b(digest_size=16)
        try:
            for start in range(0, len(prompt), BLOCK):
                tokens = prompt[start : start + BLOCK]
                prefix.update(repr(tuple(tokens)).encode())
                name = prefix.hexdigest() if len(tokens) == BLOCK else None
                if name is not None and name in self._by_prefix:
                    held.handles.append(self._share(self._by_prefix[name], request_id))
                    held.cached += BLOCK
                else:
                    held.handles.append(self._allocate(request_id, name))
                held.tokens += len(tokens)
        except PoolFullError:
            self.end(request_id)
            raise
        return held

    def grow(self, request_id: str) -> None:
        """Hold one more token, and a new block where the last is full.

        Raises:
            PoolFullError: there is no room for one; what is held stays.
        """
        held = self._requests[request_id]
        if held.tokens == len(held.handles) * BLOCK:
            held.handles.append(self._allocate(request_id, None))
        held.tokens += 1

    def end(self, request_id: str) -> None:
        """Give everything back. What is full and of a prompt stays cached, until there is need of it."""
        for handle_id in reversed(self._requests.pop(request_id).handles):
            block = self._blocks[handle_id]
            if block.prefix is None:
                self._drop("free", block)
                continue
            self.ledger.tell("release", handle_id, request_id=request_id, prefix_hash=block.prefix)
            block.users -= 1
            if not block.users:
                self._cached[handle_id] = None
        self.ledger.end_request(request_id)

    def state(self) -> State:
        """The pool of now, and what the ledger says of it."""
        facts = self.ledger.facts()
        blocks = Counter(held.state.value for held in facts.held)
        blocks["free"] = self._size - blocks.total()
        return State(
            time.monotonic() - self._began,
            len(self._requests),
            {name: blocks[name] for name in ("allocated", "cached", "free")},
            facts.events,
            {f"{rule} {code.name}": count for (rule, code), count in facts.broken.items()},
        )

    def _share(self, handle_id: str, request_id: str) -> str:
        self._blocks[handle_id].users += 1
        self._cached.pop(handle_id, None)
        self.ledger.tell("retain", handle_id, request_id=request_id)
        return handle_id

    def _allocate(self, request_id: str, prefix: str | None) -> str:
        self._tell("allocate_before", None, request_id)
        if len(self._blocks) == self._size and self._cached:
            oldest, _ = self._cached.popitem(last=False)
            self._drop("evict", self._blocks[oldest])
        if len(self._blocks) == self._size:
            self._tell("allocate_after", None, request_id, success=False)
            raise PoolFullError(f"all {self._size} blocks of {BLOCK} tokens are in use")
        self._made += 1
        handle = KVHandle(handle_id=f"kv-{self._made}", request_id=request_id, num_tokens=BLOCK, device="cpu")
        self._blocks[handle.handle_id] = Block(handle, prefix)
        if prefix is not None:
            self._by_prefix[prefix] = handle.handle_id
        self._tell("allocate_after", handle, request_id)
        return handle.handle_id

    def _drop(self, how: Literal["free", "evict"], block: Block) -> None:
        request_id = block.handle.request_id
        self._tell(f"{how}_before", block.handle, request_id)
        del self._blocks[block.handle.handle_id]
        if block.prefix is not None:
            del self._by_prefix[block.prefix]
        self._tell(f"{how}_after", block.handle, request_id)

    def _tell(self, event: str, handle: KVHandle | None, request_id: str, *, success: bool = True) -> None:
        self.ledger(KVHookPayload(event=KVHookEvent(event), request_id=request_id, kv_handle=handle, success=success))
