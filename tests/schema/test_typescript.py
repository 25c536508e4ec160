"""The declarations compile, and take what the codecs take, as far as TypeScript has words for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import published
from sagellm_protocol import StreamEvent, schema
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import introduced, removed, revision, rule_dropped
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    OneOf,
    Table,
    Text,
    Type,
)
from sagellm_protocol.model.spec import NotAllNull, spec_of
from sagellm_protocol.testing import payloads
from toys import Declare, declare  # noqa: F401 - the fixture
from typescript import complaints

REVISIONS = published.revisions()

pytestmark = pytest.mark.once


def called(message: str, names: str) -> str:
    """The interface of a message, by the names that are declared."""
    module, _, short = message.rpartition(".")
    long = "".join(part.title() for part in re.split(r"[._]", module)) + short
    return long if f" {long} " in names else short


def statements(declared: str, release: str, found: list[tuple[str, Any]]) -> str:
    """Payloads as values of their interfaces."""
    lines = [f'import type * as p from "./{release}";']
    lines += [f"void ({json.dumps(it)} satisfies p.{called(message, declared)});" for message, it in found]
    return "\n".join(lines)


def file(release: str) -> str:
    return f"r{release.replace('.', '_')}"


def test_what_each_release_wrote_is_a_value_of_its_interface(tmp_path: Path) -> None:
    files = {}
    for release in REVISIONS:
        declared = files[f"{file(release)}.d.ts"] = schema.typescript(revision=release)
        found = [(recorded.type, recorded.payload) for recorded in published.corpus(release)]
        files[f"{file(release)}_corpus.ts"] = statements(declared, file(release), found)
    assert sum(text.count(" satisfies ") for text in files.values()) > 4000
    assert complaints(tmp_path, files) == []


def test_what_is_drawn_is_a_value_of_its_interface(tmp_path: Path) -> None:
    files = {}

    @settings(max_examples=15, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        release = data.draw(st.sampled_from(REVISIONS))
        declared = files[f"{file(release)}.d.ts"] = schema.typescript(revision=release)
        found = [(name, data.draw(payloads(name, release))) for name in HISTORY.specs(release)]
        files[f"drawn_{len(files)}_{file(release)}.ts"] = statements(declared, file(release), found)

    draw()
    assert complaints(tmp_path, files) == []


# What is wrong


def wrong(kind: Type) -> Iterator[Any]:
    """Values that TypeScript should not take for one of this type."""
    match kind:
        case Free():
            return
        case Nullable(inner=inner):
            yield from (value for value in wrong(inner) if value is not None)
        case Limited(inner=inner) | Converted(wire=inner):
            yield from wrong(inner)
        case Member() | OneOf():
            yield from ("no such value", 7.5, None)
        case Items(item=item):
            yield from ("text", None, *([value] for value in wrong(item)))
        case Table(value=value):
            yield from (7, None, *({"key": it} for it in wrong(value)))
        case Nested(cls=cls):
            yield from ("text", None, *([{"no such field": 1}] if spec_of(cls).unknown == "forbid" else []))
        case Choice():
            yield from ("text", None, {"no such field": 1})
        case Either():
            yield from (7, None, {})
        case Text():
            yield from (7, None, [])
        case _:
            yield from ("7", None, [])


def mistakes(release: str) -> Iterator[tuple[str, Any]]:
    """A message and a payload that is wrong in one place, for each message and field."""
    right: dict[str, Any] = {}
    for recorded in published.corpus(release):
        right.setdefault(recorded.type, recorded.payload)
    for name, payload in right.items():
        spec = HISTORY.spec(name, release)
        if spec.unknown == "forbid":
            yield name, {**payload, "no_such_field": 1}
        for field in spec.fields:
            if field.required:
                yield name, {key: value for key, value in payload.items() if key != field.name}
            for value in wrong(field.type):
                yield name, {**payload, field.name: value}


def test_what_is_wrong_is_no_value_of_its_interface(tmp_path: Path) -> None:
    files = {}
    for release in (REVISIONS[0], REVISIONS[6], REVISIONS[-1]):
        declared = files[f"{file(release)}.d.ts"] = schema.typescript(revision=release)
        found = statements(declared, file(release), list(mistakes(release)))
        # A line below such a comment that is right is an error.
        files[f"{file(release)}_wrong.ts"] = found.replace("\nvoid ", "\n// @ts-expect-error\nvoid ")
    assert files[f"{file(REVISIONS[-1])}_wrong.ts"].count("@ts-expect-error") > 1500
    assert complaints(tmp_path, files) == []


# How it is used


def test_a_program(tmp_path: Path) -> None:
    program = """
        import type { ErrorCode, KVHandle, KvTypesKVHandle, Request, Response, StreamEvent } from "./all";

        function text(event: StreamEvent): string {
          switch (event.event) {
            case "start": return "";
            case "delta": return event.content;
            case "end": return event.finish_reason === "stop" ? event.content : "";
            default: return "";
          }
        }
        export const request: Request = { request_id: "r", trace_id: "t", model: "m", max_tokens: 1, stream: false };
        export const one = (handle: KVHandle): string => handle.request_id;
        export const other = (handle: KvTypesKVHandle): number => handle.pin_count ?? handle.num_tokens;
        export const code: ErrorCode = "timeout" as ErrorCode;
        export const free: unknown = request.metadata?.["key"];
        export const first = (response: Response): number | undefined => response.output_tokens[0];
        // @ts-expect-error
        (response: Response) => response.output_tokens.push(1);
        // @ts-expect-error
        request.prompt = "p";
        // @ts-expect-error
        request.metadata["key"].length;
        // @ts-expect-error
        text({ event: "middle" });
        text({ event: "start", request_id: "r", trace_id: "t", engine_id: "e" });
    """
    assert complaints(tmp_path, {"all.d.ts": schema.typescript(), "program.ts": program}) == []


def test_the_words_for_each_kind() -> None:
    declared = schema.typescript("Response")
    assert re.findall(r"^export (\w+ \w+)", declared, re.MULTILINE) == [
        "interface Error",
        "type ErrorCode",
        "interface Timestamps",
        "interface Metrics",
        "interface Response",
        "interface TokenLogprob",
        "interface TokenLogprobs",
    ]
    assert "  readonly output_tokens: readonly number[];" in declared
    assert '  readonly finish_reason: "stop" | "length" | "error";' in declared
    assert "  readonly error?: Error | null;" in declared
    assert ' * - `"unavailable"`: The engine or' in declared
    metrics = declared.partition("export interface Metrics {")[2]
    assert metrics.startswith("\n  /**\n   * Time to first token (TTFT): ")
    assert "   * Must be >= 0. Unit: ms.\n   */\n  readonly ttft_ms: number;\n" in metrics
    assert "   * @defaultValue 0.0\n   */\n  readonly tbt_ms?: number;\n" in metrics


def test_names_do_not_depend_on_what_else_is_written() -> None:
    whole = schema.typescript()
    for name in HISTORY.catalog.messages:
        for declaration in schema.typescript(name).split("\n\n")[2:]:
            assert declaration.strip() in whole
    assert "interface KVHandle " in schema.typescript("kv_hooks.KVHandle")
    assert "interface KvTypesKVHandle " in schema.typescript("kv.types.KVHandle")


def test_a_union() -> None:
    declared = schema.typescript(StreamEvent, "0.4.0.8")
    assert "/** Any of these, told apart by `event`. */\nexport type StreamEvent = StreamEventStart | " in declared
    assert "Today called `content`." in declared
    assert "StreamEvent =" not in schema.typescript("StreamEventEnd")


def test_what_there_is_not() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"no release is called '9\.9'"):
        schema.typescript(revision="9.9")
    with pytest.raises(UnsupportedRevisionError, match="no message is called 'Nothing'"):
        schema.typescript("Nothing")
    with pytest.raises(UnsupportedRevisionError, match=r"came with 0\.4\.0\.7"):
        schema.typescript("SamplingParams", "0.1.0")
    assert schema.typescript(revision="0.4.0.8") == schema.typescript(revision="0.4.0.7")


# Protocols of users

TOY = """
    class Level(IntEnum):
        LOW = 1
        MIDDLE = 2
        SAME = 2

    class Strange(str, Enum):
        QUOTES = 'a "text" */'

    @message
    class function:
        '''Ends a comment: */ and \u202e turns text round.'''

    @message
    class Tree:
        kind: Literal["tree"] = "tree"
        made: UUID = field(factory=uuid4)
        below: "Sequence[Tree | Leaf]" = ()
        level: Level = Level.LOW
        default: function = function()
        paths: Mapping[str, Sequence[str | None]] | None = None
        free: Any = None
        size: int = derived(len, default=1)
        two: Literal["a", 7] = 7
        strange: Strange | None = None

    @message(unknown="ignore")
    class Leaf:
        kind: Literal["leaf"] = "leaf"
        größe: Annotated[int, Ge(1)] = 1

    @message
    class ToyLeaf:
        leaf: Leaf | None = None

    @message
    class Late:
        kind: Literal["late"] = "late"

    Node = Tree | Leaf
    Later = Leaf | Late
    Numbers = int | None
"""


def test_a_protocol_of_a_user(declare: Declare, tmp_path: Path) -> None:  # noqa: F811
    steps = [
        revision("2", introduced("toy.Late"), removed("toy.ToyLeaf", "old_name", was=str | None, default=None)),
        revision("1", rule_dropped("toy.ToyLeaf", NotAllNull(("leaf", "old_name")))),
        revision("0"),
    ]
    history = History(steps, declare(TOY))
    declared, old = schema.typescript(history=history), schema.typescript(revision="0", history=history)
    right = [
        {"kind": "tree", "below": [{"kind": "leaf", "größe": 2, "other": 1}, {"below": []}], "default": {}},
        {"level": 2, "paths": {"a": ["b", None]}, "free": [{}], "two": "a", "strange": 'a "text" */'},
    ]
    wrong = [
        *({"default": {"a": 1}}, {"level": 3}, {"paths": {"a": [1]}}, {"two": "b"}, {"strange": "a"}, {"made": 1}),
        *({"below": [{"kind": "leaf", "größe": "2"}]}, {"kind": "leaf"}),
    ]
    program = [
        'import type { Node, Toyfunction, ToyLeaf, Tree } from "./toy"; import type * as old from "./old";',
        *(f"void ({json.dumps(it)} satisfies Tree);" for it in right),
        *(f"// @ts-expect-error\nvoid ({json.dumps(it)} satisfies Tree);" for it in wrong),
        'void ({ "leaf": null, "old_name": "n" } satisfies old.ToyLeaf);',
        "export const kind = (node: Node): string => (node.kind === 'tree' ? (node.two ?? 7).toString() : 'leaf');",
    ]
    files = {"toy.d.ts": declared, "old.d.ts": old, "program.ts": "\n".join(program)}
    assert complaints(tmp_path, files) == []
    assert "export type Later = Leaf | Late;" in declared
    assert "Later" not in old
    assert "/** Ends a comment: *\\/ and \\u202e turns text round. */\nexport interface Toyfunction {" in declared
    assert '   * @defaultValue 1\n   */\n  readonly "gr\\u00f6\\u00dfe"?: number;' in declared
    assert "Where it is left out, it is derived from the rest" in declared
    assert "Must be not null in at least one of leaf, old_name." in old


def test_two_that_come_to_one_name(declare: Declare) -> None:  # noqa: F811
    source = "class {}(Enum):\n    A = {!r}\n\n@message\nclass Holds{}:\n    it: {} = {}.A\n\n"
    catalog = declare("".join(source.format(name, name, name, name, name) for name in ("x_é", "x_è", "x__")))
    declared = schema.typescript(history=History([revision("1")], catalog))
    assert re.findall(r"type (\w+)", declared) == ["x__", "Toyx__", "Toyx__2"]
