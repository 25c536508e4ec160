"""What a ledger holds an engine to, as a table: the rules beside those of the lifecycle of KV cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from sagellm_protocol.kv.errors import KVErrorCode

Operation: TypeAlias = Literal["allocate", "free", "evict", "migrate", "prefetch"]
"""What hooks are called before and after."""


@attrs.frozen
class Rule:
    """Something that an engine must not do."""

    name: str
    text: str
    """What must hold, as people read it."""
    code: KVErrorCode


LIFECYCLE = "lifecycle"
"""The name of every rule of :mod:`sagellm_protocol.lifecycle`; the code tells which."""

BUDGET = Rule("budget", "a request holds no more tokens than its kv_budget_tokens", KVErrorCode.BUDGET_EXCEEDED)
POOL = Rule("pool", "the pool holds no more tokens than it has, in whole blocks", KVErrorCode.POOL_FULL)
REISSUED = Rule("reissued", "no two handles have one id at a time", KVErrorCode.INVALID_HANDLE)
UNKNOWN = Rule("unknown", "what is used has been allocated", KVErrorCode.HANDLE_NOT_FOUND)
FREED = Rule("freed", "what is given back has not been given back before", KVErrorCode.DOUBLE_FREE)
CHANGED = Rule("changed", "a handle keeps its number of tokens", KVErrorCode.METADATA_MISMATCH)
DEVICE = Rule("device", "what is moved is where its handle says", KVErrorCode.METADATA_MISMATCH)
HOLDER = Rule("holder", "a reference is given back by the request that holds it", KVErrorCode.REF_COUNT_UNDERFLOW)
# What is never given back is what there is too little of in the end.
LEAK = Rule("leak", "what a request holds is given back when it ends", KVErrorCode.MEMORY_EXHAUSTED)
NO_HANDLE = Rule("no handle", "an event that succeeded names its handle", KVErrorCode.INVALID_HANDLE)

_UNENDED: Mapping[Operation, KVErrorCode] = {
    "allocate": KVErrorCode.ALLOCATION_FAILED,
    "free": KVErrorCode.NOT_FOUND,
    "evict": KVErrorCode.EVICTION_TIMEOUT,
    "migrate": KVErrorCode.TRANSFER_TIMEOUT,
    "prefetch": KVErrorCode.TRANSFER_TIMEOUT,
}
_UNBEGUN: Mapping[Operation, KVErrorCode] = {
    "allocate": KVErrorCode.ALLOCATION_FAILED,
    "free": KVErrorCode.NOT_FOUND,
    "evict": KVErrorCode.EVICTION_FAILED,
    "migrate": KVErrorCode.TRANSFER_FAILED,
    "prefetch": KVErrorCode.TRANSFER_FAILED,
}
UNENDED = {operation: Rule("unended", "every beginning has its end", code) for operation, code in _UNENDED.items()}
UNBEGUN = {operation: Rule("unbegun", "every end has its beginning", code) for operation, code in _UNBEGUN.items()}
