"""A small paged pool with a prefix cache and one bug switched on, and what a ledger says of it.

Run it with the name of a bug, or without for all of them and none.
"""

import random
import sys
from uuid import uuid4

from sagellm_protocol import KVHandle, KVHookEvent, KVHookPayload
from sagellm_protocol.ledger import KVLedger, Report

BUGS = (
    "freed while pinned",
    "freed while shared",
    "double free",
    "leak",
    "over budget",
    "evicted while read",
    "transfer without end",
    "wrong device",
)
BLOCK_SIZE = 16
POOL_TOKENS = 64 * BLOCK_SIZE


class Pool:
    """Handles by id, how many requests share each, which are pinned, and which are kept for their prefix."""

    def __init__(self, ledger: KVLedger, bug: str | None = None) -> None:
        self.ledger = ledger
        self.bug = bug
        self.handles: dict[str, KVHandle] = {}
        self.shared: dict[str, int] = {}
        self.pins: dict[str, int] = {}
        self.prefixes: dict[str, str] = {}

    def hook(self, event: str, handle: KVHandle | None, request: str, **said: object) -> None:
        """Tell the ledger, as a backend tells its hooks."""
        self.ledger(KVHookPayload(event=KVHookEvent(event), request_id=request, kv_handle=handle, **said))  # type: ignore[arg-type]

    def has(self, bug: str) -> bool:
        """Whether a bug shows now."""
        return self.bug == bug

    def room(self) -> int:
        """Blocks that are free."""
        return POOL_TOKENS // BLOCK_SIZE - sum(-(-held.num_tokens // BLOCK_SIZE) for held in self.handles.values())

    def allocate(self, request: str, tokens: int, prefix: str) -> str | None:
        """A handle for a request: one that is cached for its prefix, or a new one; None where there is no room."""
        if prefix in self.prefixes:
            found = self.prefixes[prefix]
            self.shared[found] += 1
            self.ledger.tell("retain", found, request_id=request)
            return found
        self.hook("allocate_before", None, request)
        while self.room() < -(-tokens // BLOCK_SIZE) and self.evict():
            pass
        if self.room() < -(-tokens // BLOCK_SIZE):
            self.hook("allocate_after", None, request, success=False)
            return None
        handle = KVHandle(handle_id=uuid4().hex[:8], request_id=request, num_tokens=tokens, device="cuda:0")
        self.handles[handle.handle_id], self.shared[handle.handle_id] = handle, 1
        self.pins[handle.handle_id] = 0
        self.prefixes[prefix] = handle.handle_id
        self.hook("allocate_after", handle, request)
        return handle.handle_id

    def release(self, handle_id: str, request: str) -> None:
        """A request is done with a handle, which stays for its prefix."""
        self.shared[handle_id] -= 1
        self.ledger.tell("release", handle_id, request_id=request, prefix_hash=f"hash of {handle_id}")

    def pin(self, handle_id: str, more: int) -> None:
        """Pin a handle, or unpin it."""
        self.pins[handle_id] += more
        self.ledger.tell("pin" if more > 0 else "unpin", handle_id)

    def evict(self) -> bool:
        """Drop something that nobody reads; False where there is nothing."""
        read = self.has("evicted while read")
        for handle_id, handle in reversed(self.handles.items()) if read else self.handles.items():
            if not self.pins[handle_id] and (read or not self.shared[handle_id]):
                self.hook("evict_before", handle, handle.request_id)
                self.hook("evict_after", handle, handle.request_id)
                self.drop(handle_id)
                return True
        return False

    def migrate(self, handle_id: str, device: str) -> None:
        """Move a handle that is not pinned."""
        handle = self.handles[handle_id]
        source = "cuda:7" if self.has("wrong device") else handle.device
        told = KVHandle(handle_id=handle_id, request_id=handle.request_id, num_tokens=handle.num_tokens, device=source)
        self.hook("migrate_before", told, handle.request_id, device=device)
        if not self.has("transfer without end"):
            self.hook("migrate_after", told, handle.request_id, device=device, elapsed_ms=1.5)
            self.handles[handle_id] = KVHandle(
                handle_id=handle_id, request_id=handle.request_id, num_tokens=handle.num_tokens, device=device
            )

    def free(self, handle_id: str) -> None:
        """Give a handle back that one request holds, or none."""
        handle = self.handles[handle_id]
        for _ in range(2 if self.has("double free") else 1):
            self.hook("free_before", handle, handle.request_id)
            self.hook("free_after", handle, handle.request_id)
        self.drop(handle_id)

    def drop(self, handle_id: str) -> None:
        """Forget a handle."""
        del self.handles[handle_id], self.shared[handle_id], self.pins[handle_id]
        self.prefixes = {prefix: found for prefix, found in self.prefixes.items() if found != handle_id}


def serve(pool: Pool, requests: int, seed: int = 0) -> None:
    """So many requests, a few at once: each allocates, is moved or pinned now and then, and ends."""
    chance = random.Random(seed)
    running: list[tuple[str, str]] = []
    for number in range(requests):
        request = f"r{number}"
        tokens = chance.randrange(1, 8 * BLOCK_SIZE)
        pool.ledger.begin_request(request, tokens - (tokens > 1 and pool.has("over budget")))
        held = pool.allocate(request, tokens, f"prefix {chance.randrange(requests)}")
        if held is not None:
            running.append((request, held))
            act(pool, held, chance)
        else:
            pool.ledger.end_request(request)
        while len(running) > (0 if number == requests - 1 else chance.randrange(1, 6)):
            end(pool, *running.pop(0), chance)


def act(pool: Pool, held: str, chance: random.Random) -> None:
    """What happens while a request runs."""
    if chance.random() < 0.2:
        pool.pin(held, +1)
        if pool.has("freed while pinned"):
            pool.hook("free_before", pool.handles[held], "")
            pool.hook("free_after", pool.handles[held], "", success=False)
        pool.pin(held, -1)
    if chance.random() < 0.2:
        pool.migrate(held, chance.choice(("cuda:0", "cuda:1")))


def end(pool: Pool, request: str, held: str, chance: random.Random) -> None:
    """What happens when a request ends."""
    if held in pool.handles and not pool.has("leak"):
        shared = pool.shared[held] > 1 and not pool.has("freed while shared")
        if shared or chance.random() < 0.5:
            pool.release(held, request)
        else:
            pool.free(held)
    pool.ledger.end_request(request)


def audited(bug: str | None, requests: int = 200) -> KVLedger:
    """The ledger of a pool with that bug."""
    ledger = KVLedger(pool_tokens=POOL_TOKENS, block_size=BLOCK_SIZE)
    serve(Pool(ledger, bug), requests)
    ledger.close()
    return ledger


if __name__ == "__main__":
    for bug in sys.argv[1:] or (None, *BUGS):
        report = audited(bug).report()
        print(f"--- {bug or 'no bug'}\n{Report({**report, 'first': report['first'][:1]})}")
