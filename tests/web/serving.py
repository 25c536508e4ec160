"""A FastAPI application under uvicorn, on a socket of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application that answers until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def client_of(app: Any) -> Iterator[httpx.Client]:
    """A client of an application that runs as long as the block does."""
    with served(app) as address, httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client
