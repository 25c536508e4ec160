"""What a wire format is to a codec: bytes to values, values to bytes, and what its values look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Protocol

import attrs

from sagellm_protocol.model.containers import exact, items_of
from sagellm_protocol.model.converted import dumped, entry_of
from sagellm_protocol.model.exceptions import DecodeError, EncodeError
from sagellm_protocol.model.kinds import INT_MAX, INT_MIN, Converted, Type
from sagellm_protocol.model.nesting import MAX_VALUES, TOO_DEEP, too_deep, too_many
from sagellm_protocol.model.paths import ROOT, Hidden, Path, is_hidden, told
from sagellm_protocol.model.shortening import HIDDEN, SECRETS, short
from sagellm_protocol.model.standing import Form
from sagellm_protocol.model.statements import Origin

MAX_BYTES = 64 * 1024 * 1024
"""How large a payload may be, unless the codec is told otherwise: 64 MiB."""


class Shortcuts(Protocol):
    """Ways to read and write some messages without parsed values in between.

    Each is given the long way, which it leaves anything in doubt to: that decides and explains.
    """

    def decoder(self, kind: Type, max_bytes: int, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """Bytes, not more than so many, to a message; None where there is no shortcut."""
        ...

    def encoder(self, cls: type, long_way: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """A message to bytes; None where there is no shortcut."""
        ...

    def reason_against(self, cls: type) -> str | None:
        """Why messages of a class have no shortcut; None where they have."""
        ...


@attrs.frozen
class Format:
    """A wire format. Its functions work on parsed values: dict, list, str, int, float, bool and None."""

    loads: Callable[[Any], Any]
    """Parses; raises ``DecodeError`` on what is not of this format."""
    dumps: Callable[[Any], Any]
    """Writes; raises ``EncodeError`` on a value that it cannot carry."""
    form: Form = "plain"
    """What ``dumps`` is given."""
    origin: Origin = "dict"
    """What is known of the values that ``loads`` gives."""
    parse: Callable[[Any], Any] | None = None
    """Parses like ``loads`` and raises a ``ValueError`` of any kind: the parser itself, for the fast path."""
    pack: Callable[[Any], Any] | None = None
    """Writes like ``dumps`` and raises a ``ValueError``, ``TypeError`` or ``OverflowError``: for the fast path."""
    shortcuts: Shortcuts | None = None
    """Ways around ``parse`` and ``pack`` for some messages."""
    quote: Callable[[Any], bytes] | None = None
    """Gives the text of what orjson writes, in quotes: a UUID's faster than ``str`` gives it without."""
    exact: Callable[[Any], Any] | None = None
    """Parses again, with integers past 64 bits as they are, where ``loads`` turns them into floats."""
    sized: bool = True
    """Whether the wire form is bytes, whose number ``max_bytes`` limits; ``loads`` is then given ``bytes``."""
    text: bool = False
    """Whether the wire form may also be had as ``str``."""
    called: str = "payload"
    """What the wire form is, for people: ``JSON``."""


def taken(format: Format, data: Any, max_bytes: int) -> bytes:
    """What a decoder was given, as ``bytes``, if there are not too many of them.

    Other buffers are copied: whoever holds them may change them.

    Raises:
        DecodeError: too large, or neither bytes nor, where the format has such a form, text.
    """
    if isinstance(data, str) and format.text:
        text = str.__str__(data)
        if len(text) > max_bytes:
            raise too_large(len(text), max_bytes)
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise DecodeError("the text holds a lone surrogate, which is no UTF-8", error.start) from None
    if isinstance(data, bytes):
        size = bytes.__len__(data)
        if size > max_bytes:
            raise too_large(size, max_bytes)
        return bytes.__getitem__(data, slice(None))
    return _copied(format, data, max_bytes)


def _copied(format: Format, data: Any, max_bytes: int) -> bytes:
    try:
        view = memoryview(data)
        size = view.nbytes
        copy = view.tobytes() if size <= max_bytes else None
    except TypeError:
        kinds = "bytes or text" if format.text else "bytes"
        raise DecodeError(f"no {format.called}: {kinds} expected, not {short(data)}") from None
    except Exception as error:  # a buffer that was released, or of a class of the caller's
        raise DecodeError(f"no {format.called}: the buffer cannot be read: {error}") from None
    if copy is None:
        raise too_large(size, max_bytes)
    return copy


def too_large(size: int, max_bytes: int) -> DecodeError:
    """The error for more bytes than a codec takes."""
    return DecodeError(f"{size} bytes are more than the {max_bytes} that this codec takes")


def refusal(payload: Any) -> EncodeError:
    """Why a payload cannot be written: the first value in it that no format can carry."""
    if too_deep(payload):
        return EncodeError(TOO_DEEP)
    return EncodeError(_unwritable(payload, ROOT, set()) or _foreign(payload, ROOT, set()) or TOO_DEEP)


def plain(payload: Any, form: Form = "plain") -> Any:
    """A payload of whatever classes as dict, list, str, int, float, bool and None, and what a form has beside these.

    Raises:
        EncodeError: it holds a value that not every format can carry.
    """
    if too_deep(payload) or _unwritable(payload, ROOT, set()):
        raise refusal(payload)
    return _plain(payload, form)


def _plain(value: Any, form: Form) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value, form)
    if isinstance(value, dict):
        return {str.__str__(key): _plain(item, form) for key, item in dict.items(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, form) for item in items_of(value)]
    entry = entry_of(value)
    if entry is None:
        return exact(value)
    found = dumped(entry, value, binary=form == "msgpack")
    return found if type(found) is entry.cls else _plain(found, form)


def refuse_endless(value: Any) -> None:
    """Raise the ``EncodeError`` for a value whose form on the wire would have no end, or nearly so."""
    if too_deep(value):
        raise refusal(value)
    if too_many(value):
        raise EncodeError(f"what stands in many places comes to more than {MAX_VALUES} values")


def _unwritable(value: Any, path: Path, seen: set[int]) -> str | None:
    """What is wrong with the first value that cannot be written; containers in ``seen`` have been looked at."""
    if isinstance(value, str):
        try:
            str.encode(value)
        except UnicodeEncodeError:
            shown = HIDDEN if is_hidden(path) else f"{str.__str__(value)[:80]!a}"
            return f"{_where(path)} holds a lone surrogate, which no format can carry: {shown}"
    elif isinstance(value, int):
        if not INT_MIN <= int.__int__(value) <= INT_MAX:
            return f"{_where(path)} is an integer past 64 bits, which no format can carry"
    elif isinstance(value, float):
        if not math.isfinite(float.__float__(value)):
            return f"{_where(path)} is not finite, which JSON cannot carry"
    elif isinstance(value, (dict, list, tuple)):
        if id(value) in seen:
            return None
        seen.add(id(value))
        inside = _unwritable_pairs if isinstance(value, dict) else _unwritable_items
        return next(filter(None, inside(value, path, seen)), None)
    elif isinstance(value, Enum):
        return _unwritable(value.value, path, seen)
    elif value is not None:
        return _unwritable_as(entry_of(value), value, path, seen)
    return None


def no_message(value: Any, path: Path = ROOT) -> str:
    """What is said of a value of a class that has no form on the wire."""
    advice = getattr(type(value), "_mutable_advice", "")
    return f"{_where(path)} is no message, nor anything that one holds: {short(value)}{advice}"


def _unwritable_as(entry: Converted | None, value: Any, path: Path, seen: set[int]) -> str | None:
    if entry is None:
        return no_message(value, path)
    try:
        return _unwritable(dumped(entry, value), path, seen)
    except EncodeError as error:
        return f"{_where(path)} cannot be written: {error}"


def _foreign(value: Any, path: Path, seen: set[int]) -> str | None:
    """The first value that is no JSON, in a payload that has to be JSON itself."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in seen:
            return None
        seen.add(id(value))
        pairs = dict.items(value) if isinstance(value, dict) else enumerate(items_of(value))
        return next(filter(None, (_foreign(item, (path, step), seen) for step, item in pairs)), None)
    return None if value is None or isinstance(value, (str, int, float)) else no_message(value, path)


def _unwritable_items(value: Any, path: Path, seen: set[int]) -> Iterator[str | None]:
    return (_unwritable(item, (path, index), seen) for index, item in enumerate(items_of(value)))


def _unwritable_pairs(value: Any, path: Path, seen: set[int]) -> Iterator[str | None]:
    for key, item in dict.items(value):
        if not isinstance(key, str):
            yield f"{_where(path)} has a key that is no text: {short(key)}"
        yield _unwritable(key, path, seen)
        secret = isinstance(key, str) and str.__str__(key) in SECRETS
        yield _unwritable(item, (path, Hidden(str.__str__(key)) if secret else key), seen)


def _where(path: Path) -> str:
    return (told(path) or "the payload").encode("ascii", "backslashreplace").decode()
