"""A package to start from: a message, its history, the lock made from both, and the test that holds them together."""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from string import Template

from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short

_SKELETON = Path(__file__).with_name("skeleton")
_FILES = {
    "README.md": "README.md.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "src/$name/__init__.py": "init.py.txt",
    "src/$name/history.py": "history.py.txt",
    "src/$name/messages.py": "messages.py.txt",
    "src/$name/py.typed": None,
    "tests/test_protocol.py": "test_protocol.py.txt",
}
"""What is written, and the text in the skeleton that it is made of; None: it is empty."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.IGNORECASE | re.ASCII)
"""What both Python and package indexes take for a name."""
_LONGEST = 40
"""Characters of a name: lines that hold it stay short."""


def start(name: str, folder: Path) -> Path:
    """Write a package of that name into a folder of that name below ``folder``.

    It is made beside its place, and takes it when it is whole.

    Raises:
        OptionError: a package cannot be called so.
        OSError: there is something of that name already, or it cannot be written.
    """
    if reason := refusal(name):
        raise OptionError(f"no package can be called {short(name)}: {reason}")
    place = folder / name
    if os.path.lexists(place):
        raise FileExistsError(f"{place} is there already, and nothing is overwritten")
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.resolve()) as beside:
        made = Path(beside, name)
        for file, text in _texts(name):
            (made / file).parent.mkdir(parents=True, exist_ok=True)
            (made / file).write_text(text, encoding="utf-8", newline="\n")
        _lock(name, made)
        made.rename(place)
    return place


def refusal(name: str) -> str | None:
    """Why no package can be called so; None where one can."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        return f"a name has letters of ASCII, digits and single underscores between them, {_LONGEST} characters at most"
    if keyword.iskeyword(name):
        return "it is a word of Python"
    if name in sys.stdlib_module_names:
        return "a module that comes with Python has that name"
    found = find_spec(name)
    # A folder without __init__.py is no package that would be hidden.
    if found is not None and found.origin is not None:
        return f"it would hide a module that is installed, {found.origin}"
    return None


def _texts(name: str) -> Iterator[tuple[str, str]]:
    values = {"name": name, "version": version("isagellm-protocol")}
    for place, source in _FILES.items():
        text = "" if source is None else (_SKELETON / source).read_text(encoding="utf-8")
        yield Template(place).substitute(values), Template(text).substitute(values)


def _lock(name: str, made: Path) -> None:
    """Have a process of its own lock it, as its owners will: nothing of the package gets into this one."""
    command = [sys.executable, "-m", "sagellm_protocol.schema.lock", "--history", f"{name}.history:HISTORY"]
    path = os.pathsep.join([str(made / "src"), *filter(None, sys.path)])
    done = subprocess.run(
        [*command, "--lock", str(made / "src" / name / "published.lock")],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChildProcessError(f"the lock of {name} cannot be made: {done.stderr.strip()}")
