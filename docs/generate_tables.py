"""Write the tables and diagrams within pages, between their marks, from the data.

Run by ``make docs``; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sagellm_protocol.errors import ErrorCode
from sagellm_protocol.handling import HANDLING
from sagellm_protocol.kv.enums import KVBlockState
from sagellm_protocol.kv.errors import KVErrorCode
from sagellm_protocol.ledger import rules
from sagellm_protocol.lifecycle import BLOCK, LIFECYCLES, REFUSED, Lifecycle

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


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    **{
        f"diagram {states.__name__}": lambda lifecycle=lifecycle: diagram(lifecycle)
        for states, lifecycle in LIFECYCLES.items()
    },
    "block states": block_table,
    "rules of the ledger": rule_table,
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
