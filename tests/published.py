"""What was published: the recorded facts, and the releases themselves, run in processes of their own.

The facts lie under ``tests/data/published``. A release shares this project's import name, so it is installed into a
folder (kept under ``.cache/published``) and spoken to through :class:`PublishedProcess`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "published"
CACHE = ROOT / ".cache" / "published"
SERVER = Path(__file__).with_name("published_server.py")

INTERPRETER = (3, 11)
"""The releases hold nothing but bytecode of this CPython."""
INSTALL_SECONDS = 180


class Recorded(NamedTuple):
    """One line of a corpus file."""

    release: str
    type: str
    style: str
    payload: dict[str, Any]


@cache
def releases() -> dict[str, str]:
    """Every release, oldest first, with the wire revision that it speaks."""
    rows = json.loads((DATA / "releases.json").read_text(encoding="utf-8"))
    return {row["release"]: row["revision"] for row in rows}


@cache
def revisions() -> tuple[str, ...]:
    """The wire revisions, oldest first."""
    return tuple(dict.fromkeys(releases().values()))


@cache
def revision_table(revision: str) -> dict[str, Any]:
    """The recorded messages, enums and typed dicts of one revision. Shared between callers: not to be changed."""
    table: dict[str, Any] = json.loads((DATA / "revisions" / f"{revision}.json").read_text(encoding="utf-8"))
    return table


def corpus(revision: str) -> list[Recorded]:
    """The recorded payloads of one revision, read anew at each call, so that a test may change them."""
    with (DATA / "corpus" / f"{revision}.jsonl").open(encoding="utf-8") as lines:
        return [Recorded(**json.loads(line)) for line in lines]


class Unavailable(Exception):
    """A release cannot be run here; the message says why."""

    def __init__(self, reason: str, *, excused: bool) -> None:
        super().__init__(reason)
        self.excused = excused
        """Whether even a run that must leave nothing out (``CI`` set) may go on without the release."""


@cache
def _outcome(release: str) -> Path | Unavailable:
    """Where the release is installed, or why it is not. Kept, so that an index out of reach is waited for once."""
    if sys.version_info[:2] != INTERPRETER or sys.implementation.name != "cpython":
        here = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"
        return Unavailable(f"the published releases run on CPython 3.11 alone, this is {here}", excused=True)
    home = CACHE / release
    if home.is_dir():
        return home
    CACHE.mkdir(parents=True, exist_ok=True)
    # Installed beside and renamed when whole: an interrupted run leaves no half release, and of two that
    # install at the same time the second finds the folder there and drops its own.
    half = Path(tempfile.mkdtemp(prefix=f".{release}-", dir=CACHE))
    try:
        _install(release, half)
        half.rename(home)
    except Unavailable as reason:
        return reason
    except OSError:
        if not home.is_dir():
            raise
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return home


def _install(release: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--retries=2", "--timeout=20", "--no-deps", "--only-binary=:all:", f"--target={folder}"]
    try:
        done = subprocess.run(
            [*command, f"isagellm-protocol=={release}"],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"release {release}: no answer from the package index", excused=False) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise Unavailable(f"release {release} could not be installed: {said[-1]}", excused=False)


def published_release(release: str) -> Path:
    """The folder of an installed release, installed on first use.

    Raises:
        Unavailable: the interpreter cannot run it, or the package index is out of reach.
    """
    outcome = _outcome(release)
    if isinstance(outcome, Unavailable):
        raise outcome
    return outcome


class PublishedProcess:
    """A release at work in a process of its own, asked one question at a time. Close it, or use it in a ``with``."""

    def __init__(self, release: str) -> None:
        folder = published_release(release)
        self.release = release
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by close
        # -I keeps this project's paths out. Coverage would mistake the release for this project.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(SERVER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=environment,
        )

    def __enter__(self) -> PublishedProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def validate(self, message: str, payload: Any) -> tuple[str, Any]:
        """What the release says to a payload: ``("ok", the payload it would write)`` or ``("error", why)``.

        ``message`` is a full name, such as ``"kv.types.KVHandle"``.
        """
        return _verdict(self._ask({"message": message, "payload": payload}))

    def read(self, message: str, format: str, payloads: Iterable[bytes]) -> list[tuple[str, Any]]:
        """The same for many payloads at once, encoded in a format, ``"json"`` or ``"msgpack"``."""
        encoded = [base64.b64encode(payload).decode() for payload in payloads]
        return [_verdict(answer) for answer in self._ask({"message": message, "format": format, "payloads": encoded})]

    def arguments(self, message: str) -> list[list[str]]:
        """Name and kind of each argument of a class's constructor."""
        found: list[list[str]] = self._ask({"signature": message})["ok"]
        return found

    def ask(self, message: str, payload: Any, name: str, options: dict[str, Any]) -> tuple[str, Any]:
        """What a model's method gives for a payload, as ``published_server.spelled`` has it."""
        return _verdict(self._ask({"message": message, "payload": payload, "asked": [name, repr(options)]}))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"release {self.release} ended:\n{self._errors.read()}")
        return json.loads(line)


def _verdict(answer: dict[str, Any]) -> tuple[str, Any]:
    return ("ok", answer["ok"]) if "ok" in answer else ("error", answer["error"])
