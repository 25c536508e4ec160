"""The cattrs side of a codec: a converter that knows every message."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cattrs

from sagellm_protocol.model.annotations import is_message, read_type
from sagellm_protocol.model.exceptions import DeclarationError
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
    converter.register_unstructure_hook_factory(is_message, writers.writer)
    return converter


def _holds_messages(cls: Any) -> bool:
    try:
        return bool(nested_in(read_type(cls)))
    except DeclarationError:
        return False
