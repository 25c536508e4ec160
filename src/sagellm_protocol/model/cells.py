"""Which class ``super()`` and ``__class__`` mean in a class that was made anew."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partialmethod, singledispatchmethod
from types import FunctionType
from typing import Any

_INSIDE: dict[type, tuple[str, ...]] = {
    FunctionType: ("__wrapped__",),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    cached_property: ("func",),
    partialmethod: ("func",),
    singledispatchmethod: ("func",),
}
"""Where what stands in a class keeps its functions."""


def retarget(values: Iterable[Any], old: type, new: type) -> None:
    """Point the methods of ``old`` at ``new``: those that attrs knows, and those within what it does not know.

    A method may name what is defined later in the function around it: that cell is empty as yet.
    """
    waiting, seen = list(values), set[int]()
    while waiting:
        value = waiting.pop()
        inside = _INSIDE.get(type(value))
        if inside is None or id(value) in seen:
            continue
        seen.add(id(value))
        waiting += (getattr(value, name, None) for name in inside)
        for cell in getattr(value, "__closure__", None) or ():
            try:
                held = cell.cell_contents
            except ValueError:  # It is empty.
                continue
            if held is old:
                cell.cell_contents = new
            waiting.append(held)
