"""Reasons without what is particular to a record."""

from __future__ import annotations

import pytest

from sagellm_protocol.archive import Counts
from sagellm_protocol.archive.counting import OTHERS
from sagellm_protocol.archive.reasons import gist


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("a[12].b: must be int, got 'x'; c: must be >= 1, got 0", "a[].b: must be int; c: must be >= 1"),
        ("no JSON: unexpected end of data (at offset 3)", "no JSON: unexpected end of data"),
        (
            "the number 1.25e-400 has more digits than a float can hold",
            "the number has more digits than a float can hold",
        ),
        ("the record is longer than 67108864 bytes", "the record is longer than 67108864 bytes"),
        ("types.Request (0.1.0 to 0.4.0.7)", "types.Request (0.1.0 to 0.4.0.7)"),
    ],
)
def test_gist(reason: str, expected: str) -> None:
    assert gist(reason) == expected
    assert gist(expected) == expected


def test_reasons_are_counted_in_memory_that_is_bounded() -> None:
    counts, others = Counts(), Counts()
    counts.count_reasons(["x: must be int, got 1", "x: must be int, got 2"])
    counts.count_reasons(f"the field x{number} is strange" for number in range(2000))
    others.count_reasons(["x: must be int, got 3", "new"])
    counts.add(others)
    assert (counts.reasons["x: must be int"], len(counts.reasons), counts.reasons[OTHERS]) == (3, 1001, 1002)
