"""Messages as plain dicts, without a codec: for methods of messages, and for those who need no registry."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sagellm_protocol.model.exceptions import EncodeError
from sagellm_protocol.model.nesting import TOO_DEEP

if TYPE_CHECKING:
    from sagellm_protocol.model.forms import Form, TypeForm
    from sagellm_protocol.model.reading import Readers
    from sagellm_protocol.model.spec import Unknown
    from sagellm_protocol.model.writing import Writers

T = TypeVar("T")


@cache
def _writers() -> Writers:
    from sagellm_protocol.model.writing import Writers

    return Writers("plain")


@cache
def _readers(unknown: Unknown | None) -> Readers:
    from sagellm_protocol.model.reading import Readers

    return Readers("dict", unknown)


def to_plain(message: Any) -> dict[str, Any]:
    """A message as JSON-like data: dict, list, str, int, float, bool and None.

    Raises:
        EncodeError: it holds messages within messages, too deep for Python.
    """
    try:
        payload: dict[str, Any] = _writers().writer(type(message))(message)
    except RecursionError:
        raise EncodeError(TOO_DEEP) from None
    return payload


@overload
def from_plain(cls: type[T], payload: Any, *, unknown: Unknown | None = ..., consistent: bool = ...) -> T: ...
@overload
def from_plain(cls: TypeForm[Form], payload: Any, *, unknown: Unknown | None = ..., consistent: bool = ...) -> Form: ...
@overload
def from_plain(cls: Any, payload: Any, *, unknown: Unknown | None = ..., consistent: bool = ...) -> Any: ...
def from_plain(cls: Any, payload: Any, *, unknown: Unknown | None = None, consistent: bool = False) -> Any:
    """A message of ``cls`` from JSON-like data.

    Args:
        cls: a message class, or a union or ``Sequence`` of them.
        unknown: what to do with fields that the class does not have; where it is None, what the class says.
        consistent: whether a message is refused that breaks rules between its fields.

    Raises:
        ValidationError: with every violation.
        DecodeError: an integer past 64 bits, or nested deeper than 128 levels.
    """
    return _reader(cls, unknown, consistent)(payload)


@lru_cache(maxsize=512)
def _reader(cls: Any, unknown: Unknown | None, consistent: bool) -> Callable[[Any], Any]:
    from sagellm_protocol.model.annotations import read_type
    from sagellm_protocol.model.checking import check_payload
    from sagellm_protocol.model.reading import vouched, within_depth

    kind = read_type(cls)
    read = within_depth(kind, _readers(unknown).reader(kind))
    read = vouched(read, lambda payload: check_payload(kind, payload, unknown=unknown))
    if not consistent:
        return read
    from sagellm_protocol.model.consistency import reading_consistent

    return reading_consistent(read, kind)
