"""Payloads with one thing wrong, and what that is: as the codecs tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs
from hypothesis import reject, strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sagellm_protocol import codecs
from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.model.choosing import chosen
from sagellm_protocol.model.exceptions import ProtocolError, ValidationError, Violation
from sagellm_protocol.model.kinds import (
    MAX_FREE_DEPTH,
    Choice,
    Free,
    Items,
    Limited,
    Nested,
    Nullable,
    Number,
    Table,
    Type,
)
from sagellm_protocol.model.spec import Spec
from sagellm_protocol.testing.strategies import payloads

_ODD: tuple[Any, ...] = (None, True, 5, 1.5, "\x00", [], {}, [None])
"""Some of these are wrong for any type but free JSON."""
_LONGEST = 1000
"""Of what may be longer, none that is too long is made."""

Put: TypeAlias = Callable[[Any], Any]
"""Gives the payload with another value in one place."""


def nearly_valid(
    message: str | type, revision: str = LATEST, history: History = HISTORY
) -> SearchStrategy[tuple[dict[str, Any], Violation]]:
    """Payloads with exactly one violation, and that violation: every codec refuses the payload with it and no other.

    A field is missing, unknown, of another type, out of its bounds or no member of its enumeration, at any depth.

    Args:
        message: full or short name, or the class.
        revision: any release name.
        history: the revisions and messages; the protocol's own unless told otherwise.

    Raises:
        UnsupportedRevisionError: no such release, or no such message in it.
    """
    valid, spec = payloads(message, revision, history), history.spec(message, revision)
    breaking = _Breaking(history.specs(revision))
    decode: Callable[[Any], Any] = codecs.get("dict", revision=revision, history=history).decoder(spec.cls)

    @st.composite
    def nearly(draw: DrawFn) -> tuple[dict[str, Any], Violation]:
        payload = draw(valid)
        _, *places = breaking.places(Nested(spec.name, spec.cls), payload, _itself)
        if not places or _found(decode, payload):  # by a validator of its own, which a spec does not tell
            reject()
        put, values = draw(st.sampled_from(places))
        wrong = [(whole, _found(decode, whole)) for whole in map(put, values)]
        single = [(whole, found[0]) for whole, found in wrong if len(found) == 1]
        if not single:
            reject()
        made: tuple[Any, Violation] = draw(st.sampled_from(single))
        return made

    return nearly()


def _found(decode: Callable[[Any], Any], payload: Any) -> tuple[Violation, ...]:
    """The violations of a payload; two of nothing where it is refused in another way."""
    try:
        decode(payload)
    except ValidationError as error:
        return error.violations
    except ProtocolError:
        return (Violation("", "", None),) * 2
    return ()


def _itself(payload: Any) -> Any:
    return payload


@attrs.frozen
class _Breaking:
    """Where a valid payload of a revision may go wrong, and by what."""

    specs: Mapping[str, Spec]

    def places(self, kind: Type, value: Any, put: Put) -> Iterator[tuple[Put, list[Any]]]:
        """Each value in a payload, the outermost first, with what may be wrong in its place."""
        match kind:
            case Nullable(inner=inner) if value is not None:
                yield from self.places(inner, value, put)
            case Limited(inner=inner):
                yield put, _of_other_lengths(kind, value)
                yield from self.places(inner, value, put)
            case Choice(options=options, tag=tag) if isinstance(value, dict):
                spec: Any = chosen([self.specs[option.name] for option in options], tag, value)
                yield from self.places(Nested(spec.name, spec.cls), value, put)
            case Free():
                return
            case _:
                yield put, [*_ODD, *_near_bounds(kind)]
                yield from self._inside(kind, value, put)

    def _inside(self, kind: Type, value: Any, put: Put) -> Iterator[tuple[Put, list[Any]]]:
        match kind:
            case Nested(name=name) if isinstance(value, dict):
                spec = self.specs[name]
                yield put, [{**value, _misspelt(spec): 1 if spec.kept is None else _deep()}]
                for field in spec.fields:
                    if field.name in value:
                        yield put, [{name: held for name, held in value.items() if name != field.name}]
                        yield from self.places(field.type, value[field.name], _at(put, value, field.name))
            case Items(item=item) if isinstance(value, list):
                for index, held in enumerate(value):
                    yield from self.places(item, held, _at(put, dict(enumerate(value)), index))
            case Table(value=inner) if isinstance(value, dict):
                for key, held in value.items():
                    yield from self.places(inner, held, _at(put, value, key))


def _at(put: Put, container: dict[Any, Any], key: Any) -> Put:
    """Puts a value into a container, and that into the payload."""

    def put_inside(value: Any) -> Any:
        changed = {**container, key: value}
        return put(list(changed.values()) if type(key) is int else changed)

    return put_inside


def _misspelt(spec: Spec) -> str:
    """A name that is that of no field."""
    return max(["field", *(field.name for field in spec.fields)], key=len) + "_"


def _deep() -> list[Any]:
    """Free JSON that nests one level deeper than it may where it is kept, which is a level itself."""
    found: list[Any] = []
    for _ in range(MAX_FREE_DEPTH - 1):
        found = [found]
    return found


def _near_bounds(kind: Type) -> list[Any]:
    """Numbers at the bounds of one, and next to them."""
    if not isinstance(kind, Number):
        return []
    return [kind.kind(bound.limit + step) for bound in kind.bounds for step in (-1, 0, 1)]


def _of_other_lengths(kind: Limited, value: Any) -> list[Any]:
    """A text, list or object cut by one, or made longer than it may be; nothing else has a length."""
    if not isinstance(value, (str, list)) or not value:
        return []
    lengths = [bound.limit for bound in kind.bounds if bound.meaning.measure == "length" and bound.limit < _LONGEST]
    return [longer for length in lengths for longer in (value[: length - 1], value[:1] * (length + 1))]
