"""The choices on a codec: what is taken, what is refused, and which are the same."""

from __future__ import annotations

import enum
import inspect
from collections import OrderedDict
from typing import Any

import attrs
import pytest
from cattrs import override

from sagellm_protocol import ErrorCode, Loss, LossyDowngradeError, OptionError, ProtocolError, Request, codecs
from sagellm_protocol.codecs import Options
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import added, revision
from sagellm_protocol.model.exceptions import UnsupportedRevisionError
from sagellm_protocol.model.frozen import FrozenDict
from sagellm_protocol.types import StreamEventDelta
from toys import Declare, declare  # noqa: F401 - the fixture

OLD = b'{"event":"delta","request_id":"r","trace_id":"t","chunk":"Hi","chunk_tokens":[]}'


class Text(str, enum.Enum):
    FORBID = "forbid"


class Picky(dict[str, bool]):
    def __call__(self, loss: Loss) -> bool:
        return self[loss.path]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"revision": 4}, "revision must be text, got 4"),
        ({"revision": None}, "revision must be text, got None"),
        ({"unknown": "Forbid"}, "unknown must be 'forbid', 'ignore', 'keep' or None, got 'Forbid'"),
        ({"unknown": "IGNORE"}, "got 'IGNORE' (did you mean ignore?)"),
        ({"unknown": "keeps"}, "got 'keeps' (did you mean keep?)"),
        ({"unknown": True}, "unknown must be 'forbid', 'ignore', 'keep' or None, got True"),
        ({"unknown": ["forbid"]}, "unknown must be 'forbid', 'ignore', 'keep' or None, got ['forbid']"),
        ({"omit_defaults": 1}, "omit_defaults must be a bool, got 1"),
        ({"omit_defaults": None}, "omit_defaults must be a bool, got None"),
        ({"lossy": "yes"}, "lossy names 'yes', and the message has no field yes"),
        ({"lossy": 0}, "lossy must be a bool, a path, several paths or a function that is given a Loss, got 0"),
        ({"lossy": None}, "lossy must be a bool, a path, several paths or a function that is given a Loss, got None"),
        ({"lossy": "metrics."}, "lossy must name paths like 'metrics.prompt_tokens' or 'choices[*].logprobs', got"),
        ({"lossy": ["prompt_tokens", "metrics.itl"]}, "lossy names 'metrics.itl', and metrics has no field itl"),
        ({"lossy": Picky({})}, "lossy must be a function that has a hash, as codecs are kept by it, got {}"),
        ({"stash": "yes"}, "stash must be a bool, got 'yes'"),
        ({"max_bytes": "1 or print('run')"}, "max_bytes must be an integer of bytes, 0 or more, got"),
        ({"max_bytes": True}, "max_bytes must be an integer of bytes, 0 or more, got True"),
        ({"max_bytes": 1e6}, "max_bytes must be an integer of bytes, 0 or more, got 1000000.0"),
        ({"max_bytes": -1}, "max_bytes must be an integer of bytes, 0 or more, got -1"),
        ({"max_bytes": None}, "max_bytes must be an integer of bytes, 0 or more, got None"),
        ({"history": None}, "history must be a History, got None"),
        ({"fill": "engine_id"}, "fill must be a mapping from field names, got 'engine_id'"),
        ({"fill": 0}, "fill must be a mapping from field names, got 0"),
        ({"fill": [("engine_id", "e")]}, "fill must be a mapping from field names, got [('engine_id', 'e')]"),
        ({"fill": {1: "e"}}, "fill: must be JSON with texts as keys, got 1"),
        ({"fill": {"engin_id": "e"}}, "fill names 'engin_id', no required field that an older revision lacks"),
        ({"fill": {"engin_id": "e"}}, "lacks (did you mean engine_id?)"),
        ({"fill": {"model": "m"}}, "fill names 'model', no required field that an older revision lacks; there are "),
        ({"fill": {"": "m"}}, "fill names '', no required field"),
        ({"fill": {"engine_id": 7}}, "fill.engine_id: must be str, got 7"),
        ({"fill": {"engine_id": float("nan")}}, "fill.engine_id: must be finite, got nan"),
        ({"fill": {"a": float("nan"), "b": {1}}}, "fill.a: must be finite, got nan (and 1 more)"),
        ({"fill": {"engine_id": object}}, "fill.engine_id: must be JSON, got"),
        ({"fill": {"engine_id": 2**64}}, "fill: engine_id is an integer past 64 bits"),
        ({"fill": OrderedDict(engine_id=-(2**63) - 1)}, "fill: engine_id is an integer past 64 bits"),
        ({"fill": {"engine_id": "\ud800"}}, "fill: engine_id holds a lone surrogate"),
        ({"fill": {"\ud800": "e"}}, "lone surrogate"),
    ],
)
def test_what_is_refused(options: dict[str, Any], reason: str) -> None:
    for make in (Options, lambda **options: codecs.get("msgspec-json", **options)):
        with pytest.raises(OptionError) as raised:
            make(**options)
        assert reason in str(raised.value)
    with pytest.raises(OptionError):
        codecs.negotiate("*/*", **options)
    assert isinstance(raised.value, ProtocolError)
    assert raised.value.to_error().code is ErrorCode.UNAVAILABLE


def test_an_error_shows_what_is_long_cut_short() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["engine_id"] = cyclic
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    for options in (
        {"unknown": "forbid" * 10**6},
        {"max_bytes": "9" * 10**6},
        {"fill": {"x" * 10**6: 1}},
        {"fill": {"engine_id": ["x" * 10**5] * 100}},
        {"fill": {"engine_id": [{1}] * 100_000}},
        {"fill": {"engine_id": cyclic}},
        {"fill": {"engine_id": deep}},
        {"fill": {str(number): 0 for number in range(10_000)}},
    ):
        with pytest.raises(OptionError) as raised:
            Options(**options)  # type: ignore[arg-type]
        assert len(str(raised.value)) < 1_000


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="losy"):
        codecs.get("json", losy=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        codecs.get("json", "0.4.0.8")  # type: ignore[call-overload]


def test_a_revision_that_there_is_not() -> None:
    with pytest.raises(UnsupportedRevisionError, match=r"9\.9"):
        Options(revision="9.9")


def test_what_is_taken() -> None:
    options = Options(revision="0.4.0.8", unknown=Text.FORBID, max_bytes=0, fill=None)  # type: ignore[arg-type]
    assert (options.revision, options.unknown, options.max_bytes, options.fill) == ("0.4.0.7", "forbid", 0, {})
    assert Options(fill=OrderedDict(engine_id="e")).fill == {"engine_id": "e"}


def test_options_that_mean_the_same_are_equal() -> None:
    assert Options() == Options(revision="latest", fill={}) == Options(revision=HISTORY.latest, fill=None)
    assert Options(revision="0.4.0.8") == Options(revision="0.4.0.7") != Options()
    one, other = (Options(fill={"engine_id": "e", **more}) for more in ({}, {}))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Options(fill={"engine_id": "f"}) != Options()
    assert attrs.evolve(one, lossy=True) == Options(fill={"engine_id": "e"}, lossy=True) != one
    paths = ["prompt_tokens", "metrics", "prompt_tokens"]
    several = Options(lossy=paths)
    assert (
        several
        == Options(lossy=frozenset(paths))
        == attrs.evolve(several, omit_nulls=False)
        != Options(lossy="metrics")
    )
    assert hash(several) == hash(Options(lossy=("metrics", "prompt_tokens")))
    assert Options(lossy=()) == Options(lossy=False) != Options(lossy=True)
    assert "lossy=('metrics', 'prompt_tokens')" in repr(several)
    paths.clear()
    assert several.lossy == ("metrics", "prompt_tokens")


# What is lost

LOSING = Request(request_id="r", trace_id="t", max_tokens=1, temperature=0.0, tp_size=2)


def test_a_codec_loses_what_was_chosen_and_no_more() -> None:
    for lossy in ("temperature", lambda loss: loss.path == "temperature"):
        codec = codecs.get("dict", revision="0.1.2.4", lossy=lossy)
        assert codec.encode(LOSING) == codecs.get("dict", revision="0.1.2.4", lossy=True).encode(LOSING)
        with pytest.raises(LossyDowngradeError) as raised:
            codecs.get("dict", revision="0.1.0", lossy=lossy).encode([LOSING])
        assert [loss.path for loss in raised.value.losses] == ["tp_size"]


def test_paths_are_those_of_the_history_that_a_codec_knows(declare: Declare) -> None:  # noqa: F811
    catalog = declare("""
        @message
        class Leaf:
            title: str = ""
            size: int = 0
    """)
    own = History([revision("2", added("toy.Leaf", "size")), revision("1")], catalog)
    leaf = catalog.get("Leaf")(size=3)
    assert codecs.get("dict", history=own, revision="1", lossy="size").encode(leaf) == {"title": ""}
    with pytest.raises(OptionError, match="lossy names 'prompt_tokens', and the message has no field prompt_tokens"):
        Options(history=own, lossy="prompt_tokens")


def test_a_stash_where_there_is_a_place_and_a_choice_where_there_is_none() -> None:
    codec = codecs.negotiate("application/json;revision=0.1.0", stash=True, lossy="prompt_tokens")
    assert codec.decode(codec.encode(LOSING), Request) == LOSING
    assert codecs.get("json", stash=True).decode(codec.encode(LOSING), Request).metadata is not None
    with pytest.raises(LossyDowngradeError, match="engine_id"):
        codec.encode(StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="", content_tokens=[]))


def test_what_a_codec_was_taught_goes_through_a_stash() -> None:
    def teach(converter: codecs.MessageConverter) -> None:
        converter.override(Request, temperature=override(rename="heat"))

    codec = codecs.get("json", revision="0.4.0.8", stash=True, configure=teach)
    warm = attrs.evolve(LOSING, top_p=0.5)
    assert codec.decode(codec.encode(warm), Request) == warm


# What is filled in

MESSAGES = """
    @message
    class Inner:
        size: int

    @message
    class Ping:
        name: str
        extra: Any
        inner: Inner
        tags: Sequence[str]
        table: Mapping[str, float]

    @message
    class Before:
        extra: str
        size: int
"""


@pytest.fixture
def own(declare: Declare) -> History:  # noqa: F811 - the fixture
    catalog = declare(MESSAGES)
    steps = added("toy.Ping", "extra", "inner", "tags", "table"), added("toy.Before", "extra")
    return History([revision("2.0", *steps), revision("1.0")], catalog)


GIVEN = {"extra": {"a": [1, {"b": None}]}, "inner": {"size": 3}, "tags": ["x", "y"], "table": {"z": 1}}


@pytest.mark.parametrize("name", ["json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"])
def test_values_of_any_shape_are_filled_in(own: History, name: str) -> None:
    ping = own.catalog.get("Ping")
    codec = codecs.get(name, revision="1.0", history=own, fill=GIVEN)
    data = codec.format.dumps({"name": "n"})
    assert codec.decode(data, ping) == ping(name="n", **GIVEN) == codec.decode(data, ping)
    assert codecs.get("dict", history=own).encode(codec.decode(data, ping)) == {"name": "n", **GIVEN}


def test_a_value_is_refused_where_no_message_takes_it(own: History) -> None:
    # ``toy.Before`` refuses it, ``toy.Ping`` does not.
    assert Options(history=own, fill={"extra": 5}).fill == {"extra": 5}
    for fill, reason in (
        ({"tags": ["x", 5]}, "fill.tags[1]: must be str, got 5"),
        ({"inner": {}}, "fill.inner.size: required"),
        ({"inner": {"size": "x", "y": 1}}, "fill.inner.size: must be int, got 'x' (and 1 more)"),
        ({"size": 5}, "fill names 'size', no required field that an older revision lacks; there are extra, inner, "),
    ):
        with pytest.raises(OptionError) as raised:
            Options(history=own, fill=fill)
        assert reason in str(raised.value)


def test_a_history_in_which_nothing_can_be_filled_in(declare: Declare) -> None:  # noqa: F811 - the fixture
    history = History([revision("1.0")], declare(MESSAGES))
    with pytest.raises(OptionError, match=r"fill names 'zebra', .*; there are none"):
        Options(history=history, fill={"zebra": 1})


def test_one_whole_and_true_are_told_apart(own: History) -> None:
    given = [
        {"extra": value} for value in (1, True, 1.0, [1], [True], {"a": 1}, {"a": 1.0}, "1", None, 0, False, 0.0, -0.0)
    ]
    made = [codecs.get("json", revision="1.0", history=own, fill=fill) for fill in given]
    assert len(set(map(id, made))) == len(given)
    for fill, codec in zip(given, made, strict=True):
        assert repr(dict(codec.options.fill)) == repr(Options(history=own, fill=fill).fill)
        assert codecs.get("json", revision="1.0", history=own, fill=fill) is codec


def test_the_order_of_what_is_filled_in_means_nothing(own: History) -> None:
    fill = {"extra": {"a": 1, "b": 2}, "tags": []}
    turned = {"tags": (), "extra": FrozenDict({"b": 2, "a": 1})}
    assert codecs.get("json", history=own, fill=fill) is codecs.get("json", history=own, fill=turned)


def test_a_codec_keeps_what_it_was_given(own: History) -> None:
    fill: dict[str, Any] = {"extra": {"a": [1]}}
    codec = codecs.get("dict", revision="1.0", history=own, fill=fill)
    fill["extra"]["a"].append(2)
    fill["more"] = 1
    ping = own.catalog.get("Ping")
    assert codec.options.fill == {"extra": {"a": (1,)}}
    with pytest.raises(TypeError, match="FrozenDict cannot be changed"):
        codec.options.fill["extra"] = 5  # type: ignore[index]
    again = codecs.get("dict", revision="1.0", history=own, fill={"extra": {"a": [1]}})
    assert again is codec
    given = {**GIVEN, **codec.options.fill}
    assert codecs.get("dict", revision="1.0", history=own, fill=given).decode({"name": "n"}, ping).extra == {"a": (1,)}


def test_what_is_filled_in_where_an_old_payload_does_not_say() -> None:
    fill = {"engine_id": "engine-7"}
    codec = codecs.get("json", revision="0.1.0", fill=fill)
    fill["engine_id"] = "engine-8"
    assert codec.decode(OLD, StreamEventDelta).engine_id == "engine-7"
    assert codecs.get("json", revision="0.1.0", fill=fill).decode(OLD, StreamEventDelta).engine_id == "engine-8"
    assert codecs.get("json", revision="0.1.0").decode(OLD, StreamEventDelta).engine_id == "unknown"


def test_what_can_be_filled_in() -> None:
    assert "engine_id" in HISTORY.fillable()
    assert list(HISTORY.fillable("StreamEventDelta", "0.1.0")) == ["engine_id"]
    assert HISTORY.fillable("StreamEventDelta", "0.1.0.1") == HISTORY.fillable("SamplingParams") == {}
    for name in HISTORY.fillable():
        with pytest.raises(OptionError, match=f"did you mean {name}"):
            Options(fill={name + "x": 0})


# What is told to those who read the signature


def test_the_options_are_listed_in_one_place() -> None:
    fields = [field.name for field in attrs.fields(Options) if field.init]
    for function in (codecs.get, codecs.negotiate):
        _, *parameters = inspect.signature(function).parameters.values()
        assert [parameter.name for parameter in parameters] == fields
        assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
