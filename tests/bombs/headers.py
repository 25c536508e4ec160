"""``Accept`` headers that are bombs."""

from __future__ import annotations

HEADERS: dict[str, tuple[str, str]] = {
    "spaces": ("", " "),
    "spaces before what is wrong": ("!", " "),
    "spaces after a range": ("application/json", " "),
    "spaces within parameters": ("application/json; a", " "),
    "tabs after a semicolon": ("application/json;", "\t"),
    "spaces and commas": ("application/json", " ,"),
    "spaces and semicolons": ("application/json", " ; "),
    "commas": ("", ","),
    "semicolons": ("application/json", ";"),
    "ranges": ("", "application/json,"),
    "wildcards": ("", "*/*,"),
    "ranges of different revisions": ("", "application/json;revision=%d,"),
    "ranges of different kinds": ("", "a/b%d,"),
    "one parameter again and again": ("application/json", ";a=b"),
    "different parameters": ("application/json", ";a%d=b"),
    "quotes": ('application/json;a="', '"'),
    "a quote that is left open": ('application/json;a="', "x"),
    "quotes that are left open": ("application/json", ';a="'),
    "backslashes": ('application/json;a="', "\\"),
    "quoted quotes": ('application/json;a="', '\\"'),
    "a long token": ("", "a"),
    "a long parameter": ("application/json;", "a"),
    "a long weight": ("application/json;q=0.", "1"),
    "a long revision": ("application/json;revision=", "1"),
    "slashes": ("a", "/a"),
    "letters beyond ASCII": ("", "é"),
}
"""How a header starts, and what follows again and again."""

_GOOD = "application/json;revision=0.5.4.16;q=0.5,"


def header(start: str, again: str, size: int) -> str:
    """A header of that size, wrong at its end."""
    times = max((size - len(start)) // len(again), 1)
    rest = "".join(again % number for number in range(times)) if "%d" in again else again * times
    return f"{start}{rest}\x00"


def good_header(size: int) -> str:
    """A header as long as may be sent."""
    return _GOOD * (min(size, 8_000) // len(_GOOD))
