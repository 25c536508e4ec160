"""A team's own protocol: its messages, their revisions, and all that follows from them, beside sageLLM's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from sagellm_protocol import codecs, schema
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import added, given_default, introduced, members_added, renamed, revision
from sagellm_protocol.history.comparing import compare
from sagellm_protocol.model import EMPTY, message
from sagellm_protocol.model.exceptions import LossyDowngradeError
from sagellm_protocol.model.units import Count, Milliseconds, Ratio


class Health(str, Enum):
    """How a node is."""

    GOOD = "good"
    """It serves."""
    DRAINING = "draining"
    """It finishes what it has, and takes no more."""
    DOWN = "down"
    """It does not answer."""


@message
class GpuReading:
    """What one GPU measured."""

    index: Count
    """Which GPU of the node, from 0."""
    busy: Ratio = 0.0
    """Share of the time that a kernel ran, 0 to 1."""


@message
class NodeReport:
    """What a node tells the fleet, every few seconds."""

    node: str
    """Name of the node."""
    region: str = "unknown"
    """Where it stands."""
    health: Health = Health.GOOD
    """How it is."""
    round_trip_ms: Milliseconds = 0.0
    """Time to the controller and back, in ms."""
    gpus: Sequence[GpuReading] = ()
    """A reading of each GPU."""
    labels: Mapping[str, Any] = EMPTY
    """Free JSON, for the operator."""


@message
class NodeLeft:
    """A node says goodbye."""

    node: str
    """Name of the node."""
    reason: str
    """Why, in words."""


HISTORY = History(
    [
        # Newest first; each says what it changed, so what to undo for the one before.
        revision(
            "2.0",
            introduced("own_messages.NodeLeft"),
            members_added("own_messages.Health", "DRAINING"),
            added("own_messages.NodeReport", "labels"),
        ),
        revision(
            "1.1",
            added("own_messages.NodeReport", "region"),
            renamed("own_messages.NodeReport", ping_ms="round_trip_ms"),
            given_default("own_messages.GpuReading", "busy"),
            also=("1.1.1", "1.2"),
        ),
        revision("1.0"),
    ],
    Catalog(["own_messages"]),
)
"""The team's own history: methods and codecs work on it as on sageLLM's."""

OLD = {"node": "n1", "health": "good", "ping_ms": 3.5, "gpus": [{"index": 0, "busy": 0.25}]}
"""What a node of release 1.0 wrote."""


@HISTORY.hook("NodeReport", since="1.0")
def seconds_to_milliseconds(payload: dict[str, Any]) -> dict[str, Any]:
    """Repair what this site knows of: the nodes whose name begins with "lab" wrote seconds."""
    if payload["node"].startswith("lab") and "ping_ms" in payload:
        payload["ping_ms"] *= 1000
    return payload


def main() -> None:
    """Read what an old node wrote, answer it in its own words, and look at what changed."""
    oldest = codecs.get("json", revision="1.0", history=HISTORY)
    report = oldest.decode(b'{"node": "lab7", "health": "good", "ping_ms": 0.002, "gpus": []}', NodeReport)
    assert report == NodeReport(node="lab7", round_trip_ms=2.0)
    print(f"{report.node} in region {report.region}: {report.round_trip_ms} ms")

    print("told in 1.0:", oldest.encode(NodeReport(node="n1", round_trip_ms=3.5)).decode())
    try:
        oldest.encode(NodeReport(node="n1", region="eu", health=Health.DRAINING))
    except LossyDowngradeError as error:
        print(error)

    (candidate,) = HISTORY.detect(OLD)
    print("the payload alone tells:", candidate)
    found = HISTORY.identify(OLD)
    print("brought forward:", HISTORY.upgrade(OLD, found.message, since=found.since))

    for difference in compare("1.2", "2.0", history=HISTORY):
        print(f"{difference.path}: {difference.kind}, breaks {difference.breaks}")
    fields = schema.json_schema("NodeReport", "1.0", HISTORY)["properties"]
    print("the schema of 1.0 knows", ", ".join(fields))


if __name__ == "__main__":
    # Run as a script this module is called __main__; its messages are called after the name that others import.
    from own_messages import main as imported_main

    imported_main()
