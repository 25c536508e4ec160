"""Messages in terminals and notebooks: cut or whole, hidden fields in none, and what it costs bounded."""

from __future__ import annotations

import asyncio
import html
import io
import pprint
import re
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st
from IPython.lib.pretty import pretty
from rich.console import Console
from rich.pretty import Pretty

import declared
from sagellm_protocol import ChatMessage, Metrics, Request, ValidationError, catalog, showing
from sagellm_protocol.model import EMPTY, field, message
from sagellm_protocol.model.annotations import is_message
from sagellm_protocol.model.units import Milliseconds
from sagellm_protocol.testing import messages

SECRET = "hunter2"


@message
class Probe:
    """What a health probe found."""

    target: str
    """Host that was "asked"."""
    took: Milliseconds = 0.0
    labels: Mapping[str, Any] = EMPTY
    token: str = field(default="", repr=False)
    mask: str = field(default="", repr=lambda value: f"<{len(value)} characters>")


@message
class Fleet:
    probes: Sequence[Probe] = ()
    by_name: Mapping[str, Probe] = EMPTY
    pair: Mapping[str, Sequence[int]] = EMPTY
    best: Probe | None = None


@message
class Own:
    """Says by itself how it is shown."""

    token: str

    def __repr__(self) -> str:
        return "<mine>"


@message
class Tree:
    name: str
    only: Tree | None = None


def in_rich(value: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(Pretty(value))
    return console.file.getvalue()  # type: ignore[attr-defined]


def in_html(value: Any) -> str:
    text: str = value._repr_html_()
    return text


WAYS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "html": in_html,
    "rich": in_rich,
    "ipython": pretty,
    "pprint": pprint.pformat,
}
EVERY = [*catalog.messages().values(), *(cls for cls in vars(declared).values() if is_message(cls))]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[Any], str]:
    return WAYS[request.param]


# What is shown


def test_a_table() -> None:
    assert in_html(Probe(target="<gpu>", took=1.5, labels={"a": [1]})) == (
        "<div><b>Probe</b><table>"
        f"<tr>{cell('th', 'field')}{cell('th', 'value')}{cell('th', 'unit')}</tr>"
        f'<tr title="Host that was &quot;asked&quot;.">{cell("th", "target")}'
        f"{cell('td', '<code>&#x27;&lt;gpu&gt;&#x27;</code>')}{cell('td', '')}</tr>"
        f'<tr title="">{cell("th", "took")}{cell("td", "<code>1.5</code>")}{cell("td", "ms")}</tr>'
        f'<tr title="">{cell("th", "labels")}'
        + cell(
            "td",
            "<details><summary>1 keys</summary><table>"
            f"<tr>{cell('th', '<code>&#x27;a&#x27;</code>')}{cell('td', '(<code>1</code>)')}</tr></table></details>",
        )
        + f'{cell("td", "")}</tr><tr title="">{cell("th", "mask")}'
        f"{cell('td', '<code>&lt;0 characters&gt;</code>')}{cell('td', '')}</tr></table></div>"
    )


def cell(tag: str, inside: str) -> str:
    return f'<{tag} style="text-align:left;vertical-align:top">{inside}</{tag}>'


def test_nested_messages_open_at_a_click() -> None:
    probe = Probe(target="t")
    shown = in_html(Fleet(probes=[probe] * 9, by_name={"a": probe}, pair={str(n): [n] for n in range(9)}, best=probe))
    summaries = re.findall(r"<summary>(.*?)</summary>", shown)
    nested = ["<b>Probe</b>"]
    assert [each for each in summaries if each not in nested] == ["8 of more items", "1 keys", "8 of more keys"]
    assert summaries.count("<b>Probe</b>") == 8 + 1 + 1
    ElementTree.fromstring(shown)


def test_units_are_those_of_what_a_field_holds() -> None:
    units = re.findall(r'top">(ms|tokens/s|MB|)</td></tr>', in_html(metrics()))
    assert len(units) >= 20
    assert {"ms", "tokens/s", "MB"} <= set(units)


def metrics() -> Metrics:
    return Metrics(ttft_ms=1.0, throughput_tps=1.0, peak_mem_mb=1, error_rate=0.0, itl_list=[1.0])


def test_lines_of_rich_and_ipython() -> None:
    probe = Probe(target="t" * 70, labels={"a": {"b": [1, 2]}}, took=2.0)
    lines = ["target=", "took=2.0", "labels={'a': {'b': (1, 2)}}", "mask=<0 characters>"]
    for show in (in_rich, pretty):
        shown = [line.strip("│ ,)\n").removeprefix("Probe(") for line in show(probe).splitlines()]
        assert [line for line in shown if line][-3:] == lines[1:]
    assert pretty(Tree(name="a")) == "Tree(name='a', only=None)"
    assert in_rich(Tree(name="a")) == "Tree(name='a', only=None)\n"


def test_pprint() -> None:
    told = pprint.pformat(metrics(), width=80)
    assert len(told.splitlines()) > 20
    assert all(re.match(r"Metrics\(\w+=|        \w+=", line) for line in told.splitlines())
    probe = Probe(target="t" * 70, labels={"b": [1, 2], "a": {"c": 3}})
    assert pprint.pformat(Fleet(probes=[probe], best=probe), width=60, sort_dicts=True).splitlines() == [
        f"Fleet(probes=(Probe(target={'t' * 70!r},",
        "                    took=0.0,",
        "                    labels={'a': {'c': 3}, 'b': (1, 2)},",
        "                    mask=<0 characters>),),",
        "      by_name={},",
        "      pair={},",
        f"      best=Probe(target={'t' * 70!r},",
        "                 took=0.0,",
        "                 labels={'a': {'c': 3}, 'b': (1, 2)},",
        "                 mask=<0 characters>))",
    ]
    assert pprint.pformat(Tree(name="a")) == "Tree(name='a', only=None)"
    wide = Tree(name="a" * 80)
    assert pprint.pformat([wide]) == "[" + repr(wide).replace(", only", ",\n      only") + "]"


def test_without_pprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pprint")
    assert repr(Tree(name="a")) == "Tree(name='a', only=None)"


# Cut, or whole


def test_cut_unless_told_otherwise(way: Callable[[Any], str]) -> None:
    long = Request(request_id="r", trace_id="t", max_tokens=1, prompt="x" * 500, metadata={"ids": list(range(50))})
    assert "x" * 100 not in way(long)
    assert not re.search(r"\b49\b", way(long))
    with showing(whole=True):
        whole = re.sub(r"\s|│", "", way(long))
        assert "x" * 500 in whole
        assert re.search(r"\b49\b", whole)
        with showing(whole=False):
            assert "x" * 100 not in way(long)
        assert "x" * 500 in re.sub(r"\s|│", "", way(long))
    assert "x" * 100 not in way(long)


def test_many_messages_are_cut(way: Callable[[Any], str]) -> None:
    deep = Tree(name="0")
    for number in range(1, 50):
        deep = Tree(name=str(number), only=deep)
    assert "'44'" in html.unescape(way(deep))
    assert "'40'" not in html.unescape(way(deep))
    assert "Tree(...)" in way(deep)
    with showing():
        assert "'0'" in html.unescape(way(deep))
    wide = Fleet(by_name={str(n): Probe(target=str(n)) for n in range(8)}, probes=[Probe(target="t")] * 1000)
    assert len(way(wide)) < 30_000


def test_whole_ends_at_a_hundred_levels(way: Callable[[Any], str]) -> None:
    deep = Tree(name="0")
    for number in range(1, 150):
        deep = Tree(name=str(number), only=deep)
    with showing():
        assert "Tree(...)" in way(deep)


def test_values_in_all_are_limited(way: Callable[[Any], str]) -> None:
    free: Any = 7
    for _ in range(4):
        free = [free] * 8
    shown = way(Probe(target="t", labels={"a": free}))
    assert shown.count("7") < 450
    assert "..." in shown


def test_a_block_that_fails_shows_whole_no_longer() -> None:
    with pytest.raises(ZeroDivisionError), showing():
        raise ZeroDivisionError
    assert "x" * 100 not in repr(Probe(target="x" * 200))


def test_errors_stay_short() -> None:
    with showing(), pytest.raises(ValidationError) as raised:
        ChatMessage(role="x" * 10_000, content="", name=Probe(target="y" * 10_000))
    assert len(str(raised.value)) < 1000


def test_each_thread_and_task_for_itself() -> None:
    long = Probe(target="x" * 200)
    seen: dict[str, bool] = {}

    def look(name: str) -> None:
        seen[name] = "x" * 200 in repr(long)

    async def whole(started: asyncio.Event, done: asyncio.Event) -> None:
        with showing():
            started.set()
            await done.wait()
            look("its own task")

    async def tasks() -> None:
        started, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(whole(started, done))
        await started.wait()
        look("another task")
        done.set()
        await task

    asyncio.run(tasks())
    with showing():
        thread = threading.Thread(target=look, args=("another thread",))
        thread.start()
        thread.join()
    assert seen == {"another task": False, "its own task": True, "another thread": False}


# What is hidden


@pytest.mark.parametrize("whole", [True, False])
def test_hidden_in_all_of_them(way: Callable[[Any], str], whole: bool) -> None:
    probe = Probe(target="t", token=SECRET, mask=SECRET, labels={"token": SECRET, "a": [{"token": SECRET}]})
    with showing(whole=whole):
        for value in (probe, Fleet(probes=[probe], by_name={"a": probe}, best=probe)):
            shown = html.unescape(way(value))
            assert SECRET not in shown
            assert "<7 characters>" in shown
            assert "<hidden>" in shown


def test_who_shows_itself(way: Callable[[Any], str]) -> None:
    @message
    class Holder:
        own: Own

    assert SECRET not in way(Own(token=SECRET))
    assert "<mine>" in html.unescape(way(Own(token=SECRET)))
    assert "own=<mine>" in way(Holder(own=Own(token=SECRET))) or "&lt;mine&gt;" in way(Holder(own=Own(token=SECRET)))


# Any message


@given(st.data())
def test_every_message_is_shown(data: st.DataObject) -> None:
    value = data.draw(messages(data.draw(st.sampled_from(EVERY))))
    shown = in_html(value)
    ElementTree.fromstring(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f￾￿]", "", shown))
    for name, show in WAYS.items():
        assert type(value).__name__ in show(value), name


def test_odd_texts(way: Callable[[Any], str]) -> None:
    for text in ("\ud800", "</code><script>", "\x00", "é☃"):
        shown = way(Probe(target=text))
        assert "<script>" not in shown or way is not in_html
        if way is in_html:
            shown.encode()


def test_megabytes_cost_what_kilobytes_do(way: Callable[[Any], str]) -> None:
    big = Probe(target="x" * 5_000_000, labels={"a": list(range(200_000)), "b": {str(n): n for n in range(200_000)}})
    before = time.process_time()
    assert len(way(big)) < 20_000
    assert time.process_time() - before < 1


def test_a_way_of_ones_own_goes_first() -> None:
    @message
    class Drawn:
        x: int = 0

        def _repr_html_(self) -> str:
            return "<svg/>"

    @message
    class Below(Drawn):
        y: int = 0

    assert in_html(Drawn()) == in_html(Below()) == "<svg/>"
    assert in_rich(Below()) == "Below(x=0, y=0)\n"


def test_hypothesis_shows_messages_and_their_classes() -> None:
    from hypothesis.vendor.pretty import pretty as shown

    # Older ones have a way of their own with classes.
    assert re.fullmatch(r"\[(\w+\.)*Tree, Tree\(name='a', only=None\)\]", shown([Tree, Tree(name="a")]))
    assert pretty(Tree) == f"{__name__}.Tree"
