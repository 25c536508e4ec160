"""Sixteen threads that use new message classes first, all at once, with a switch after each microsecond.

``make first-use`` starts 200 such processes and prints how many failed (``PROCESSES=1000``).
"""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys, threading
from typing import Any
sys.setswitchinterval(1e-6)
from sagellm_protocol import codecs
from sagellm_protocol.model import message

ROUNDS, THREADS = 200, 16
codec = codecs.get(sys.argv[1])
barrier = threading.Barrier(THREADS)
wrong = []

def declared(number):
    inner = message(type("Inner", (), {"__annotations__": {f"f{n}": int for n in range(20)}}))
    names = {f"f{n}": inner for n in range(5)} | {"values": dict[str, int], "free": Any}
    return message(type("Outer", (), {"__annotations__": names}))

def use(number):
    for cls in classes:
        barrier.wait()
        payload = {f"f{n}": {f"f{m}": m for m in range(20)} for n in range(5)} | {"values": {"a": 1}, "free": [1]}
        data = plain.encode(payload)
        if codec.decode(data, cls).values != {"a": 1}:
            wrong.append(cls)

plain = codecs.get(sys.argv[1].removeprefix("msgspec-"))
classes = [declared(number) for number in range(ROUNDS)]
threads = [threading.Thread(target=use, args=(number,)) for number in range(THREADS)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(bool(wrong))
"""
FORMATS = ("msgspec-json", "msgspec-msgpack")


def failures(processes: int) -> list[tuple[int, str]]:
    """The exit status and errors of each process that did not end well."""
    ended = (
        subprocess.run([sys.executable, "-c", _SCRIPT, FORMATS[n % 2]], capture_output=True, text=True, check=False)
        for n in range(processes)
    )
    return [(process.returncode, process.stderr) for process in ended if process.returncode or process.stderr]


def main(processes: int) -> int:
    found = failures(processes)
    print(f"{processes} processes of 16 threads on Python {sys.version.split()[0]}: {len(found)} failed")
    for status, errors in found[:5]:
        print(f"exit status {status}\n{errors}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
