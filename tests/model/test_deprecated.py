"""Message classes that ``deprecated`` marks: type checkers see it (``typing_tests/deprecated.py``), and so does whoever
builds one."""

from __future__ import annotations

import gc
import pickle
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import deprecated

from sagellm_protocol import codecs, evolve
from sagellm_protocol.catalog import Catalog
from sagellm_protocol.history import History, HistoryError
from sagellm_protocol.history.changes import revision
from sagellm_protocol.model import from_plain, message, to_plain
from sagellm_protocol.model.exceptions import DeclarationError, ValidationError


@deprecated("use New")
@message
class Old:
    """An old one."""

    size: int = 0


@deprecated("use New", category=None)
@message
class Quiet:
    size: int = 0


@message
@deprecated("use New", category=None)
class Below:
    size: int = 0


CATALOG = Catalog([__name__])


def warned(call: Callable[[], Any]) -> list[tuple[str, str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(str(it.message), it.filename) for it in caught]


def test_every_building_warns() -> None:
    for _ in range(3):
        assert warned(lambda: Old(size=1)) == [("use New", __file__)]
    with pytest.warns(DeprecationWarning, match="use New"):
        old = Old(size=2)
    assert len(warned(lambda: evolve(old, size=3))) == 1
    assert len(warned(lambda: pickle.loads(pickle.dumps(old)))) == 1
    with pytest.warns(DeprecationWarning, match="use New"), pytest.raises(ValidationError, match="must be int"):
        Old(size="a")  # type: ignore[arg-type]


def test_reading_and_writing_do_not() -> None:
    with pytest.warns(DeprecationWarning, match="use New"):
        old = Old(size=1)
    for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"):
        codec = codecs.get(name)
        assert codec.decode(codec.encode(old), Old) == old
    assert from_plain(Old, to_plain(old)) == old


def test_threads_that_build_the_first_one() -> None:
    @deprecated("gone")
    @message
    class First:
        size: int = 0

    built: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=lambda: built.append(First(size=1))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert built == [First(size=1)] * 8
    assert len(warned(lambda: First())) == 1


def test_without_a_category_nothing_warns() -> None:
    for cls in (Quiet, Below):
        assert cls(size=1) == cls(size=1)
        assert cls.__deprecated__ == "use New"  # type: ignore[attr-defined]


def test_messages_that_extend_one() -> None:
    with pytest.warns(DeprecationWarning, match="use New"):

        @message
        class Newer(Old):
            colour: str = ""

    assert warned(lambda: Newer(size=1, colour="red")) == []
    assert "Deprecated" not in (Newer.__doc__ or "")

    with pytest.warns(DeprecationWarning, match="use New"):

        class Plain(Old):
            def twice(self) -> int:
                return self.size * 2

    assert warned(lambda: Plain(size=1)) == []
    assert Plain(size=2).twice() == 4


def test_help_says_so() -> None:
    assert Old.__doc__ == "An old one.\n\nDeprecated: use New\n\nFields:\n    size: int = 0"
    assert (Quiet.__doc__ or "").startswith("Deprecated: use New\n\nFields:")


def test_below_message_it_would_be_lost() -> None:
    with pytest.raises(DeclarationError, match="put @deprecated above @message"):

        @message
        @deprecated("use New")
        class Lost:
            size: int = 0


def test_a_history_takes_the_text_of_the_class() -> None:
    name = f"{__name__}.Old"
    said = History([revision("2", deprecates={name: ""}), revision("1")], CATALOG)
    assert str(said.deprecated()[name]) == "Deprecated since 2: use New."
    assert not said.deprecated("1")
    assert "Deprecated since 2: use New." in (Old.__doc__ or "")
    same = History([revision("1", deprecates={name: "use New"})], CATALOG)
    assert same.deprecated()[name].text == "use New"
    other = History([revision("1", deprecates={name: "use Newer"})], CATALOG)
    with pytest.raises(HistoryError, match="is deprecated with other words: leave the text empty here"):
        other.deprecated()
    del said, same, other


@message
class Kept:
    size: int = 0


def test_help_tells_what_the_first_history_of_a_catalog_says() -> None:
    name, catalog = f"{__name__}.Kept.size", Catalog([__name__])
    own = History([revision("1")], catalog)
    tried = History([revision("1", deprecates={name: "too small"})], catalog)
    assert tried.deprecated()[name].text == "too small"
    assert "Deprecated" not in (Kept.__doc__ or "")
    del own
    gc.collect()
    alone = History([revision("1", deprecates={name: "too large"})], catalog)
    assert "Deprecated since 1: too large." in (Kept.__doc__ or "")
    del alone, tried
