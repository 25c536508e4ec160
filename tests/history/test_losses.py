"""Losses that are chosen: by path, by a function, and by the history itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt
from hypothesis import given, strategies as st

from sagellm_protocol import Loss, OptionError, history
from sagellm_protocol.history import HISTORY, History
from sagellm_protocol.history.changes import Added, added, introduced, removed, renamed, retyped, revision
from sagellm_protocol.history.lossy import chosen
from sagellm_protocol.model.exceptions import LossyDowngradeError
from sagellm_protocol.types import Metrics, Response
from toys import Declare, declare  # noqa: F401 - the fixture

METRICS = {"ttft_ms": 1.0, "throughput_tps": 3.0, "peak_mem_mb": 4, "error_rate": 0.0, "tbt_ms": 1.0}
RESPONSE: dict[str, Any] = {
    "request_id": "r",
    "trace_id": "t",
    "output_text": "",
    "output_tokens": [],
    "finish_reason": "stop",
    "metrics": METRICS,
}
LOSING: dict[str, Any] = {**METRICS, "itl_list": [2.0], "prefill_ms": 0.5}


def taking_all(asked: list[Loss]) -> Callable[[Loss], bool]:
    """A function that takes every loss, and notes it."""

    def takes(loss: Loss) -> bool:
        asked.append(loss)
        return True

    return takes


def told(error: pytest.ExceptionInfo[LossyDowngradeError]) -> list[str]:
    return [loss.path for loss in error.value.losses]


# By path


@pytest.mark.parametrize(
    ("lossy", "left"),
    [
        ("itl_list", ["prefill_ms"]),
        (["prefill_ms"], ["itl_list"]),
        ({"comm_overhead_ms"}, ["itl_list", "prefill_ms"]),
        ((), ["itl_list", "prefill_ms"]),
        (frozenset({"itl_list", "prefill_ms"}), []),
        ("*", []),
        (True, []),
        (False, ["itl_list", "prefill_ms"]),
        (lambda loss: loss.path == "itl_list", ["prefill_ms"]),
        (lambda loss: "0.1.2.4" in loss.reason, ["itl_list"]),
        (lambda loss: loss.value == "0.5", ["itl_list"]),
    ],
)
def test_what_is_chosen_is_left_out_and_the_others_are_named(lossy: Any, left: list[str]) -> None:
    if left:
        with pytest.raises(LossyDowngradeError) as raised:
            history.downgrade(LOSING, "Metrics", to="0.1.0.1", lossy=lossy)
        assert told(raised) == left
        return
    assert history.downgrade(LOSING, "Metrics", to="0.1.0.1", lossy=lossy) == METRICS


@pytest.mark.parametrize(
    ("lossy", "left"),
    [
        ("metrics.itl_list", ["metrics.prefill_ms"]),
        ("*.prefill_ms", ["metrics.itl_list"]),
        ("metrics", []),
        ("metrics.*", []),
        (["metrics.itl_list", "metrics.prefill_ms"], []),
        ("output_text", ["metrics.itl_list", "metrics.prefill_ms"]),
    ],
)
def test_a_path_takes_what_is_below_it(lossy: Any, left: list[str]) -> None:
    payload = {**RESPONSE, "metrics": LOSING}
    if left:
        with pytest.raises(LossyDowngradeError) as raised:
            history.downgrade(payload, "Response", to="0.1.0.1", lossy=lossy)
        assert told(raised) == left
        return
    assert history.downgrade(payload, Response, to="0.1.0.1", lossy=lossy) == RESPONSE


@pytest.mark.parametrize(
    "path",
    ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[]", "a[-1]", "a[1.5]", "a[01]", "[0]", "[*]", "**", "a*", "a[*]b",
     "a.[0]", "a[9999999999999999999]"],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(OptionError) as raised:
        history.downgrade(METRICS, "Metrics", to="0.1.0", lossy=path)
    assert f"lossy must name paths like 'metrics.prompt_tokens' or 'choices[*].logprobs', got {path!r}" == str(
        raised.value
    )
    assert raised.value.fault == "local"


@pytest.mark.parametrize("lossy", [None, 0, 1, 1.0, b"itl_list", {"itl_list": True}, ["itl_list", 1], iter(["a"])])
def test_what_is_no_choice_is_refused(lossy: Any) -> None:
    with pytest.raises(OptionError, match="lossy must be a bool, a path, several paths or a function that is given a"):
        history.downgrade(METRICS, "Metrics", to="0.1.0", lossy=lossy)


@pytest.mark.parametrize(
    ("message", "path", "reason"),
    [
        ("Metrics", "itl_lst", "the message has no field itl_lst (did you mean itl_list?)"),
        ("Response", "itl_list", "the message has no field itl_list"),
        ("Response", "metrics.itl", "metrics has no field itl"),
        ("Response", "metrics.itl_list.x", "metrics.itl_list has no field x"),
        ("Metrics", "itl_list[*]", "itl_list has no items that can be lost one by one: name itl_list itself"),
        ("Metrics", "itl_list[0]", "itl_list has no items that can be lost one by one: name itl_list itself"),
        ("Response", "metrics[*]", "metrics has no items that can be lost one by one: name metrics itself"),
        ("Request", "metadata.x", "metadata has no field x"),
        ("Request", "messages.role", "messages is a list: write messages[*]"),
        ("Request", "messages[*].rol", "messages[*] has no field rol (did you mean role?)"),
        ("Response", "metrics.timestamps.*.x", "metrics.timestamps.* has no field x"),
    ],
)
def test_a_path_at_which_nothing_can_be_lost_is_refused(message: str, path: str, reason: str) -> None:
    with pytest.raises(OptionError) as raised:
        history.downgrade({}, message, to="0.1.0", lossy=path)
    assert str(raised.value) == f"lossy names {path!r}, and {reason}"


# In messages in messages


@pytest.fixture
def boxes(declare: Declare) -> History:  # noqa: F811
    catalog = declare(
        """
        @message
        class Leaf:
            title: str
            extra: int = 0


        @message
        class Circle:
            shape: Literal["circle"] = "circle"
            extra: int = 0


        @message
        class Square:
            shape: Literal["square"] = "square"
            side: int = 0


        @message
        class Secret:
            word: str = field(default="", repr=False)
            leaf: Leaf | None = field(default=None, repr=False)


        @message
        class Box:
            leaves: Sequence[Leaf] = ()
            by_name: Mapping[str, Leaf] = {}
            drawn: Circle | Square | None = None
            leaf_or_text: Leaf | str = ""
            colours: Sequence[Literal["red", "blue"]] = ()
            secret: Secret | None = None
            note: str = ""
            count: int = 1
        """
    )
    return History(
        [
            revision(
                "2",
                retyped("toy.Leaf", "title", was=Literal["a", "b"]),
                retyped("toy.Box", "colours", was=list[Literal["red"]]),
                retyped("toy.Box", "count", was=Annotated[int, Gt(0)]),
                added("toy.Leaf", "extra"),
                added("toy.Circle", "extra"),
                added("toy.Secret", "word"),
                added("toy.Box", "note", droppable=True),
                removed("toy.Square", "corner", int, default=4, after="side"),
                renamed("toy.Box", named="by_name"),
            ),
            revision("1"),
        ],
        catalog,
    )


LEAVES = {"leaves": [{"title": "a", "extra": 1}, {"title": "a"}, {"title": "b", "extra": 2}]}


@pytest.mark.parametrize(
    ("payload", "lossy", "left"),
    [
        (LEAVES, "leaves[*].extra", []),
        (LEAVES, "leaves[0]", ["leaves[2].extra"]),
        (LEAVES, ["leaves[0]", "leaves[1]", "leaves[2].extra"], []),
        (LEAVES, "leaves[*].title", ["leaves[0].extra", "leaves[2].extra"]),
        ({"by_name": {"x y": LEAVES["leaves"][0], "z": LEAVES["leaves"][2]}}, "by_name.x y", ["by_name.z.extra"]),
        ({"by_name": {"[*]": {"title": "a", "extra": 1}}}, "by_name.*", []),
        ({"by_name": {"*": {"title": "a", "extra": 1}}}, "by_name.z.extra", ["by_name.*.extra"]),
        ({"drawn": {"shape": "circle", "extra": 1}}, "drawn.extra", []),
        ({"leaf_or_text": {"title": "a", "extra": 1}}, "leaf_or_text.extra", []),
        ({"count": 0}, "count", []),
        ({"colours": ["red", "blue"]}, "colours", []),
        ({"named": "theirs"}, "named", []),
        ({"named": "theirs"}, "count", ["named"]),
    ],
)  # fmt: skip
def test_paths_in_lists_tables_and_unions(boxes: History, payload: Any, lossy: Any, left: list[str]) -> None:
    if left:
        with pytest.raises(LossyDowngradeError) as raised:
            boxes.downgrade(payload, "Box", to="1", lossy=lossy)
        assert told(raised) == left
        return
    assert boxes.downgrade(payload, "Box", to="1", lossy=lossy) == boxes.downgrade(payload, "Box", to="1", lossy=True)


def test_who_takes_a_loss_need_not_take_what_goes_with_it(boxes: History) -> None:
    payload = {"leaves": [{"title": "a"}, {"title": "x", "extra": 1}]}
    with pytest.raises(LossyDowngradeError) as raised:
        boxes.downgrade(payload, "Box", to="1", lossy=["leaves[*].title", "leaves[*].extra"])
    (loss,) = raised.value.losses
    assert str(loss) == "leaves[1] = {'title': 'x', 'extra': 1}: nothing valid would be left of it in 1"
    assert boxes.downgrade(payload, "Box", to="1", lossy="leaves[1]") == {"leaves": [{"title": "a"}]}
    for given_, asked in ((payload, ["leaves[1].title", "leaves[1].extra", "leaves[1]"]), ({"count": 0}, ["count"])):
        seen: list[Loss] = []
        boxes.downgrade(given_, "Box", to="1", lossy=taking_all(seen))
        assert [loss.path for loss in seen] == asked


def test_a_value_that_does_not_fit_is_asked_about_whole(boxes: History) -> None:
    asked: list[Loss] = []
    payload = {"colours": ["red", *["blue"] * 300]}
    assert boxes.downgrade(payload, "Box", to="1", lossy=taking_all(asked)) == {}
    (loss,) = asked
    assert (loss.path, loss.reason) == ("colours", "colours[1] must be 'red' in 1")
    with pytest.raises(LossyDowngradeError) as raised:
        boxes.downgrade({"count": 0}, "Box", to="1", lossy="note")
    assert str(raised.value.losses[0]) == "count = 0: must be > 0 in 1"


def test_where_nothing_valid_is_left_all_is_told_whatever_was_chosen(boxes: History) -> None:
    for lossy in ("title", True, lambda _: True):
        with pytest.raises(LossyDowngradeError) as raised:
            boxes.downgrade({"title": "x", "extra": 1}, "Leaf", to="1", lossy=lossy)
        assert told(raised) == ["title", "extra"]


def test_of_what_is_not_chosen_a_hundred_are_told(boxes: History) -> None:
    payload = {"leaves": [{"title": "a", "extra": 1}] * 150}
    with pytest.raises(LossyDowngradeError) as raised:
        boxes.downgrade(payload, "Box", to="1", lossy="leaves[0]")
    assert (len(raised.value.losses), raised.value.more) == (100, 49)


def test_what_is_not_shown_is_shown_to_no_function(boxes: History) -> None:
    asked: list[Loss] = []
    payload = {"secret": {"word": "psst", "leaf": {"title": "psst", "extra": 7}}}
    boxes.downgrade(payload, "Box", to="1", lossy=taking_all(asked))
    assert {(loss.path, loss.value) for loss in asked} == {
        ("secret.word", "<hidden>"),
        ("secret.leaf", "<hidden>"),
    }
    assert "psst" not in repr(asked)


# A function


def fails(loss: Loss) -> bool:
    raise KeyError(loss.path)


class Picky:
    def __call__(self, loss: Loss) -> Any:
        return loss.path


@pytest.mark.parametrize(
    ("lossy", "reason"),
    [
        (fails, f"lossy: {__name__}.fails, asked of itl_list, raised KeyError: 'itl_list'"),
        (Picky(), f"lossy: {__name__}.Picky must return a bool, and returned 'itl_list'"),
    ],
)
def test_a_function_that_fails_is_named(lossy: Callable[[Loss], bool], reason: str) -> None:
    with pytest.raises(OptionError) as raised:
        history.downgrade(LOSING, Metrics, to="0.1.0.1", lossy=lossy)
    assert str(raised.value) == reason
    assert raised.value.fault == "local"
    assert isinstance(raised.value.__cause__, KeyError) == (lossy is fails)


def test_a_function_is_asked_only_of_losses() -> None:
    assert history.downgrade(METRICS, Metrics, to="0.1.0.1", lossy=fails) == METRICS


@given(st.lists(st.sampled_from(["a", "b.c", "a[0]", "a[*].b", "*"])))
def test_choices_that_mean_the_same_are_equal(paths: list[str]) -> None:
    assert chosen(paths) == chosen(paths[::-1]) == chosen(set(paths)) == chosen(chosen(paths))
    assert hash(chosen(paths)) == hash(chosen(tuple(paths)))


# Fields that the history says may be dropped


def test_what_is_droppable_is_left_out_and_told_as_such(boxes: History) -> None:
    payload = {"note": "n", "count": 0}
    assert [(loss.path, loss.droppable, str(loss)) for loss in boxes.losses(payload, "Box", to="1")] == [
        ("note", True, "note = 'n': came with 2 (droppable)"),
        ("count", False, "count = 0: must be > 0 in 1"),
    ]
    with pytest.raises(LossyDowngradeError) as raised:
        boxes.downgrade(payload, "Box", to="1")
    assert told(raised) == ["count"]
    assert boxes.downgrade({"note": "n"}, "Box", to="1") == {}
    assert boxes.downgrade({"note": "n"}, "Box", to="1", lossy=fails) == {}
    assert boxes.losses({"note": ""}, "Box", to="1") == ()
    assert boxes.droppable == {"toy.Box.note": "2"}


def test_the_mark_follows_a_field_through_its_names(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Leaf:
            title: str = ""
            size: int
        """
    )
    own = History(
        [
            revision("4", renamed("toy.Leaf", width="size")),
            revision("3", removed("toy.Leaf", "gone", int, default=0)),
            revision(
                "2", added("toy.Leaf", "width", unsaid=7, droppable=True), added("toy.Leaf", "gone", droppable=True)
            ),
            revision("1"),
        ],
        catalog,
    )
    assert own.droppable == {"toy.Leaf.size": "2"}
    assert own.downgrade({"size": 3}, "Leaf", to="1") == {}
    assert own.upgrade({}, "Leaf", since="1") == {"size": 7}
    assert own.downgrade({"size": 3}, "Leaf", to="3") == {"width": 3}


def test_a_peer_of_before_gets_its_responses_without_the_counts_of_prompt_tokens() -> None:
    counted = {**RESPONSE, "prompt_tokens": 3}
    assert history.downgrade(counted, "Response", to="0.5.4.13") == RESPONSE
    assert history.downgrade({**counted, "cached_prompt_tokens": 2}, "Response", to="0.5.4.16") == counted
    assert {name: came for name, came in HISTORY.droppable.items() if name.startswith("types.")} == {
        "types.Response.prompt_tokens": "0.5.4.16",
        "types.StreamEventEnd.prompt_tokens": "0.5.4.16",
        "types.Response.cached_prompt_tokens": "0.6.0",
        "types.StreamEventEnd.cached_prompt_tokens": "0.6.0",
    }
    (change,) = (
        it
        for it in history.changed_in("0.5.4.16").changes
        if isinstance(it, Added) and it.fields == ("sampling_params",)
    )
    assert not change.droppable


def test_a_message_that_came_later_is_lost_as_it_stands(declare: Declare) -> None:  # noqa: F811
    catalog = declare(
        """
        @message
        class Circle:
            radius: int = 1


        @message
        class Square:
            side: int


        @message
        class Box:
            drawn: Circle | Square | None = None
        """
    )
    own = History([revision("2", introduced("toy.Square")), revision("1")], catalog)
    assert own.downgrade({"drawn": {"side": 1}}, "Box", to="1", lossy="drawn") == {}
    with pytest.raises(LossyDowngradeError, match=r"toy\.Square came with 2"):
        own.downgrade({"drawn": {"side": 1}}, "Box", to="1", lossy="drawn.side")
