"""Values that pydantic turned into those of another type, where they are written out."""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from typing import Any

from sagellm_protocol.lint import mending
from sagellm_protocol.lint.files import Source
from sagellm_protocol.lint.finding import Mend
from sagellm_protocol.lint.following.types import Items, Name
from sagellm_protocol.lint.following.walking import Walker
from sagellm_protocol.model import kinds

_FLAGS = {"true": True, "t": True, "yes": True, "y": True, "on": True, "1": True} | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)
"""The texts that pydantic takes for a ``bool``."""
NOTHING = object()
"""What a value became of which nothing could be made."""


def is_coerced(walker: Walker, kind: kinds.Type, node: ast.expr) -> bool:
    """Whether a value was taken, and is refused now."""
    match kind, _constant(node):
        case kinds.Items(), _:
            return any(
                isinstance(o, Items) and o.kind in ("set", "iterator") and not o.held for o in walker.types(node)
            )
        case ((kinds.Free() | kinds.Table()), _):
            return _is_no_json(walker, node)
        case kinds.Either(options=options), _:
            leaves = (option for option in options if isinstance(option, (kinds.Number, kinds.Flag, kinds.Text)))
            return any(is_coerced(walker, option, node) for option in leaves)
        case kinds.Number(kind=number), _ if _is_infinite(walker, node):
            return number is float
        case ((kinds.Number() | kinds.Flag() | kinds.Text()), value) if value is not NOTHING:
            return turned(kind, value) is not NOTHING
        case _:
            return False


def _constant(node: ast.expr) -> Any:
    """A value that is written out, also with a sign."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            return NOTHING


def _is_no_json(walker: Walker, node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, (bytes, complex))
        case ast.Dict(keys=keys):
            return any(isinstance(key, ast.Constant) and not isinstance(key.value, str) for key in keys)
        case _:
            return any(
                isinstance(o, Items) and o.kind in ("set", "iterator") and not o.held for o in walker.types(node)
            )


def _is_infinite(walker: Walker, node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)]):
            return text.strip().lower().lstrip("+-") in ("inf", "infinity")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_infinite(walker, operand)
        case _:
            return Name("math.inf") in walker.types(node) or Name("numpy.inf") in walker.types(node)


def turned(kind: kinds.Type, value: Any) -> Any:
    """What pydantic made of a value of another type; ``NOTHING`` where it is of the type, or was refused as well."""
    match kind, value:
        case kinds.Number(kind=number), bool():
            return number(value)
        case kinds.Number(kind=number), str():
            with suppress(ValueError, OverflowError):
                return _number(number, value)
        case kinds.Number(kind=number), float() if number is int and value.is_integer():
            return int(value)
        case kinds.Flag(), int() | float() if not isinstance(value, bool) and value in (0, 1):
            return bool(value)
        case kinds.Flag(), str():
            return _FLAGS.get(value.lower(), NOTHING)
        case kinds.Text(), bytes():
            with suppress(UnicodeDecodeError):
                return value.decode()
    return NOTHING


def _number(number: type, text: str) -> Any:
    value = number(text) if number is float or not text.strip().endswith(".0") else int(float(text))
    return value if math.isfinite(value) else NOTHING


def mended(source: Source, kind: kinds.Type, node: ast.expr) -> Mend | None:
    """The value that it became, written out."""
    if isinstance(kind, kinds.Items):
        return mending.as_list(source, node)
    value = turned(kind, _constant(node)) if isinstance(kind, (kinds.Number, kinds.Flag, kinds.Text)) else NOTHING
    return None if value is NOTHING else mending.replaced(source, node, repr(value))
