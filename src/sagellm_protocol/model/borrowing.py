"""What the body of a message says beside its fields, for another class: methods, properties, constants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from types import CellType, FunctionType
from typing import Any

import attrs

from sagellm_protocol.model.declaring import message

_MADE = ("_message_", "_abc_", "__abstractmethods__")
"""How the names begin that Python and this package put into a class."""


@message
class _Bare:
    """A message that says nothing: what it has, every message is given."""


def borrowed(lender: Any, borrower: type) -> Iterator[tuple[str, Any]]:
    """What a message class has in its body besides its fields; in methods, ``super()`` then means the borrower.

    What a message computes once (``cached_property``) is computed each time, as a borrower may change.
    """
    cell = CellType(borrower)
    computed = vars(lender)["_message_computed"]
    # attrs gives what is computed once a slot, and looks for it in a __getattr__.
    given = {*vars(_Bare), *(field.name for field in attrs.fields(lender)), *(["__getattr__"] if computed else [])}
    for name, value in {**vars(lender), **computed}.items():
        if name not in given and not name.startswith(_MADE):
            yield name, _moved(value, lender, cell)


def _moved(value: Any, lender: type, cell: CellType) -> Any:
    match value:
        case FunctionType():
            return _with_cell(value, lender, cell)
        case classmethod() | staticmethod():
            return type(value)(_moved(value.__func__, lender, cell))
        case property():
            get, put, delete = (_moved(part, lender, cell) for part in (value.fget, value.fset, value.fdel))
            return property(get, put, delete, value.__doc__)
        case cached_property():
            return property(_moved(value.func, lender, cell), doc=value.__doc__)
        case _:
            return value


def _with_cell(function: FunctionType, lender: type, cell: CellType) -> FunctionType:
    """A function that means another class by ``super()`` and ``__class__``; itself, where it means none."""
    names = function.__code__.co_freevars
    if "__class__" not in names:
        return function
    cells = dict(zip(names, function.__closure__ or (), strict=True)) | {"__class__": cell}
    moved = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, tuple(cells.values())
    )
    moved.__kwdefaults__, moved.__doc__, moved.__dict__ = function.__kwdefaults__, function.__doc__, function.__dict__
    moved.__qualname__, moved.__annotations__ = function.__qualname__, function.__annotations__
    return moved
