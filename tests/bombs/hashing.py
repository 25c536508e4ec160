"""Keys that fall into one place of a dict: Python hashes integers and arrays of them the same in every process."""

from __future__ import annotations

from itertools import count

_PRIME = 2**61 - 1
"""The hash of an integer is its remainder by this."""

_WORD = 2**64
_FIRST, _SECOND, _START = 11400714785074694791, 14029467366897019727, 2870177450012600261
"""The constants of the hash of a tuple, which is xxHash."""


def integer_keys(wanted: int) -> list[int]:
    """Integers of 64 bits, of which each dozen has one hash."""
    dozens = [*range(9), -1, -2, -3, -4]
    keys = (value + turn * _PRIME for value in count(1) for turn in dozens)
    within = (key for key in keys if -(2**63) <= key < _WORD)
    return [key for key, _ in zip(within, range(wanted), strict=False)]


def array_keys(wanted: int) -> list[tuple[int, int]]:
    """Arrays of two integers, all of the same hash: the second is solved from the first."""
    target = _turned(12345 * pow(_FIRST, -1, _WORD) % _WORD, 33)
    inverse = pow(_SECOND, -1, _WORD)
    found: list[tuple[int, int]] = []
    for first in count(1):
        if len(found) == wanted:
            break
        after_first = _turned((_START + first * _SECOND) % _WORD, 31) * _FIRST % _WORD
        second = (target - after_first) * inverse % _WORD
        second -= _WORD * (second >= 2**63)
        if abs(second) < _PRIME and second != -1:
            found.append((first, second))
    return found


def _turned(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (64 - bits))) % _WORD
