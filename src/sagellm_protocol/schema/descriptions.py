"""What classes say about themselves, as Markdown: their docstring, and the text below each field or member."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from sagellm_protocol.model.texts import OWN, own_texts

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


def _markdown(text: str) -> str:
    """A docstring with its lines joined to paragraphs, and its roles and double backticks as Markdown has them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    joined = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return _ROLE.sub(r"`\1`", joined).replace("``", "`")
