"""The classes that stand on the wire as values of another type: one entry each, which is all that is known of it.

To add a class, write its entry and name it in the table. :func:`.field_type` adds those of users.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.kinds import Converted
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.uuids import UUID_TEXT, plain_uuid, uuid_of

if TYPE_CHECKING:
    import pathlib

_END = "$(?!\n)"
"""The end of a text: to Python, ``$`` alone stands before a line feed too."""


def _uuid() -> Converted:
    return Converted(
        "UUID",
        UUID,
        load=uuid_of,
        dump=str,
        hold=plain_uuid,
        schema={"type": "string", "format": "uuid", "pattern": f"^{UUID_TEXT}$", "maxLength": 36},
        strategy=lambda st, least, most: st.uuids(),
        native=frozenset(("orjson", "msgspec", "from msgspec")),
        shortest=32,
    )


def _datetime() -> Converted:
    from datetime import datetime

    from sagellm_protocol.model import times

    return Converted(
        "datetime",
        datetime,
        load=times.datetime_of,
        dump=datetime.isoformat,
        hold=times.at_offset,
        exact=None,
        words="datetime with a UTC offset",
        schema={"type": "string", "format": "date-time", "pattern": f"^{times.DATETIME}{_END}"},
        strategy=times.datetimes,
        native=frozenset(("orjson",)),
        shortest=20,
        told_by_equality=False,
    )


def _date() -> Converted:
    from datetime import date

    from sagellm_protocol.model import times

    return Converted(
        "date",
        date,
        load=times.date_of,
        dump=date.isoformat,
        schema={"type": "string", "format": "date", "pattern": f"^{times.DATE}{_END}"},
        strategy=lambda st, least, most: st.dates(least or date.min, most or date.max),
        native=frozenset(("orjson", "msgspec")),
        shortest=10,
    )


def _timedelta() -> Converted:
    from datetime import timedelta

    from sagellm_protocol.model import times

    return Converted(
        "timedelta",
        timedelta,
        load=times.duration_of,
        dump=times.duration_text,
        schema={"type": "string", "format": "duration", "pattern": f"^{times.DURATION}{_END}"},
        strategy=lambda st, least, most: st.timedeltas(
            timedelta.min if least is None else least, timedelta.max if most is None else most
        ),
        shortest=3,
    )


def _decimal() -> Converted:
    from decimal import Decimal

    from sagellm_protocol.model import decimals

    return Converted(
        "Decimal",
        Decimal,
        load=decimals.decimal_of,
        dump=str,
        hold=decimals.finite,
        exact=None,
        words=f"finite Decimal of at most {decimals.MOST_DIGITS} digits, with an exponent of at most three",
        schema={"type": "string", "pattern": f"^{decimals.DECIMAL}{_END}", "maxLength": decimals.LONGEST},
        strategy=decimals.strategy,
        shortest=1,
        told_by_equality=False,
    )


def _bytes() -> Converted:
    def load(value: Any) -> bytes:
        if type(value) is bytes:
            return value
        if type(value) is not str:
            raise Doubt
        try:
            found = binascii.a2b_base64(value)
        except ValueError:
            raise Doubt from None
        # The parser passes over what is no base64; and each value has but one text.
        if dump(found) != value:
            raise Doubt
        return found

    def dump(value: bytes) -> str:
        return binascii.b2a_base64(value, newline=False).decode()

    digit = "[A-Za-z0-9+/]"
    return Converted(
        "bytes",
        bytes,
        load=load,
        dump=dump,
        schema={
            "type": "string",
            "contentEncoding": "base64",
            "pattern": f"^(?:{digit}{{4}})*(?:{digit}[AQgw]==|{digit}{{2}}[AEIMQUYcgkosw048]=)?{_END}",
        },
        strategy=lambda st, least, most: st.binary(max_size=20),
        native=frozenset(("msgpack", "msgspec")),
        also=frozenset((bytes,)),
    )


def _path() -> Converted:
    from pathlib import Path

    return _pure_path(Path, type(Path()))  # PosixPath or WindowsPath


def _posix_path() -> Converted:
    from pathlib import PurePosixPath

    return _pure_path(PurePosixPath, PurePosixPath)


def _pure_path(cls: type[pathlib.PurePath], exact: type[pathlib.PurePath]) -> Converted:
    def load(text: Any) -> pathlib.PurePath:
        if type(text) is not str:
            raise Doubt
        return exact(text)

    def strategy(st: Any, least: Any, most: Any) -> Any:
        names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        return st.lists(names, max_size=3).map(lambda parts: exact("/".join(parts)))

    # With slashes on Windows too, so that both sides read the same.
    dump, schema = exact.as_posix, {"type": "string"}
    return Converted(cls.__name__, cls, load=load, dump=dump, exact=exact, schema=schema, strategy=strategy)


_BUILT_IN: dict[tuple[str, str], Callable[[], Converted]] = {
    ("uuid", "UUID"): _uuid,
    ("datetime", "datetime"): _datetime,
    ("datetime", "date"): _date,
    ("datetime", "timedelta"): _timedelta,
    ("decimal", "Decimal"): _decimal,
    ("builtins", "bytes"): _bytes,
    ("pathlib", "Path"): _path,
    ("pathlib", "PurePosixPath"): _posix_path,
}
"""By the names of module and class, and made when the class is first seen: programs do not wait for what others use."""

_entries: dict[type, Converted] = {}


def entry_for(cls: Any) -> Converted | None:
    """The entry of a class that fields may be annotated with; None where it has none."""
    found = _entries.get(cls)
    if found is None and isinstance(cls, type):
        # Python 3.13 keeps its paths in pathlib._local.
        make = _BUILT_IN.get((str(cls.__module__).partition(".")[0], cls.__qualname__))
        if make is not None and (made := make()).cls is cls:
            found = _entries.setdefault(cls, made)
    return found


def entry_over(cls: type) -> Converted | None:
    """The entry of a class or of its nearest base; None where there is none."""
    return next((entry for base in cls.__mro__ if (entry := entry_for(base)) is not None), None)


def entry_of(value: Any) -> Converted | None:
    """The entry of the class that a value is of, or of its nearest base; None where there is none."""
    return entry_over(type(value))


def entry_called(name: str) -> Converted | None:
    """The entry of that name; None where there is none."""
    for make in _BUILT_IN.values():
        entry_for(make().cls)
    return next((entry for entry in tuple(_entries.values()) if entry.name == name), None)


def enter(entry: Converted) -> None:
    """Add an entry for a class that has none."""
    _entries[entry.cls] = entry


def dumped(entry: Converted, value: Any, *, binary: bool = False) -> Any:
    """A value that nobody has checked, as it stands on the wire; ``binary`` says that of MessagePack.

    Raises:
        EncodeError: no message could hold it.
    """
    try:
        held = entry.hold(value)
        return held if binary and "msgpack" in entry.native else entry.dump(held)
    except Doubt:
        raise EncodeError(f"{short(value)} is no {entry.words}") from None
