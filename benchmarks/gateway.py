"""``python -m benchmarks.gateway``: the gateway of ``examples``, beside the same one written with the release.

Each has an engine of its own, which takes no time for its tokens and speaks the gateway's newest revision; gateways and
engines are processes of their own. Clients are plain sockets here, which cost little.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import attrs

from benchmarks import ROOT
from benchmarks.measured import Figures
from benchmarks.release import RELEASE
from published import Unavailable, published_release
from sagellm_protocol.history import LATEST

TOKEN, REQUEST = "a token through the gateway", "a request at the gateway"
DESCRIPTIONS = {
    TOKEN: "a token of a chat that is streamed over HTTP: processor time of the gateway alone, and with the engine's",
    REQUEST: "a chat of 16 tokens that is answered whole: time on the clock, with 16 clients at once",
}
CLIENTS = 16
REQUESTS = 1000
"""Of each kind, in each pass."""
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0
_EXAMPLES = str(ROOT / "examples")


@attrs.frozen
class Process:
    """One that is at work, and where it listens."""

    pid: int
    address: str

    def seconds(self) -> float:
        """Processor time that it took so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def started(*command: str, environment: Mapping[str, str]) -> Iterator[Process]:
    """A process, until the block ends."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield Process(process.pid, process.stdout.readline().strip())
        finally:
            process.terminate()


def gateways() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The revision of each competitor's engine, and what its gateway runs, but for the address of that."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    with contextlib.suppress(Unavailable):  # the timing run says why
        script = str(Path(__file__).with_name("published_gateway.py"))
        found["published"] = (RELEASE, (script, str(published_release(RELEASE)), "0"))
    found["core"] = (LATEST, ("-m", "gateway.server", "0"))
    return found


async def _client(base: str, bodies: Iterator[bytes]) -> int:
    """Ask for one answer after the other; how many chunks came."""
    where = urlsplit(base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    chunks = 0
    for body in bodies:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not answer.startswith(b"http/1.1 200"):
            raise SystemExit(f"the gateway answered {answer.decode()}")
        if b"content-length: " in answer:
            await reader.readexactly(int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            continue
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunks += (await reader.readexactly(size + 2)).count(b"data: {")
        await reader.readexactly(2)
    writer.close()
    return chunks


async def _clients(base: str, requests: int, *, stream: bool) -> int:
    def body(number: int) -> bytes:
        turns = [{"role": "user", "content": f"Tell me of the river, and of number {number}."}]
        tokens = {"max_tokens": 256 if stream else 16}
        return json.dumps({"model": "hash-1", "messages": turns, "stream": stream, **tokens}).encode()

    bodies = map(body, range(requests))  # shared: whoever is free takes the next
    return sum(await asyncio.gather(*(_client(base, bodies) for _ in range(CLIENTS))))


def measured(requests: int, passes: int, environment: Mapping[str, str] | None = None) -> Figures:
    """Seconds a token and a request, in the form of the other measurements.

    Args:
        requests: how many in each pass, of either kind.
        passes: how often; the gateways take turns.
        environment: in which the processes run; that of this process, where it is None.
    """
    environment = {**(os.environ if environment is None else environment), "PYTHONPATH": _EXAMPLES}
    alone, together, whole = "gateway", "gateway and engine", f"{CLIENTS} clients"
    figures: Figures = {TOKEN: {alone: {}, together: {}}, REQUEST: {whole: {}}}
    with contextlib.ExitStack() as stack:
        running = {}
        for competitor, (revision, command) in gateways().items():
            options = (f"--revision={revision}", "--token-ms=0", "--pool-tokens=65536")
            engine = stack.enter_context(started("-m", "gateway.engine", competitor, *options, environment=environment))
            gateway = stack.enter_context(started(*command, engine.address, environment=environment))
            running[competitor] = engine, gateway
        for _, gateway in running.values():
            _until_there(gateway.address)
            asyncio.run(_clients(gateway.address, CLIENTS, stream=True))
        for _ in range(passes):
            for competitor, (engine, gateway) in running.items():
                before = gateway.seconds(), engine.seconds()
                chunks = asyncio.run(_clients(gateway.address, requests, stream=True))
                spent = gateway.seconds() - before[0], engine.seconds() - before[1]
                tokens = chunks - 2 * requests  # without the first chunk and the last of each
                figures[TOKEN][alone].setdefault(competitor, []).append(spent[0] / tokens)
                figures[TOKEN][together].setdefault(competitor, []).append(sum(spent) / tokens)
                began = time.perf_counter()
                asyncio.run(_clients(gateway.address, requests, stream=False))
                took = time.perf_counter() - began
                figures[REQUEST][whole].setdefault(competitor, []).append(took / requests)
    return figures


def _until_there(base: str) -> None:
    deadline = time.monotonic() + 60
    while json.loads(urlopen(f"{base}/engines").read())[0]["state"] is None:
        if time.monotonic() > deadline:
            raise SystemExit("the engine does not answer")
        time.sleep(0.05)


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description="Measure the gateway.")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each kind, in each pass")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    for work, rows in measured(options.requests, options.passes).items():
        for row, competitors in rows.items():
            for competitor, seconds in competitors.items():
                told = "  ".join(f"{1e6 * each:8.1f}" for each in seconds)
                print(f"{work:<28} {row:<20} {competitor:<10} us: {told}   best: {1 / min(seconds):9,.0f} a second")


if __name__ == "__main__":
    main()
