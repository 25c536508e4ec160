"""Messages as parts that rich, IPython and pprint lay out: each value cut, and no hidden one among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import attrs

from sagellm_protocol.model.shortening import Walk, is_shown_by_us
from sagellm_protocol.model.showing import LIMITS


class _Said:
    """Stands for a value; its ``repr`` is what is shown of that."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __lt__(self, other: object) -> bool:
        # pprint sorts the keys of a dict.
        return repr(self) < repr(other)


class _Record:
    """Stands for a message: its fields, each by what stands for its value."""

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, Any]]) -> None:
        self._fields = fields

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._fields)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        yield from self._fields

    def lay_out(self, printer: Any, stream: Any, indent: int, *room: Any) -> None:
        """Have pprint write it, a field a line; the rest of the arguments is between pprint and itself."""
        name = type(self).__name__
        stream.write(f"{name}(")
        printer._format_namespace_items(self._fields, stream, indent + len(name) + 1, *room)
        stream.write(")")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        name = type(self).__name__
        with printer.group(len(name) + 1, f"{name}(", ")"):
            for number, (field, value) in enumerate(self._fields):
                if number:
                    printer.text(",")
                    printer.breakable()
                printer.text(f"{field}=")
                printer.pretty(value)


@lru_cache(maxsize=256)
def _named(name: str) -> type[_Record]:
    """Both show the name of the class of what they are given."""
    return type(name, (_Record,), {"__slots__": ()})


class _Parts(Walk[Any]):
    """A value as parts."""

    def leaf(self, text: str) -> _Said:
        return _Said(text)

    def sequence(self, brackets: str, items: Iterator[Any], more: bool) -> list[Any] | tuple[Any, ...]:
        listed = [*items, *([_Said("...")] if more else [])]
        return listed if brackets == "[]" else tuple(listed)

    def mapping(self, items: Iterator[tuple[Any, Any]], more: bool) -> dict[Any, Any]:
        return {**dict(items), **({_Said("..."): _Said("...")} if more else {})}

    def record(self, cls: Any, fields: Iterator[tuple[attrs.Attribute[Any], Any]]) -> _Record:
        return _named(cls.__qualname__)([(field.name, value) for field, value in fields])


def for_rich(self: Any) -> Iterator[Any]:
    """The ``__rich_repr__`` of a message, cut unless :func:`sagellm_protocol.showing` says otherwise."""
    parts = _parts(self)
    if isinstance(parts, _Record):
        yield from parts.__rich_repr__()
    else:
        yield parts


def for_ipython(message: Any, cls: type) -> Callable[..., None]:
    """The ``_repr_pretty_`` of a message, likewise; of a class it is what IPython calls with a message.

    Hypothesis calls it of a class without one, to have the class shown.
    """

    def show(*given: Any) -> None:
        *messages, printer, _ = given
        if messages:
            printer.pretty(_parts(*messages))
        else:
            printer.text(cls.__qualname__)

    return show if message is None else partial(show, message)


def for_pprint(printer: Any, message: Any, *room: Any) -> None:
    """What pprint calls for a message that is longer than a line, and for the parts that stand for one."""
    parts = message if isinstance(message, _Record) else _parts(message)
    type(printer)._dispatch.setdefault(_Record.__repr__, for_pprint)
    parts.lay_out(printer, *room)


def _parts(message: Any) -> Any:
    limits = LIMITS.get()
    parts = _Parts(limits)
    # A class with a repr of its own says by itself how it is shown.
    show = parts.message if is_shown_by_us(message) else parts.value
    return show(message, limits.levels)
