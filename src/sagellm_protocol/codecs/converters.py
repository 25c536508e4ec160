"""The cattrs side of a codec: a converter that knows every message."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import cattrs
from cattrs import IterableValidationNote

from sagellm_protocol.model.annotations import is_message, message_of, read_type
from sagellm_protocol.model.exceptions import DeclarationError, DecodeError, ValidationError, Violation
from sagellm_protocol.model.paths import below
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.spec import nested_in

if TYPE_CHECKING:
    from sagellm_protocol.codecs.messages import MessageReaders, MessageWriters


def make_converter(readers: MessageReaders, writers: MessageWriters) -> cattrs.Converter:
    """A converter whose hooks for messages, unions and lists of messages are the codec's own readers and writers."""
    converter = cattrs.Converter()

    def structure_hook(cls: Any) -> Callable[[Any, Any], Any]:
        kind = read_type(cls)
        read, explain, doubts = readers.reader(kind), readers.explainer(kind), readers.doubts
        container = typing.get_origin(cls)

        def structure(payload: Any, _: Any) -> Any:
            try:
                found = read(payload)
            except doubts:
                found = None
            if found is None:
                found = explain(payload)
            return container(found) if container in (list, dict) else found

        return structure

    converter.register_structure_hook_factory(_holds_messages, structure_hook)
    converter.register_structure_hook_factory(_is_plain_subclass, _refuse_plain_subclass)
    converter.register_unstructure_hook_factory(is_message, writers.writer)
    converter.register_unstructure_hook(UUID, str)
    return converter


def _is_plain_subclass(cls: Any) -> bool:
    return message_of(cls) not in (None, cls)


def _refuse_plain_subclass(cls: Any) -> Any:
    message = message_of(cls)
    raise DeclarationError(
        f"{cls.__qualname__} is a plain subclass of {message and message.__qualname__}, and no message itself: decode"
        " into that, or declare it with @message"
    )


def _holds_messages(cls: Any) -> bool:
    try:
        return bool(nested_in(read_type(cls)))
    except DeclarationError:
        return False


def violations_of(error: BaseException) -> tuple[list[Violation], int]:
    """What cattrs found wrong with a class of the user's that holds messages, and what is wrong with the messages.

    The second number is how many violations the messages did not tell of.
    """
    found: list[Violation] = []
    more = 0

    def collect(error: BaseException, path: str) -> None:
        nonlocal more
        if isinstance(error, DecodeError):
            raise DecodeError(below(path, error.reason), error.offset)
        if isinstance(error, ValidationError):
            found.extend(attrs.evolve(it, path=below(path, it.path)) for it in error.violations)
            more += error.more
        elif isinstance(error, (cattrs.ClassValidationError, cattrs.IterableValidationError)):
            inside, outside = error.group_exceptions()
            for inner, note in inside:
                step = f"[{short(note.index)}]" if isinstance(note, IterableValidationNote) else note.name
                collect(inner, below(path, step))
            for inner in outside:
                collect(inner, path)
        elif isinstance(error, KeyError):
            found.append(Violation(path, "required", None))
        else:
            found.append(Violation(path, f"convertible ({error})", None))

    collect(error, "")
    return found, more
