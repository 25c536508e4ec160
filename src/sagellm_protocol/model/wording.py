"""Types and paths in the words of the error messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sagellm_protocol.model.kinds import (
    Choice,
    Converted,
    Either,
    Flag,
    Free,
    Items,
    Limited,
    Member,
    Nested,
    Nullable,
    Number,
    OneOf,
    Table,
    Text,
    Type,
    assert_never,
)
from sagellm_protocol.model.paths import cut


def describe(kind: Type) -> str:
    """A type in the words of the error messages."""
    match kind:
        case Text():
            return "str"
        case Flag():
            return "bool"
        case Number():
            return kind.kind.__name__
        case Items():
            return f"a sequence of {describe(kind.item)}"
        case Table():
            return f"a mapping of {describe(kind.value)}"
        case OneOf():
            return one_of(kind.values)
        case Nested() | Member():
            return kind.name
        case Converted():
            return kind.words
        case Limited():
            return ", ".join([describe(kind.inner), *(bound.words for bound in kind.bounds)])
        case Nullable():
            return f"{describe(kind.inner)} or None"
        case Free():
            return "JSON"
        case Choice() | Either():
            return " or ".join(describe(option) for option in kind.options)
        case _:
            assert_never(kind)


def one_of(values: Sequence[object]) -> str:
    """``one of 'stop', 'length'``, or the one value there is."""
    return "one of " + ", ".join(map(repr, values)) if len(values) > 1 else repr(values[0])


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """What a misspelt name was perhaps meant to be, for the end of an error message; empty where nothing is near."""
    hint = meant(name, known)
    return f" ({hint})" if hint else ""


def meant(name: object, known: Iterable[str]) -> str:
    """``did you mean prompt?``, of names that are known the nearest to one that is not; empty where none is near."""
    from difflib import get_close_matches

    if not isinstance(name, str):
        return ""
    names = {it.lower(): it for it in known}
    near = get_close_matches(cut(str.__str__(name)).lower(), names, n=1)
    return f"did you mean {names[near[0]]}?" if near else ""
