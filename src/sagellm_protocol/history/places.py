"""Where a stash may be: which messages have free metadata, at a revision and at the one that stashed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from sagellm_protocol.history.meaning import TODAY, Meaning
from sagellm_protocol.history.payloads import plain
from sagellm_protocol.model.kinds import Free, Items, Nested, Nullable, Table, Type, nested_in
from sagellm_protocol.model.paths import ROOT, Path
from sagellm_protocol.model.spec import Field, Spec, spec_of

KEY = "sagellm_protocol.stash"
"""The key in a message's metadata under which a stash is."""

FIELD = "metadata"
"""What a field is called that may take one."""

FREE_TABLE = Table(Free())
"""Its type."""


@attrs.define
class Places:
    """Which messages of one revision, which is today's for most, have a place for a stash at an older one."""

    then: Mapping[type, Spec]
    """The older revision's messages, by class, as seen from the other."""
    same: Callable[[type], bool]
    """Whether both have a message just alike: of those nothing is lost."""
    meaning: Meaning = TODAY
    """What payloads of the newer one say."""
    _found: dict[type, bool] = attrs.field(factory=dict, init=False)
    _within: dict[type, bool] = attrs.field(factory=dict, init=False)
    _fields: dict[type, tuple[Field, ...]] = attrs.field(factory=dict, init=False)

    def has(self, cls: type) -> bool:
        """Whether a message has free metadata then and now, and something in it may be lost."""
        found = self._found.get(cls)
        if found is None:
            old = self.then.get(cls)
            found = self._found[cls] = (
                old is not None
                and not self.same(cls)
                and any(field.today == FIELD and is_free(field.type) for field in old.fields)
                and any(field.name == FIELD and is_free(field.type) for field in self.meaning.spec(cls).fields)
            )
        return found

    def within(self, kind: Type) -> bool:
        """Whether a value of a type may hold a message with a place."""
        return any(self._has_within(nested.cls) for nested in nested_in(kind))

    def _has_within(self, cls: type) -> bool:
        found = self._within.get(cls)
        if found is None:
            found = self._within[cls] = any(map(self.has, classes_within(cls, self.meaning.spec)))
        return found

    def fields(self, cls: type) -> tuple[Field, ...]:
        """The fields of a message in which there may be a message with a place."""
        found = self._fields.get(cls)
        if found is None:
            fields = self.meaning.spec(cls).fields
            found = self._fields[cls] = tuple(field for field in fields if self.within(field.type))
        return found

    def stashed(self, cls: type, payload: dict[str, Any]) -> dict[str, Any] | None:
        """The metadata of a message, where there is a stash in it."""
        metadata: Any = payload.get(FIELD) if self.has(cls) else None
        if not issubclass(type(metadata), dict) or not dict.__contains__(metadata, KEY):
            return None
        return plain(self.meaning.spec(cls).name, metadata)

    def stashes(self, kind: Type, value: Any, path: Path = ROOT) -> Iterator[tuple[Path, Any]]:
        """What stands under the key of a stash in a value, and where."""
        match self.meaning.holder(kind, value) if self.within(kind) else None:
            case Nested(cls=cls):
                metadata = self.stashed(cls, value)
                if metadata is not None:
                    yield ((path, FIELD), KEY), metadata[KEY]
                for field in self.fields(cls):
                    if field.name in value:
                        yield from self.stashes(field.type, value[field.name], (path, field.step))
            case Table(value=inner):
                for key, item in value.items():
                    yield from self.stashes(inner, item, (path, key))
            case Items(item=inner):
                for index, item in enumerate(value):
                    yield from self.stashes(inner, item, (path, index))


def classes_within(cls: type, spec: Callable[[type], Spec] = spec_of) -> set[type]:
    """A message and those that it holds, at any depth."""
    found: set[type] = set()
    waiting = [cls]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [nested.cls for field in spec(one).fields for nested in nested_in(field.type)]
    return found


def is_free(kind: Type) -> bool:
    """Whether a field of a type may take a stash."""
    return (kind.inner if isinstance(kind, Nullable) else kind) == FREE_TABLE
