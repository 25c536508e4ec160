"""Start two engines, one of them at revision 0.4.0.8, and the gateway before them; say what may be tried."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TRY = """
{base}/  shows an answer as it comes, and what the engines do. Or try, in another terminal:

curl {base}/v1/models
curl {base}/engines
curl -N {base}/v1/chat/completions -H 'Content-Type: application/json' -d '{{"model": "hash-1", "stream": true,
  "messages": [{{"role": "user", "content": "Tell me of the river."}}]}}'
curl -i {base}/v1/chat/completions -d '{{"model": "hash-1", "messages": [], "temperature": 3}}'

python -c 'import openai
client = openai.OpenAI(base_url="{base}/v1", api_key="none")
print(client.completions.create(model="hash-1", prompt="Once upon a time", max_tokens=12).choices[0].text)'

Ctrl-C ends it.
"""


@contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own, and the address where it listens, which is the first that it says."""
    command = [sys.executable, "-m", f"gateway.{module}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    parser.add_argument("--port", default="8000")
    parser.add_argument("--token-ms", default="30", help="how long engines take for a token")
    parser.add_argument("--pool-tokens", default="4096", help="what the KV pool of each has room for")
    asked = parser.parse_args(arguments)
    each = f"--token-ms={asked.token_ms}", f"--pool-tokens={asked.pool_tokens}"
    with (
        started("engine", "new", *each) as (_, new),
        started("engine", "old", *each, "--revision=0.4.0.8") as (_, old),
        started("server", asked.port, new, old) as (server, base),
    ):
        print(TRY.format(base=base), flush=True)
        server.wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
