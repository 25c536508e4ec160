"""The files of a code base: which they are, and what stands in them. Nothing of them is run."""

from __future__ import annotations

import ast
import io
import os
import sys
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import Fault, ProtocolError

MAX_BYTES = 4 * 1024 * 1024
"""A larger file is told, and not read: a syntax tree takes some hundred times its text."""
LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"})
"""Folders that hold nobody's own code, beside those whose names begin with a dot."""


class LintError(ProtocolError):
    """A path or a rule that there is not, or a file that cannot be written."""

    fault: Fault = "local"


@attrs.frozen
class Problem:
    """Why a file could not be looked at."""

    path: str
    line: int
    """0 where it is the file as a whole."""
    reason: str


@attrs.define(eq=False)
class Source:
    """A file that was read."""

    path: Path
    shown: str
    """Its path, as it was asked for."""
    text: str
    encoding: str
    tree: ast.Module = attrs.field(repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """As ``ast`` counts them: neither a form feed nor a Unicode separator ends one."""
        return list(io.StringIO(self.text, newline=""))

    @cached_property
    def _begins(self) -> list[int]:
        return [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """The place in the text of a place of ``ast``, which counts the bytes of UTF-8 in a line."""
        return self._begins[line - 1] + self.column(line, column)

    def column(self, line: int, column: int) -> int:
        """The same, counted in characters from the begin of the line."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return column if text.isascii() else len(text.encode()[:column].decode(errors="replace"))

    def begin(self, node: Any) -> int:
        """Where a node begins in the text."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: Any) -> int:
        """Where it ends."""
        return self.offset(node.end_lineno, node.end_col_offset)


def python_files(paths: Iterable[Path], closed: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """The files at or below some paths, in alphabetical order, each once. Links to folders are not followed.

    Args:
        paths: files, and folders of them.
        closed: told of folders that cannot be read.

    Raises:
        LintError: there is no such path.
    """
    seen: set[str] = set()
    for path in paths:
        if not os.path.lexists(path):  # os.path, as it may be out of reach
            raise LintError(f"there is no {os.fspath(path)!r}")
        for file in _below(path, closed) if path.is_dir() else [path]:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _below(folder: Path, closed: Callable[[OSError], None] | None) -> Iterator[Path]:
    for here, folders, names in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not _is_left_out(Path(here, name)))
        yield from (Path(here, name) for name in sorted(names) if name.endswith((".py", ".pyi")))


def _is_left_out(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in LEFT_OUT or (folder / "pyvenv.cfg").exists()


def read_all(paths: Iterable[Path]) -> tuple[list[Source], list[Problem]]:
    """The files at or below some paths, and why others could not be read.

    Raises:
        LintError: there is no such path.
    """
    sources: list[Source] = []
    problems: list[Problem] = []

    def closed(error: OSError) -> None:
        problems.append(Problem(str(error.filename), 0, f"cannot be read: {error.strerror}"))

    for file in python_files(paths, closed):
        found = read(file)
        if isinstance(found, Source):
            sources.append(found)
        else:
            problems.append(found)
    return sources, problems


def read(path: Path) -> Source | Problem:
    """A file, parsed; or why it could not be."""
    shown = os.fspath(path)
    try:
        if not path.is_file():
            return Problem(shown, 0, "is no file")
        if path.stat().st_size > MAX_BYTES:
            return Problem(shown, 0, f"is larger than {MAX_BYTES} bytes")
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding, newline="").read()
    except OSError as error:
        return Problem(shown, 0, f"cannot be read: {error.strerror}")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Problem(shown, 0, f"cannot be read as text: {error}")
    return parsed(path, shown, text, encoding)


def parsed(path: Path, shown: str, text: str, encoding: str) -> Source | Problem:
    """A text, parsed; or why it could not be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the code does: "\d" in a text
            return Source(path, shown, text, encoding, ast.parse(text))
    except SyntaxError as error:
        return Problem(shown, error.lineno or 0, _syntax(error))
    except (RecursionError, MemoryError):
        return Problem(shown, 0, "nests too deep to be parsed")
    except ValueError as error:
        return Problem(shown, 0, f"cannot be parsed: {error}")


def _syntax(error: SyntaxError) -> str:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    newer = newer_syntax(error.text or "")
    if newer is not None and newer > here:
        return f"is written for Python {newer} or newer, and this is {here}: run the lint with that"
    return f"cannot be parsed by Python {here}: {error.msg}"


def newer_syntax(line: str) -> str | None:
    """The Python that brought the syntax with which a line begins, if it is one of late."""
    try:
        found = [token.string for token in tokenize.generate_tokens(io.StringIO(line).readline) if token.string.strip()]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        found = line.replace("[", " [ ").split()
    match found:
        case ["except", "*", *_]:
            return "3.11"
        case ["type", name, *_] if name.isidentifier():
            return "3.12"
        case ["def" | "class", _, "[", *_] | ["async", "def", _, "[", *_]:
            return "3.12"
        case ["except", _, ",", *_]:
            return "3.14"
        case _:
            return None
