"""What classes say about themselves, as Markdown: their docstring, and the text below each field or member."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence

from sagellm_protocol.model.spec import Derived, Field, Made
from sagellm_protocol.model.texts import OWN, own_texts

_NOTHING: Mapping[str, Sequence[str]] = {}
_ROLE = re.compile(r":[a-z:]+:`~?(?:[\w.]*\.)?(\w+)`")


def class_text(cls: type) -> str:
    """What a class says about itself, as Markdown; empty where it says nothing."""
    return _markdown(own_texts(cls).get(OWN, ""))


def field_texts(cls: type) -> Mapping[str, str]:
    """The text below each field or enumeration member of a class or its bases, as Markdown, by name."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        texts |= own_texts(base)
    return {name: _markdown(text) for name, text in texts.items() if name != OWN}


def field_text(field: Field, text: str, became: Mapping[str, Sequence[str]] = _NOTHING) -> str:
    """The text of a field, with what becomes of it where it is left out, and what it is called today.

    Args:
        field: the field.
        text: what its class says of it.
        became: the fields of today that fields were converted into.
    """
    match field.default:
        case Derived():
            text += " Where it is left out, it is derived from the rest of the message."
        case Made():
            text += " Where it is left out, it is made anew."
    if names := became.get(field.name):
        text += f" Today converted into {', '.join(f'`{name}`' for name in names)}."
    elif field.today != field.name:
        text += f" Today called `{field.today}`." if field.today else " Today's message has no such field."
    return text.strip()


def _markdown(text: str) -> str:
    """A docstring with its lines joined to paragraphs, and its roles and double backticks as Markdown has them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    joined = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return _ROLE.sub(r"`\1`", joined).replace("``", "`")
