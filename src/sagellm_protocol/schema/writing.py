"""Steps as Python text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any


def call(step: str, *names: str) -> str:
    """A step that takes names alone."""
    return f"{step}({quoted(names)})"


def renamed(owner: str, names: Mapping[str, str], step: str = "renamed") -> str:
    """The step for fields, or members, that got another name."""
    return f"{step}({json.dumps(owner)}, {', '.join(f'{old}={json.dumps(new)}' for old, new in names.items())})"


def quoted(names: Iterable[str]) -> str:
    """Names as arguments."""
    return ", ".join(json.dumps(name) for name in names)


def short_names(annotation: str) -> str:
    """An annotation with the classes in it called as a module that imports them does."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|\b(?:[A-Za-z_]\w*\.)+(\w+)', lambda found: found[1] or found[2], annotation)


def was_text(row: dict[str, Any]) -> str:
    """What a field was, from its fact: its annotation, and its default if it had one that can be written down."""
    kind = short_names(row["type"])
    return f"was({kind}, default={row['default']!r})" if "default" in row else kind
