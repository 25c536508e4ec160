"""Messages as users declare them: annotations, defaults, methods, inheritance, and what is refused."""

import copy
import enum
import pickle
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

import attrs
import pytest
from annotated_types import Ge
from hypothesis import given

import declared
from declared import (
    UNSUPPORTED,
    Behaving,
    Circle,
    Colour,
    Defaults,
    Derivative,
    Everything,
    Leaf,
    Lenient,
    Level,
    Mixed,
    Named,
    Ping,
    Plain,
    Pong,
    Square,
    Tree,
)
from sagellm_protocol import codecs
from sagellm_protocol.model import EMPTY, FrozenDict, field, from_plain, message, to_plain
from sagellm_protocol.model.annotations import is_message, read_type
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import DeclarationError, ValidationError
from sagellm_protocol.model.kinds import Converted, Either, Free, Number
from sagellm_protocol.model.shortening import shown
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.testing import messages
from sagellm_protocol.types import Metrics, Request, StreamEvent, StreamEventStart
from specimens import complete, edges, fields, insides, minimal, wrong

DECLARED = [cls for cls in vars(declared).values() if is_message(cls)]
every_declared = pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)


@every_declared
def test_building_and_going_plain_and_back(cls: Any) -> None:
    whole = complete(cls)
    assert from_plain(cls, to_plain(whole)) == whole
    assert hash(from_plain(cls, to_plain(whole))) == hash(whole)
    least = cls(**minimal(cls))
    assert from_plain(cls, to_plain(least)) == least
    assert pickle.loads(pickle.dumps(whole)) == whole
    assert copy.deepcopy(whole) is whole
    assert weakref.ref(whole)() is whole
    assert not hasattr(whole, "__dict__")


@every_declared
def test_drawn_messages_go_plain_and_back(cls: Any) -> None:
    @given(messages(cls))
    def check(drawn: Any) -> None:
        assert from_plain(cls, to_plain(drawn)) == drawn
        assert cls(**{field.argument: getattr(drawn, field.name) for field in spec_of(cls).held}) == drawn
        hash(drawn)

    check()


@pytest.mark.parametrize("name", [field.name for field in fields(Everything)])
def test_each_annotation_is_checked_in_payloads(name: str) -> None:
    base = to_plain(Everything(**minimal(Everything)))
    kind = {field.name: field.type for field in fields(Everything)}[name]
    for inside in insides(kind):
        for value in wrong(inside.kind):
            if (value is None and inside.nullable) or _is_option(inside.kind, value) or _travels(inside.kind, value):
                continue
            with pytest.raises(ValidationError) as raised:
                from_plain(Everything, {**base, name: inside.wrap(value)})
            (violation,) = raised.value.violations
            assert violation.path.startswith(name + inside.path), value
            if violation.path == name + inside.path and not isinstance(inside.kind, Free):
                assert violation.value == shown(value)


def _travels(kind: Any, value: Any) -> bool:
    """Whether it is right in a payload, and wrong in Python alone."""
    if isinstance(kind, Number):
        return kind.kind is int and isinstance(value, float)
    return isinstance(kind, Converted) and kind.cls is UUID and isinstance(value, str)


@pytest.mark.parametrize("name", [field.name for field in fields(Everything)])
def test_each_annotation_is_checked(name: str) -> None:
    base = minimal(Everything)
    kind = {field.name: field.type for field in fields(Everything)}[name]
    for inside in insides(kind):
        for value in wrong(inside.kind):
            if (value is None and inside.nullable) or _is_option(inside.kind, value):
                continue
            with pytest.raises(ValidationError) as raised:
                Everything(**{**base, name: inside.wrap(value)})
            (violation,) = raised.value.violations
            assert violation.path.startswith(name + inside.path), value
            if violation.path == name + inside.path and not isinstance(inside.kind, Free):
                assert violation.value == shown(value)
        if isinstance(inside.kind, Number):
            for edge in edges(inside.kind):
                assert Everything(**{**base, name: inside.wrap(edge.holds)})
                with pytest.raises(ValidationError) as raised:
                    Everything(**{**base, name: inside.wrap(edge.fails)})
                assert [(found.path, found.value) for found in raised.value.violations] == [
                    (name + inside.path, repr(edge.fails))
                ]


def _is_option(kind: Any, value: Any) -> bool:
    """Whether one option of a union takes the value, so that it is not wrong."""
    return isinstance(kind, Either) and any(
        isinstance(option, Number) and option.kind is float and type(value) is float for option in kind.options
    )


@pytest.mark.parametrize("thorough", [False, True], ids=["fast", "thorough"])
@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("text_or_texts", "a", "a"),
        ("text_or_texts", ["a"], ("a",)),
        ("text_or_number", "a", "a"),
        ("text_or_number", 1, 1.0),
        ("flag_or_text", True, True),
        ("flag_or_text", "a", "a"),
        ("flag_or_number", True, True),
        ("flag_or_number", 5, 5),
        ("level_or_text", Level.HIGH, Level.HIGH),
        ("level_or_text", 2, Level.HIGH),
        ("level_or_text", "a", "a"),
        ("uuid_or_number", 5, 5),
        ("leaf_or_text", Leaf(), Leaf()),
        ("leaf_or_text", "a", "a"),
        ("colour_or_leaves", "red", Colour.RED),
        ("colour_or_leaves", Colour.GREEN, Colour.GREEN),
        ("colour_or_leaves", [Leaf()], (Leaf(),)),
        ("table_or_row", {"a": 1}, {"a": 1}),
        ("table_or_row", [1], (1,)),
        ("table_or_row", None, None),
        ("plain", "one", Plain.ONE),
        ("mixed", "text", Mixed.TEXT),
        ("mixed", 7, Mixed.NUMBER),
        ("level", 1, Level.LOW),
        ("colour", Colour.ROUGE, Colour.RED),
        ("half", 1, 1),
    ],
)
def test_unions_and_enumerations_take_each_option(name: str, value: Any, held: Any, thorough: bool) -> None:
    base = minimal(Everything)
    if thorough:
        base["counts"] = MappingProxyType({"a": 1})  # nothing that the fast path knows
    message = Everything(**{**base, name: value})
    found = getattr(message, name)
    assert found == held
    assert type(found) is (FrozenDict if type(held) is dict else type(held))
    assert from_plain(Everything, to_plain(message)) == message


def test_an_enumeration_of_integers_takes_no_flag_and_no_float() -> None:
    for value in (True, 1.0, "1"):
        with pytest.raises(ValidationError):
            Everything(**{**minimal(Everything), "level": value})


def test_subclasses_of_plain_values_are_made_plain() -> None:
    class Text(str):
        pass

    class Whole(int):
        pass

    class Real(float):
        pass

    built = Everything(
        **{
            **minimal(Everything),
            "text": Text("a"),
            "whole": Whole(1),
            "real": Real(0.5),
            "literal": Text("one"),
            "names": [Text("b")],
            "colour": Text("red"),
            "free": {Text("k"): [Text("v"), Whole(2), Real(1.5), Colour.RED, Level.HIGH, Plain.ONE]},
        }
    )
    assert type(built.text) is str
    assert type(built.whole) is int
    assert type(built.real) is float
    assert type(built.literal) is str
    assert type(built.names[0]) is str
    assert built.colour is Colour.RED
    assert {type(key) for key in built.free} == {str}
    assert [type(item) for item in built.free["k"]] == [str, int, float, str, int, str]
    assert built.free["k"] == ("v", 2, 1.5, "red", 2, "one")


# Free JSON


def deep(levels: int) -> Any:
    value: Any = 1
    for number in range(levels):
        value = [value] if number % 2 else {"k": value}
    return value


def test_free_json_nests_100_levels_and_no_more() -> None:
    @message
    class Holder:
        free: Any = None
        table: Mapping[str, Any] = EMPTY

    assert Holder(free=deep(100)).free is not None
    assert Holder(table={"k": deep(99)}).table
    for arguments in ({"free": deep(101)}, {"table": {"k": deep(100)}}):
        with pytest.raises(ValidationError, match="at most 100 levels deep"):
            Holder(**arguments)


def test_free_json_may_not_hold_itself() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValidationError, match=r"free\[0\]: must be JSON, which cannot hold itself"):
        Everything(**{**minimal(Everything), "free": circle})


class Odds(enum.Enum):
    FLAG = True
    NOTHING = None
    TABLE = MappingProxyType({"a": 1})
    SET = frozenset({1})


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (MappingProxyType({"a": [1]}), {"a": (1,)}),
        ([MappingProxyType({})], (EMPTY,)),
        (range(3), (0, 1, 2)),
        ((), ()),
        ({}, EMPTY),
        (Odds.FLAG, True),
        (Odds.NOTHING, None),
        (Odds.TABLE, {"a": 1}),
        (2**63, 2**63),
        (1e300, 1e300),
    ],
)
def test_free_json_is_frozen(value: Any, held: Any) -> None:
    found = Everything(**{**minimal(Everything), "free": value}).free
    assert found == held
    assert type(found) is (FrozenDict if isinstance(held, dict) else type(held))
    hash(found)


@pytest.mark.parametrize(
    ("given", "path", "rule"),
    [
        ({"text_or_texts": deque(["a", 1])}, "text_or_texts[1]", "str"),
        ({"text_or_texts": range(1)}, "text_or_texts[0]", "str"),
        ({"text_or_texts": b"ab"}, "text_or_texts", "str or a sequence of str"),
        ({"text_or_texts": {"a"}}, "text_or_texts", "str or a sequence of str"),
        ({"table_or_row": MappingProxyType({"a": "b"})}, "table_or_row.a", "int"),
    ],
)
def test_what_is_wrong_in_one_of_several_is_told_of_that(given: Any, path: str, rule: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything(**{**minimal(Everything), **given})
    assert [(it.path, it.rule) for it in raised.value.violations] == [(path, rule)]


@pytest.mark.parametrize(
    ("value", "path", "rule"),
    [
        ({1}, "free", "JSON"),
        ({"a": {1}}, "free.a", "JSON"),
        ([b"x"], "free[0]", "JSON"),
        (float("nan"), "free", "finite"),
        ({"a": [1, float("-inf")]}, "free.a[1]", "finite"),
        ({1: 2}, "free", "JSON with texts as keys"),
        ({None: 2}, "free", "JSON with texts as keys"),
        ({"a": {b"k": 1}}, "free.a", "JSON with texts as keys"),
        (Odds.SET, "free", "JSON"),
        (object, "free", "JSON"),
        (memoryview(b"x"), "free", "JSON"),
        (iter(()), "free", "JSON"),
    ],
)
def test_what_is_no_json_is_refused(value: Any, path: str, rule: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything(**{**minimal(Everything), "free": value})
    assert [(found.path, found.rule) for found in raised.value.violations] == [(path, rule)]


def test_tables_check_their_keys() -> None:
    with pytest.raises(ValidationError) as raised:
        Everything(**{**minimal(Everything), "counts": {1: 1, "a": -1, "b": 2}})
    assert [(found.path, found.rule, found.value) for found in raised.value.violations] == [
        ("counts", "a mapping from text", "1"),
        ("counts.a", ">= 0", "-1"),
    ]


# Defaults


def test_defaults_are_held_as_given_values_are() -> None:
    built = Defaults()
    decoded = from_plain(Defaults, {"id": str(built.id)})
    assert decoded == built
    for one in (built, decoded):
        assert hash(one) == hash(built)
        assert type(one.real) is float
        assert one.by_value is Colour.GREEN
        assert one.listed == (3,)
        assert type(one.made_list) is tuple
        assert type(one.made_table) is FrozenDict
        assert one.table == {"a": (1, {"b": ()})}
        assert type(one.table["a"][1]) is FrozenDict
        assert one.leaf == Leaf()
        assert one.double == 2
        assert to_plain(one) == to_plain(built)
    assert from_plain(Defaults, {"base": 4}).double == 8
    assert Defaults().id != Defaults().id


def test_a_default_that_breaks_the_declaration_is_refused() -> None:
    @message
    class Wrong:
        count: Annotated[int, Ge(1)] = 0

    with pytest.raises((DeclarationError, ValidationError)):
        Wrong()
    with pytest.raises((DeclarationError, ValidationError)):
        from_plain(Wrong, {})


# Classes


def test_messages_may_be_declared_in_a_function() -> None:
    @message
    class Local:
        """A message."""

        number: int

    assert from_plain(Local, {"number": 1}) == Local(number=1)
    assert to_plain(Local(number=1)) == {"number": 1}


def test_messages_of_one_name_are_not_mistaken_for_each_other() -> None:
    def declare(annotation: Any) -> Any:
        @message
        class Again:
            value: annotation

        return Again

    number, text = declare(int), declare(str)
    for cls, value in ((number, 1), (text, "a"), (number, 2)):
        assert from_plain(cls, {"value": value}) == cls(value=value)
        assert to_plain(cls(value=value)) == {"value": value}

    @message
    class Holder:
        one: number
        two: text

    whole = Holder(one=number(value=1), two=text(value="a"))
    assert from_plain(Holder, to_plain(whole)) == whole


def test_references_written_as_text() -> None:
    assert spec_of(Forward).fields[0].type == read_type(Sequence[Leaf])
    assert Forward(leaves=[Leaf()], own=Forward()).own == Forward()
    with pytest.raises(ValidationError):
        Forward(own=Leaf())


@message
class Forward:
    leaves: "Sequence[Leaf]" = ()
    own: "Forward | None" = None


def test_a_reference_to_nothing_is_a_declaration_error() -> None:
    @message
    class Lost:
        found: "NoSuchName"  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(DeclarationError, match="NoSuchName"):
        Lost(found=1)


def test_messages_that_hold_each_other() -> None:
    whole = Ping(pong=Pong(ping=Ping()))
    assert from_plain(Ping, to_plain(whole)) == whole
    tree = Tree(name="a", only=Tree(name="b"), children=[Tree(name="c")], named={"d": Tree(name="d")})
    assert from_plain(Tree, to_plain(tree)) == tree
    with pytest.raises(ValidationError) as raised:
        from_plain(Tree, {"name": "a", "children": [{"name": "b", "only": {"name": 1, "named": {"x": {}}}}]})
    assert [violation.path for violation in raised.value.violations] == [
        "children[0].only.name",
        "children[0].only.named.x.name",
    ]


def test_methods_belong_to_the_class() -> None:
    one = Behaving.make("a")
    assert one.kind() is Behaving
    assert one.loud == "ABehaving"
    assert Behaving.same() is Behaving
    assert str(one).startswith("<a of ")
    assert Behaving.LIMIT == one.LIMIT == 3


def test_class_variables_are_no_fields() -> None:
    @message
    class Limited:
        LIMIT: ClassVar[int] = 3
        name: str = "a"

    assert [field.name for field in fields(Limited)] == ["name"]
    assert Limited().LIMIT == Limited.LIMIT == 3
    assert to_plain(Limited()) == {"name": "a"}


def test_a_message_made_from_a_message() -> None:
    one = Derivative(name="a", size=2)
    assert one.shout() == "A"
    assert from_plain(Derivative, to_plain(one)) == one
    assert [field.name for field in fields(Derivative)] == ["name", "size"]
    assert one != Leaf(name="a")
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.name = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Derivative(size="x")
    # Where a message is wanted, one made from it will do.
    assert Everything(**{**minimal(Everything), "leaf": one}).leaf is one


class Started(StreamEventStart):
    """A subclass that is no message of its own."""


class Asked(Request):
    def shout(self) -> str:
        return self.prompt.upper()


def test_a_plain_subclass_of_a_message() -> None:
    one = Asked(request_id="r", trace_id="t", max_tokens=1, prompt="a")
    assert one.shout() == "A"
    assert type(one) is Asked
    assert one.metadata is None
    assert repr(one).startswith("Asked(request_id='r'")
    assert attrs.evolve(one, prompt="b").prompt == "b"
    assert type(attrs.evolve(one)) is Asked
    assert copy.copy(one) is one
    with pytest.raises(ValidationError):
        Asked(request_id="r")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.prompt = "c"  # type: ignore[misc]
    assert to_plain(one) == to_plain(Request(request_id="r", trace_id="t", max_tokens=1, prompt="a"))
    # It has no name in the protocol, so nothing is read into it.
    with pytest.raises(DeclarationError):
        from_plain(Asked, to_plain(one))


def test_a_plain_subclass_stands_where_one_of_several_messages_does() -> None:
    @message
    class Envelope:
        event: StreamEvent

    started = Started(request_id="r", trace_id="t", engine_id="e")
    assert to_plain(Envelope(event=started))["event"]["event"] == "start"


def test_plain_bases_are_kept() -> None:
    @message
    class WithBase(Named):
        name: str

    assert WithBase(name="a").shout() == "A"
    assert isinstance(WithBase(name="a"), Named)
    assert from_plain(WithBase, {"name": "a"}) == WithBase(name="a")


def test_the_constructor_may_be_asked_about() -> None:
    import inspect

    assert Metrics(ttft_ms=1, throughput_tps=1, peak_mem_mb=1, error_rate=0)
    parameters = inspect.signature(Metrics).parameters
    assert list(parameters)[:3] == ["ttft_ms", "tbt_ms", "tpot_ms"]
    assert all(
        parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
        for parameter in parameters.values()
    )


@pytest.mark.parametrize("name", ["self", "cls", "_given", "_unknown", "_value"])
def test_an_unknown_field_may_have_any_name(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Leaf(**{name: 1})
    assert [(found.path, found.rule) for found in raised.value.violations] == [(name, "a known field")]


def test_fields_may_be_named_like_builtins() -> None:
    @message
    class Shadowing:
        type: str
        len: Annotated[float, Ge(0)] = 0.0
        isinstance: bool = False
        object: Any = None

    one = Shadowing(type="a", len=1, isinstance=True, object={"a": [1]})
    assert from_plain(Shadowing, to_plain(one)) == one


# Refusals


@pytest.mark.parametrize("annotation", UNSUPPORTED.values(), ids=list(UNSUPPORTED))
def test_annotations_without_a_form_on_the_wire_are_refused(annotation: Any) -> None:
    with pytest.raises(DeclarationError):
        read_type(annotation)


def test_a_refusal_names_the_field() -> None:
    @message
    class Wrong:
        fine: int
        bad: set[int]

    for use in (lambda: Wrong(fine=1, bad={1}), lambda: from_plain(Wrong, {}), lambda: spec_of(Wrong)):
        with pytest.raises(DeclarationError, match=r"Wrong\.bad: set\[int\] is no type"):
            use()


def test_private_fields_are_refused() -> None:
    with pytest.raises(DeclarationError, match="_hidden"):

        @message
        class Wrong:
            _hidden: int = 1


@pytest.mark.parametrize("ignored", [{"extra": 1}, {"extra": {"a": [1]}, "more": None}])
def test_unknown_fields_as_the_class_says(ignored: dict[Any, Any]) -> None:
    payload = {"name": "a", **ignored}
    assert from_plain(Lenient, payload) == Lenient(name="a")
    with pytest.raises(ValidationError, match="a known field"):
        from_plain(Lenient, payload, unknown="forbid")
    with pytest.raises(ValidationError, match="a known field"):
        from_plain(Leaf, payload)
    assert from_plain(Leaf, payload, unknown="ignore") == Leaf(name="a")
    # What a class says goes for its own fields, not for those of the messages in it.
    with pytest.raises(ValidationError, match=r"tree\.extra"):
        from_plain(Lenient, {"name": "a", "tree": {"name": "b", "extra": 1}})
    # A constructor never lets an unknown field pass.
    with pytest.raises(ValidationError, match="a known field"):
        Lenient(name="a", extra=1)  # type: ignore[call-arg]


def test_tags_tell_messages_apart() -> None:
    @message
    class Holder:
        shape: Circle | Square

    assert from_plain(Holder, {"shape": {"shape": "square", "side": 1}}).shape == Square(side=1)
    assert from_plain(Holder, {"shape": {"radius": 1}}).shape == Circle(radius=1)
    cases: list[tuple[Any, str]] = [
        ({"shape": "hexagon", "side": 1}, "shape.shape: must be one of 'circle', 'square', got 'hexagon'"),
        ({"shape": None, "side": 1}, "shape.shape: must be one of 'circle', 'square', got None"),
        ({"shape": ["circle"], "side": 1}, "shape.shape: must be one of 'circle', 'square', got ['circle']"),
        ({"shape": "circle", "side": 1}, "shape.radius: required"),
        ({}, "shape: must be one of declared.Circle or declared.Square, got {}"),
        ({"radius": 1, "side": 1}, "shape: must be clearly one of declared.Circle or declared.Square"),
        ("circle", "shape: must be an object, got 'circle'"),
    ]
    for payload, words in cases:
        with pytest.raises(ValidationError) as raised:
            from_plain(Holder, {"shape": payload})
        assert words in str(raised.value)


def test_decorating_with_and_without_arguments() -> None:
    assert is_message(Leaf)
    assert is_message(Lenient)
    assert not is_message(Asked)
    assert not is_message(Leaf())
    assert (Circle.__doc__ or "").splitlines()[:3] == ["Told apart by its tag.", "", "Fields:"]
    assert Leaf.__module__ == "declared"
    assert Leaf.__qualname__ == "Leaf"


def test_specs_are_read_once() -> None:
    assert spec_of(Leaf) is spec_of(Leaf)


def test_a_field_may_be_given_by_attrs() -> None:
    @message
    class Made:
        items: Sequence[int] = field(factory=lambda: [1, 2])

    assert Made().items == (1, 2)
    assert from_plain(Made, {}).items == (1, 2)


UUID_TEXT = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize("text", [UUID_TEXT, UUID_TEXT.replace("-", ""), "ABCDEF01-1234-5678-1234-567812345678"])
def test_uuids_out_of_text(text: str) -> None:
    payload = {**to_plain(Defaults()), "id": text}
    assert from_plain(Defaults, payload).id == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            UUID_TEXT[:-1],
            UUID_TEXT + "0",
            f"{{{UUID_TEXT}}}",
            f"urn:uuid:{UUID_TEXT}",
            UUID_TEXT.replace("1", "g"),
        ),
        *(UUID_TEXT.replace("-", " "), UUID_TEXT.replace("-", "", 2), " " + UUID_TEXT, UUID_TEXT + "\n"),
        *(
            "1234567-81234-5678-1234-567812345678",
            "\uff11" + UUID_TEXT[1:],
            " " * 32,
            "12 34567812345678123456781234567",
        ),
        *(None, 1, UUID(UUID_TEXT), b"1" * 16),
    ],
)
def test_texts_that_are_no_uuid(text: Any) -> None:
    payload = {**to_plain(Defaults()), "id": text}
    with pytest.raises(ValidationError) as raised:
        from_plain(Defaults, payload)
    assert [(found.path, found.rule) for found in raised.value.violations] == [("id", "UUID")]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str | Sequence[str], "str or a sequence of str"),
        (float | Mapping[str, Any] | None, "float or a mapping of JSON"),
        (Leaf | bool | Sequence[UUID | None], "declared.Leaf or bool or a sequence of UUID or None"),
        (Level | str, "declared.Level or str"),
    ],
)
def test_what_none_of_several_types_takes_is_said_in_their_words(kind: Any, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        check_payload(read_type(kind), b"x")
    assert [violation.rule for violation in raised.value.violations] == [words]


@pytest.mark.parametrize(
    ("name", "value", "path", "rule"),
    [
        ("colour_or_leaves", "blue", "colour_or_leaves", "one of 'red', 'green'"),
        ("colour_or_leaves", [Leaf(), 1], "colour_or_leaves[1]", "declared.Leaf"),
        ("level_or_text", 3, "level_or_text", "one of 1, 2"),
        ("table_or_row", {"a": "x"}, "table_or_row.a", "int"),
        ("table_or_row", ["x"], "table_or_row[0]", "int"),
        ("text_or_number", float("nan"), "text_or_number", "finite"),
        ("flag_or_number", 1.5, "flag_or_number", "int"),
    ],
)
def test_a_union_explains_the_option_that_was_meant(name: str, value: Any, path: str, rule: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything(**{**minimal(Everything), name: value})
    assert [(found.path, found.rule) for found in raised.value.violations] == [(path, rule)]


def test_a_class_defined_anew_is_the_one_that_is_read() -> None:
    def defined() -> type:
        @message
        class Anew:
            number: int

        return Anew

    for cls in (defined(), defined()):
        assert type(from_plain(cls, {"number": 1})) is cls
        assert type(codecs.get("json").decode(b'{"number":1}', cls)) is cls
        assert type(codecs.get("json").decode(b'[{"number":1}]', list[cls])[0]) is cls  # type: ignore[valid-type]
