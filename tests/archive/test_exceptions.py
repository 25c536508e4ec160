"""Errors about archives come back from workers as they were raised."""

from __future__ import annotations

import pickle

import pytest

from sagellm_protocol.archive.exceptions import (
    ArchiveError,
    RefusedError,
    StrictError,
    TooManyRejectedError,
    UnreadableError,
    WorkersError,
)


@pytest.mark.parametrize(
    "error",
    [
        RefusedError(["a is there already", "b is a folder"]),
        StrictError("2024/log.jsonl", 17, "no JSON"),
        TooManyRejectedError("2 of 3 records were set aside"),
        UnreadableError("breaks off"),
        WorkersError("the workers are gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_they_may_be_pickled(error: ArchiveError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))
