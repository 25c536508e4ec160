"""Text from elsewhere, made fit for a terminal and for one line of a report."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""A text that a terminal shows and does not obey.

    Control characters, line ends, marks of direction and lone surrogates become escapes: ``\x1b``, ``\n``,
    ``\u202e``. A byte of a file name that is no UTF-8 becomes ``\xff``.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    # So Python holds the bytes of a file name that are no UTF-8.
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()
