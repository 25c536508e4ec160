"""Storage elsewhere: an HTTP server, and kinds of file systems that fsspec has packages for, each in a few lines."""

from __future__ import annotations

import contextlib
import gzip
import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; asked for ranges it sends them, if it is that kind of server."""

    ranges = True
    said = False
    """Whether it says that it does not."""
    length = True
    broken = False
    packed = False
    """Whether it compresses what it sends to who takes that, and says so of what is compressed."""
    page: str | None = None
    """What it answers where a folder is asked for, in place of a list."""

    def log_message(self, *_: Any) -> None:
        pass

    def list_directory(self, path: Any) -> io.BytesIO | None:
        if self.page is None:
            return super().list_directory(path)
        return self._answer(200, self.page.encode(), {"Content-Type": "text/html"})

    def send_head(self) -> Any:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return super().send_head()
        data = path.read_bytes()
        told = {"Last-Modified": self.date_time_string(path.stat().st_mtime)} if self.length else {}
        told |= {"Accept-Ranges": "none"} if self.said else {}
        if self.packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            return self._answer(200, gzip.compress(data), {"Content-Encoding": "gzip"})
        if self.packed and path.suffix == ".gz":
            return self._answer(200, data, {"Content-Encoding": "gzip"})
        asked = self.headers.get("Range")
        if asked and self.ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            part = data[int(first) : int(last) + 1]
            told["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
            return self._answer(206, part, told)
        return self._answer(200, data, told)

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> io.BytesIO:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return io.BytesIO(data[: len(data) // 2] if self.broken and self.command == "GET" else data)


class Server(ThreadingHTTPServer):
    """Says nothing of those who hang up."""

    def handle_error(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path, **how: Any) -> Iterator[str]:
    """A folder behind an HTTP server; gives its URL, without a slash at the end."""
    handler = type("Served", (Handler,), how)
    with Server(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Objects(MemoryFileSystem):
    """An object store: a file is there, whole, when it is closed."""

    protocol = "abfs"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    remembered: ClassVar[dict[str, Any]] = {}
    """What was answered before, which is answered again, as long as that is not forgotten."""
    out_of_order = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("abfs://"))

    def info(self, path: str, **_: Any) -> Any:
        path = self._strip_protocol(path)
        if path not in self.remembered:
            self.remembered[path] = {"etag": f'"{self._etag(path)}"', **super().info(path)}
        return self.remembered[path]

    def find(self, path: str, maxdepth: Any = None, withdirs: bool = False, detail: bool = False, **_: Any) -> Any:
        found = super().find(path, detail=True)
        return {path: {**info, "etag": self._etag(path)} for path, info in found.items()} if detail else [*found]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.remembered.clear()

    def _etag(self, path: str) -> str:
        return str(self.store[path].created.timestamp()) if path in self.store else ""

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        super()._open(path, "wb", data=value)

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **more: Any) -> Any:
        if mode == "rb":
            return super()._open(path, mode)
        return ObjectFile(self, path, mode, block_size or 0)


class ObjectFile(AbstractBufferedFile):
    """What is written to an object store."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        if Objects.out_of_order:
            raise RuntimeError("503 Slow Down")
        self.parts.append(self.buffer.getvalue())
        if final:
            self.fs.pipe_file(self.path, b"".join(self.parts))
        return True

    def discard(self) -> None:
        self.parts = []


class Renaming(MemoryFileSystem):
    """A file system that renames, but to no name that is taken."""

    protocol = "renaming"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("renaming://"))

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        if self.exists(path2):
            raise FileExistsError(path2)
        self.store[path2] = self.store.pop(path1)


for kind in (Objects, Renaming):
    fsspec.register_implementation(kind.protocol, kind, clobber=True)


def emptied() -> None:
    """Every file system in memory as it was at first."""
    for system in (MemoryFileSystem, Objects, Renaming):
        system.store.clear()
        system.pseudo_dirs[:] = [""]
    Objects.out_of_order = False
    Objects.remembered.clear()
