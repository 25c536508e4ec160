"""Write the tables and diagrams within pages, between their marks, from the data.

Run by ``make docs``; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openai_client import fields as client
from sagellm_protocol.bridges import BRIDGES, Bridge
from sagellm_protocol.errors import ErrorCode
from sagellm_protocol.handling import HANDLING
from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.ledger import rules
from sagellm_protocol.lifecycle import BLOCK, LIFECYCLES, REFUSED, Lifecycle
from sagellm_protocol.streams.assembling.chunk_rules import ANSWERS, CHUNKS, CONTINUATIONS
from sagellm_protocol.streams.assembling.rules import EVENTS
from sagellm_protocol.streams.assembling.table import Step, StreamRule, StreamTable

HERE = Path(__file__).parent
MARKED = re.compile(r"(<!-- table: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram(lifecycle: Lifecycle[Any]) -> Iterator[str]:
    """A Mermaid state diagram."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {lifecycle.initial.value}"
    ways: dict[tuple[str, str], list[str]] = {}
    for transition in lifecycle.transitions:
        ways.setdefault((transition.state.value, transition.to.value), []).append(transition.event)
    for (state, to), events in ways.items():
        yield f"    {state} --> {to}: {', '.join(dict.fromkeys(events))}"
    for state in lifecycle.final:
        if state is not lifecycle.initial:
            yield f"    {state.value} --> [*]"
    yield "```"


def block_table() -> Iterator[str]:
    """What each event does in each state."""
    yield f"| event | {' | '.join(state.value for state in KVBlockState)} |"
    yield "|---" * (len(KVBlockState) + 1) + "|"
    for event in BLOCK.events:
        yield f"| `{event}` | {' | '.join(_cell(state, event) for state in KVBlockState)} |"


def _cell(state: KVBlockState, event: Any) -> str:
    ways = [
        f"**{way.to.value}**" + (f" where {way.when.words}" if way.when is not None else "")
        for way in BLOCK.ways(state, event)
    ]
    refused = REFUSED[state].get(event)
    return "; ".join([*ways, *([refused.name] if refused is not None else [])])


def rule_table() -> Iterator[str]:
    """The rules of a ledger."""
    yield "| rule | what must hold | code |"
    yield "|---|---|---|"
    yield f"| {rules.LIFECYCLE} | what happens to a handle is allowed in its state (the table above) | as there |"
    single = [found for found in vars(rules).values() if isinstance(found, rules.Rule)]
    for rule in single:
        yield f"| {rule.name} | {rule.text} | {rule.code.name} |"
    for by_operation in (rules.UNBEGUN, rules.UNENDED):
        names = ", ".join(f"{operation}: {rule.code.name}" for operation, rule in by_operation.items())
        rule = next(iter(by_operation.values()))
        yield f"| {rule.name} | {rule.text} | {names} |"


def handling_table(codes: type[ErrorCode] | type[KVErrorCode]) -> Iterator[str]:
    """What to do about each error code."""
    is_kv = codes is KVErrorCode
    yield "| code | HTTP | gRPC | again? | why |" if not is_kv else "| code | told as | HTTP | gRPC | again? | why |"
    yield "|---" * (6 if is_kv else 5) + "|"
    for code in codes:
        found = HANDLING[code]
        outside = f" `{found.code}` |" if is_kv else ""
        again = "yes" if found.retryable else "no"
        yield f"| `{code.value}` |{outside} {found.http} | {found.grpc} | {again} | {found.why} |"


def client_table(known: Iterable[client.Known]) -> Iterator[str]:
    """What becomes of each field of the types of the ``openai`` client."""
    yield "| type of the client | message | carried | kept or refused, and why |"
    yield "|---" * 4 + "|"
    for it in known:
        carried = ", ".join(f"`{name}`" for name in it.carried)
        others = "; ".join(f"`{name}` is {fate}: {why}" for name, fate, why in it.fates() if fate != "carried")
        yield f"| `{it.client.rpartition('.')[2]}` | `{it.message.__name__}` | {carried} | {others} |"


def stream_steps(table: StreamTable[Any]) -> Iterator[str]:
    """What each event of a stream does in each state."""
    states = tuple(table.states)
    yield f"| event | {' | '.join(state.value for state in states)} |"
    yield "|---" * (len(states) + 1) + "|"
    for event in dict.fromkeys(step.event for step in table.steps):
        yield f"| `{event}` | {' | '.join(_step(table.by_state[state][event]) for state in states)} |"


def _step(step: Step[Any]) -> str:
    rules = ", ".join(rule.name for rule in step.rules)
    return f"**{step.to.value}**" + (f": {rules}" if rules else "") if step.allowed else rules


def stream_rules(*tables: StreamTable[Any]) -> Iterator[str]:
    """The rules of streams."""
    yield "| rule | of | what must hold | why |"
    yield "|---|---|---|---|"
    found: dict[StreamRule, None] = dict.fromkeys(rule for table in tables for rule in table.rules)
    for rule in found:
        field = f"`{rule.field}`" if rule.field else ""
        yield f"| {rule.name} | {field} | {rule.text} | {rule.why} |"


def bridge_table(bridge: Bridge[Any]) -> Iterator[str]:
    """What becomes of each field of a message."""
    yield f"| `{bridge.source.__name__}` | `{bridge.target.__name__}` | how | what is lost |"
    yield "|---|---|---|---|"
    for row in bridge.rows:
        field, to = (f"`{path}`" if path else "" for path in (row.field, row.to))
        lost = f"{row.lost} (droppable)" if row.droppable else row.lost
        yield f"| {field} | {to} | {row.how} | {lost} |"


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    **{
        f"diagram {states.__name__}": lambda lifecycle=lifecycle: diagram(lifecycle)
        for states, lifecycle in LIFECYCLES.items()
    },
    **{
        f"bridge {source.__name__} {target.__name__}": lambda bridge=bridge: bridge_table(bridge)
        for (source, target), bridge in BRIDGES.items()
    },
    "diagram of streams": lambda: diagram(EVENTS.lifecycle),
    "steps of streams": lambda: stream_steps(EVENTS),
    "rules of streams": lambda: stream_rules(EVENTS),
    "steps of chunks": lambda: stream_steps(CHUNKS),
    "steps of answers": lambda: stream_steps(ANSWERS),
    "rules of chunks": lambda: stream_rules(CHUNKS, ANSWERS, CONTINUATIONS),
    "block states": block_table,
    "rules of the ledger": rule_table,
    "fields of requests": lambda: client_table(client.REQUESTS),
    "fields of answers": lambda: client_table(client.ANSWERS),
    "error codes": lambda: handling_table(ErrorCode),
    "error codes of the KV cache": lambda: handling_table(KVErrorCode),
}
"""What stands between the marks, by the name that they give."""


def documents() -> dict[str, str]:
    """Each page that has marks, with what belongs between them."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.md"))}
    return {name: _filled(page) for name, page in pages.items() if MARKED.search(page)}


def _filled(page: str) -> str:
    return MARKED.sub(lambda mark: mark[1] + "\n" + "\n".join(TABLES[mark["name"]]()) + "\n\n" + mark[3], page)


if __name__ == "__main__":
    for name, content in documents().items():
        (HERE / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")
