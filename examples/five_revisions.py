"""A render farm's protocol after five revisions, which took every step that a history knows."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from sagellm_protocol import codecs
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import (
    added,
    became_derived,
    converted,
    flattened,
    given_default,
    introduced,
    keeps_unknown,
    members_added,
    members_renamed,
    merged,
    moved,
    narrowed,
    nested,
    null_allowed,
    null_forbidden,
    redefined,
    removed,
    renamed,
    required,
    rescaled,
    retyped,
    revision,
    rule_dropped,
    split,
    underived,
    values_mapped,
    values_renamed,
    was,
)
from sagellm_protocol.model import KEPT, JsonObject, derived, message, to_plain
from sagellm_protocol.model.spec import NotAllNull
from sagellm_protocol.model.units import Count, Seconds


class State(str, Enum):
    """Where a job is."""

    WAITING = "waiting"
    """Nobody works on it."""
    RUNNING = "running"
    """Somebody does."""
    FINISHED = "finished"
    """Its frames are there."""
    FAILED = "failed"
    """They never will be."""


@message
class Picture:
    """How large a frame is."""

    width: Count
    """Its columns."""
    height: Count
    """Its rows."""


@message
class Limits:
    """What a worker offers."""

    cores: Count = 1
    """How many it has."""
    memory_gb: Annotated[float, Ge(0)] = 1.0
    """How much."""


@message
class Worker:
    """A machine that renders."""

    host: str
    """Where it is."""
    limits: Limits
    """What it offers."""


@message(unknown="keep")
class Job:
    """Frames that are to be rendered."""

    name: str
    """What people call it."""
    owner: str
    """Who wants it."""
    state: State = State.WAITING
    """Where it is."""
    scene: str | None = None
    """The scene by its name."""
    file: str | None = None
    """The scene by its file."""
    host: str = "localhost"
    """Who keeps the scene."""
    port: int = 80
    """At which port."""
    place: str = ""
    """Where the picture goes: the show, then the shot."""
    timeout_s: Seconds = 60.0
    """After how long a frame is given up."""
    priority: Literal["low", "normal", "high"] = "normal"
    """Which job goes first."""
    notes: str | Sequence[str] = ""
    """For people."""
    quality: Annotated[int, Ge(0), Le(100)] = 80
    """Of its pictures, in percent."""
    speed: float | None = 1.0
    """How fast it plays; None means 1."""
    picture: Picture | None = None
    """How large its frames are; as the scene says, if None."""
    cores: Count = 1
    """How many it needs."""
    memory_gb: Annotated[float, Ge(0)] = 1.0
    """How much."""
    first: Count = 0
    """The first of its frames."""
    frames: Count = 1
    """How many there are."""
    cost: float = 0.0
    """What it may cost."""
    tries: Count = derived(lambda job: 1 + job.frames // 1000, default=1)
    """How often a frame is tried."""
    extra: JsonObject = KEPT
    """What plug-ins of the farm say to each other."""


JOB, WORKER, STATE = "five_revisions.Job", "five_revisions.Worker", "five_revisions.State"


def count_of(values: dict[str, Any]) -> dict[str, Any]:
    """Until 4 a job told its first and its last frame; now it tells how many there are."""
    if values["last"] < values["first"]:
        raise ValueError("the last frame comes before the first")
    return {"first": values["first"], "frames": values["last"] - values["first"] + 1}


def last_of(values: dict[str, Any]) -> dict[str, Any]:
    """The same the other way."""
    if values["frames"] == 0:
        raise ValueError("until 4 a job had one frame at the least")
    return {"first": values["first"], "last": values["first"] + values["frames"] - 1}


def cost_until_4(values: dict[str, Any]) -> Any:
    """What a job could cost that did not say so, until 4."""
    return values["quality"] / 100


SPAN = {"first": was(Count, default=0), "last": was(Count, default=0)}
"""The frames of a job, as it told them until 4."""
LIMITS_TOLD = "whether limits were told that are those of everybody"

HISTORY = History(
    [
        # Newest first. Steps are undone from the top as well: what one needs to be there is not undone above it.
        revision(
            "5",
            nested(JOB, "picture", "width", "height"),
            introduced("five_revisions.Picture"),
            flattened(JOB, "limits", "cores", "memory_gb", was=was(Limits | None, default=None), lossy=LIMITS_TOLD),
            converted(JOB, before=SPAN, after=("first", "frames"), up=count_of, down=last_of),
            underived(JOB, "cost", was=cost_until_4),
            became_derived(JOB, "tries", was=3),
            keeps_unknown(JOB, was="forbid"),
            null_allowed(JOB, "speed"),
            narrowed(JOB, "quality", was=Count),
        ),
        revision(
            "4",
            rescaled(JOB, timeout_s="timeout_ms", by=1000),
            values_mapped(JOB, "priority", {0: "low", 1: "normal", 2: "high"}, was=int),
            values_renamed(STATE, done="finished"),
            split(JOB, "endpoint", into=("host", "port"), by=":", was=was(str, default="localhost:80")),
            merged(JOB, "place", of={"show": was(str, default=""), "shot": was(str, default="")}, by="/"),
        ),
        revision(
            "3",
            required(JOB, "owner", unsaid="nobody"),
            null_forbidden(JOB, "speed"),
            retyped(JOB, "notes", was=str),
            redefined(JOB, "quality", was=50),
            rule_dropped(JOB, NotAllNull(("scene", "file"))),
            moved("five_revisions.Machine", WORKER),
            members_renamed(STATE, DONE="FINISHED"),
        ),
        revision(
            "2",
            introduced("five_revisions.Machine", "five_revisions.Limits"),
            added(JOB, "owner", "limits"),
            removed(JOB, "debug", was=bool, default=False),
            renamed(JOB, title="name"),
            given_default(JOB, "state"),
            members_added(STATE, "FAILED"),
        ),
        revision("1"),
    ],
    Catalog(["five_revisions"]),
)
"""The five of them. Every step that there is stands in one."""

OLD = {
    "title": "dragon",
    "state": "done",
    "scene": "cave",
    "endpoint": "store:8080",
    "show": "north",
    "shot": "12b",
    "timeout_ms": 90000.0,
    "priority": 2,
    "width": 1920,
    "height": 1080,
    "first": 3,
    "last": 7,
}
"""What a release of revision 1 wrote."""


def main() -> None:
    """Read what the first release wrote, say it as each later one did, and see what one of them cannot say."""
    job = codecs.get("dict", revision="1", history=HISTORY).decode(OLD, Job)
    for revision_ in HISTORY.revisions:
        print(revision_, codecs.get("dict", revision=revision_, history=HISTORY, omit_defaults=True).encode(job))
    many = Job(name="a", owner="b", frames=0)
    for loss in HISTORY.losses(to_plain(many), Job, to="4"):
        print("4 cannot say", loss)


if __name__ == "__main__":
    # Run as a script this module is called __main__; its messages are called after the name that others import.
    from five_revisions import main as imported_main

    imported_main()
