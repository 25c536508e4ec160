"""A codec that counts the use of what is deprecated: exactly, wherever it stands, at every revision."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import cattrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sagellm_protocol import OptionError, Request, codecs, testing
from sagellm_protocol.codecs import DeprecatedUse, MessageConverter
from sagellm_protocol.history import History
from sagellm_protocol.history.changes import members_added, removed, renamed, revision
from sagellm_protocol.model.exceptions import DecodeError, ValidationError
from sagellm_protocol.model.kinds import Items, Nested, OneOf, Table, Type, nested_in, parts
from sagellm_protocol.model.spec import Spec
from toy_history import SOURCE as TOY, changes_of
from toys import Declare, declare  # noqa: F401 - the fixture

SOURCE = """
    from sagellm_protocol.model import rule

    class Colour(Enum):
        RED = "red"
        BLUE = "blue"
        GREEN = "green"

    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    @message
    class Leaf:
        size: int = 0
        at: UUID | None = None

    @message
    class Sap:
        kind: Literal["sap"] = "sap"
        sugar: int = 0

    @message
    class Bark:
        kind: Literal["bark"] = "bark"
        age: int = 0

    @message
    class Root:
        kind: Literal["root"] = "root"
        depth: int = 0

    class Mood(Enum):
        GOOD = "good"

    @message(rules=(rule("low", ("height",), "below 1000", lambda it: it.height < 1000),))
    class Tree:
        height: int = 0
        leaf: Leaf | None = None
        leaves: Sequence[Leaf] = ()
        named: Mapping[str, Leaf] = {}
        colour: Colour = Colour.GREEN
        colours: Colour | Sequence[Colour] = ()
        level: Level = Level.LOW
        inside: Sap | Bark | None = None
        branches: Sequence["Tree"] = ()
        free: Any = None
        below: Sap | Root | None = None
        mood: Mood = Mood.GOOD
        rings: Sequence[Leaf] | None = None

    @message
    class Stone:
        weight: int = 0
"""


@pytest.fixture
def trees(declare: Declare) -> History:  # noqa: F811
    return History(
        [
            revision(
                "3", removed("toy.Tree", "girth", int, default=0, after="height"), renamed("toy.Leaf", big="size")
            ),
            revision(
                "2",
                renamed("toy.Tree", tall="height"),
                members_added("toy.Colour", "GREEN"),
                deprecates={
                    "toy.Colour.RED": "use GREEN",
                    "toy.Level.HIGH": "too high",
                    "toy.Tree.girth": "nobody measures",
                    "toy.Leaf.big": "all are alike",
                    "toy.Bark": "it fell off",
                },
            ),
            revision("1", deprecates={"toy.Tree.tall": "say nothing"}),
        ],
        declare(SOURCE),
    )


def codec_for(history: History, use: Any, name: str = "json", **options: Any) -> codecs.Codec[Any]:
    return codecs.get(name, history=history, on_deprecated=use, **options)


FULL: dict[str, Any] = {
    "height": 3,
    "leaf": {"size": 1},
    "leaves": [{"size": 0}, {}, {"size": 2}],
    "named": {"a": {"size": 1}, "b": {}},
    "colour": "red",
    "colours": ["red", "blue", "red"],
    "level": 2,
    "inside": {"kind": "bark"},
    "branches": [{"height": 1, "colours": "red"}, {"branches": [{"height": 0}]}],
    "free": {"height": 1, "colour": "red"},
    "below": {"kind": "root"},
    "mood": "good",
    "rings": None,
}
USED = {
    "toy.Bark": 1,
    "toy.Colour.RED": 4,
    "toy.Leaf.size": 4,
    "toy.Level.HIGH": 1,
    "toy.Tree.height": 3,
}


@pytest.mark.parametrize("name", ["json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"])
def test_what_a_payload_holds_is_counted_by_path(name: str, trees: History) -> None:
    use = DeprecatedUse()
    codec, tree = codec_for(trees, use, name), trees.catalog.get("Tree")
    wire = codec.format.dumps(FULL)
    assert codec.decode(wire, tree) == codecs.get(name, history=trees).decode(wire, tree)
    assert use.counts == USED
    codec.decode(wire, tree)
    assert use.counts == {path: 2 * count for path, count in USED.items()}
    assert list(use.counts) == sorted(use.counts)


def test_fields_count_where_they_are_held_whatever_they_hold(trees: History) -> None:
    told: list[Mapping[str, int]] = []
    codec, tree = codec_for(trees, told.append), trees.catalog.get("Tree")
    codec.decode(b"{}", tree)
    assert told == [], "nobody is told of nothing"
    codec.decode(b'{"height": 0}', tree)
    codec.decode(b'{"leaf": null, "colour": "blue", "inside": {"kind": "sap"}}', tree)
    codec.decode(b'{"leaf": {"size": 0}}', tree)
    assert told == [{"toy.Tree.height": 1}, {"toy.Leaf.size": 1}]
    assert all(type(it) is dict for it in told)


def test_older_revisions_count_under_todays_names(trees: History) -> None:
    payload = {"tall": 1, "girth": 2, "leaf": {"big": 3}, "colour": "red", "branches": [{"girth": 0}]}
    told: list[Mapping[str, int]] = []
    codec, tree = codec_for(trees, told.append, revision="1"), trees.catalog.get("Tree")
    with pytest.raises(ValidationError, match="girth"):
        codec.decode(codec.format.dumps(payload), tree)
    assert told == [], "it was not decoded"
    codec.decode(codec.format.dumps({**payload, "girth": 0}), tree)
    assert told == [{"toy.Tree.height": 1, "toy.Tree.girth": 2, "toy.Leaf.size": 1, "toy.Colour.RED": 1}]


def test_lists_and_unions(trees: History) -> None:
    use = DeprecatedUse()
    toy, codec = trees.catalog, codec_for(trees, use)
    tree, sap, bark = (toy.get(name) for name in ("Tree", "Sap", "Bark"))
    codec.decode(b'[{"height": 1}, {"height": 2}]', list[tree])  # type: ignore[valid-type]
    codec.decode(b'{"kind": "bark"}', sap | bark)  # type: ignore[operator]
    codec.decode(b'{"kind": "sap"}', sap | bark)  # type: ignore[operator]
    codec.decode(b'{"age": 1}', sap | bark)  # type: ignore[operator]
    assert use.counts == {"toy.Bark": 2, "toy.Tree.height": 2}


def test_what_is_refused_does_not_count(trees: History) -> None:
    use = DeprecatedUse()
    tree = trees.catalog.get("Tree")
    for options in ({}, {"revision": "2"}, {"consistent": True}):
        codec = codec_for(trees, use, **options)
        for wire in (b'{"height": 1, "colour": 5}', b'{"height": 1', b'{"height": 1, "strange": 1}', b"[]"):
            with pytest.raises((ValidationError, DecodeError)):
                codec.decode(wire, tree)
    with pytest.raises(ValidationError, match="low"):
        codec.decode(b'{"height": 1000}', tree)
    assert use.counts == {}


def test_payloads_that_are_looked_at_twice_count_once(trees: History) -> None:
    use = DeprecatedUse()
    codec_for(trees, use, unknown="ignore").decode(b'{"height": 8.0, "strange": 1}', trees.catalog.get("Tree"))
    assert use.counts == {"toy.Tree.height": 1}


def test_envelopes_of_any_revision(trees: History) -> None:
    use = DeprecatedUse()
    codec, tree = codec_for(trees, use), trees.catalog.get("Tree")
    for release in trees.revisions:
        older = codecs.get("json", history=trees, revision=release, omit_defaults=True)
        codec.decode_envelope(older.encode_envelope(tree(height=1)))
    assert use.counts == {"toy.Tree.height": 3}
    codec.decode_envelope(codec.encode_envelope(trees.catalog.get("Stone")()))
    with pytest.raises(ValidationError):
        codec.decode_envelope(codec.format.dumps({"protocol": "1", "message": "toy.Tree", "payload": {"tall": ""}}))
    assert use.counts == {"toy.Tree.height": 3}


def test_classes_of_the_users_count_what_is_in_them(trees: History) -> None:
    tree = trees.catalog.get("Tree")

    @attrs.frozen
    class Forest:
        first: Any
        last: Any
        name: str

    Forest.__annotations__.update(first=tree, last=tree, name=str)
    attrs.resolve_types(Forest, {}, {})
    told: list[Mapping[str, int]] = []
    codec = codec_for(trees, told.append)
    payload = {"first": {"height": 1}, "last": {"height": 2, "colour": "red"}, "name": "f"}
    for read in (
        lambda it: codec.decode(codec.format.dumps(it), Forest),
        lambda it: codec.converter.structure(it, Forest),
        lambda it: codec.converter.loads(codec.format.dumps(it), Forest),
    ):
        told.clear()
        read(payload)
        assert told == [{"toy.Tree.height": 2, "toy.Colour.RED": 1}]
        with pytest.raises(ValidationError):
            read({"first": {"height": 1}, "last": {"height": "x"}, "name": "f"})
        assert len(told) == 1
    codec.converter.structure({"height": 1}, tree)
    assert told[1:] == [{"toy.Tree.height": 1}]
    codec.converter.structure({"weight": 1}, trees.catalog.get("Stone"))
    assert len(told) == 2


@pytest.mark.parametrize("release", ["3", "1"])
def test_a_codec_that_was_taught_counts_by_what_is_on_its_wire(release: str, trees: History) -> None:
    toy = trees.catalog
    tree, leaf = toy.get("Tree"), toy.get("Leaf")

    def configure(converter: MessageConverter) -> None:
        converter.override(tree, height=cattrs.override(rename="Height"), leaf=cattrs.override(omit=True))
        converter.register_structure_hook(leaf, lambda payload, cls: cls(size=len(payload)))

    told: list[Mapping[str, int]] = []
    codec = codec_for(trees, told.append, revision=release, configure=configure)
    codec.decode(b'{"Height": 1, "leaves": ["xx"], "colour": "red"}', tree)
    assert told == [{"toy.Tree.height": 1, "toy.Colour.RED": 1}], "what a hook reads, it alone knows"


def test_hooks_that_read_by_the_converter_count_once(trees: History) -> None:
    tree, stone = trees.catalog.get("Tree"), trees.catalog.get("Stone")
    calls = []

    def configure(converter: MessageConverter) -> None:
        def heavy(payload: Any, cls: Any) -> Any:
            calls.append(payload)
            return cls(weight=converter.structure(payload, tree).height)

        converter.register_structure_hook(stone, heavy)

    told: list[Mapping[str, int]] = []
    codec = codec_for(trees, told.append, configure=configure)
    assert codec.decode(b'{"height": 7}', stone) == stone(weight=7)
    assert told == [{"toy.Tree.height": 1}]
    assert codec.decode(b'[{"height": 7}, {"height": 8}]', list[stone]) == [stone(weight=7), stone(weight=8)]  # type: ignore[valid-type]
    assert told[1:] == [{"toy.Tree.height": 2}]


def test_hooks_that_are_run_twice_count_once(trees: History) -> None:
    tree, leaf = trees.catalog.get("Tree"), trees.catalog.get("Leaf")
    calls = []

    def configure(converter: MessageConverter) -> None:
        def light(payload: Any, cls: Any) -> Any:
            calls.append(payload)
            return cls(size=converter.structure(payload, tree).height)

        converter.register_structure_hook(leaf, light)

    told: list[Mapping[str, int]] = []
    codec = codec_for(trees, told.append, configure=configure)
    codec.decode(b'{"leaf": {"height": 7}, "branches": [{"height": 8.0}]}', tree)
    assert len(calls) == 2
    assert told == [{"toy.Tree.height": 2}]


def test_a_name_that_two_fields_had_one_after_the_other(declare: Declare) -> None:  # noqa: F811
    changed = [renamed("toy.Stone", heft="weight"), removed("toy.Stone", "weight", int, default=0, after="heft")]
    stones = History(
        [revision("2", *changed), revision("1", deprecates={"toy.Stone.heft": "heavy"})],
        declare("@message\nclass Stone:\n    weight: int = 0"),
    )
    told: list[Mapping[str, int]] = []
    codec = codec_for(stones, told.append, revision="1")
    assert codec.decode(b'{"heft": 5}', stones.catalog.get("Stone")).weight == 5
    assert told == [{"toy.Stone.weight": 1}]
    codec.decode(b'{"weight": 0}', stones.catalog.get("Stone"))
    assert len(told) == 1


def test_what_the_function_raises_comes_out(trees: History) -> None:
    calls = []

    def report(used: Mapping[str, int]) -> None:
        calls.append(used)
        raise ValueError("full")

    codec, tree = codec_for(trees, report), trees.catalog.get("Tree")
    for _ in range(2):
        with pytest.raises(ValueError, match="full"):
            codec.decode(b'{"height": 1}', tree)
    assert calls == [{"toy.Tree.height": 1}] * 2
    codec.decode(b"{}", tree)


def test_threads_count_exactly(trees: History) -> None:
    use = DeprecatedUse()
    tree = trees.catalog.get("Tree")
    chosen: Sequence[codecs.Codec[Any]] = [codec_for(trees, use), codec_for(trees, use, "msgpack")]
    start = threading.Barrier(8)

    def run(number: int) -> None:
        codec = chosen[number % 2]
        wire = codec.format.dumps({"height": 1, "leaves": [{"size": 1}] * 3})
        start.wait()
        for _ in range(200):
            codec.decode(wire, tree)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert use.counts == {"toy.Tree.height": 1600, "toy.Leaf.size": 4800}


def test_what_can_use_nothing_is_read_as_without(trees: History) -> None:
    use, stone = DeprecatedUse(), trees.catalog.get("Stone")
    assert codec_for(trees, use).decode(b'{"weight": 1}', stone) == stone(weight=1)
    plain = codecs.get("msgspec-json", on_deprecated=use)
    decode = plain.decoder(Request)
    assert type(decode) is type(codecs.get("msgspec-json").decoder(Request)), "nothing of the protocol is deprecated"
    request = Request(request_id="r", trace_id="t", max_tokens=1)
    assert decode(plain.encode(request)) == request
    assert use.counts == {}


def test_options_stay_hashable_and_equal(trees: History) -> None:
    use = DeprecatedUse()
    assert codec_for(trees, use) is codec_for(trees, use)
    assert codec_for(trees, use) is not codec_for(trees, DeprecatedUse())
    assert codec_for(trees, use).describe()["counts_deprecated"] is True
    assert codecs.get("json").describe()["counts_deprecated"] is False
    assert codecs.negotiate("application/json", history=trees, on_deprecated=use) is codec_for(trees, use)


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, used: Mapping[str, int]) -> None: ...


@pytest.mark.parametrize("wrong", [Counter(), 1, "x", Unhashable()])
def test_what_no_function_is(wrong: Any) -> None:
    with pytest.raises(OptionError, match="on_deprecated must be a function that is given counts by path"):
        codecs.get("json", on_deprecated=wrong)


# All of a history with conversions, where everything is deprecated as soon as it is there


def all_deprecated(catalog: Any) -> History:
    revisions = changes_of(catalog)
    plain, seen, marked = History(revisions, catalog), set[Any](), []
    for listed in reversed(revisions):
        # A field that is older under another name is not to be deprecated again.
        names = plain.specs(listed.name)
        paths: dict[str, Any] = {name: spec.cls for name, spec in names.items()}
        paths |= {
            f"{name}.{field.name}": (spec.cls, field.today) if field.today else field.identity
            for name, spec in names.items()
            for field in spec.fields
        }
        marked.append(attrs.evolve(listed, deprecates={path: "x" for path, key in paths.items() if key not in seen}))
        seen.update(paths.values())
    return History(reversed(marked), catalog)


def used_in(value: Any, kind: Type, specs: Mapping[str, Spec], last: Mapping[str, Any], used: Counter[str]) -> None:
    """What a payload uses, by another way."""
    inside = list(parts(kind))
    if isinstance(value, (list, tuple)):
        for each in value:
            for items in (part for part in inside if isinstance(part, Items)):
                used_in(each, items.item, specs, last, used)
    elif isinstance(value, dict) and (tables := [part for part in inside if isinstance(part, Table)]):
        for each in value.values():
            used_in(each, tables[0].value, specs, last, used)
    elif isinstance(value, dict) and nested_in(kind):
        (spec,) = {id(it): it for nested in nested_in(kind) if can_be(value, it := specs[nested.name])}.values()
        used[last[spec.name].path] += 1
        for name, each in value.items():
            used[last[f"{spec.name}.{name}"].path] += 1
            used_in(each, spec.types[name], specs, last, used)


def can_be(value: dict[str, Any], spec: Spec) -> bool:
    literals = {name: kind.values for name, kind in spec.types.items() if isinstance(kind, OneOf) and name in value}
    told = all(value[name] in texts for name, texts in literals.items())
    return told and spec.names >= value.keys() >= spec.required


def decoded(codec: codecs.Codec[Any], payload: Any, cls: type) -> Any:
    """A message; or, since not every value can be converted, what is said of it."""
    try:
        return codec.decode(payload, cls)
    except ValidationError as error:
        return str(error)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_another_way_to_count_agrees(data: st.DataObject, everything: History) -> None:
    release = data.draw(st.sampled_from(everything.revisions))
    name = data.draw(st.sampled_from(sorted(everything.specs(release))))
    spec = everything.spec(name, release)
    payload = data.draw(testing.payloads(name, release, everything))
    told: list[Mapping[str, int]] = []
    plain, counting = (
        codecs.get("dict", history=everything, revision=release, on_deprecated=report) for report in (None, told.append)
    )
    expected = decoded(plain, payload, spec.cls)
    assert decoded(counting, payload, spec.cls) == expected
    used: Counter[str] = Counter()
    last = everything.deprecated(release, ahead=True)
    used_in(payload, Nested(name, spec.cls), everything.specs(release), last, used)
    assert told == ([] if isinstance(expected, str) else [used])


@pytest.fixture
def everything(declare: Declare) -> History:  # noqa: F811
    return all_deprecated(declare(TOY))
