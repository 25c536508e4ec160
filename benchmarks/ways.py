"""The two ways in which this package does its work: by its compiled core, and by Python alone."""

from __future__ import annotations

import os

from sagellm_protocol.model.native import PURE as _SWITCH, in_use

NATIVE, PURE = "native", "pure"
OURS = ("core", "msgspec")
"""The competitors that are this package, in either way."""
BESIDE = ("published", *OURS, "raw")
"""Who is measured once more beside the second way: ours, and what ratios are taken against."""


def ways() -> dict[str, dict[str, str]]:
    """The ways that this environment has, first the one that is used where nothing is said; an environment for each."""
    pure = {PURE: {**os.environ, _SWITCH: "1"}}
    return {NATIVE: dict(os.environ), **pure} if in_use() == NATIVE else pure
