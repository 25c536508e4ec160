"""Messages as HTML tables, for notebooks: field, value and unit; what is nested opens at a click."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

import attrs

from sagellm_protocol.model.documenting import text_of, unit_of
from sagellm_protocol.model.paths import cut
from sagellm_protocol.model.shortening import Walk, is_shown_by_us
from sagellm_protocol.model.showing import LIMITS
from sagellm_protocol.model.spec import spec_of

_LONGEST_TEXT = 300
"""Characters of what is told of a field when the mouse rests on it."""
_LEFT = ' style="text-align:left;vertical-align:top"'


@attrs.frozen
class _Piece:
    """HTML of a value: a line, or, where there is a summary to click at, a block."""

    html: str
    summary: str = ""

    def __str__(self) -> str:
        if not self.summary:
            return self.html
        return f"<details><summary>{self.summary}</summary>{self.html}</details>"


class _Pieces(Walk[_Piece]):
    """A value as HTML."""

    def leaf(self, text: str) -> _Piece:
        return _Piece(f"<code>{_escaped(text)}</code>")

    def sequence(self, brackets: str, items: Iterator[_Piece], more: bool) -> _Piece:
        listed = list(items)
        if not any(item.summary for item in listed):
            shown = ", ".join([*map(str, listed), *(["..."] if more else [])])
            return _Piece(f"{brackets[0]}{shown}{brackets[1]}")
        rows = _rows((str(number), str(item)) for number, item in enumerate(listed))
        return _Piece(f"<table>{rows}{_MORE * more}</table>", f"{len(listed)}{' of more' * more} items")

    def mapping(self, items: Iterator[tuple[_Piece, _Piece]], more: bool) -> _Piece:
        listed = list(items)
        if not listed:
            return self.leaf("{}")
        rows = _rows((str(key), str(value)) for key, value in listed)
        return _Piece(f"<table>{rows}{_MORE * more}</table>", f"{len(listed)}{' of more' * more} keys")

    def record(self, cls: Any, fields: Iterator[tuple[attrs.Attribute[Any], _Piece]]) -> _Piece:
        types = {field.name: field.type for field in spec_of(cls).held}
        rows = "".join(
            f'<tr title="{_escaped(cut(text_of(cls, field.name), _LONGEST_TEXT))}">'
            f"<th{_LEFT}>{_escaped(field.name)}</th><td{_LEFT}>{value}</td>"
            f"<td{_LEFT}>{_escaped(unit_of(types[field.name]))}</td></tr>"
            for field, value in fields
        )
        heads = f"<tr><th{_LEFT}>field</th><th{_LEFT}>value</th><th{_LEFT}>unit</th></tr>"
        return _Piece(f"<table>{heads}{rows}</table>", f"<b>{_escaped(cls.__qualname__)}</b>")


_MORE = "<tr><td>...</td></tr>"


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><th{_LEFT}>{key}</th><td{_LEFT}>{value}</td></tr>" for key, value in pairs)


def _escaped(text: str) -> str:
    """Text as HTML that any page can hold: a lone surrogate could not be sent to a browser."""
    return escape(text.encode("utf-8", "backslashreplace").decode())


def as_table(self: Any) -> str:
    """The ``_repr_html_`` of a message: a table, cut unless :func:`sagellm_protocol.showing` says otherwise."""
    limits = LIMITS.get()
    pieces = _Pieces(limits)
    if not is_shown_by_us(self):  # The class says by itself how it is shown.
        return str(pieces.value(self, limits.levels))
    shown = pieces.message(self, limits.levels)
    return f"<div>{shown.summary}{shown.html}</div>"
