"""A small protocol whose history has every kind of change that converts values, and what stands beside them.

``declare(SOURCE)`` (:mod:`toys`) gives its catalog, ``history_of(catalog)`` its history: six revisions of a job. Other
tests take it for what they need a history with conversions for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    added,
    became_derived,
    converted,
    flattened,
    introduced,
    members_added,
    members_renamed,
    merged,
    moved,
    nested,
    removed,
    renamed,
    required,
    rescaled,
    retyped,
    revision,
    split,
    underived,
    values_mapped,
    values_renamed,
    was,
)
from sagellm_protocol.model.units import Unit

SOURCE = """
class State(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"
    FAILED = "failed"


@message
class Size:
    width: int
    height: int = 1


@message
class Step:
    title: str = ""
    state: State = State.WAITING
    lasts_s: Annotated[float, Ge(0), Unit("s")] = 0.0
    pauses_s: Sequence[Annotated[float, Unit("s")]] = ()


@message
class Batch:
    kind: Literal["batch"] = "batch"
    step: Step


@message
class Single:
    kind: Literal["single"] = "single"
    name: str
    step: Step | None = None


@message
class Job:
    name: str
    owner: str
    host: str
    port: int
    state: State = State.WAITING
    states: Sequence[State] = ()
    by_name: Mapping[str, State] = {}
    state_or_states: State | Sequence[State] | None = None
    timeout_s: Annotated[float, Ge(0), Unit("s")] = 1.5
    budget_s: Annotated[int, Unit("s")] = 0
    size: Size | None = None
    depth: int = 0
    level: str = "low"
    address: str = ""
    total: int = 0
    steps: Sequence[Step] = ()
    steps_by_name: Mapping[str, Step] = {}
    work: Batch | Single | None = None
    one_or_more: Step | Sequence[Step] | None = None
    after: "Job | None" = None
    guess: int = derived(lambda job: len(job.name), default=0)
    retries: int = 0
    free: Any = None
"""

MESSAGES = ("toy.Size", "toy.Step", "toy.Batch", "toy.Single", "toy.Job")


def _sum_up(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"total": values["done"] + values["left"]}


def _retries(values: Mapping[str, Any]) -> int:
    """What ``retries`` was by default until 4."""
    return len(values["name"]) % 3


def changes_of(catalog: Catalog) -> Sequence[Any]:
    """The revisions, newest first."""
    size = catalog.messages["toy.Size"]
    return (
        revision(
            "6",
            rescaled("toy.Job", timeout_s="timeout_ms", by=1000, was=Annotated[int, Ge(0), Unit("ms")]),
            rescaled("toy.Job", budget_s="budget", by=1000, was=Annotated[int, Unit("ms")], lossy="whole seconds"),
            values_renamed("toy.State", pending="waiting", ended="over"),
            renamed("toy.Job", user="owner"),
        ),
        revision(
            "5",
            split("toy.Job", "endpoint", into=("host", "port"), by=":"),
            nested("toy.Job", "size", "width", "height"),
            rescaled("toy.Step", lasts_s="lasts", pauses_s="pauses", by=1 / 60),
            became_derived("toy.Job", "guess", was=7),
            added("toy.Job", "by_name", "one_or_more"),
        ),
        revision(
            "4",
            underived("toy.Job", "retries", was=_retries, shown=0),
            values_mapped("toy.Job", "level", {0: "low", 1: "high", 2: "highest"}, was=int),
            moved("toy.Phase", "toy.Step"),
            members_renamed("toy.State", CRASHED="FAILED"),
            required("toy.Job", "user", unsaid="nobody"),
        ),
        revision(
            "3",
            merged("toy.Job", "address", of={"street": was(str, default=""), "town": was(str, default="")}, by=", "),
            flattened("toy.Job", "inside", height="depth", was=was(size | None, default=None), lossy="the width"),
            introduced("toy.Batch"),
            members_added("toy.State", "CRASHED"),
        ),
        revision(
            "2",
            converted(
                "toy.Job",
                before={"done": was(int, default=0), "left": was(int, default=0)},
                after=("total",),
                up=_sum_up,
                down=None,
                lossy="what is done and what is left were one number",
            ),
            removed("toy.Job", "old", was=int, default=0),
            retyped("toy.Job", "name", was=str),
            renamed("toy.Job", title="name"),
        ),
        revision("1"),
    )


def history_of(catalog: Catalog) -> History:
    """The history."""
    return History(changes_of(catalog), catalog)


def toy(name: str) -> Any:
    """A class of the module that was declared last."""
    return getattr(sys.modules["toy"], name)
