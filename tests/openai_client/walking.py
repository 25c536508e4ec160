"""The types of the ``openai`` client, walked: which there are, what fields they have, and values of each."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Union

import pydantic
from openai.types import (
    Completion,
    CreateEmbeddingResponse,
    Model,
    completion_create_params as completion,
    embedding_create_params as embedding,
    shared,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk, completion_create_params as chat
from typing_extensions import Required, get_type_hints, is_typeddict

ASKED = (
    chat.CompletionCreateParamsNonStreaming,
    chat.CompletionCreateParamsStreaming,
    completion.CompletionCreateParamsNonStreaming,
    completion.CompletionCreateParamsStreaming,
    embedding.EmbeddingCreateParams,
)
"""The bodies of requests."""
READ = (ChatCompletion, ChatCompletionChunk, Completion, CreateEmbeddingResponse, Model, shared.ErrorObject)
"""The bodies of answers."""

_PLAIN: Mapping[Any, tuple[Any, ...]] = {
    str: ("a text", ""),
    int: (1,),
    float: (0.5, 0.0),
    bool: (True, False),
    object: ({"any": ["json", None]},),
    type(None): (None,),
}


def name_of(cls: type) -> str:
    """Where the client has a type, below ``openai.types``."""
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix("openai.types.")


def is_record(kind: Any) -> bool:
    """Whether a type of the client has fields."""
    return is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, pydantic.BaseModel))


def fields_of(cls: Any) -> dict[str, Any]:
    """The fields of a type, and what each may hold."""
    if is_typeddict(cls):
        return get_type_hints(cls)
    return {found.alias or name: found.annotation for name, found in cls.model_fields.items()}


def required_in(cls: Any) -> frozenset[str]:
    """The fields that are always there."""
    if not is_typeddict(cls):
        return frozenset(found.alias or name for name, found in cls.model_fields.items() if found.is_required())
    # What a class marks does not tell, where it writes its annotations as text.
    hints = get_type_hints(cls, include_extras=True)
    marked = {name for name, hint in hints.items() if typing.get_origin(hint) is Required}
    return frozenset(marked | cls.__required_keys__)


def records(kinds: Iterable[Any], passed_over: Mapping[str, Iterable[str]]) -> Iterator[Any]:
    """The types that have fields among some types and in them; those that stand in fields passed over alone are not."""
    seen: list[Any] = []
    left = list(kinds)
    while left:
        kind = left.pop(0)
        if not is_record(kind):
            left += typing.get_args(kind)
        elif kind not in seen:
            seen.append(kind)
            over = passed_over.get(name_of(kind), ())
            left += [held for name, held in fields_of(kind).items() if name not in over]
    return iter(seen)


def values(kind: Any) -> Iterator[Any]:
    """Values of a type, as JSON has them, such that each of its options is there."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if is_record(kind):
        yield from _objects(kind)
    elif origin is Literal:
        yield from inside
    elif origin in (Union, types.UnionType):
        for option in inside:
            yield from values(option)
    elif origin is typing.Annotated:
        yield from values(inside[0])
    elif origin in (dict,):
        yield {}
        yield from ({_key(inside[1]): value} for value in values(inside[1]))
    elif inside:
        assert issubclass(origin, Iterable), kind
        yield from ([value] for value in values(inside[0]))
    else:
        yield from _PLAIN[kind]


def _key(kind: Any) -> str:
    """A key of a mapping: where that counts, of token ids."""
    return "5" if kind in (int, float) else "key"


def _objects(cls: Any) -> Iterator[dict[str, Any]]:
    """Objects of a type: with the fields that are always there, and with each value of each field."""
    held = fields_of(cls)
    least = {name: next(values(held[name])) for name in held if name in required_in(cls)}
    yield least
    for name, kind in held.items():
        yield from ({**least, name: value} for value in values(kind))


def lost(sent: Any, kept: Any, path: str = "") -> Iterator[str]:
    """The paths of what was sent and is not there any more, or is there as something else."""
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for name, value in sent.items():
            yield from lost(value, kept[name], f"{path}.{name}") if name in kept else [f"{path}.{name}"]
    elif isinstance(sent, Sequence) and not isinstance(sent, str) and isinstance(kept, Sequence):
        if len(sent) != len(kept):
            yield path
        for index, (one, other) in enumerate(zip(sent, kept, strict=False)):
            yield from lost(one, other, f"{path}[{index}]")
    elif sent != kept or isinstance(sent, bool) != isinstance(kept, bool):
        yield path
