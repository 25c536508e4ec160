"""Where a value stands: steps from the message down, which become text only when somebody reads them, and cut."""

from __future__ import annotations

from typing import Any, TypeAlias

Path: TypeAlias = "tuple[Path, Any] | None"
"""The path of what holds the value, and the step from there: a field, a key, or an index. None is the message itself.

Going one step down costs the same however long the path is, so that a long key over many items costs its length once.
"""

ROOT: Path = None

_STEP = 80
"""Characters of a step that are shown."""

_STEPS = 20
"""Steps that are shown: the outermost and the innermost."""


class Hidden(str):
    """A step to a field that is not shown (``repr=False``): what stands below it is not told either."""

    __slots__ = ()


def told(path: Path) -> str:
    """A path as text, ``metrics.ttft_ms`` or ``choices[0].delta``; long keys and deep paths are cut in the middle."""
    steps: list[Any] = []
    while path is not None:
        path, step = path
        if type(step) is Hidden:
            steps.clear()
        steps.append(step)
    steps.reverse()
    head = len(steps) if len(steps) <= _STEPS else _STEPS // 2
    text = _joined("", steps[:head])
    if head < len(steps):
        text = _joined(text + "...", steps[-_STEPS // 2 :])
    return text


def is_hidden(path: Path) -> bool:
    """Whether a value stands in a field that is not shown."""
    while path is not None:
        path, step = path
        if type(step) is Hidden:
            return True
    return False


def below(path: str, ending: str) -> str:
    """A path that is text already, below another."""
    return path + ending if not path or not ending or ending.startswith("[") else f"{path}.{ending}"


def _joined(text: str, steps: list[Any]) -> str:
    for step in steps:
        if type(step) is int:
            text += f"[{step}]"
        else:
            # A caller's dict may have keys of any class.
            name = cut(str.__str__(step)) if isinstance(step, str) else f"<a {type(step).__qualname__}>"
            text = f"{text}.{name}" if text else name
    return text


def cut(text: str, most: int = _STEP) -> str:
    """A text of so many characters at the most: a longer one without its middle."""
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
