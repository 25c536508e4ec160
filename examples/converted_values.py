"""A protocol whose values changed, and not only its fields: every case of docs/evolution.md, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from annotated_types import Ge

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    became_derived,
    converted,
    flattened,
    members_renamed,
    merged,
    moved,
    nested,
    required,
    rescaled,
    revision,
    split,
    underived,
    values_mapped,
    values_renamed,
    was,
)
from sagellm_protocol.model import derived, message
from sagellm_protocol.model.units import Seconds, Unit


class State(str, Enum):
    """How far a job is."""

    WAITING = "waiting"
    DONE = "done"


@message
class Size:
    """How large the model is."""

    layers: int
    heads: int = 1


@message
class Job:
    """What is to be computed."""

    name: str
    owner: str
    host: str
    port: int
    timeout_s: Seconds = 1.5
    state: State = State.WAITING
    level: str = "low"
    size: Size | None = None
    depth: int = 0
    model: str = "toy/small"
    tokens: int = 0
    label: str = derived(lambda job: job.name.upper(), default="")
    priority: int = 0


def _tokens(values: Mapping[str, Any]) -> dict[str, Any]:
    """Words, with about four tokens in three of them, became tokens."""
    return {"tokens": round(values["words"] * 4 / 3)}


def _words(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"words": round(values["tokens"] * 3 / 4)}


def _priority(values: Mapping[str, Any]) -> int:
    """What the priority was until 2, where nobody gave one."""
    return 5 if values["name"].startswith("urgent") else 1


JOB, STATE, TASK = (f"{__name__}.{name}" for name in ("Job", "State", "Task"))
"""Full names: module and class."""

CHANGES = (
    rescaled(JOB, timeout_s="timeout_ms", by=1000, was=Annotated[int, Ge(0), Unit("ms")]),
    split(JOB, "address", into=("host", "port"), by=":"),
    merged(
        JOB,
        "model",
        of={"family": was(str, default="toy"), "variant": was(str, default="small")},
        by="/",
    ),
    nested(JOB, "size", "layers", "heads"),
    flattened(JOB, "shape", heads="depth", was=was(Size | None, default=None), lossy="its layers"),
    values_renamed(STATE, queued="waiting"),
    members_renamed(STATE, QUEUED="WAITING"),
    values_mapped(JOB, "level", {0: "low", 1: "high"}, was=int),
    converted(
        JOB,
        before={"words": was(int, default=0)},
        after=("tokens",),
        up=_tokens,
        down=_words,
        lossy="words are estimated",
    ),
    required(JOB, "owner", unsaid="nobody"),
    underived(JOB, "priority", was=_priority),
    became_derived(JOB, "label", was="none"),
    moved(TASK, JOB),
)

HISTORY = History([revision("2", *CHANGES), revision("1")], Catalog([__name__]))


def main() -> None:
    """Bring a payload forward, and take it back."""
    old = {"name": "urgent one", "address": "gpu7:8000", "timeout_ms": 20, "state": "queued", "level": 1}
    new = HISTORY.upgrade(old, "Task", since="1")
    print(new)
    print(HISTORY.downgrade(new, "Job", to="1"))


if __name__ == "__main__":
    main()
