"""State that lives: a pool owns handles that change in place, and hands out messages that do not."""

from __future__ import annotations

import threading
from typing import Any

from sagellm_protocol import KVOffloadSpec, Mutable, ValidationError, codecs, mutable
from sagellm_protocol.kv_hooks import KVHandle


class PooledHandle(Mutable[KVHandle]):
    """A handle as its pool sees it: the fields of the message, and what is the pool's own."""

    pinned = False
    """Whether it must stay; declared here, so that it may be assigned. It is no field, and not checked."""

    def grow(self, tokens: int) -> None:
        """Count more tokens in."""
        self.num_tokens += tokens


class Pool:
    """Owns the handles. All changes are made under its lock; what leaves it is frozen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: dict[str, PooledHandle] = {}

    def allocate(self, request_id: str, tokens: int) -> KVHandle:
        """Make room for a request."""
        handle = PooledHandle(handle_id=f"kv-{request_id}", request_id=request_id, num_tokens=tokens, device="cuda:0")
        with self._lock:
            self._handles[handle.handle_id] = handle
            return handle.freeze()

    def extend(self, handle_id: str, tokens: int) -> KVHandle:
        """Let a handle hold more."""
        with self._lock:
            handle = self._handles[handle_id]
            handle.grow(tokens)
            return handle.freeze()

    def snapshot(self) -> list[KVHandle]:
        """All handles of now."""
        with self._lock:
            return [handle.freeze() for handle in self._handles.values()]


def main() -> None:
    """Grow a handle, and send what it is then."""
    pool = Pool()
    first = pool.allocate("r1", tokens=16)
    later = pool.extend(first.handle_id, 4)
    print(first.num_tokens, later.num_tokens)
    print(KVOffloadSpec(later.handle_id, later.device, "cpu", num_tokens=later.num_tokens))
    print(codecs.get("json").encode(pool.snapshot()).decode())

    counter: Any = mutable(KVHandle).of(later)
    try:
        counter.num_tokens = "many"
    except ValidationError as error:
        print(error.violations[0], "- it still has", counter.num_tokens)


if __name__ == "__main__":
    main()
