"""A user's own classes as field types."""

from __future__ import annotations

import threading
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sagellm_protocol.model.exceptions import DeclarationError, EncodeError
from sagellm_protocol.model.naming import full_name
from sagellm_protocol.model.shortening import short

if TYPE_CHECKING:
    from sagellm_protocol.model.kinds import Type

T = TypeVar("T")

_LOCK = threading.Lock()
"""Held while a class is looked up and entered, so that of two threads one is refused."""


def field_type(
    cls: type[T],
    *,
    load: Callable[[Any], T],
    dump: Callable[[T], Any],
    wire: Any = str,
    schema: Mapping[str, Any] | None = None,
    strategy: Any = None,
) -> type[T]:
    """Let fields be annotated with a class of your own; before the first message that holds one is used.

    On the wire its values stand as values of another type, in every codec, at every revision. Its instances should be
    immutable, hashable, and equal where they are written the same: messages are shared, compared and hashed. Instances
    of subclasses are refused, as reading would not give them back.

    Args:
        cls: the class, hashable and with instances of its own (no abstract class).
        load: a value of type ``wire`` as one of the class. What it raises becomes a violation of the field, and so does
            a result of another class. It is given whatever an attacker writes: its cost must be bounded by that.
        dump: an instance as a value of type ``wire``, of which ``load`` makes an equal one.
        wire: ``str``, ``bool``, ``int``, ``float``, ``Any`` (JSON), ``Sequence`` and ``Mapping`` of these; numbers may
            have bounds. ``load`` is given what messages hold: sequences are tuples.
        schema: more for the JSON Schema of ``wire``: a ``pattern``, a ``format``. It takes what ``load`` does.
        strategy: a Hypothesis strategy for instances; where it is None, ``hypothesis.strategies.from_type(cls)``.

    Returns:
        The class.

    Raises:
        DeclarationError: the class can be in a field already, or ``wire`` is none of these types.

    Writing a message raises ``EncodeError`` where ``dump`` raises anything, or gives what is not of type ``wire``.
    """
    # Imported only now: most programs declare no such class.
    from sagellm_protocol.model.annotations import read_type
    from sagellm_protocol.model.converted import enter
    from sagellm_protocol.model.kinds import Converted, Flag, Free, Items, Number, Table, Text, parts

    given: object = cls  # To Python 3.10 list[int] is a class.
    if not isinstance(given, type) or typing.get_origin(given) is not None:
        raise DeclarationError(f"{cls!r} is no class: field_type() is given the class that fields are annotated with")
    kind = read_type(wire)
    if any(not isinstance(part, (Text, Flag, Number, Items, Table, Free)) for part in parts(kind)):
        raise DeclarationError(
            f"{full_name(cls)}: {wire!r} cannot be the wire type: str, bool, int, float, Any, and Sequence and Mapping"
            " of these can"
        )
    entry = Converted(
        full_name(cls),
        cls,
        load=_loading(cls, kind, load),
        dump=_dumping(cls, kind, dump),
        wire=kind,
        schema=dict(schema or {}),
        strategy=lambda st, least, most: st.from_type(cls) if strategy is None else strategy,
        told_by_equality=False,
    )
    with _LOCK:
        if _is_known(cls):
            raise DeclarationError(
                f"{full_name(cls)} can be in a field already: its form on the wire cannot be changed"
            )
        enter(entry)
    return cls


def _is_known(cls: type) -> bool:
    from sagellm_protocol.model.annotations import read_type

    try:
        read_type(cls)
    except DeclarationError:
        return False
    return True


def _loading(cls: type, wire: Type, load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from sagellm_protocol.model.kinds import Text
    from sagellm_protocol.model.source import Doubt

    words, is_text = full_name(cls), isinstance(wire, Text)

    def loaded(value: Any) -> Any:
        if is_text and type(value) is not str:
            raise Doubt
        try:
            found = load(value)
        except Exception as error:  # whatever the user's function raises
            raise Doubt(f"{words} (load raises {short(error)})") from error
        if type(found) is not cls:
            raise Doubt(f"{words} (load gives {short(found)})")
        return found

    return loaded


def _dumping(cls: type, wire: Type, dump: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from sagellm_protocol.model.containers import exact
    from sagellm_protocol.model.frozen import thaw
    from sagellm_protocol.model.source import DOUBTS, Function
    from sagellm_protocol.model.statements import CheckStatements

    to = Function("dumped")
    CheckStatements("python").write(to, wire, "_value")
    to.add("return _value")
    check = to.compile("_value")

    def dumped(value: Any) -> Any:
        try:
            found = dump(value)
        except Exception as error:  # whatever the user's function raises
            raise EncodeError(f"{short(value)} cannot be written: dump raises {short(error)}") from error
        try:
            return thaw(check(exact(found)))
        except DOUBTS:
            raise EncodeError(f"{short(value)} cannot be written: dump gives {short(found)}") from None

    return dumped
