"""The pool of KV handles, which the engine changes in place."""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from typing import Dict, Iterator, List

import sagellm_protocol as sp
from sagellm_protocol.kv.types import KVHandle as BlockHandle
from sagellm_protocol.kv_hooks import KVAllocateParams, KVHandle

from engine.requests import Limits


class Pool:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.handles: Dict[str, KVHandle] = {}
        self.waiting: List[KVAllocateParams] = []
        self.free_ids = list(range(capacity))
        self.owners = defaultdict(list)
        self.last = None

    def allocate(self, params: KVAllocateParams) -> KVHandle:
        handle = KVHandle(handle_id=str(self.free_ids.pop()), num_tokens=params.num_tokens, metadata={})  # planted: SLP501
        self.handles[handle.handle_id] = handle  # innocent: a dict of the pool's own
        self.owners[params.request_id].append(handle)  # innocent: a list of the pool's own
        self.last = handle
        return handle

    def touch(self, handle_id: str) -> None:
        self.handles[handle_id].num_tokens += 1  # planted: SLP201

    def reset(self) -> None:
        for handle in self.handles.values():
            handle.num_tokens = 0  # planted: SLP201
        self.handles.clear()  # innocent: a dict of the pool's own

    def forget_last(self) -> None:
        if self.last is not None:
            self.last.num_tokens = 0  # planted: SLP201
        self.last = None  # innocent: the pool is no message

    def queue(self, params: KVAllocateParams) -> None:
        self.waiting.append(params)  # innocent: a list of the pool's own
        self.waiting.sort(key=lambda entry: entry.num_tokens)  # innocent: the same
        params.metadata["queued"] = True  # planted: SLP202

    def label(self, params: KVAllocateParams, name: str) -> None:
        labels = params.qos_labels
        labels.update({"pool": name})  # planted: SLP202

    def owned(self) -> Iterator[KVHandle]:
        for handles in self.owners.values():
            yield from handles

    def mark_all(self) -> None:
        for handle in self.owned():
            setattr(handle, "num_tokens", 1)  # planted: SLP201


def shuffled(pool: Pool) -> list:
    ids = [handle.handle_id for handle in pool.handles.values()]
    random.shuffle(ids)  # innocent: a list that was just built
    return ids


def duplicate(handle: BlockHandle) -> BlockHandle:
    twin = copy.copy(handle)  # innocent: a copy of a message is the message
    twin.handle_id = "twin"  # planted: SLP201
    return twin


def safely(handle: KVHandle) -> None:
    try:
        handle.num_tokens = 0  # planted: SLP201 silent
    except Exception:
        pass


def loudly(handle: KVHandle, limits: Limits) -> None:
    try:
        limits.max_tokens = handle.num_tokens  # innocent: a model of the engine's own, in a try as well
    except ValueError:
        raise


def default_params() -> sp.KVAllocateParams:
    return sp.KVAllocateParams(request_id="warmup", num_tokens=16)  # innocent: right as it is
